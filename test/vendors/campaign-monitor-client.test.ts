import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sandboxListId as listId, type SandboxCampaignMonitor, startCampaignMonitor } from '../../src/sandbox/index.js';
import { type CampaignMonitorClient, createCampaignMonitorClient } from '../../src/vendors/campaign-monitor/client.js';
import type { ImportSubscriber } from '../../src/vendors/campaign-monitor/schema.js';
import { failureOf, nobodysUrl, startServer } from './vendor-failure.js';

let cm: SandboxCampaignMonitor;
let client: CampaignMonitorClient;
let closers: (() => Promise<void>)[];
beforeEach(async () => {
  cm = await startCampaignMonitor();
  closers = [() => cm.close()];
  client = clientOf(cm.url);
});
afterEach(async () => {
  for (const close of closers) await close();
});

const clientOf = (url: string, more: object = {}): CampaignMonitorClient =>
  createCampaignMonitorClient({ url, apiKey: 'sandbox-cm-key', timeoutMs: 5_000, ...more });
async function answering(listener: RequestListener): Promise<CampaignMonitorClient> {
  const server = await startServer(listener);
  closers.push(server.close);
  return clientOf(server.url);
}
const person = (EmailAddress: string, more: Partial<ImportSubscriber> = {}): ImportSubscriber => ({
  EmailAddress,
  Name: 'Ann',
  ConsentToTrack: 'Unchanged',
  CustomFields: [],
  ...more,
});
const flags = { resubscribe: false, queueAutoresponders: false };
const importOne = (email = 'ann@example.org') => client.importSubscribers(listId, [person(email)], flags);

describe('writing and reading', () => {
  test('an import that is stored whole', async () => {
    expect(await importOne()).toMatchObject({
      FailureDetails: [],
      TotalNewSubscribers: 1,
      TotalUniqueEmailsSubmitted: 1,
    });
    expect(await client.readSubscriber(listId, 'ANN@example.org')).toMatchObject({
      EmailAddress: 'ann@example.org',
      State: 'Active',
    });
  });

  test('an import with some refused is a result, not a failure', async () => {
    const result = await client.importSubscribers(
      listId,
      [person('ann@example.org'), person('zoë@example.org')],
      flags,
    );
    expect(result).toMatchObject({
      FailureDetails: [{ EmailAddress: 'zoë@example.org', Code: 1 }],
      TotalNewSubscribers: 1,
    });
    expect(cm.state.subscriber(listId, 'ann@example.org')).toBeDefined();
  });

  test('an address with signs of its own is read and written under exactly that address', async () => {
    const odd = "o'brien+news&co@example.org";
    await importOne(odd);
    expect(await client.readSubscriber(listId, odd)).toMatchObject({ EmailAddress: odd });
    await client.updateSubscriber(listId, odd, person(odd, { Name: 'Bea' }));
    await client.deleteSubscriber(listId, odd);
    expect(cm.state.subscriber(listId, odd)).toMatchObject({ name: 'Bea', state: 'Deleted' });
  });

  test('who is not on the list reads as undefined', async () => {
    expect(await client.readSubscriber(listId, 'nobody@example.org')).toBeUndefined();
  });

  test('a deleted subscriber is still read, with its state', async () => {
    await importOne();
    await client.deleteSubscriber(listId, 'ann@example.org');
    expect(await client.readSubscriber(listId, 'ann@example.org')).toMatchObject({ State: 'Deleted' });
  });

  test('an update never resubscribes and never creates', async () => {
    await importOne();
    cm.state.unsubscribe(listId, 'ann@example.org');
    await client.updateSubscriber(listId, 'ann@example.org', person('bea@example.org'));
    expect(cm.state.subscriber(listId, 'bea@example.org')).toMatchObject({ state: 'Unsubscribed' });
    expect(
      await failureOf(client.updateSubscriber(listId, 'ann@example.org', person('ann@example.org'))),
    ).toMatchObject({ kind: 'rejected', code: 203 });
  });

  test('a list with its counts and fields', async () => {
    await importOne();
    await client.createCustomField(listId, 'ghost_status', 'Text');
    expect(await client.readList(listId)).toMatchObject({ Title: 'Sandbox list', ConfirmedOptIn: false });
    expect(await client.readStats(listId)).toEqual({ TotalActiveSubscribers: 1 });
    expect(await client.readCustomFields(listId)).toMatchObject([{ FieldName: 'ghost_status', DataType: 'Text' }]);
    expect(
      cm.calls.find(({ operation, method }) => method === 'POST' && operation.includes('field'))?.body,
    ).toMatchObject({ VisibleInPreferenceCenter: false });
  });

  test('nothing is ever unsubscribed, added one by one, or asked of the client', async () => {
    await importOne();
    await client.deleteSubscriber(listId, 'ann@example.org');
    expect(cm.calls.map(({ operation }) => operation)).toEqual(['import', 'subscriber.delete']);
  });
});

