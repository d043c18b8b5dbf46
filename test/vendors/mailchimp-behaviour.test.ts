import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  sandboxAudienceId as listId,
  type SandboxMailchimp,
  sandboxMailchimpKey,
  startMailchimp,
} from '../../src/sandbox/index.js';
import { VendorError } from '../../src/vendors/errors.js';
import { createMailchimpClient, type MailchimpClient } from '../../src/vendors/mailchimp/client.js';
import { brokenItem, reasonOf } from '../../src/vendors/mailchimp/errors.js';
import { failureOf } from './vendor-failure.js';

let mc: SandboxMailchimp;
let client: MailchimpClient;
beforeEach(async () => {
  mc = await startMailchimp();
  client = clientOf();
});
afterEach(() => mc.close());

const clientOf = (more: object = {}) =>
  createMailchimpClient({ url: `${mc.url}/`, apiKey: sandboxMailchimpKey, timeoutMs: 5_000, ...more });
const person = (email: string, mergeFields = {}) => ({ email, mergeFields });
const upsert = (...emails: string[]) =>
  client.upsertMembers(
    listId,
    emails.map((email) => person(email)),
  );
const audience = () => mc.audience();

describe('a batch', () => {
  test('adds as subscribed, updates in whatever case, and keeps everybody’s status', async () => {
    audience().addByStaff('gone@example.org');
    audience().unsubscribe('gone@example.org');
    audience().addByStaff('kept@example.org');
    audience().archiveByStaff('kept@example.org');
    const result = await client.upsertMembers(listId, [
      person('New@Example.org', { FNAME: 'Ann', NOSUCH: 'x' }),
      person('GONE@example.org', { FNAME: 'Bea' }),
      person('kept@example.org'),
    ]);
    expect(result.errors).toEqual([]);
    expect(result.created).toMatchObject([{ email: 'New@Example.org', status: 'subscribed' }]);
    expect(result.created[0]?.mergeFields['FNAME']).toBe('Ann');
    const statuses = result.updated.map(({ email, status }) => [email.toLowerCase(), status]);
    expect(Object.fromEntries(statuses)).toEqual({
      'gone@example.org': 'unsubscribed',
      'kept@example.org': 'archived',
    });
  });

  test('tells why somebody was declined', async () => {
    mc.quirks.busyAddresses = ['busy@example.org'];
    audience().addByStaff('erased@example.org');
    audience().forgetByStaff('erased@example.org');
    const declined = ['fake@example.com', 'zoë@example.org', 'busy@example.org', 'erased@example.org'];
    const { errors, created } = await upsert('ann@example.org', ...declined);
    expect(created.length).toBe(1);
    expect(Object.fromEntries(errors.map(({ email, reason }) => [email, reason]))).toEqual({
      'fake@example.com': 'fake',
      'zoë@example.org': 'invalid',
      'busy@example.org': 'too-many-signups',
      'erased@example.org': 'forgotten',
    });
  });

  test('names the field of a value that is not accepted', async () => {
    await client.createMergeField(listId, { tag: 'GIFTS', name: 'Gift count', type: 'number' });
    const { errors } = await client.upsertMembers(listId, [person('ann@example.org', { GIFTS: 'many' })]);
    expect(errors).toEqual([
      { email: 'ann@example.org', reason: 'merge-fields', code: 'ERROR_GENERIC', field: 'GIFTS' },
    ]);
  });

  test('that one item breaks is rejected as a whole and says which', async () => {
    mc.faults.set({ poisonAddresses: ['bad@example.org'] });
    mc.quirks.poisonedBatch = 'named';
    const error = await upsert('ann@example.org', 'bad@example.org').catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(VendorError);
    expect(error).toMatchObject({ details: { kind: 'rejected', code: 'Invalid Resource' } });
    expect(brokenItem(error as VendorError)).toBe(1);
    expect(audience().members()).toEqual([]);
  });

  test('with an address twice is rejected without naming it', async () => {
    const failure = await failureOf(upsert('ann@example.org', 'ANN@example.org'));
    expect(failure).toMatchObject({ kind: 'rejected', status: 400 });
    expect(failure.message).not.toContain('example.org');
  });

  test('that hangs after it was stored is unknown', async () => {
    mc.faults.set({ hangOnce: { afterStoringMs: 2_000 } });
    const impatient = clientOf({ timeoutMs: 100 });
    const failure = await failureOf(impatient.upsertMembers(listId, [person('ann@example.org')]));
    expect(failure).toMatchObject({ kind: 'down', call: 'unknown' });
    expect(audience().member('ann@example.org')).toBeDefined();
  });
});

