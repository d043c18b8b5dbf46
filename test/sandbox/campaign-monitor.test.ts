import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type CampaignMonitorOptions,
  type SandboxCampaignMonitor,
  startCampaignMonitor,
} from '../../src/sandbox/index.js';

const listId = 'a58ee1d3039b8bec838e6d1482a8a965';
const basic = `Basic ${Buffer.from('sandbox-cm-key:x').toString('base64')}`;
const running: SandboxCampaignMonitor[] = [];

afterEach(async () => {
  for (const cm of running.splice(0)) await cm.close();
});

async function start(options: CampaignMonitorOptions = {}) {
  const cm = await startCampaignMonitor(options);
  running.push(cm);
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = {
      method,
      headers: { authorization: basic, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const answer = await fetch(`${cm.url}${path}`, init);
    const text = await answer.text();
    return {
      status: answer.status,
      text,
      json: text.startsWith('{') || /^["[]/.test(text) ? JSON.parse(text) : undefined,
    };
  };
  const subscribe = (subscribers: unknown[], more: object = {}) =>
    call('POST', `/subscribers/${listId}/import.json`, { Subscribers: subscribers, ...more });
  return { cm, call, subscribe };
}

const person = (EmailAddress: string, more: object = {}) => ({
  EmailAddress,
  Name: 'Ann',
  ConsentToTrack: 'Unchanged',
  ...more,
});
const value = (Key: string, Value: string, more: object = {}) => ({ CustomFields: [{ Key, Value, ...more }] });
const email = 'ann@example.org';
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

describe('keys and routes', () => {
  test('the key is checked before the route, and a missing one is code 100 as well', async () => {
    const { call, cm } = await start();
    const bad = { authorization: `Basic ${Buffer.from('nobody:x').toString('base64')}` };
    expect((await call('GET', '/nothing.json', undefined, bad)).json).toEqual({
      Code: 100,
      Message: 'Invalid API Key',
    });
    expect((await fetch(`${cm.url}/systemdate.json`)).status).toBe(401);
    expect(await call('GET', '/nothing.json')).toMatchObject({ status: 404, json: { Code: 404 } });
    cm.state.revokeKey();
    expect((await call('GET', '/systemdate.json')).json.Code).toBe(100);
    cm.state.restoreKey();
    expect((await call('GET', '/systemdate.json')).status).toBe(200);
  });

  test('an unknown list is 401 with code 101, an unknown client 102, and no .json means XML', async () => {
    const { call, cm } = await start();
    expect(await call('GET', `/lists/${'0'.repeat(32)}.json`)).toMatchObject({ status: 401, json: { Code: 101 } });
    expect(await call('GET', '/clients/nobody/lists.json')).toMatchObject({ status: 401, json: { Code: 102 } });
    expect((await call('GET', `/clients/${cm.clientId}/lists.json`)).json).toEqual([
      { ListID: listId, Name: 'Sandbox list' },
    ]);
    expect((await call('GET', '/systemdate')).text).toMatch(/^<\?xml/);
    expect((await call('GET', '/systemdate', undefined, { accept: 'application/json' })).json).toHaveProperty(
      'SystemDate',
    );
  });

  test('times are in the zone of the client', async () => {
    const { call, subscribe } = await start({ now: () => new Date('2026-11-20T20:00:00Z') });
    expect((await call('GET', '/systemdate.json')).json).toEqual({ SystemDate: '2026-11-21 06:00:00' });
    await subscribe([person(email)]);
    const read = (await call('GET', `/subscribers/${listId}.json?email=${email}&includetrackingpreference=true`)).json;
    expect(read).toMatchObject({ Date: '2026-11-21 06:00:00', State: 'Active', ConsentToTrack: 'Yes' });
    expect((await call('GET', `/lists/${listId}/active.json?date=2026-11-21`)).json.TotalNumberOfRecords).toBe(1);
    expect((await call('GET', `/lists/${listId}/active.json?date=2026-11-22`)).json.TotalNumberOfRecords).toBe(0);
    expect((await call('GET', `/lists/${listId}/stats.json`)).json).toMatchObject({
      TotalActiveSubscribers: 1,
      NewActiveSubscribersToday: 1,
      NewActiveSubscribersYesterday: 0,
      TotalBounces: 0,
    });
  });
});

describe('import', () => {
  test('stores everybody with 201, and with 400 and code 210 all but the refused ones', async () => {
    const { subscribe, cm } = await start();
    expect(await subscribe([person(email)])).toMatchObject({
      status: 201,
      json: {
        FailureDetails: [],
        TotalUniqueEmailsSubmitted: 1,
        TotalExistingSubscribers: 0,
        TotalNewSubscribers: 1,
        DuplicateEmailsInSubmission: [],
      },
    });
    const mixed = await subscribe([
      person('ANN@example.org'),
      person('bob@example.org'),
      person('bob@example.org', { Name: 'Bob' }),
      person('zoë@example.org'),
    ]);
    expect(mixed.status).toBe(400);
    expect(mixed.json).toEqual({
      ResultData: {
        FailureDetails: [{ EmailAddress: 'zoë@example.org', Code: 1, Message: 'Invalid Email Address' }],
        TotalUniqueEmailsSubmitted: 3,
        TotalExistingSubscribers: 1,
        TotalNewSubscribers: 1,
        DuplicateEmailsInSubmission: ['bob@example.org'],
      },
      Code: 210,
      Message: 'Subscriber Import had some failures',
    });
    expect(cm.state.subscriber(listId, 'bob@example.org')?.name).toBe('Bob');
    expect(cm.calls.at(-1)).toMatchObject({
      operation: 'import',
      status: 400,
      addresses: expect.arrayContaining([email]),
    });
  });

  test.each([
    ['no subscribers', { Subscribers: [] }, 212],
    ['more than 1000', { Subscribers: Array.from({ length: 1001 }, (_, i) => person(`p${i}@example.org`)) }, 209],
    ['one without ConsentToTrack', { Subscribers: [person(email), { EmailAddress: 'b@example.org' }] }, 214],
    ['an odd ConsentToTrack', { Subscribers: [person(email, { ConsentToTrack: 'Maybe' })] }, 215],
    ['a boolean ConsentToTrack', { Subscribers: [person(email, { ConsentToTrack: true })] }, 400],
    ['a number as value', { Subscribers: [person(email, { CustomFields: [{ Key: 'k', Value: 1 }] })] }, 400],
    ['a value of 251 characters', { Subscribers: [person(email, value('k', 'x'.repeat(251)))] }, 400],
  ])('%s fails as a whole', async (_, body, Code) => {
    const { call, cm } = await start();
    expect(await call('POST', `/subscribers/${listId}/import.json`, body)).toMatchObject({
      status: 400,
      json: { Code },
    });
    expect(cm.state.list(listId).subscribers.size).toBe(0);
  });

  test('property names are read in any case, and consent in lower case', async () => {
    const { call, cm } = await start();
    const body = {
      subscribers: [{ emailaddress: email, consenttotrack: 'no' }],
      queueSubscriptionBasedAutoresponders: true,
    };
    expect((await call('POST', `/subscribers/${listId}/import.json`, body)).status).toBe(201);
    expect(cm.state.subscriber(listId, email)?.consentToTrack).toBe('No');
    expect(cm.state.automationsQueued).toEqual([email]);
  });

  test('1,000 people at a time make 50,000 that are paged quickly', async () => {
    const { subscribe, call } = await start();
    const began = performance.now();
    for (let k = 0; k < 50; k += 1) {
      await subscribe(Array.from({ length: 1000 }, (_, i) => person(`p${k * 1000 + i}@example.org`)));
    }
    const seen = new Set<string>();
    for (let page = 1; page <= 50; page += 1) {
      const { json } = await call('GET', `/lists/${listId}/active.json?page=${page}&orderfield=email`);
      for (const { EmailAddress } of json.Results) seen.add(EmailAddress);
    }
    expect(seen.size).toBe(50_000);
    expect(performance.now() - began).toBeLessThan(6_000);
  });
});

describe('states', () => {
  type Arrange = (cm: SandboxCampaignMonitor) => void;
  const added =
    (then: Arrange = () => {}): Arrange =>
    (cm) => {
      cm.state.addByStaff(listId, email);
      then(cm);
    };
  const arranged: Record<string, Arrange> = {
    'not on list': () => {},
    Active: added(),
    Unsubscribed: added((cm) => cm.state.unsubscribe(listId, email)),
    Deleted: added((cm) => cm.state.deleteByStaff(listId, email)),
    Bounced: added((cm) => cm.state.bounce(listId, email)),
    Unconfirmed: (cm) => void cm.state.create(cm.state.list(listId), email, 'Unconfirmed', 'Signed up'),
    suppressed: (cm) => cm.state.suppress(email),
  };

  test.each([
    ['not on list', false, undefined, 'Active'],
    ['not on list', true, undefined, 'Active'],
    ['Active', false, undefined, 'Active'],
    ['Active', true, undefined, 'Active'],
    ['Unsubscribed', false, 206, 'Unsubscribed'],
    ['Unsubscribed', true, undefined, 'Active'],
    ['Deleted', false, 205, 'Deleted'],
    ['Deleted', true, undefined, 'Active'],
    ['Bounced', false, 207, 'Bounced'],
    ['Bounced', true, undefined, 'Active'],
    ['Unconfirmed', false, 208, 'Unconfirmed'],
    ['Unconfirmed', true, undefined, 'Unconfirmed'],
    ['suppressed', false, 204, undefined],
    ['suppressed', true, undefined, 'Active'],
  ])('somebody %s, imported with Resubscribe %s: code %s, then %s', async (before, Resubscribe, code, after) => {
    const { cm, subscribe } = await start({ lists: [{ listId, title: 'L', unsubscribeSetting: 'AllClientLists' }] });
    arranged[before]?.(cm);
    const { json } = await subscribe([person(email, { Name: 'New' })], { Resubscribe });
    expect(json.ResultData?.FailureDetails[0]?.Code).toBe(code);
    expect(cm.state.subscriber(listId, email)?.state).toBe(after);
    if (code) expect(cm.state.subscriber(listId, email)?.name).not.toBe('New');
    else expect(cm.state.subscriber(listId, email)?.name).toBe('New');
  });

  test('a double opt-in list mails everybody new, a person who comes back counts as existing', async () => {
    const { cm, subscribe } = await start({ lists: [{ listId, title: 'L', confirmedOptIn: true }] });
    await subscribe([person(email)]);
    expect(cm.state.subscriber(listId, email)?.state).toBe('Unconfirmed');
    await subscribe([person(email)], { Resubscribe: true });
    expect(cm.state.confirmationMails).toEqual([email, email]);
    cm.state.deleteByStaff(listId, email);
    const back = await subscribe([person(email)], { Resubscribe: true, QueueSubscriptionBasedAutoResponders: true });
    expect(back.json).toMatchObject({ TotalExistingSubscribers: 1, TotalNewSubscribers: 0 });
    expect(cm.state.automationsQueued).toEqual([email]);
  });

  test('unsubscribing on an AllClientLists list takes the person off every list of the client', async () => {
    const other = 'b'.repeat(32);
    const { cm, call, subscribe } = await start({
      lists: [
        { listId, title: 'A', unsubscribeSetting: 'AllClientLists' },
        { listId: other, title: 'B' },
      ],
    });
    cm.state.addByStaff(listId, email);
    cm.state.addByStaff(other, email);
    expect((await call('POST', `/subscribers/${listId}/unsubscribe.json`, { EmailAddress: email })).status).toBe(200);
    expect(cm.state.subscriber(other, email)?.state).toBe('Unsubscribed');
    const suppressed = await call('GET', `/clients/${cm.clientId}/suppressionlist.json`);
    expect(suppressed.json.Results).toMatchObject([
      { EmailAddress: email, State: 'Suppressed', SuppressionReason: 'Unsubscribed' },
    ]);
    expect((await subscribe([person(email)])).json.ResultData.FailureDetails[0].Code).toBe(206);
  });

  test('a deleted subscriber is still read, and only a change of state moves its date', async () => {
    let time = Date.parse('2026-11-20T00:00:00Z');
    const { call, subscribe } = await start({ now: () => new Date(time), timeZoneOffsetMinutes: 0 });
    await subscribe([person(email)]);
    time += 60_000;
    await subscribe([person(email, { Name: 'Anna' })]);
    const read = async () => (await call('GET', `/subscribers/${listId}.json?email=${email}`)).json;
    expect(await read()).toMatchObject({ Name: 'Anna', Date: '2026-11-20 00:00:00' });
    expect((await call('DELETE', `/subscribers/${listId}.json?email=${email}`)).text).toBe('');
    expect(await read()).toMatchObject({
      State: 'Deleted',
      Date: '2026-11-20 00:01:00',
      ListJoinedDate: '2026-11-20 00:00:00',
    });
    expect((await call('GET', `/subscribers/${listId}.json?email=nobody@example.org`)).json.Code).toBe(203);
  });
});

describe('update and add', () => {
  test('an update moves an address, never creates, and refuses a taken or malformed one', async () => {
    const { cm, call, subscribe } = await start();
    await subscribe([person(email), person('bob@example.org')]);
    const put = (old: string, next: string) =>
      call('PUT', `/subscribers/${listId}.json?email=${encodeURIComponent(old)}`, person(next));
    expect((await put(email, 'bob@example.org')).json.Code).toBe(201);
    expect((await put('nobody@example.org', email)).json.Code).toBe(203);
    expect((await put(email, 'not an address')).json.Code).toBe(211);
    expect(await put(email, 'Ann+new@example.org')).toMatchObject({ status: 200, text: '' });
    expect(cm.state.subscriber(listId, email)).toBeUndefined();
    expect(cm.state.subscriber(listId, 'ann+new@example.org')?.email).toBe('Ann+new@example.org');
    cm.state.unsubscribe(listId, 'bob@example.org');
    expect((await put('bob@example.org', 'bob@example.org')).status).toBe(200);
    expect(cm.state.subscriber(listId, 'bob@example.org')?.state).toBe('Unsubscribed');
  });

  test('a single add is answered before it is visible', async () => {
    const { cm, call } = await start({ addDelayMs: 20 });
    const added = await call('POST', `/subscribers/${listId}.json`, person(email));
    expect(added).toMatchObject({ status: 201, json: email });
    expect(cm.state.subscriber(listId, email)).toBeUndefined();
    await until(() => cm.state.subscriber(listId, email) !== undefined);
  });
});

describe('custom fields', () => {
  test('a key is the name without spaces in brackets, and a second of that key is code 255', async () => {
    const { call } = await start();
    const add = (body: object) => call('POST', `/lists/${listId}/customfields.json`, body);
    expect(await add({ FieldName: 'Signup date', DataType: 'Date' })).toMatchObject({
      status: 201,
      json: '[Signupdate]',
    });
    expect((await add({ FieldName: 'signup Date', DataType: 'Text' })).json.Code).toBe(255);
    expect((await add({ FieldName: 'x', DataType: 'Text', Options: ['a'] })).json.Code).toBe(256);
    expect((await add({ FieldName: 'x', DataType: 'MultiSelectOne' })).json.Code).toBe(257);
    expect((await add({ FieldName: 'x', DataType: 'Blob' })).json.Code).toBe(259);
    expect((await call('GET', `/lists/${listId}/customfields.json`)).json).toEqual([
      {
        FieldName: 'Signup date',
        Key: '[Signupdate]',
        DataType: 'Date',
        FieldOptions: [],
        VisibleInPreferenceCenter: false,
      },
    ]);
    expect((await call('DELETE', `/lists/${listId}/customfields/Signupdate.json`)).json.Code).toBe(253);
    expect((await call('DELETE', `/lists/${listId}/customfields/%5BSignupdate%5D.json`)).status).toBe(200);
  });

  test('unknown keys and dates out of range are lost silently, other fields stay, Clear clears', async () => {
    const { cm, call, subscribe } = await start();
    const fields = [
      { FieldName: 'status', DataType: 'Text' },
      { FieldName: 'born', DataType: 'Date' },
      { FieldName: 'labels', DataType: 'MultiSelectMany', Options: ['vip', 'press', 'old'] },
    ];
    for (const field of fields) await call('POST', `/lists/${listId}/customfields.json`, field);
    const values = (...CustomFields: object[]) => subscribe([person(email, { CustomFields })]);
    const read = async () => (await call('GET', `/subscribers/${listId}.json?email=${email}`)).json.CustomFields;
    await values(
      { Key: '[status]', Value: 'paid' },
      { Key: 'nowhere', Value: 'x' },
      { Key: 'born', Value: '2010/03/09' },
      { Key: 'labels', Value: 'vip' },
      { Key: 'labels', Value: 'press' },
    );
    const all = [
      { Key: 'status', Value: 'paid' },
      { Key: 'born', Value: '2010-03-09' },
      { Key: 'labels', Value: 'vip' },
      { Key: 'labels', Value: 'press' },
    ];
    expect(await read()).toEqual(all);
    await values({ Key: 'born', Value: '2077/01/01' });
    expect(await read()).toEqual(all);
    await values({ Key: 'labels', Value: 'old' }, { Key: 'born', Value: '0000-00-00' });
    expect(await read()).toEqual([
      { Key: 'status', Value: 'paid' },
      { Key: 'labels', Value: 'old' },
    ]);
    await values({ Key: 'labels', Value: '', Clear: true }, { Key: 'status', Value: '' });
    expect(await read()).toEqual([{ Key: 'status', Value: 'paid' }]);
    expect(cm.state.writesOf(listId, email).map(({ fields: stored }) => stored['born'])).toEqual([
      '2010-03-09',
      undefined,
      '',
      undefined,
    ]);
  });
});

describe('pages', () => {
  test.each([
    ['page=0', 800],
    ['page=x', 800],
    ['pagesize=9', 801],
    ['pagesize=1001', 801],
    ['orderfield=joined', 802],
    ['orderdirection=up', 803],
    ['date=21/11/2026', 5],
  ])('%s is code %d', async (query, Code) => {
    const { call } = await start();
    expect(await call('GET', `/lists/${listId}/active.json?${query}`)).toMatchObject({ status: 400, json: { Code } });
  });

  test('a page tells where it is, and a state has its own pages', async () => {
    const { cm, call, subscribe } = await start();
    await subscribe(Array.from({ length: 25 }, (_, i) => person(`p${String(i).padStart(2, '0')}@example.org`)));
    cm.state.unsubscribe(listId, 'p00@example.org');
    const { json } = await call(
      'GET',
      `/lists/${listId}/active.json?page=3&pagesize=10&orderfield=email&orderdirection=desc`,
    );
    expect(json).toMatchObject({
      ResultsOrderedBy: 'email',
      OrderDirection: 'desc',
      PageNumber: 3,
      PageSize: 10,
      RecordsOnThisPage: 4,
      TotalNumberOfRecords: 24,
      NumberOfPages: 3,
    });
    expect(json.Results.at(-1).EmailAddress).toBe('p01@example.org');
    expect((await call('GET', `/lists/${listId}/unsubscribed.json`)).json.Results).toHaveLength(1);
  });
});

describe('faults', () => {
  test('every third request fails, with the headers and body that were set', async () => {
    const { cm, call } = await start();
    cm.faults.failEvery = { nth: 3, status: 429, headers: { 'x-ratelimit-reset': '7' } };
    const statuses: number[] = [];
    for (let k = 0; k < 6; k += 1) statuses.push((await call('GET', '/systemdate.json')).status);
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429]);
    cm.faults.failEvery = { nth: 1, status: 503, body: 'html', match: 'stats' };
    expect((await call('GET', '/systemdate.json')).status).toBe(200);
    expect((await call('GET', `/lists/${listId}/stats.json`)).text).toMatch(/^<html>/);
  });

  test('refused and poisoned addresses, a list that is gone, an outage', async () => {
    const { cm, call, subscribe } = await start();
    cm.faults.set({ refuseAddresses: ['Ann@example.org'], poisonAddresses: ['bad@example.org'] });
    expect((await subscribe([person(email), person('b@example.org')])).json.ResultData.FailureDetails).toMatchObject([
      { Code: 1 },
    ]);
    expect((await subscribe([person('bad@example.org'), person('c@example.org')])).status).toBe(500);
    expect(cm.state.subscriber(listId, 'c@example.org')).toBeUndefined();
    cm.faults.gone = true;
    expect((await call('GET', `/lists/${listId}.json`)).json.Code).toBe(101);
    cm.faults.outage = true;
    await expect(call('GET', '/systemdate.json')).rejects.toThrow();
    cm.faults.clear();
    expect((await call('GET', `/lists/${listId}.json`)).status).toBe(200);
  });

  test('a call that hangs before storing lands although its client is gone; one that hangs after storing is stored at once', async () => {
    const { cm, subscribe } = await start();
    const impatient = (body: object) =>
      fetch(`${cm.url}/subscribers/${listId}/import.json`, {
        method: 'POST',
        headers: { authorization: basic },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(30),
      });
    cm.faults.hangOnce = { beforeStoringMs: 80 };
    await expect(impatient({ Subscribers: [person(email, { Name: 'Late' })] })).rejects.toThrow();
    expect(cm.state.subscriber(listId, email)).toBeUndefined();
    await subscribe([person(email, { Name: 'Newer' })]);
    await until(() => cm.state.writesOf(listId, email).length === 2);
    expect(cm.state.writesOf(listId, email).map(({ name }) => name)).toEqual(['Newer', 'Late']);
    cm.faults.hangOnce = { afterStoringMs: 60_000 };
    await expect(impatient({ Subscribers: [person('bob@example.org')] })).rejects.toThrow();
    expect(cm.state.subscriber(listId, 'bob@example.org')?.state).toBe('Active');
  });

  test('faults are set over HTTP, even during an outage, and nonsense is refused', async () => {
    const { cm, call } = await start();
    const control = (body: object) =>
      fetch(`http://127.0.0.1:${cm.port}/__sandbox/faults`, { method: 'PUT', body: JSON.stringify(body) });
    expect((await control({ outage: true, latencyMs: 5 })).status).toBe(200);
    await expect(call('GET', '/systemdate.json')).rejects.toThrow();
    expect((await control({ outage: 'yes' })).status).toBe(400);
    expect(await (await control({ outage: false, html: true })).json()).toMatchObject({
      outage: false,
      html: true,
      latencyMs: 5,
    });
    expect(await call('GET', '/systemdate.json')).toMatchObject({
      status: 502,
      text: expect.stringContaining('<html>'),
    });
  });
});

test('a restart with a snapshot file keeps lists, fields and people', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  const options = { snapshotFile: join(folder, 'cm.json') };
  const first = await startCampaignMonitor(options);
  first.state.addByStaff(listId, email, { status: 'paid' }, 'Ann');
  first.state.unsubscribe(listId, email);
  await first.close();
  const { cm } = await start(options);
  expect(cm.state.subscriber(listId, email)).toEqual(first.state.subscriber(listId, email));
  await running.pop()?.close();
  rmSync(folder, { recursive: true });
});
