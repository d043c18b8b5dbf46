import { afterEach, describe, expect, test } from '@jest/globals';
import type { Destination, PersonTags, PushOutcome } from '../../src/audiences/destination.js';
import { createMailchimpAudience, type MailchimpAudienceOptions } from '../../src/audiences/mailchimp.js';
import type { Contact, FieldTypes } from '../../src/domain/contact.js';
import {
  sandboxMailchimpKey as apiKey,
  sandboxAudienceId as listId,
  type MailchimpOptions,
  type SandboxAudience,
  type SandboxMailchimp,
  startMailchimp,
} from '../../src/sandbox/index.js';
import { createMailchimpClient } from '../../src/vendors/mailchimp/client.js';
import { failureOf, startServer } from '../vendors/vendor-failure.js';

const fields: FieldTypes = { FNAME: 'text', LNAME: 'text', TOTALAMT: 'number', LASTGIFT: 'date' };
const quiet = { automations: false, resubscribe: false };
const [ann, bob] = ['ann@example.org', 'bob@example.org'];

const contact = (email: string, total = 12.5): Contact => ({
  email,
  name: 'Ann Lee',
  fields: {
    FNAME: { type: 'text', value: 'Ann' },
    LNAME: { type: 'text', value: 'Lee' },
    TOTALAMT: { type: 'number', value: total },
    LASTGIFT: { type: 'date', value: new Date('2026-10-30T00:00:00Z') },
  },
});

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

const audienceAt = (url: string, onRemoval: MailchimpAudienceOptions['onRemoval'] = 'archive'): Destination => {
  const client = createMailchimpClient({ url, apiKey, timeoutMs: 5_000 });
  return createMailchimpAudience({ client, listId, audience: 'mailchimp/test', onRemoval, fields, timeoutMs: 5_000 });
};

interface Scene {
  mc: SandboxMailchimp;
  audience: SandboxAudience;
  destination: Destination;
}

async function open(options: MailchimpOptions = {}, onRemoval?: MailchimpAudienceOptions['onRemoval']): Promise<Scene> {
  const mc = await startMailchimp(options);
  closing.push(mc);
  return { mc, audience: mc.audience(), destination: audienceAt(mc.url, onRemoval) };
}

async function send(
  destination: Destination,
  changes: readonly PersonTags[],
  isQuiet = false,
): Promise<PushOutcome[][]> {
  return Promise.all(destination.tagging!.calls(changes, isQuiet).map((call) => call.send()));
}

const operations = ({ mc }: Scene, named: string): number =>
  mc.calls.filter(({ operation }) => operation === named).length;

async function everybody(
  destination: Destination,
  between: (page: number) => void = () => undefined,
): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let page = 1; page === 1 || cursor !== undefined; page += 1) {
    const { subscribers, next } = await destination.readBack(cursor);
    found.push(...subscribers.map(({ email }) => email));
    cursor = next;
    between(page);
  }
  return found;
}

describe('merge fields', () => {
  const withFields = (audience: object) =>
    open({ accounts: [{ keys: [apiKey], audiences: [{ id: listId, ...audience }] }] });

  test('that are missing are created with their types, hidden from forms', async () => {
    const { destination, audience } = await open();
    expect((await destination.check()).problems).toEqual([]);
    expect(audience.mergeFields.named('TOTALAMT')).toMatchObject({ type: 'number', public: false, required: false });
    expect(audience.mergeFields.named('LASTGIFT')).toMatchObject({ type: 'date', name: 'Last gift' });
  });

  test('of another type are told, and created by nobody', async () => {
    const { destination, audience } = await withFields({
      mergeFields: [{ tag: 'TOTALAMT', name: 'Total', type: 'text' }],
    });
    const { problems, missingFields } = await destination.check();
    expect(problems).toEqual([expect.stringMatching(/TOTALAMT has type text but must be number/)]);
    expect(missingFields).toEqual(['TOTALAMT']);
    expect(audience.mergeFields.list).toHaveLength(6);
  });

  test('for which there is no room are told', async () => {
    const { destination } = await withFields({ mergeFieldLimit: 5 });
    const { problems, missingFields } = await destination.check();
    expect(problems).toEqual([expect.stringMatching(/LASTGIFT could not be created beside the 5/)]);
    expect(missingFields).toEqual(['LASTGIFT']);
  });

  test('a required one that is not ours keeps nobody out, and double opt-in is told', async () => {
    const { destination } = await withFields({
      doubleOptin: true,
      mergeFields: [{ tag: 'SHOESIZE', name: 'Shoe size', type: 'number', required: true }],
    });
    const { doubleOptIn, problems } = await destination.check();
    expect({ doubleOptIn, problems }).toEqual({
      doubleOptIn: false,
      problems: [expect.stringMatching(/double opt-in/)],
    });
    expect(await destination.push([contact(ann)], quiet)).toMatchObject([{ kind: 'stored', created: true }]);
  });
});