describe('one member', () => {
  test.each(['member-exists', 'invalid-resource'] as const)(
    'moves with tags and status, but not onto another (%s)',
    async (quirk) => {
      mc.quirks.takenAddress = quirk;
      audience().addByStaff('ann@example.org', { tags: ['recurring'] });
      audience().addByStaff('taken@example.org');
      const error = await client.changeAddress(listId, 'ann@example.org', person('taken@example.org')).catch((e) => e);
      expect([error.details.kind, reasonOf(error)]).toEqual(['rejected', 'exists']);
      audience().unsubscribe('ann@example.org');
      expect(await client.changeAddress(listId, 'ann@example.org', person('bea@example.org'))).toMatchObject({
        ...{ email: 'bea@example.org', status: 'unsubscribed', tags: ['recurring'] },
      });
      expect(await client.readMember(listId, 'ann@example.org')).toBeUndefined();
      const again = client.changeAddress(listId, 'ann@example.org', person('bea@example.org'));
      expect(await failureOf(again)).toMatchObject({ kind: 'rejected', status: 404, reason: 'absent' });
    },
  );

  test('is unsubscribed, and archived as often as one likes', async () => {
    await upsert('ann@example.org');
    await client.unsubscribe(listId, 'ann@example.org');
    expect(audience().historyOf('ann@example.org').at(-1)).toMatchObject({ by: 'api', to: 'unsubscribed' });
    await client.archive(listId, 'ann@example.org');
    await client.archive(listId, 'ann@example.org');
    expect(await client.readMember(listId, 'ann@example.org')).toMatchObject({ status: 'archived' });
    expect(await client.listMembers(listId, { count: 10, offset: 0 })).toEqual({ members: [], length: 0, total: 0 });
    expect((await client.listMembers(listId, { count: 10, offset: 0, status: 'archived' })).members).toHaveLength(1);
  });

  test('with more than fifty tags shows fifty, the count, and all of them when asked', async () => {
    const tags = Array.from({ length: 60 }, (_, index) => `tag ${index}`);
    audience().addByStaff('ann@example.org', { tags });
    const member = await client.readMember(listId, 'ann@example.org');
    expect([member?.tags.length, member?.tagsCount]).toEqual([50, 60]);
    expect((await client.readTags(listId, 'ann@example.org')).sort()).toEqual(tags.sort());
    expect(await failureOf(client.readTags(listId, 'nobody@example.org'))).toMatchObject({ kind: 'rejected' });
  });

  test('is tagged without automations when that is to be quiet', async () => {
    await upsert('ann@example.org');
    await client.changeTags(listId, 'ann@example.org', [{ name: 'a', active: true }], { quiet: true });
    expect(audience().automations).toEqual([]);
    const changes = [
      { name: 'a', active: false },
      { name: 'b', active: true },
    ];
    await client.changeTags(listId, 'ann@example.org', changes, { quiet: false });
    expect(await client.readTags(listId, 'ann@example.org')).toEqual(['b']);
    expect(audience().automations).toHaveLength(1);
    expect(await failureOf(client.changeTags(listId, 'x@example.org', changes, { quiet: true }))).toMatchObject({
      ...{ kind: 'rejected', code: 'Resource Not Found' },
    });
  });
});

describe('an audience', () => {
  test('with its settings and merge fields', async () => {
    expect(await client.readAudience(listId)).toMatchObject({ id: listId, doubleOptIn: false, memberCount: 0 });
    await client.createMergeField(listId, { tag: 'LASTGIFT', name: 'Last gift', type: 'date' });
    const fields = await client.readMergeFields(listId);
    expect(fields.map(({ tag, type }) => `${tag} ${type}`)).toEqual(
      expect.arrayContaining(['FNAME text', 'ADDRESS address', 'LASTGIFT date']),
    );
    const again = client.createMergeField(listId, { tag: 'LASTGIFT', name: 'Last gift', type: 'date' });
    expect(await failureOf(again)).toMatchObject({ kind: 'rejected', reason: 'exists' });
  });

  test('with its tags as segments, in which strangers are told', async () => {
    await upsert('ann@example.org', 'bea@example.org');
    const { id } = await client.createSegment(listId, 'recurring');
    const change = { add: ['ann@example.org', 'x@example.org'], remove: ['bea@example.org'] };
    expect(await client.changeSegment(listId, id, change)).toEqual({
      added: ['ann@example.org'],
      removed: ['bea@example.org'],
      errors: [{ emails: ['x@example.org'], reason: 'absent' }],
    });
    expect(await client.readSegments(listId)).toEqual([{ id, name: 'recurring' }]);
    expect(await failureOf(client.createSegment(listId, 'Recurring'))).toMatchObject({ reason: 'exists' });
    expect(await failureOf(client.changeSegment(listId, id + 1, change))).toMatchObject({
      kind: 'rejected',
      status: 404,
    });
  });

  test('that is not there, or a key that is revoked or of another data centre, is refused', async () => {
    expect(await failureOf(client.readAudience('nosuch'))).toMatchObject({ kind: 'refused', status: 404 });
    expect(await failureOf(client.upsertMembers('nosuch', [person('ann@example.org')]))).toMatchObject({
      kind: 'refused',
    });
    expect(await failureOf(clientOf({ apiKey: 'abc-us7' }).ping())).toMatchObject({ kind: 'refused', status: 403 });
    await client.ping();
    mc.revokeKey();
    expect(await failureOf(client.ping())).toMatchObject({ kind: 'refused', status: 401, code: 'API Key Invalid' });
  });

  test('answers the eleventh call at a time with a limit', async () => {
    mc.faults.set({ latencyMs: 150 });
    const all = await Promise.allSettled(Array.from({ length: 11 }, () => client.ping()));
    const failed = all.filter((one) => one.status === 'rejected');
    expect(failed.map(({ reason }) => reason.details)).toMatchObject([
      { kind: 'rate-limited', code: 'TooManyRequests' },
    ]);
  });
});
