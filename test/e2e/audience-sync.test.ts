import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openClient } from '../../src/temporal/connection.js';
import { recordHistories } from '../support/histories.js';
import { createMailchimpBed, daysAgo, type MailchimpBed } from '../support/mailchimp-bed.js';

let world: MailchimpBed;
beforeAll(async () => {
  world = await createMailchimpBed({ name: 'e2e_audience_sync' });
}, 60_000);
afterAll(async () => {
  const { temporal } = world.bed.stores;
  const client = openClient(temporal);
  await recordHistories(client, temporal.address, 'audience', "WorkflowType = 'audienceSync'");
  await client.connection.close();
  await world.stop();
});

const member = (email: string) => world.audience.member(email);
const tagsOf = (email: string): string[] => [...(member(email)?.tags ?? [])].sort();
const plain = { mergeFields: {}, tags: [] as string[] };

test('a first sync adds who said yes with names, totals and tags, and starts no automation', async () => {
  world.audience.addByStaff('staff@readers.org', { status: 'subscribed', ...plain, tags: ['VIP', 'Classy-Prospect'] });
  world.audience.addByStaff('gone@readers.org', { status: 'subscribed', ...plain });
  world.audience.unsubscribe('gone@readers.org');
  await world.give([
    { id: 1, email: 'Ann@Readers.org', first: 'Ann', last: 'Ash', gifts: [{ amount: 1200, at: daysAgo(10) }] },
    { id: 2, email: 'no@readers.org', optIn: false, gifts: [{ amount: 50, at: daysAgo(10) }] },
    { id: 3, email: 'silent@readers.org', optIn: null },
    { id: 4, email: 'gone@readers.org', gifts: [{ amount: 5, at: daysAgo(400) }] },
    { id: 5, email: 'staff@readers.org', first: 'Sue', gifts: [{ amount: 30, at: daysAgo(100), status: 'refunded' }] },
    { id: 6, email: 'fake@example.com' },
    {
      id: 7,
      email: 'shared@readers.org',
      first: 'Old',
      updatedAt: '2024-01-01',
      gifts: [{ amount: 60, at: daysAgo(40) }],
    },
    {
      id: 8,
      email: 'shared@readers.org',
      first: 'New',
      updatedAt: '2025-01-01',
      gifts: [{ amount: 60, at: daysAgo(35) }],
    },
    { id: 9, email: 'half@readers.org' },
    { id: 10, email: 'half@readers.org', optIn: false },
  ]);

  const run = await world.sync();

  expect(run).toMatchObject({ result: 'done', mode: 'full', first: true, quiet: true });
  expect(run.counts).toMatchObject({ added: 2, updated: 1, failed: 0 });
  expect(member('ann@readers.org')).toMatchObject({
    status: 'subscribed',
    mergeFields: expect.objectContaining({ FNAME: 'Ann', LNAME: 'Ash', TOTALAMT: 1200, DONCNT: 1, ACTIVESUB: 'No' }),
  });
  expect(tagsOf('ann@readers.org')).toEqual([
    'Classy-$1K+ Lifetime',
    'Classy-Major Donor',
    'Classy-One-Time Donor',
    'Classy-Recent Donor',
  ]);
  expect(tagsOf('staff@readers.org')).toEqual(['Classy-Prospect', 'VIP']);
  expect(member('shared@readers.org')).toMatchObject({ mergeFields: { FNAME: 'New', TOTALAMT: 120, DONCNT: 2 } });
  expect(member('gone@readers.org')).toMatchObject({ status: 'unsubscribed', mergeFields: {} });
  for (const nobody of ['no', 'silent', 'half']) expect(member(`${nobody}@readers.org`)).toBeUndefined();
  expect(world.audience.automations).toEqual([]);
});

test('a second one writes nothing, a change of gifts changes totals and tags', async () => {
  const before = world.audience.writes.length;
  expect(await world.sync()).toMatchObject({ result: 'done', mode: 'incremental', counts: { added: 0, updated: 0 } });
  expect(world.audience.writes.length).toBe(before);

  await world.give([
    {
      id: 1,
      email: 'ann@readers.org',
      first: 'Ann',
      last: 'Ash',
      gifts: [{ amount: 1200, at: daysAgo(10), status: 'refunded' }],
    },
  ]);
  expect((await world.sync()).counts).toMatchObject({ updated: 1, failed: 0 });
  expect(member('ann@readers.org')?.mergeFields).toMatchObject({ TOTALAMT: 0 });
  expect(tagsOf('ann@readers.org')).toEqual(['Classy-Prospect']);
});

test('consent withdrawn unsubscribes those whom Steward added, and nobody else', async () => {
  await world.give([
    { id: 1, email: 'ann@readers.org', optIn: false },
    { id: 5, email: 'staff@readers.org', optIn: false },
  ]);
  expect(await world.sync()).toMatchObject({ result: 'done', counts: { removed: 1 } });
  expect(member('ann@readers.org')).toMatchObject({ status: 'unsubscribed' });
  expect(member('staff@readers.org')).toMatchObject({ status: 'subscribed' });

  await world.give([{ id: 1, email: 'ann@readers.org', optIn: true, first: 'Ann' }]);
  const writes = world.audience.writes.length;
  expect(await world.sync()).toMatchObject({ result: 'done', counts: { added: 0, updated: 0, removed: 0 } });
  expect(member('ann@readers.org')).toMatchObject({ status: 'unsubscribed' });
  expect(world.audience.writes.length).toBe(writes);
});

test('a changed address moves with its tags, and stays ours', async () => {
  await world.give([{ id: 20, email: 'before@readers.org', gifts: [{ amount: 20, at: daysAgo(3) }] }]);
  await world.sync();
  await world.give([{ id: 20, email: 'after@readers.org', gifts: [{ amount: 2000, at: daysAgo(3) }] }]);
  expect(await world.sync()).toMatchObject({ result: 'done', counts: { moved: 1, failed: 0 } });
  expect(member('before@readers.org')).toBeUndefined();
  expect(tagsOf('after@readers.org')).toContain('Classy-Major Donor');
  expect(tagsOf('after@readers.org')).not.toContain('Classy-Small Donor');
  await world.give([{ id: 20, email: 'after@readers.org', optIn: false }]);
  expect(await world.sync()).toMatchObject({ result: 'done', counts: { removed: 1 } });
  expect(member('after@readers.org')).toMatchObject({ status: 'unsubscribed' });
});
