import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { sandboxAudienceId, sandboxMailchimpKey } from '../../src/sandbox/index.js';
import { eventually } from '../support/eventually.js';
import { createMailchimpBed, daysAgo, type MailchimpBed, type TestSupporter } from '../support/mailchimp-bed.js';

const TIMEOUT_MS = 800;
const BUDGET = 12;
const BATCH = '/lists/[^/]+\\?skip';
const isBatch = new RegExp(BATCH);
const SMALL = 'Classy-Small Donor';
const file = {
  timeouts: { mailchimp: `${TIMEOUT_MS}ms` },
  guard: { people: BUDGET, share: 0 },
  segments: { recency: false, frequency: false },
};

let world: MailchimpBed;
let nextId = 1;

/** Supporters at these addresses who agree and gave a little. */
const people = (emails: readonly string[], more: Partial<TestSupporter> = {}): TestSupporter[] =>
  emails.map((email) => {
    const id = idOf.get(email) ?? nextId++;
    idOf.set(email, id);
    return { id, email, first: 'Ann', gifts: [{ amount: 20, at: daysAgo(3) }], ...more };
  });
const idOf = new Map<string, number>();
const named = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${name}${n}@readers.org`);

const member = (email: string) => world.audience.member(email);
const statusOf = (email: string): string | undefined => member(email)?.status;
const tagsOf = (email: string): string[] => member(email)?.tags ?? [];
const counts = (run: { counts: unknown }) => run.counts as Record<string, number>;
const withdraw = (emails: readonly string[]) => world.give(people(emails, { optIn: false }));

async function rows<T>(query: string): Promise<T[]> {
  return (await world.sql(query)) as T[];
}

/** In place of waiting for minutes: whoever is put off is due now, once MailChimp works on nothing any more. */
async function letTimePass(): Promise<void> {
  if (world.mailchimp.connections.open(sandboxMailchimpKey) > 0) return;
  await world.sql(
    'UPDATE contacts SET due_at = now(), under_way_until = least(under_way_until, now()) WHERE due_at > now()',
  );
}

/** A sync to its end, in a world where time passes fast. */
async function sync(more: Parameters<MailchimpBed['sync']>[0] = {}) {
  const passing = setInterval(() => void letTimePass().catch(() => undefined), 300);
  return await world.sync(more).finally(() => clearInterval(passing));
}

/** Waits until a batch hangs. */
const pushing = () =>
  eventually(() => world.mailchimp.calls.some(({ path, status }) => isBatch.test(path) && status === 0));

/** Waits until nothing is due any more, and nobody is parked. */
async function settled(): Promise<void> {
  await eventually(
    async () => {
      const [row] = await rows<{ due: number }>('SELECT count(*)::int AS due FROM contacts WHERE due_at IS NOT NULL');
      if (row!.due > 0) await letTimePass();
      if (row!.due > 0) throw new Error(`${row!.due} are due`);
      return true;
    },
    { everyMs: 150 },
  );
  expect(await world.bed.ledger.parked.list()).toEqual([]);
}

/** They are on the list with the tag that they should have, and each was added just once. */
function expectAdded(emails: readonly string[]): void {
  for (const email of emails) {
    expect([email, statusOf(email), tagsOf(email)]).toEqual([email, 'subscribed', [SMALL]]);
    expect([email, world.audience.historyOf(email).map(({ to }) => to)]).toEqual([email, ['subscribed']]);
  }
}

/** Calls that change something, since there were so many. */
const writesSince = (from: number): string[] =>
  world.mailchimp.calls.slice(from).flatMap(({ method, operation }) => (method === 'GET' ? [] : [operation]));

async function isPaused(): Promise<string | null> {
  const [row] = await rows<{ paused: string | null }>('SELECT paused_type AS paused FROM audiences');
  return row!.paused;
}

beforeAll(async () => {
  world = await createMailchimpBed({
    name: 'audience_faults',
    file,
    // a field of ours that somebody made as another type
    mailchimp: {
      accounts: [
        {
          keys: [sandboxMailchimpKey],
          audiences: [{ id: sandboxAudienceId, mergeFields: [{ tag: 'DONCNT', name: 'Donations', type: 'date' }] }],
        },
      ],
    },
  });
}, 60_000);
afterEach(() => {
  world.mailchimp.faults.clear();
  world.mailchimp.connections.limit = 10;
});
afterAll(() => world?.stop());

describe('the first sync', () => {
  const first = named('first', 40);

  test('a dry run before it changes nothing at all', async () => {
    world.audience.addByStaff('staff@readers.org', { tags: ['VIP'] });
    await world.give([...people(first), ...people(['staff@readers.org'])]);
    const run = await sync({ dryRun: true });
    expect(run).toMatchObject({ result: 'done', planState: 'open', counts: { added: 40, updated: 1, removed: 0 } });
    expect(writesSince(0)).toEqual([]);
  });

  test('finds room among few connections, is interrupted and stays quiet', async () => {
    const { connections, faults } = world.mailchimp;
    connections.limit = 3;
    faults.latencyMs = 40;
    const running = sync();
    await eventually(() => first.some((email) => tagsOf(email).length > 0));
    await world.restart();
    const run = await running;
    await settled();
    expect(run).toMatchObject({ first: true, quiet: true, result: 'done' });
    expect(counts(run)).toMatchObject({ added: 40, updated: 1, failed: 0 });
    expectAdded(first);
    expect(connections.highest).toBeLessThanOrEqual(3);
    expect(world.audience.automations).toEqual([]);
    expect(tagsOf('staff@readers.org')).toEqual([SMALL, 'VIP']);
  });

  test('a field of another type is left out, also after a restart', async () => {
    await world.restart();
    await world.give(people(['first0@readers.org'], { gifts: [{ amount: 21, at: daysAgo(3) }] }));
    const run = await sync();
    expect(counts(run)).toMatchObject({ updated: 1, leftAlone: 0, failed: 0 });
    expect(member('first0@readers.org')?.mergeFields).toMatchObject({ TOTALAMT: 21 });
    const calls = world.mailchimp.calls.length;
    expect((await sync({ mode: 'full' })).result).toBe('done');
    expect(writesSince(calls)).toEqual([]);
  });
});

describe('a failing MailChimp', () => {
  test('additions whose answer never came are ours, and those of staff are not', async () => {
    world.audience.addByStaff('long@readers.org');
    const added = named('hang', 4);
    // the time of staff's addition is told to the second
    await sleep(1_100);
    await world.give(people([...added, 'long@readers.org']));
    world.mailchimp.faults.hangOnce = { afterStoringMs: TIMEOUT_MS + 300, match: BATCH };
    expect(counts(await sync())).toMatchObject({ added: 4, updated: 1, failed: 0 });
    expectAdded(added);
    await withdraw([added[0]!, 'long@readers.org']);
    expect(counts(await sync())).toMatchObject({ removed: 1 });
    expect([statusOf(added[0]!), statusOf('long@readers.org')]).toEqual(['unsubscribed', 'subscribed']);
  });

  test('a batch of which every second one failed is made up for', async () => {
    const half = named('half', 6);
    await world.give(people(half));
    world.mailchimp.quirks.halfFailBatches = 1;
    await sync();
    await settled();
    expectAdded(half);
  });

  test.each(['error', 'named', 'unnamed'] as const)('one address breaks the call: %s', async (how) => {
    const others = named(`${how}-other`, 5);
    const poison = `${how}-poison@readers.org`;
    await world.give(people([...others, poison]));
    world.mailchimp.quirks.poisonedBatch = how;
    world.mailchimp.faults.poisonAddresses = [poison];
    // what MailChimp refuses is told at once, what it fails on only after some tries
    expect((await world.sync()).result).toBe(how === 'error' ? 'partly' : 'done');
    expectAdded(others);
    // in place of minutes in which it is tried again
    await world.sql('UPDATE contacts SET tries = 9 WHERE tries > 0');
    await settled();
    const [row] = await rows<object>(
      `SELECT settled_outcome AS outcome, settled_reason AS reason FROM contacts WHERE address = '${poison}'`,
    );
    expect(row).toMatchObject({ outcome: 'declined' });
    expect(statusOf(poison)).toBeUndefined();
    const calls = world.mailchimp.calls.length;
    expect((await sync({ mode: 'full' })).result).toBe('done');
    expect(writesSince(calls)).toEqual([]);
  });

  test('segment calls time out, and staff deletes a tag while it is given', async () => {
    const slow = named('slow', 4);
    await world.give(people(slow));
    world.mailchimp.faults.hangOnce = { beforeStoringMs: TIMEOUT_MS + 300, match: '/segments/' };
    await sync();
    await settled();
    expectAdded(slow);

    const bereft = named('bereft', 4);
    await world.give(people(bereft));
    world.mailchimp.faults.hangOnce = { beforeStoringMs: 300, match: BATCH };
    const running = sync();
    await pushing();
    world.audience.removeTag(world.audience.tags.named(SMALL)!);
    await running;
    await settled();
    expectAdded(bereft);
    await sync();
    await settled();
    expectAdded(slow);
  });

  test('what is ours stays ours when the tags of another one cannot be read', async () => {
    const many = Array.from({ length: 60 }, (_, n) => `Foreign ${n}`);
    world.audience.addByStaff('sixty@readers.org', { tags: ['Classy-Prospect', ...many] });
    const near = named('near', 3);
    await world.give(people([...near, 'sixty@readers.org']));
    const { faults } = world.mailchimp;
    faults.failEvery = { nth: 1, status: 500, match: '/tags\\?' };
    setTimeout(() => faults.clear(), 700);
    await sync();
    await eventually(() => faults.failEvery === undefined);
    await settled();
    await sync();
    await settled();
    expectAdded(near);
    expect(new Set(tagsOf('sixty@readers.org'))).toEqual(new Set([SMALL, ...many]));
    await withdraw([near[0]!]);
    await sync();
    expect(statusOf(near[0]!)).toBe('unsubscribed');
  });

  test.each([
    ['the key is revoked', 'DestinationRefused', { unauthorized: true }, { unauthorized: false }],
    ['a page of HTML refuses', 'DestinationDown', { edgeForbidden: true }, { edgeForbidden: false }],
    ['the audience is gone', 'DestinationRefused', { gone: true }, { gone: false }],
  ] as const)('%s in the middle: paused, and resumed by itself', async (name, type, on, off) => {
    const met = named(name.replaceAll(' ', '-'), 3);
    const { faults } = world.mailchimp;
    await world.give(people(met));
    faults.hangOnce = { beforeStoringMs: 200, match: BATCH };
    const running = sync();
    await pushing();
    faults.set(on);
    const run = await running;
    expect(run).toMatchObject({ result: 'partly', message: expect.stringContaining('paused') });
    expect(await isPaused()).toBe(type);
    faults.set(off);
    await settled();
    expectAdded(met);
    expect(await isPaused()).toBeNull();
  });
});

describe('people who say no', () => {
  test('between reading and pushing: respected, and kept', async () => {
    const email = 'between@readers.org';
    await world.give(people([email]));
    await sync();
    await world.give(people([email], { gifts: [{ amount: 1_000, at: daysAgo(2) }] }));
    world.mailchimp.faults.hangOnce = { beforeStoringMs: 300, match: BATCH };
    const running = sync();
    await pushing();
    world.audience.unsubscribe(email);
    expect((await running).result).toBe('done');
    expect(statusOf(email)).toBe('unsubscribed');
    const no = await rows<object>(`SELECT state FROM opt_outs WHERE address = '${email}'`);
    expect(no).toContainEqual({ state: 'Unsubscribed' });
  });

  test('whoever said no where they were is not added where they go', async () => {
    const [here, there] = ['here@readers.org', 'there@readers.org'];
    const [one] = people([here]);
    await world.give([one!]);
    await sync();
    world.audience.unsubscribe(here);
    await sync();
    await world.give([{ ...one!, email: there }]);
    await sync();
    await settled();
    expect(statusOf(there)).not.toBe('subscribed');
  });

  test('a move keeps whose addition it was, and changes the tags at once', async () => {
    const [from, to] = ['from@readers.org', 'to@readers.org'];
    const [one] = people([from]);
    await world.give([one!]);
    await sync();
    await world.give([{ ...one!, email: to, gifts: [{ amount: 700, at: daysAgo(1) }] }]);
    expect(counts(await sync())).toMatchObject({ moved: 1 });
    await settled();
    expect(tagsOf(to)).toEqual(['Classy-Mid-Level Donor']);
    world.audience.addByStaff(from);
    await world.give([{ ...one!, email: to, optIn: false }, ...people(['other@readers.org'], { email: from })]);
    await sync();
    await world.give(people(['other@readers.org'], { email: from, optIn: false }));
    await sync();
    expect([statusOf(to), statusOf(from)]).toEqual(['unsubscribed', 'subscribed']);
  });

  test('what changed beyond the limit of a sync is not forgotten', async () => {
    const [early, late] = ['0-limit@readers.org', 'zz-limit@readers.org'];
    await world.give(people([early, late]));
    await sync();
    world.audience.unsubscribe(late);
    await world.give(people([early, late], { gifts: [{ amount: 30, at: daysAgo(2) }] }));
    const run = await sync({ mode: 'full', limit: 1 });
    expect(counts(run)).toMatchObject({ updated: 1 });
    expect(member(early)?.mergeFields).toMatchObject({ TOTALAMT: 30 });
    await sync();
    const no = await rows<object>(`SELECT state FROM opt_outs WHERE address = '${late}'`);
    expect(no).toContainEqual({ state: 'Unsubscribed' });
  });
});

describe('plans', () => {
  test('a dry run changes nothing, its plan does just that, and not what is no longer so', async () => {
    const [kept, given, gone, left] = named('plan', 4) as [string, string, string, string];
    await world.give(people([kept, given, gone, left]));
    await sync();
    await world.give([
      ...people([kept, given, gone, left], { gifts: [{ amount: 600, at: daysAgo(2) }] }),
      ...people(['plan-new@readers.org']),
    ]);
    const calls = world.mailchimp.calls.length;
    const plan = await sync({ dryRun: true, mode: 'full' });
    expect(writesSince(calls)).toEqual([]);
    expect(plan).toMatchObject({ planState: 'open', counts: { added: 1, updated: 4 } });
    const items = await world.bed.ledger.plans.items({ run: plan.id, limit: 100 });
    expect(items.filter(({ action }) => action !== 'leave').map(({ address }) => address)).toEqual(
      [kept, given, gone, left, 'plan-new@readers.org'].sort(),
    );

    await world.give([
      ...people([given], { gifts: [{ amount: 5_000, at: daysAgo(1) }] }),
      ...people([gone], { optIn: false }),
      ...people(['plan-later@readers.org']),
    ]);
    world.audience.unsubscribe(left);
    const writes = world.audience.writes.length;
    const run = await sync({ mode: 'apply', plan: plan.id });
    await settled();
    expect(counts(run)).toMatchObject({ added: 1, updated: expect.any(Number), removed: 0, failed: 0 });
    const written = new Set(world.audience.writes.slice(writes).map(({ address }) => address));
    written.delete(left);
    expect(written.has(gone)).toBe(false);
    expect(written.has('plan-later@readers.org')).toBe(false);
    expect([...written]).toEqual(expect.arrayContaining([kept, 'plan-new@readers.org']));
    expect(tagsOf(kept)).toEqual(['Classy-Mid-Level Donor']);
    expect([statusOf(left), statusOf(gone)]).toEqual(['unsubscribed', 'subscribed']);
    expect(await sync({ mode: 'apply', plan: plan.id })).toMatchObject({ result: 'refused' });
    expect(counts(await sync())).toMatchObject({ added: 1, removed: 1 });
    expect(tagsOf(given)).toEqual(['Classy-$1K+ Lifetime', 'Classy-$5K+ Lifetime', 'Classy-Principal Donor']);
  });

  test('more withdrawals than the budget allows are left as a plan, which takes them off', async () => {
    const many = named('many', BUDGET + 1);
    await world.give(people(many));
    await sync();
    await withdraw(many);
    const run = await sync();
    expect(run).toMatchObject({ result: 'refused', planState: 'open', counts: { removed: 0 } });
    expect(new Set(many.map(statusOf))).toEqual(new Set(['subscribed']));
    const applied = await sync({ mode: 'apply', plan: run.planId! });
    expect(applied).toMatchObject({ result: 'done', counts: { removed: BUDGET + 1 } });
    expect(new Set(many.map(statusOf))).toEqual(new Set(['unsubscribed']));
  });
});

describe('another configuration', () => {
  const renamed = { ...file.segments, value: { small: 'Little Donor' }, lifetime: [20, 1_000] };

  test('old names are taken from those who had them, and from nobody else', async () => {
    world.audience.addByStaff('stranger@readers.org', { tags: [SMALL] });
    const had = world.audience.members().filter(({ tags, status }) => tags.includes(SMALL) && status === 'subscribed');
    await world.restart({ ...file, segments: { ...renamed, onOptOut: 'archive' } });
    const run = await sync();
    await settled();
    expect(run.result).toBe('done');
    expect(had.length).toBeGreaterThan(40);
    const agreeing = new Set(
      (await rows<{ address: string }>('SELECT address FROM supporters WHERE email_opt_in')).map(
        ({ address }) => address,
      ),
    );
    for (const { email } of had.filter((one) => agreeing.has(one.email))) {
      const tags = tagsOf(email).filter((name) => name.startsWith('Classy-'));
      expect([email, ...tags]).toEqual([email, 'Classy-$20+ Lifetime', 'Classy-Little Donor']);
    }
    expect(tagsOf('stranger@readers.org')).toEqual([SMALL]);
  });

  test('without consent: archived', async () => {
    await withdraw(['half0@readers.org']);
    await world.sql(`UPDATE removals SET drawn_at = drawn_at - interval '2 days'`);
    expect(counts(await sync())).toMatchObject({ removed: 1 });
    expect(statusOf('half0@readers.org')).toBe('archived');
    await world.give(people(['half0@readers.org']));
    await sync();
    expect(statusOf('half0@readers.org')).toBe('archived');
  });

  test('without consent: left', async () => {
    await world.restart({ ...file, segments: { ...renamed, onOptOut: 'leave' } });
    await withdraw(['half1@readers.org']);
    const calls = world.mailchimp.calls.length;
    expect(counts(await sync())).toMatchObject({ removed: 0, failed: 0 });
    expect(statusOf('half1@readers.org')).toBe('subscribed');
    expect(writesSince(calls)).toEqual([]);
  });
});

describe('two organizations on one audience', () => {
  const own = { ...file, segments: { ...file.segments, organizations: { 35: { prefix: 'Gala-' } } } };

  test('without a prefix each: refused', async () => {
    await world.addOrganization('35');
    await world.restart({ ...file });
    const run = await sync();
    expect(run).toMatchObject({ result: 'refused', message: expect.stringMatching(/same tag prefix "Classy-"/) });
  });

  test('with one each: both are there, and neither takes the other’s tags', async () => {
    await world.restart(own);
    const [both] = people(['both@readers.org']);
    await world.give([both!]);
    await world.sql(
      `INSERT INTO supporters (id, organization_id, email_address, address, first_name, last_name, email_opt_in, classy_updated_at, raw, observed_at)
       SELECT 90000, 35, email_address, address, first_name, last_name, true, classy_updated_at, '{}', now() FROM supporters WHERE id = ${both!.id}`,
    );
    // the one that was there first keeps the audience as it was
    const audiences = [sandboxAudienceId, `${sandboxAudienceId}.35`];
    for (const turn of [1, 2])
      for (const audience of audiences) {
        const run = await sync({ audience });
        expect([turn, audience, run.result, run.message]).toEqual([turn, audience, 'done', null]);
        await settled();
      }
    expect(tagsOf('both@readers.org')).toEqual([SMALL, 'Gala-Prospect']);
    const calls = world.mailchimp.calls.length;
    for (const audience of audiences) await sync({ audience, mode: 'full' });
    expect(writesSince(calls)).toEqual([]);
  });
});