describe('push', () => {
  test('tells each why, in the order of the contacts', async () => {
    const { destination, audience, mc } = await open();
    await destination.check();
    audience.addByStaff('forgotten@example.org');
    audience.forgetByStaff('forgotten@example.org');
    audience.addByStaff('left@example.org');
    audience.unsubscribe('left@example.org');
    audience.addByStaff('buys@example.org', { status: 'transactional' });
    mc.quirks.fakeAddresses = ['fake@example.org'];
    mc.quirks.busyAddresses = ['busy@example.org'];
    const told: [email: string, outcome: object][] = [
      ['forgotten@example.org', { kind: 'respected', state: 'Deleted', reason: 'forgotten' }],
      ['zoë@example.org', { kind: 'refused', reason: 'invalid-address' }],
      [ann, { kind: 'stored', created: true, tags: [] }],
      ['left@example.org', { kind: 'respected', state: 'Unsubscribed' }],
      ['fake@example.org', { kind: 'refused', reason: 'fake-address' }],
      ['buys@example.org', { kind: 'respected', state: 'Suppressed' }],
      ['busy@example.org', { kind: 'refused', reason: 'too-many-sign-ups', isForNow: true }],
      [bob, { kind: 'stored', created: true }],
    ];
    const outcomes = await destination.push(
      told.map(([email]) => contact(email)),
      quiet,
    );
    expect(outcomes).toMatchObject(told.map(([, outcome]) => outcome));
    expect(audience.member('left@example.org')?.status).toBe('unsubscribed');
  });

  const errors: [text: string, outcome: object][] = [
    [
      'x@y.org is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
      { kind: 'respected', state: 'Unsubscribed', reason: 'compliance' },
    ],
    ['x@y.org is a role-based address.', { kind: 'refused', reason: 'role-address' }],
    ['Your merge fields were invalid.', { kind: 'refused', reason: 'invalid-fields' }],
    ['Etwas ist schiefgegangen.', { kind: 'unknown' }],
  ];
  test.each(errors)('"%s" is understood', async (error, outcome) => {
    const server = await startServer((_request, response) => {
      const row = { email_address: ann.toUpperCase(), error, error_code: 'ERROR_GENERIC' };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ new_members: [], updated_members: [], errors: [row] }));
    });
    closing.push(server);
    // of whom nothing is told, nothing is known
    expect(await audienceAt(server.url).push([contact(bob), contact(ann)], quiet)).toEqual([
      { kind: 'unknown' },
      outcome,
    ]);
  });

  test('answers in any order find their people', async () => {
    const { destination, audience } = await open();
    await destination.check();
    const all = Array.from({ length: 500 }, (_, index) => contact(`p${index}@example.org`, index));
    for (const { email } of all.filter((_, index) => index % 3 === 0)) audience.addByStaff(email, { tags: [email] });
    const outcomes = await destination.push(all, quiet);
    expect(outcomes).toMatchObject(
      all.map(({ email }, index) => ({
        kind: 'stored',
        created: index % 3 !== 0,
        tags: index % 3 === 0 ? [email] : [],
      })),
    );
  });

  test('half of a batch failing for a reason that passes is half unknown', async () => {
    const { destination, mc } = await open();
    mc.quirks.halfFailBatches = 1;
    const outcomes = await destination.push([contact(ann), contact(bob)], quiet);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'unknown']);
  });

  test('one who breaks the call and is named is left out of it, and the others are stored', async () => {
    const { destination, mc } = await open();
    mc.quirks.poisonedBatch = 'named';
    mc.faults.set({ poisonAddresses: [ann] });
    expect(await destination.push([contact(bob), contact(ann)], quiet)).toMatchObject([
      { kind: 'stored', created: true },
      { kind: 'refused', reason: 'invalid-fields' },
    ]);
  });

  test('one who breaks the call unnamed fails it for all, and is told alone', async () => {
    const { destination, mc } = await open();
    mc.quirks.poisonedBatch = 'unnamed';
    mc.faults.set({ poisonAddresses: [ann] });
    const { kind, message } = await failureOf(destination.push([contact(bob), contact(ann)], quiet));
    expect({ kind, named: message.includes('example') }).toEqual({ kind: 'rejected', named: false });
    expect(await destination.push([contact(bob)], quiet)).toMatchObject([{ kind: 'stored' }]);
    expect(await destination.push([contact(ann)], quiet)).toMatchObject([{ kind: 'refused' }]);
  });

  test('a status is never sent, whatever is done, but to take somebody off', async () => {
    const { destination, mc } = await open({}, 'unsubscribe');
    await destination.check();
    await destination.push([contact(ann), contact(bob)], { automations: true, resubscribe: true });
    await destination.move(bob, contact('bobby@example.org'));
    await send(destination, [{ email: ann, add: ['Donor'], remove: ['Old'] }]);
    const sent = () =>
      mc.calls.filter(({ operation }) => operation !== 'members.tags').map(({ body }) => JSON.stringify(body) ?? '');
    expect(sent().some((body) => body.includes('"status_if_new":"subscribed"'))).toBe(true);
    expect(sent().filter((body) => body.includes('"status":'))).toEqual([]);
    await destination.remove(ann);
    expect(sent().filter((body) => body.includes('"status":'))).toEqual(['{"status":"unsubscribed"}']);
    expect(await destination.push([contact(ann)], quiet)).toMatchObject([{ kind: 'respected', state: 'Unsubscribed' }]);
    expect(destination.capabilities.removedState).toBe('Unsubscribed');
  });
});

