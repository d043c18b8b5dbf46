import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type MailchimpOptions,
  type SandboxMailchimp,
  sandboxAudienceId,
  sandboxMailchimpKey,
  seedAudience,
  startMailchimp,
} from '../../src/sandbox/index.js';

const list = `/lists/${sandboxAudienceId}`;
const email = 'ann@example.org';
const running: SandboxMailchimp[] = [];

afterEach(async () => {
  for (const mc of running.splice(0)) await mc.close();
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const md5 = (address: string) => createHash('md5').update(address).digest('hex');
const path = (address: string, rest = '') => `${list}/members/${md5(address)}${rest}`;
const person = (email_address: string, more: object = {}) => ({ email_address, status_if_new: 'subscribed', ...more });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (condition: () => boolean) => {
  while (!condition()) await pause(2);
};

async function start(options: MailchimpOptions = {}) {
  let ms = Date.parse('2026-11-21T10:00:00.400Z');
  const mc = await startMailchimp({ now: () => new Date(ms), ...options });
  running.push(mc);
  const call = async (method: string, where: string, body?: unknown, headers: object = bearer(sandboxMailchimpKey)) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = { method, headers: { ...headers }, ...(body !== undefined && { body: text }) };
    const answer = await fetch(`${mc.url}${where}`, init);
    const read = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') ?? false;
    return { status: answer.status, headers: answer.headers, text: read, json: isJson ? JSON.parse(read) : undefined };
  };
  const put = (address: string, more: object = {}) => call('PUT', path(address), person(address, more));
  const batch = (members: unknown[], more: object = {}, query = '') =>
    call('POST', `${list}${query}`, { members, update_existing: true, ...more });
  const tick = (seconds: number) => {
    ms += seconds * 1000;
  };
  return { mc, audience: mc.audience(sandboxAudienceId), call, put, batch, tick };
}

describe('keys and routes', () => {
  test('a key opens its own account, by Basic with any user or by Bearer', async () => {
    const accounts = [
      { keys: ['aaaa-us21'], audiences: [{ id: 'one', name: 'One' }, { id: 'two' }] },
      { keys: ['bbbb-us21', 'cccc-us21'], audiences: [{ id: 'three' }] },
    ];
    const mc = await startMailchimp({ accounts });
    running.push(mc);
    const ask = async (where: string, authorization?: string) => {
      const answer = await fetch(mc.url + where, authorization ? { headers: { authorization } } : {});
      return { status: answer.status, json: JSON.parse(await answer.text()), headers: answer.headers };
    };
    const basic = `Basic ${Buffer.from('anybody:aaaa-us21').toString('base64')}`;
    expect((await ask('/ping', basic)).json).toEqual({ health_status: "Everything's Chimpy!" });
    const ids = ({ json }: { json: { lists: { id: string }[] } }) => json.lists.map(({ id }) => id);
    expect(ids(await ask('/lists', basic))).toEqual(['one', 'two']);
    expect(ids(await ask('/lists', 'Bearer cccc-us21'))).toEqual(['three']);
    expect(await ask('/lists/three', basic)).toMatchObject({ status: 404, json: { title: 'Resource Not Found' } });
    expect(await ask('/ping')).toMatchObject({ status: 401, json: { title: 'API Key Missing' } });
    expect(await ask('/ping', 'Bearer dddd-us21')).toMatchObject({ status: 401, json: { title: 'API Key Invalid' } });
    expect(await ask('/ping', 'Bearer aaaa-us7')).toMatchObject({ status: 403, json: { title: 'Forbidden' } });
    mc.revokeKey('bbbb-us21');
    expect((await ask('/ping', 'Bearer bbbb-us21')).status).toBe(401);
    const refused = await ask('/ping', 'Bearer bbbb-us21');
    expect(refused.headers.get('x-request-id')).toBe(refused.json.instance);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect((await ask('/ping', 'Bearer cccc-us21')).status).toBe(200);
  });

  test('unknown routes, methods and broken JSON are problems', async () => {
    const { call } = await start();
    expect((await call('GET', '/nothing')).json).toMatchObject({ status: 404, title: 'Resource Not Found' });
    const answer = await call('PUT', '/ping');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
    expect((await call('POST', list, '{')).json.title).toBe('JSONParseError');
  });

  test('fields and exclude_fields cut an answer; links go unless they are named', async () => {
    const { call, put } = await start();
    await put(email, { merge_fields: { FNAME: 'Ann' } });
    const fields = 'members.email_address,members.merge_fields.FNAME,total_items';
    expect((await call('GET', `${list}/members?fields=${fields}`)).json).toEqual({
      members: [{ email_address: email, merge_fields: { FNAME: 'Ann' } }],
      total_items: 1,
    });
    const { json } = await call('GET', `${path(email)}?exclude_fields=_links,merge_fields.LNAME,stats`);
    expect(json).not.toHaveProperty('_links');
    expect(json).not.toHaveProperty('stats');
    expect(json.merge_fields).toEqual({ FNAME: 'Ann', ADDRESS: '', PHONE: '' });
  });

  test('an audience says whether it confirms and counts its members', async () => {
    const accounts = [{ keys: [sandboxMailchimpKey], audiences: [{ id: sandboxAudienceId, doubleOptin: true }] }];
    const { audience, call } = await start({ accounts });
    seedAudience(audience, { members: 200 });
    const { json } = await call('GET', list);
    expect(json).toMatchObject({ double_optin: true, marketing_permissions: false, stats: { merge_field_count: 4 } });
    const { member_count, unsubscribe_count, cleaned_count } = json.stats;
    expect(member_count + unsubscribe_count + cleaned_count).toBe(200);
    expect([member_count > 150, unsubscribe_count > 0, cleaned_count > 0]).toEqual([true, true, true]);
  });
});

describe('a member', () => {
  test('is created by PUT with status_if_new, kept by its hash, and edited by the next one', async () => {
    const { call, put, audience } = await start();
    const created = await put('Ann@Example.org', { merge_fields: { FNAME: 'Ann', NOWHERE: 'x' }, tags: ['recurring'] });
    expect(created.status).toBe(200);
    expect(created.json).toMatchObject({ id: md5('Ann@Example.org'.toLowerCase()), status: 'subscribed' });
    expect(created.json).toMatchObject({ timestamp_signup: '', timestamp_opt: '2026-11-21T10:00:00+00:00' });
    expect(created.json.merge_fields).toEqual({ FNAME: 'Ann', LNAME: '', ADDRESS: '', PHONE: '' });
    const edited = await put(email, { status_if_new: 'pending', tags: ['ignored'], merge_fields: { FNAME: 'Anna' } });
    expect(edited.json).toMatchObject({ status: 'subscribed', tags_count: 1, tags: [{ name: 'recurring' }] });
    expect(audience.member(email)).toMatchObject({ mergeFields: { FNAME: 'Anna' }, tags: ['recurring'] });
    expect((await call('GET', path('nobody@example.org'))).status).toBe(404);
    expect((await call('PATCH', path('nobody@example.org'), {})).status).toBe(404);
    expect((await call('PATCH', path(email), { status: 'transactional' })).status).toBe(400);
    expect(audience.writesOf(email).map(({ operation, changed }) => [operation, changed])).toEqual([
      ['members.put', true],
      ['members.put', true],
    ]);
  });

  test('cannot be created without a status, nor twice by POST', async () => {
    const { call, put } = await start();
    expect((await call('PUT', path(email), { email_address: email })).json.errors).toEqual([
      { field: 'status_if_new', message: 'This value should not be blank.' },
    ]);
    expect((await call('POST', `${list}/members`, { email_address: email })).json.title).toBe('Invalid Resource');
    await put(email);
    const again = await call('POST', `${list}/members`, { email_address: email, status: 'subscribed' });
    expect(again.json).toMatchObject({ status: 400, title: 'Member Exists' });
    expect(again.json).not.toHaveProperty('type');
  });

  test('has a last_changed that an identical PUT does not move, and a tag does', async () => {
    const { call, put, tick } = await start();
    const changed = async () => (await call('GET', path(email))).json.last_changed;
    await put(email, { merge_fields: { FNAME: 'Ann' } });
    tick(60);
    await put(email, { merge_fields: { FNAME: 'Ann' } });
    expect(await changed()).toBe('2026-11-21T10:00:00+00:00');
    await call('POST', path(email, '/tags'), { tags: [{ name: 'a', status: 'active' }] });
    expect(await changed()).toBe('2026-11-21T10:01:00+00:00');
    tick(60);
    await call('POST', path(email, '/tags'), { tags: [{ name: 'A', status: 'active' }] });
    expect(await changed()).toBe('2026-11-21T10:01:00+00:00');
  });

  test.each([
    ['nobody', /valid email/],
    ['jörg@example.org', /valid email/],
    ['ann@example.com', /looks fake or invalid/],
    ['admin@example.org', /looks fake or invalid/],
    ['fake@example.org', /looks fake or invalid/],
    ['busy@example.org', /signed up to a lot of lists/],
  ])('%s is refused when it is new', async (address, detail) => {
    const { mc, call, batch } = await start();
    mc.quirks.fakeAddresses = ['Fake@example.org'];
    mc.quirks.busyAddresses = ['busy@example.org'];
    const body = { email_address: address, status: 'subscribed' };
    const refused = await call('POST', `${list}/members`, body);
    expect(refused.json).toMatchObject({
      status: 400,
      title: 'Invalid Resource',
      detail: expect.stringMatching(detail),
    });
    expect((await batch([body])).json).toMatchObject({
      error_count: 1,
      errors: [{ email_address: address, error_code: 'ERROR_GENERIC', error: expect.stringMatching(detail) }],
    });
  });

  test('may live at an international domain, and stays editable when the address looks fake', async () => {
    const { audience, put, batch } = await start();
    expect((await batch([person('ann@bücher.example')])).json.total_created).toBe(1);
    audience.addByStaff('old@example.com');
    expect((await put('old@example.com', { merge_fields: { FNAME: 'Old' } })).status).toBe(200);
  });

  test('moves to a new address with its tags, by PUT or PATCH on the old hash', async () => {
    const { mc, call, put, audience } = await start();
    await put(email, { tags: ['recurring'], merge_fields: { FNAME: 'Ann' } });
    await put('taken@example.org');
    const moved = await call('PUT', path(email), { email_address: 'ann2@example.org' });
    expect(moved.json).toMatchObject({ id: md5('ann2@example.org'), merge_fields: { FNAME: 'Ann' }, tags_count: 1 });
    expect((await call('GET', path(email))).status).toBe(404);
    const clash = () => call('PATCH', path('ann2@example.org'), { email_address: 'taken@example.org' });
    expect((await clash()).json.title).toBe('Member Exists');
    mc.quirks.takenAddress = 'invalid-resource';
    expect((await clash()).json).toMatchObject({ title: 'Invalid Resource', errors: [{ field: 'email address' }] });
    const again = await call('PUT', path(email), person('ann2@example.org'));
    expect(again.json.title).toBe('Member Exists');
    expect(audience.historyOf(email).map(({ to }) => to)).toEqual(['subscribed', 'moved']);
    expect(audience.historyOf('ann2@example.org')).toMatchObject([{ from: 'absent', to: 'subscribed', by: 'api' }]);
  });

  test('is archived once by DELETE, and never by DELETE when bounced or pending', async () => {
    const { call, put, audience } = await start();
    await put(email);
    expect((await call('DELETE', path(email))).status).toBe(204);
    expect(audience.member(email)?.status).toBe('archived');
    expect(await call('DELETE', path(email))).toMatchObject({
      status: 405,
      json: { title: 'Method Not Allowed', detail: 'This list member cannot be removed.' },
    });
    await put('pending@example.org', { status_if_new: 'pending' });
    audience.bounce((await put('gone@example.org')).json.email_address);
    for (const address of ['pending@example.org', 'gone@example.org']) {
      expect((await call('DELETE', path(address))).status).toBe(405);
    }
  });

  test('that is permanently deleted cannot come back but by the form', async () => {
    const { call, put, batch, audience } = await start();
    await put(email, { tags: ['a'] });
    expect((await call('POST', path(email, '/actions/delete-permanent'))).status).toBe(204);
    expect((await call('POST', path(email, '/actions/delete-permanent'))).status).toBe(404);
    expect((await put(email)).json.title).toBe('Forgotten Email Not Subscribed');
    expect((await batch([person(email)])).json.errors[0].error).toMatch(/was permanently deleted/);
    expect(audience.tags.named('a')?.held).toBe(0);
    audience.signUp(email);
    expect((await put(email)).status).toBe(200);
    expect(audience.historyOf(email).map(({ to, by }) => `${to} by ${by}`)).toEqual([
      'subscribed by api',
      'forgotten by api',
      'subscribed by contact',
    ]);
  });
});

describe('statuses', () => {
  const lead = {
    subscribed: () => {},
    'unsubscribed by the API': async ({ put }: Awaited<ReturnType<typeof start>>) => {
      await put(email, { status: 'unsubscribed' });
    },
    'unsubscribed by the contact': ({ audience }: Awaited<ReturnType<typeof start>>) => audience.unsubscribe(email),
    cleaned: ({ audience }: Awaited<ReturnType<typeof start>>) => audience.bounce(email),
    archived: ({ audience }: Awaited<ReturnType<typeof start>>) => audience.archiveByStaff(email),
  };
  test.each([
    ['subscribed', 'subscribed', 'subscribed', 'pending'],
    ['unsubscribed by the API', 'unsubscribed', 'subscribed', 'pending'],
    ['unsubscribed by the contact', 'unsubscribed', 'Member In Compliance State', 'pending'],
    ['cleaned', 'cleaned', 'Member In Compliance State', 'Member In Compliance State'],
    ['archived', 'archived', 'subscribed', 'pending'],
  ] as const)(
    '%s: status_if_new leaves it %s, subscribed leads to %s, pending to %s',
    async (from, quiet, yes, ask) => {
      for (const [body, expected] of [
        [{ merge_fields: { FNAME: 'New' } }, quiet],
        [{ status: 'subscribed' }, yes],
        [{ status: 'pending' }, ask],
      ] as const) {
        const sandbox = await start();
        await sandbox.put(email, { tags: ['kept'], merge_fields: { FNAME: 'Old' } });
        await lead[from](sandbox);
        const { json } = await sandbox.put(email, body);
        expect(json.title ?? json.status).toBe(expected);
        if (json.status === 'pending') expect(sandbox.audience.confirmationMails).toEqual([email]);
        expect(sandbox.audience.member(email)?.tags).toEqual(['kept']);
      }
    },
  );

  test('an opt-out of the contact outlives the archive, until she signs up again', async () => {
    const { audience, put } = await start();
    await put(email);
    audience.unsubscribe(email);
    audience.archiveByStaff(email);
    expect((await put(email, { status: 'subscribed' })).json.title).toBe('Member In Compliance State');
    await put(email, { status: 'pending' });
    expect((await put(email, { status: 'subscribed' })).json.title).toBe('Member In Compliance State');
    audience.confirm(email);
    expect(audience.member(email)).toMatchObject({ status: 'subscribed', optedOutBy: undefined });
    expect(audience.historyOf(email).map(({ by }) => by)).toEqual(['api', 'contact', 'staff', 'api', 'contact']);
  });

  test('what the API unsubscribed may also be final', async () => {
    const { mc, put } = await start();
    mc.quirks.apiUnsubscribe = 'final';
    await put(email, { status: 'unsubscribed' });
    expect((await put(email, { status: 'subscribed' })).json.status).toBe('unsubscribed');
  });
});

describe('merge fields', () => {
  test('are ten to a page, get a tag of their own, and clash by tag', async () => {
    const { call } = await start();
    const create = (body: object) => call('POST', `${list}/merge-fields`, { name: 'Field', type: 'text', ...body });
    for (let k = 0; k < 8; k += 1) expect((await create({ tag: `F${k}` })).status).toBe(200);
    const page = await call('GET', `${list}/merge-fields`);
    expect([page.json.merge_fields.length, page.json.total_items]).toEqual([10, 12]);
    expect((await call('GET', `${list}/merge-fields?count=1000`)).json.merge_fields).toHaveLength(12);
    expect((await create({})).json).toMatchObject({ tag: 'MMERGE13', merge_id: 13 });
    expect((await create({ tag: 'F1' })).json.detail).toMatch(/"F1" already exists/);
    expect((await create({ tag: 'ELEVENCHARS' })).json.errors).toMatchObject([{ field: 'tag' }]);
    expect((await create({ tag: 'lower' })).status).toBe(400);
    expect((await create({ type: 'shoe' })).json.errors).toMatchObject([{ field: 'type' }]);
    expect((await create({ type: 'radio' })).status).toBe(400);
    for (let k = 13; k < 30; k += 1) expect((await create({})).status).toBe(200);
    expect((await create({})).json.detail).toMatch(/limit of 30 merge fields/);
  });

  test('can be renamed and deleted, and values go along', async () => {
    const { call, put, audience } = await start();
    const { json } = await call('POST', `${list}/merge-fields`, { tag: 'GIFTS', name: 'Gifts', type: 'number' });
    await put(email, { merge_fields: { GIFTS: 12 } });
    await call('PATCH', `${list}/merge-fields/${json.merge_id}`, { name: 'Count', tag: 'COUNT' });
    expect(audience.member(email)?.mergeFields).toEqual({ COUNT: 12 });
    expect((await call('DELETE', `${list}/merge-fields/${json.merge_id}`)).status).toBe(204);
    expect((await call('GET', `${list}/merge-fields/${json.merge_id}`)).status).toBe(404);
    expect(audience.member(email)?.mergeFields).toEqual({});
  });

  test.each([
    ['number', '12', 'Please enter a number'],
    ['date', '11/30/2026', 'Please enter a valid date'],
    ['date', '2026-02-30', 'Please enter a valid date'],
    ['birthday', '30/11', 'Please enter a month and day'],
    ['address', { addr1: 'x', city: 'y', state: 'z' }, 'Please enter a complete address'],
    ['text', 'ü'.repeat(128), 'Please enter less than 256 bytes'],
    ['url', 'nowhere', 'Please enter a valid URL'],
  ] as const)('a %s refuses %p', async (type, value, message) => {
    const mergeFields = [{ tag: 'FIELD', name: 'Field', type }];
    const accounts = [{ keys: [sandboxMailchimpKey], audiences: [{ id: sandboxAudienceId, mergeFields }] }];
    const { put, batch } = await start({ accounts });
    expect((await put(email, { merge_fields: { FIELD: value } })).json).toMatchObject({
      title: 'Invalid Resource',
      detail: 'Your merge fields were invalid.',
      errors: [{ field: 'FIELD', message }],
    });
    const { json } = await batch([person(email, { merge_fields: { FIELD: value } })]);
    expect(json.errors).toMatchObject([{ field: 'FIELD', field_message: message }]);
  });

  test('must be filled when required, unless the call skips it, and read back as they were sent', async () => {
    const mergeFields = [
      { tag: 'NEED', name: 'Need', type: 'text', required: true },
      { tag: 'GIFTS', name: 'Gifts', type: 'number' },
      { tag: 'LAST', name: 'Last', type: 'date' },
      { tag: 'KIND', name: 'Kind', type: 'dropdown', options: { choices: ['a', 'b'] } },
    ] as const;
    const inputs = mergeFields.map((field) => ({ ...field }));
    const accounts = [{ keys: [sandboxMailchimpKey], audiences: [{ id: sandboxAudienceId, mergeFields: inputs }] }];
    const { call, put } = await start({ accounts });
    expect((await put(email)).json.errors).toEqual([{ field: 'NEED', message: 'Please enter a value' }]);
    expect((await call('PUT', `${path(email)}?skip_merge_validation=true`, person(email))).status).toBe(200);
    const values = { NEED: 'x', GIFTS: 12.5, LAST: '2026-10-30', KIND: 'b' };
    expect((await put(email, { merge_fields: values })).json.merge_fields).toMatchObject(values);
    expect((await put(email, { merge_fields: { KIND: 'c' } })).status).toBe(400);
    expect((await put(email, { merge_fields: { GIFTS: '' } })).json.merge_fields.GIFTS).toBe('');
    expect((await put(email, { merge_fields: { NEED: '' } })).status).toBe(400);
  });

  test('do not take booleans, nor a time-stamp milliseconds', async () => {
    const { call, put, batch } = await start();
    const message = 'Data did not match any of the schemas described in anyOf.';
    const refused = await put(email, { merge_fields: { FNAME: true } });
    expect(refused.json.errors).toEqual([{ field: 'merge_fields.FNAME', message }]);
    const late = await put(email, { timestamp_signup: '2026-11-21T10:00:00.000Z' });
    expect(late.json.errors).toEqual([{ field: 'timestamp_signup', message }]);
    for (const timestamp_signup of ['2026-11-21 10:00:00', '2026-11-21T11:00:00+01:00', '2026-11-21T10:00:00Z']) {
      expect((await put(email, { timestamp_signup })).json.timestamp_signup).toBe('2026-11-21T10:00:00+00:00');
    }
    const whole = await batch([person('b@example.org'), person('c@example.org', { merge_fields: { FNAME: false } })]);
    expect(whole.json.errors).toEqual([{ field: 'members.item:1.merge_fields.FNAME', message }]);
    expect((await call('GET', path('b@example.org'))).status).toBe(404);
  });
});

describe('a batch', () => {
  test('creates and updates, in no order that could be relied on, and reports each that failed', async () => {
    const { audience, put, batch } = await start();
    await put(email);
    audience.addByStaff('gone@example.org');
    audience.unsubscribe('gone@example.org');
    const people = [
      person(email, { tags: ['a'] }),
      { email_address: 'gone@example.org', status: 'subscribed' },
      person('bob@example.org', { tags: ['a', 'b'], vip: null }),
      person('eve@example.org'),
      person('no@nowhere'),
    ];
    const { status, json } = await batch(people);
    expect(status).toBe(200);
    expect(json).toMatchObject({ total_created: 2, total_updated: 1, error_count: 2 });
    expect(json.new_members.map((one: { email_address: string }) => one.email_address)).toEqual([
      'eve@example.org',
      'bob@example.org',
    ]);
    expect(json.errors).toEqual([
      {
        email_address: 'no@nowhere',
        error: 'Please provide a valid email address.',
        error_code: 'ERROR_GENERIC',
        field: '',
        field_message: '',
      },
      expect.objectContaining({ email_address: 'gone@example.org', error: expect.stringMatching(/compliance state/) }),
    ]);
    expect(audience.member(email)?.tags).toEqual(['a']);
    expect(audience.member('bob@example.org')?.tags).toEqual(['a', 'b']);
  });

  test('adds tags, or replaces all of them with sync_tags', async () => {
    const { audience, batch } = await start();
    audience.addByStaff(email, { tags: ['foreign'] });
    await batch([person(email, { tags: ['ours'] })]);
    expect(audience.member(email)?.tags).toEqual(['foreign', 'ours']);
    await batch([person(email, { tags: ['OURS', 'new'] })], { sync_tags: true });
    expect(audience.member(email)?.tags).toEqual(['new', 'ours']);
    expect(audience.writesOf(email).at(-1)).toMatchObject({ tagsAdded: ['new'], tagsRemoved: ['foreign'] });
  });

  test('refuses who is there without update_existing', async () => {
    const { put, call } = await start();
    await put(email);
    const { json } = await call('POST', list, { members: [person(email)] });
    expect(json.errors).toMatchObject([
      { error_code: 'ERROR_CONTACT_EXISTS', error: expect.stringMatching(/update_existing:true/) },
    ]);
  });

  test.each([
    [{ email_address: 'x@example.org', status: 'archived' }, 'members.item:1.status'],
    [person('x@example.org', { timestamp_opt: '2026-11-21T10:00:00.123Z' }), 'members.item:1.timestamp_opt'],
    [{ email_address: 'x@example.org' }, 'members.item:1'],
    [person('x@example.org', { tags: [7] }), 'members.item:1.tags.item:0'],
  ])('is refused as a whole for one item that breaks the schema: %j', async (item, field) => {
    const { audience, batch } = await start();
    const { status, json } = await batch([person(email), item]);
    expect([status, json.errors[0].field]).toEqual([400, field]);
    expect(audience.members()).toEqual([]);
  });

  test('holds 500 people at most, and nobody twice', async () => {
    const { mc, batch } = await start();
    const many = Array.from({ length: 501 }, (_, k) => person(`p${k}@example.org`));
    expect((await batch(many)).json.detail).toMatch(/Maximum allowed member items exceeded/);
    expect((await batch(many.slice(1), {}, '?fields=total_created')).json).toEqual({ total_created: 500 });
    const twice = [person(email, { merge_fields: { FNAME: 'First' } }), person(email.toUpperCase())];
    expect((await batch(twice)).status).toBe(400);
    mc.quirks.batchDuplicates = 'item';
    expect((await batch(twice)).json).toMatchObject({ total_created: 1, error_count: 1 });
    expect((await batch(twice, {}, '?skip_duplicate_check=true')).json).toMatchObject({
      total_updated: 1,
      error_count: 0,
    });
    expect(mc.audience().member(email)?.mergeFields).toEqual({ FNAME: 'First' });
  });

  test('may pass over a re-subscription without a word, or fail for half of the people', async () => {
    const { mc, audience, batch } = await start();
    audience.addByStaff(email);
    audience.unsubscribe(email);
    mc.quirks.batchCompliance = 'silent';
    const { json } = await batch([{ email_address: email, status: 'subscribed' }]);
    expect(json).toMatchObject({ error_count: 0, updated_members: [{ status: 'unsubscribed' }] });
    mc.quirks.halfFailBatches = 1;
    const people = ['a', 'b', 'c', 'd'].map((name) => person(`${name}@example.org`));
    expect((await batch(people)).json).toMatchObject({ total_created: 2, error_count: 2 });
    expect((await batch(people)).json).toMatchObject({ total_created: 2, total_updated: 2, error_count: 0 });
  });

  test('may break on one address, in three ways', async () => {
    const { mc, audience, batch } = await start();
    mc.faults.poisonAddresses = ['bad@example.org'];
    const send = () => batch([person(email), person('bad@example.org')]);
    expect((await send()).status).toBe(500);
    mc.quirks.poisonedBatch = 'named';
    expect((await send()).json.errors).toMatchObject([{ field: 'members.item:1.email_address' }]);
    mc.quirks.poisonedBatch = 'unnamed';
    expect((await send()).json).toMatchObject({ status: 400, title: 'BadRequest' });
    expect(audience.members()).toEqual([]);
    expect(mc.calls.at(-1)?.addresses).toEqual([email, 'bad@example.org']);
  });
});

describe('tags', () => {
  test('are set by name in any case, made when missing, and start automations unless is_syncing', async () => {
    const { audience, call, put } = await start();
    await put(email);
    const set = (tags: object[], more: object = {}) => call('POST', path(email, '/tags'), { tags, ...more });
    expect((await set([{ name: 'Recurring', status: 'active' }], { is_syncing: true })).status).toBe(204);
    await set([
      { name: 'recurring', status: 'active' },
      { name: 'lapsed', status: 'inactive' },
    ]);
    expect(audience.automations).toEqual([]);
    await set([{ name: 'loud', status: 'active' }]);
    expect(audience.automations).toMatchObject([{ address: email, tag: 'loud', via: 'members.tags' }]);
    const search = await call('GET', `${list}/tag-search?name=REC`);
    expect(search.json).toMatchObject({ total_items: 1, tags: [{ name: 'Recurring' }] });
    const { json } = await call('GET', path(email, '/tags'));
    expect(json).toMatchObject({ total_items: 2, tags: [{ name: 'Recurring' }, { name: 'loud' }] });
    await set([{ name: 'LOUD', status: 'inactive' }]);
    expect(audience.member(email)?.tags).toEqual(['Recurring']);
    expect((await call('POST', path('x@example.org', '/tags'), { tags: [] })).status).toBe(404);
    expect((await set([{ name: 'x', status: 'on' }])).json.errors[0].field).toBe('tags.item:0.status');
  });

  test('show fifty of a member, and all by the route of their own', async () => {
    const { call, put } = await start();
    const tags = Array.from({ length: 60 }, (_, k) => `tag ${k}`);
    const { json } = await put(email, { tags });
    expect([json.tags.length, json.tags_count]).toEqual([50, 60]);
    expect((await call('GET', path(email, '/tags'))).json.tags).toHaveLength(10);
    expect((await call('GET', path(email, '/tags?count=1000'))).json.tags).toHaveLength(60);
  });

  test('are segments that take and lose up to 500 people in a call', async () => {
    const { mc, audience, call } = await start();
    seedAudience(audience, { members: 3, tags: [] });
    for (const { email: one, status } of audience.members()) if (status !== 'subscribed') audience.signUp(one);
    const [ann = '', bob = '', eve = ''] = audience.members().map((one) => one.email);
    const created = await call('POST', `${list}/segments`, { name: 'Recurring', static_segment: [ann] });
    expect(created.json).toMatchObject({ name: 'Recurring', type: 'static', member_count: 1 });
    expect((await call('POST', `${list}/segments`, { name: 'recurring', static_segment: [] })).status).toBe(400);
    expect((await call('POST', `${list}/segments`, { name: 'bare' })).json.detail).toMatch(/Must provide either/);
    const segment = `${list}/segments/${created.json.id}`;
    const send = (members_to_add: string[], members_to_remove: string[] = []) =>
      call('POST', segment, { members_to_add, members_to_remove });
    expect((await send([bob, eve, 'nobody@example.org'], [ann])).json).toMatchObject({
      total_added: 2,
      total_removed: 1,
      error_count: 1,
      errors: [{ email_addresses: ['nobody@example.org'] }],
      members_added: [{ email_address: bob }, { email_address: eve }],
    });
    mc.quirks.segmentStrangers = 'silent';
    expect((await send(['nobody@example.org'])).json).toMatchObject({ error_count: 0, total_added: 0 });
    audience.unsubscribe(bob);
    mc.quirks.segmentsNeedSubscribed = true;
    expect((await send([bob])).json.errors).toMatchObject([{ email_addresses: [bob] }]);
    const many = Array.from({ length: 501 }, (_, k) => `p${k}@example.org`);
    expect((await send(many)).json.detail).toMatch(/Maximum allowed member items exceeded/);
    expect(audience.automations.map(({ address, via }) => [address, via])).toEqual([
      [ann, 'segments.create'],
      [bob, 'segments.members'],
      [eve, 'segments.members'],
    ]);
    expect((await call('GET', `${segment}/members`)).json.total_items).toBe(2);
    expect((await call('GET', `${list}/segments?type=static&count=1`)).json).toMatchObject({ total_items: 1 });
    expect((await call('DELETE', segment)).status).toBe(204);
    expect((await call('GET', segment)).status).toBe(404);
    expect(audience.member(eve)?.tags).toEqual([]);
  });
});

describe('lists of members', () => {
  test('are ten unless told, never above a thousand, without the archived, in the order of last_changed', async () => {
    const { audience, call, tick } = await start();
    seedAudience(audience, { members: 1_200 });
    const get = async (query: string) => (await call('GET', `${list}/members?${query}`)).json;
    expect((await get('')).members).toHaveLength(10);
    expect((await get('count=5000&fields=members.id')).members).toHaveLength(1_000);
    tick(1);
    audience.archiveByStaff('foreign.1.1@example.org');
    audience.tagByStaff('foreign.1.2@example.org', 'new');
    expect((await get('count=1')).total_items).toBe(1_199);
    expect(await get('status=archived')).toMatchObject({ total_items: 1, members: [{ status: 'archived' }] });
    const last = await get('count=1&sort_field=last_changed&sort_dir=DESC');
    expect(last.members[0].email_address).toBe('foreign.1.2@example.org');
    const times = (await get('count=1000&sort_field=last_changed&sort_dir=ASC')).members;
    const stamps = times.map((one: { last_changed: string }) => one.last_changed);
    expect(stamps).toEqual(stamps.toSorted());
  });

  test('since_last_changed is exclusive, and takes UTC as Z or +00:00 only', async () => {
    const { call, put, tick } = await start();
    await put(email);
    tick(1);
    await put('bob@example.org');
    const since = async (text: string) => {
      const { status, json } = await call('GET', `${list}/members?since_last_changed=${encodeURIComponent(text)}`);
      return status === 200 ? json.total_items : json.errors[0].field;
    };
    expect(await since('2026-11-21T09:59:59+00:00')).toBe(2);
    expect(await since('2026-11-21T10:00:00Z')).toBe(1);
    expect(await since('2026-11-21T10:00:01Z')).toBe(0);
    expect(await since('2026-11-21T10:00:00+0000')).toBe('since_last_changed');
    expect((await call('GET', `${list}/members?status=gone`)).status).toBe(400);
  });
});

describe('connections', () => {
  test('the eleventh open request of a key gets 429 at once, and only of that key', async () => {
    const accounts = [{ keys: ['aaaa-us21', 'bbbb-us21'], audiences: [{ id: sandboxAudienceId }] }];
    const { mc, call } = await start({ accounts, latencyMs: 150 });
    const many = Array.from({ length: 10 }, () => call('GET', '/ping', undefined, bearer('aaaa-us21')));
    await until(() => mc.connections.open('aaaa-us21') === 10);
    const before = Date.now();
    const refused = await call('GET', '/ping', undefined, bearer('aaaa-us21'));
    expect(Date.now() - before).toBeLessThan(140);
    expect(refused.json).toMatchObject({
      title: 'TooManyRequests',
      detail: 'You have exceeded the limit of 10 simultaneous connections.',
    });
    expect((await call('GET', '/ping', undefined, bearer('bbbb-us21'))).status).toBe(200);
    expect((await Promise.all(many)).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect([mc.connections.highest, mc.connections.refused, mc.connections.open('aaaa-us21')]).toEqual([10, 1, 0]);
    expect(mc.calls.filter(({ operation }) => operation === 'refused')).toHaveLength(1);
  });

  test('a request keeps its slot when its client is gone, until its work ends', async () => {
    const { mc, audience, call } = await start({ connections: 1 });
    mc.faults.hangOnce = { beforeStoringMs: 150 };
    const init = { method: 'PUT', headers: bearer(sandboxMailchimpKey), body: JSON.stringify(person(email)) };
    await expect(fetch(mc.url + path(email), { ...init, signal: AbortSignal.timeout(50) })).rejects.toThrow();
    expect((await call('GET', '/ping')).status).toBe(429);
    await until(() => mc.connections.open(sandboxMailchimpKey) === 0);
    expect(audience.member(email)?.status).toBe('subscribed');
    expect((await call('GET', '/ping')).status).toBe(200);
  });
});

describe('faults', () => {
  test('of the other stand-ins work here too', async () => {
    const { mc, call, put } = await start();
    mc.faults.failEvery = { nth: 2, status: 429 };
    expect([(await call('GET', '/ping')).status, (await call('GET', '/ping')).json.title]).toEqual([
      200,
      'TooManyRequests',
    ]);
    mc.faults.failEvery = { nth: 1, status: 503, body: 'html' };
    expect(await call('GET', '/ping')).toMatchObject({ status: 503, text: expect.stringMatching(/^<html>/) });
    mc.faults.failEvery = { nth: 1, status: 500 };
    expect((await call('GET', '/ping')).json.title).toBe('InternalServerError');
    mc.faults.clear();
    mc.faults.edgeForbidden = true;
    expect(await call('GET', '/ping')).toMatchObject({ status: 403, text: expect.stringMatching(/^<html>/) });
    mc.faults.set({ edgeForbidden: false, unauthorized: true });
    expect((await call('GET', '/ping')).json.title).toBe('API Key Invalid');
    mc.faults.set({ unauthorized: false, gone: true });
    expect((await call('GET', list)).status).toBe(404);
    mc.faults.set({ gone: false, refuseAddresses: [email] });
    expect((await put(email)).json.detail).toBe('Please provide a valid email address.');
    mc.faults.outage = true;
    await expect(call('GET', '/ping')).rejects.toThrow();
    const control = { method: 'PUT', body: JSON.stringify({ outage: false, dropEvery: 1 }) };
    expect((await fetch(`http://127.0.0.1:${mc.port}/__sandbox/faults`, control)).status).toBe(200);
    await expect(call('GET', '/ping')).rejects.toThrow();
    mc.faults.clear();
    expect((await call('GET', '/ping')).status).toBe(200);
  });

  test('a batch that hangs after storing has been carried out', async () => {
    const { mc, audience } = await start();
    mc.faults.hangOnce = { afterStoringMs: 60_000, match: '^/3.0/lists/[^/]+$' };
    const body = JSON.stringify({ members: [person(email)], update_existing: true });
    const init = { method: 'POST', headers: bearer(sandboxMailchimpKey), body, signal: AbortSignal.timeout(100) };
    await expect(fetch(mc.url + list, init)).rejects.toThrow();
    expect(audience.member(email)?.status).toBe('subscribed');
  });
});

test('a restart with a snapshot file keeps people, tags, fields and history', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  const options = { snapshotFile: join(folder, 'mailchimp.json') };
  const first = await startMailchimp(options);
  first.audience().addByStaff(email, { tags: ['foreign'], mergeFields: { FNAME: 'Ann' } });
  first.audience().addByStaff('bob@example.org');
  first.audience().unsubscribe(email);
  first.audience().forgetByStaff('bob@example.org');
  await first.close();
  const { audience, put } = await start(options);
  expect(audience.members()).toEqual(first.audience().members());
  expect(audience.history).toEqual(first.audience().history);
  expect(audience.tags.named('FOREIGN')?.held).toBe(1);
  expect((await put('bob@example.org')).json.title).toBe('Forgotten Email Not Subscribed');
  await running.pop()?.close();
  rmSync(folder, { recursive: true });
});