describe('reading in bulk', () => {
  const other = 'b58ee1d3039b8bec838e6d1482a8a965';
  const addMany = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => {
      const email = `p${String(index).padStart(5, '0')}@example.org`;
      cm.state.addByStaff(listId, email, {}, 'Ann');
      return email;
    });
  const recording = async (answer: (path: string) => unknown): Promise<[CampaignMonitorClient, string[]]> => {
    const asked: string[] = [];
    const recorded = await answering((request, response) => {
      asked.push(request.url ?? '');
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer(request.url ?? '')));
    });
    return [recorded, asked];
  };

  test('2,500 active ones stand on three pages, by address', async () => {
    const emails = addMany(2_500);
    const pages = await Promise.all([1, 2, 3].map((page) => client.readListPage(listId, 'active', page)));
    expect(pages.map(({ Results, NumberOfPages }) => [Results.length, NumberOfPages])).toEqual([
      [1000, 3],
      [1000, 3],
      [500, 3],
    ]);
    expect(pages.flatMap(({ Results }) => Results.map(({ EmailAddress }) => EmailAddress))).toEqual(emails);
    expect(pages[0]?.Results[0]).toMatchObject({ Name: 'Ann', State: 'Active', CustomFields: [] });
  });

  test('a state in which nobody is has no page, and a page behind the last one is empty', async () => {
    addMany(1);
    expect(await client.readListPage(listId, 'bounced', 1)).toMatchObject({ Results: [], NumberOfPages: 0 });
    expect(await client.readListPage(listId, 'active', 2)).toMatchObject({ Results: [], NumberOfPages: 1 });
  });

  test('the suppression list tells why and since when', async () => {
    cm.state.suppress('zoe@example.org', 'Bounced');
    cm.state.suppress('ann@example.org');
    const { Results, NumberOfPages } = await client.readSuppressionPage(cm.clientId, 1);
    expect(NumberOfPages).toBe(1);
    expect(Results).toEqual([
      { EmailAddress: 'ann@example.org', Date: expect.any(String), SuppressionReason: 'Reason Unavailable' },
      { EmailAddress: 'zoe@example.org', Date: expect.any(String), SuppressionReason: 'Bounced' },
    ]);
  });

  test('pages are asked for by address and as large as they may be', async () => {
    const [asking, asked] = await recording(() => ({ Results: [], NumberOfPages: 0 }));
    await asking.readListPage('x', 'unsubscribed', 1);
    await asking.readSuppressionPage('y', 2);
    const query = 'pagesize=1000&orderfield=email&orderdirection=asc';
    expect(asked).toEqual([
      `/lists/x/unsubscribed.json?page=1&${query}`,
      `/clients/y/suppressionlist.json?page=2&${query}`,
    ]);
  });

  test('a page that is not the one asked for is down', async () => {
    const [repeating] = await recording(() => ({ Results: [], PageNumber: 1, NumberOfPages: 3 }));
    expect(await failureOf(repeating.readListPage(listId, 'active', 2))).toMatchObject({
      ...{ operation: 'lists.page', kind: 'down', status: 200, code: 'PAGE_REPEATS' },
    });
  });

  test('a page that is not Campaign Monitor’s is down, and a wrong key refused', async () => {
    const [other] = await recording(() => ({ hello: 'world' }));
    expect(await failureOf(other.readListPage(listId, 'active', 1))).toMatchObject({ kind: 'down' });
    expect(await failureOf(other.readSuppressionPage('y', 1))).toMatchObject({
      ...{ operation: 'clients.suppressionlist', kind: 'down' },
    });
    cm.state.revokeKey();
    expect(await failureOf(client.readListPage(listId, 'active', 1))).toMatchObject({ kind: 'refused' });
    expect(await failureOf(client.findClientOf(listId))).toMatchObject({ kind: 'refused' });
  });

  test('the client of a list is found in whatever letters, and never read itself', async () => {
    expect(await client.findClientOf(listId.toUpperCase())).toBe(cm.clientId);
    expect(await client.findClientOf(other)).toBeUndefined();
    expect(new Set(cm.calls.map(({ operation }) => operation))).toEqual(new Set(['clients.list', 'client.lists']));
  });

  test('of many clients only those up to the right one are asked', async () => {
    const [asking, asked] = await recording((path) => {
      if (path === '/clients.json') return ['a', 'b', 'c'].map((ClientID) => ({ ClientID, Name: 'x' }));
      return path === '/clients/b/lists.json' ? [{ ListID: other }, { ListID: listId }] : [];
    });
    expect(await asking.findClientOf(listId)).toBe('b');
    expect(asked).toEqual(['/clients.json', '/clients/a/lists.json', '/clients/b/lists.json']);
  });
});