describe('tags', () => {
  const names = Array.from({ length: 60 }, (_, index) => `Tag ${index}`);

  test('beyond the fifty that an answer shows are read too', async () => {
    const { destination, audience } = await open();
    audience.addByStaff(ann, { tags: names });
    const [outcome] = await destination.push([contact(ann)], quiet);
    expect(outcome?.kind === 'stored' && outcome.tags).toEqual(names);
    expect((await destination.readBack(undefined)).subscribers).toMatchObject([{ tags: names }]);
  });

  test('need as few calls as there are tags, five hundred people each way a call', async () => {
    const scene = await open();
    const people = Array.from({ length: 700 }, (_, index) => `p${index}@example.org`);
    for (const email of people) scene.audience.addByStaff(email, { tags: ['Old'] });
    const outcomes = await send(
      scene.destination,
      people.map((email) => ({ email, add: ['New'], remove: ['old'] })),
    );
    expect(outcomes.flat()).toHaveLength(1_400);
    expect(outcomes.flat().every(({ kind }) => kind === 'stored')).toBe(true);
    expect(operations(scene, 'segments.members')).toBe(4);
    expect(scene.audience.members().every(({ tags }) => tags.join() === 'New')).toBe(true);
  });

  test('that do not exist are created once, though several calls need them at a time', async () => {
    const scene = await open();
    const people = Array.from({ length: 1_200 }, (_, index) => `p${index}@example.org`);
    for (const email of people) scene.audience.addByStaff(email);
    await send(
      scene.destination,
      people.map((email) => ({ email, add: ['New', 'Newer'], remove: [] })),
    );
    expect([operations(scene, 'segments.list'), operations(scene, 'segments.create')]).toEqual([1, 2]);
  });

  test('that staff deletes are created anew', async () => {
    const { destination, audience } = await open();
    audience.addByStaff(ann);
    const change = [{ email: ann, add: ['Donor'], remove: [] }];
    await send(destination, change);
    audience.removeTag(audience.tags.named('Donor')!);
    expect((await send(destination, change)).flat()).toEqual([{ kind: 'stored' }]);
    expect(audience.member(ann)?.tags).toEqual(['Donor']);
  });

  test('that cannot be created are told as a problem, and keep nobody from being stored', async () => {
    const { destination, audience } = await open();
    audience.addByStaff(ann);
    const long = 'x'.repeat(101);
    const change = [{ email: ann, add: [long, 'Donor'], remove: [] }];
    expect((await send(destination, change)).flat()).toEqual([{ kind: 'stored' }, { kind: 'stored' }]);
    expect(audience.member(ann)?.tags).toEqual(['Donor']);
    expect((await destination.check()).problems).toEqual([
      expect.stringContaining(`The tag ${long} cannot be created`),
    ]);
  });

  test('start automations with segment calls, and none with quiet ones', async () => {
    const { destination, audience } = await open();
    audience.addByStaff(ann);
    expect((await send(destination, [{ email: ann, add: ['Quiet'], remove: [] }], true)).flat()).toEqual([
      { kind: 'stored' },
    ]);
    expect(audience.automations).toEqual([]);
    await send(destination, [{ email: ann, add: ['Loud'], remove: [] }]);
    expect(audience.automations).toMatchObject([{ address: ann, tag: 'Loud', via: 'segments.members' }]);
  });

  test.each(['reported', 'silent'] as const)(
    'of people who are not there or not subscribed are not told to be done (%s)',
    async (how) => {
      const { destination, audience, mc } = await open();
      mc.quirks.segmentStrangers = how;
      mc.quirks.segmentsNeedSubscribed = true;
      audience.addByStaff(ann);
      audience.addByStaff(bob);
      audience.unsubscribe(bob);
      const change = { add: ['Donor'], remove: [] };
      const outcomes = await send(
        destination,
        [ann, bob, 'nobody@example.org'].map((email) => ({ email, ...change })),
      );
      expect(outcomes.flat()).toMatchObject([{ kind: 'stored' }, { kind: 'unknown' }, { kind: 'unknown' }]);
    },
  );
});