describe('failures of the stand-in', () => {
  type Case = [name: string, arrange: () => void, expected: object];
  const cases: Case[] = [
    [
      'a revoked key is refused',
      () => cm.state.revokeKey(),
      { kind: 'refused', call: 'answered', status: 401, code: 100 },
    ],
    [
      'a list that is gone is refused',
      () => cm.faults.set({ gone: true }),
      { kind: 'refused', status: 401, code: 101 },
    ],
    [
      'HTTP 500 is down',
      () => cm.faults.set({ failEvery: { nth: 1, status: 500 } }),
      { kind: 'down', call: 'answered', status: 500 },
    ],
    [
      'HTTP 503 in HTML is down',
      () => cm.faults.set({ failEvery: { nth: 1, status: 503, body: 'html' } }),
      { kind: 'down', status: 503 },
    ],
    ['HTML of a proxy is down', () => cm.faults.set({ html: true }), { kind: 'down', status: 502 }],
    [
      '429 without a time is rate-limited',
      () => cm.faults.set({ failEvery: { nth: 1, status: 429 } }),
      { kind: 'rate-limited', status: 429, retryAfterMs: undefined },
    ],
    [
      '429 with a reset is rate-limited for so long',
      () => cm.faults.set({ failEvery: { nth: 1, status: 429, headers: { 'x-ratelimit-reset': '30' } } }),
      { kind: 'rate-limited', retryAfterMs: 30_000 },
    ],
    [
      'a poisonous contact fails the whole import',
      () => cm.faults.set({ poisonAddresses: ['ann@example.org'] }),
      { kind: 'down', status: 500 },
    ],
    [
      'a connection cut off is down, and what became of the call unknown',
      () => cm.faults.set({ outage: true }),
      { kind: 'down', call: 'unknown' },
    ],
  ];
  test.each(cases)('%s', async (_name, arrange, expected) => {
    arrange();
    const failure = await failureOf(importOne());
    expect(failure).toMatchObject({ vendor: 'campaign-monitor', operation: 'subscribers.import', ...expected });
    expect(failure.message).not.toMatch(/ann|example/i);
  });

  test('a whole import that is declined is rejected with its code', async () => {
    const none = client.importSubscribers(listId, [], flags);
    expect(await failureOf(none)).toMatchObject({ kind: 'rejected', call: 'answered', status: 400, code: 212 });
  });

  test.each([
    ['beforeStoringMs', false],
    ['afterStoringMs', true],
  ] as const)('an import that hangs (%s) is a time-out of which nothing is known', async (when, isStored) => {
    cm.faults.set({ hangOnce: { [when]: 3_000 } });
    const failure = await failureOf(
      clientOf(cm.url, { timeoutMs: 80 }).importSubscribers(listId, [person('ann@example.org')], flags),
    );
    expect(failure).toMatchObject({ kind: 'down', call: 'unknown' });
    expect(cm.state.subscriber(listId, 'ann@example.org') !== undefined).toBe(isStored);
  });

  test('nobody listening is down, and nothing was sent', async () => {
    expect(await failureOf(clientOf(await nobodysUrl()).readList(listId))).toMatchObject({
      kind: 'down',
      call: 'not-sent',
    });
  });
});

describe('answers that are not Campaign Monitor’s own', () => {
  const json =
    (status: number, body: unknown): RequestListener =>
    (_request, response) => {
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    };
  const cases: [name: string, listener: RequestListener, expected: object][] = [
    ['broken JSON', json(201, '{"FailureDetails":['), { kind: 'down' }],
    ['an empty body after an import', json(201, ''), { kind: 'down', call: 'unknown' }],
    ['JSON of something else', json(201, { hello: 'world' }), { kind: 'down', call: 'unknown' }],
    ['code 210 without its results', json(400, { Code: 210, Message: 'x' }), { kind: 'down', call: 'unknown' }],
    ['HTML with status 403 of a firewall', json(403, '<html>'), { kind: 'down', status: 403 }],
    ['a 401 without a code', json(401, {}), { kind: 'refused', status: 401 }],
    ['a 404 without a code', json(404, {}), { kind: 'down', status: 404 }],
    [
      'the code of a wrong key under status 400',
      json(400, { Code: 100, Message: 'x' }),
      { kind: 'refused', code: 100 },
    ],
    [
      'the code of a wrong list under status 400',
      json(400, { Code: 101, Message: 'x' }),
      { kind: 'refused', code: 101 },
    ],
    ['an expired token', json(401, { Code: 121, Message: 'x' }), { kind: 'refused', code: 121 }],
    [
      'a code that nobody knows',
      json(400, { Code: 999, Message: 'ann@example.org is odd' }),
      { kind: 'rejected', code: 999 },
    ],
    [
      'a time-out of a gateway, behind which the import may go on',
      json(504, '<html>'),
      { kind: 'down', call: 'unknown', status: 504 },
    ],
  ];
  test.each(cases)('%s', async (_name, listener, expected) => {
    const failure = await failureOf(
      (await answering(listener)).importSubscribers(listId, [person('ann@example.org')], flags),
    );
    expect(failure).toMatchObject(expected);
    expect(failure.message).not.toContain('example.org');
  });
});