describe('reading back', () => {
  const start = Date.parse('2026-11-20T10:00:00Z');
  async function timed(count: number, stepMs: number) {
    let at = start;
    const scene = await open({ now: () => new Date(at) });
    const people = Array.from({ length: count }, (_, index) => `p${index}@example.org`);
    for (const email of people) {
      scene.audience.addByStaff(email);
      at += stepMs;
    }
    const touch = (email: string): void => {
      at += 1_000;
      scene.audience.editByStaff(email, { FNAME: `at ${at}` });
    };
    return { ...scene, people, touch };
  }

  test('misses nobody though people who were read change meanwhile', async () => {
    const { destination, people, touch } = await timed(2_500, 100);
    const found = await everybody(destination, (page) => {
      for (const email of people.slice((page - 1) * 50, page * 50)) touch(email);
    });
    expect(new Set(found)).toEqual(new Set(people));
  });

  test('counts through more than a page within one second', async () => {
    const { destination, people } = await timed(3_500, 0);
    const found = await everybody(destination);
    expect(new Set(found)).toEqual(new Set(people));
    // the first page comes again once its second is known
    expect(found).toHaveLength(4_500);
  });

  test('tells who was archived, also of changes only', async () => {
    const { destination, audience, people } = await timed(3, 1_000);
    audience.archiveByStaff(people[1]!);
    expect((await everybody(destination)).sort()).toEqual(people);
    const { subscribers, next } = await destination.readBack(undefined, new Date(start + 2_500));
    const archived = await destination.readBack(next, new Date(start + 2_500));
    expect(subscribers.map(({ email }) => email)).toEqual([people[2]]);
    expect(archived.subscribers).toMatchObject([{ email: people[1], state: 'Deleted' }]);
  });
});
