import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ClassyOptions, type SandboxClassy, sandboxOrganization, startClassy } from '../../src/sandbox/index.js';
import { type ClassyClient, createClassyClient } from '../../src/vendors/classy/client.js';
import { failureOf, nobodysUrl, startServer } from './vendor-failure.js';

const ORGANIZATION = String(sandboxOrganization.id);
const SORT = 'updated_at:desc,id:desc';
const { clientId, clientSecret } = sandboxOrganization;

let classy: SandboxClassy;
let closers: (() => Promise<void>)[];
beforeEach(() => {
  closers = [];
});
afterEach(async () => {
  for (const close of closers) await close();
});

async function start(options: ClassyOptions = {}, more: object = {}): Promise<ClassyClient> {
  classy = await startClassy({ perMinute: Number.POSITIVE_INFINITY, ...options });
  closers.push(() => classy.close());
  return clientOf(classy, more);
}
const clientOf = ({ url, tokenUrl }: { url: string; tokenUrl: string }, more: object = {}): ClassyClient =>
  createClassyClient({ url, tokenUrl, credentials: { clientId, clientSecret }, timeoutMs: 5_000, ...more });

/** A client of a server that gives tokens, and to everything else what `listener` says. */
async function answering(listener: RequestListener, token: object = { access_token: 'abc', expires_in: 3600 }) {
  const server = await startServer((request, response) => {
    if (request.url !== '/token') return listener(request, response);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(token));
  });
  closers.push(server.close);
  return clientOf({ url: `${server.url}/2.0`, tokenUrl: `${server.url}/token` });
}
const json =
  (body: string, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

const list = (client: ClassyClient) => client.list(ORGANIZATION, 'supporters', { sort: SORT });
const tokensAsked = (): number => classy.calls.filter(({ operation }) => operation === 'token').length;

describe('tokens', () => {
  test('one serves for all, and twenty requests at once ask for one', async () => {
    const client = await start();
    await Promise.all(Array.from({ length: 20 }, () => list(client)));
    await list(client);
    expect(tokensAsked()).toBe(1);
    // credentials go in the body alone
    expect(classy.calls.some(({ path }) => path.includes(clientSecret))).toBe(false);
  });

  test('is renewed before it ends, once for twenty at a time', async () => {
    const client = await start({ expiresIn: 1 });
    await list(client);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await Promise.all(Array.from({ length: 20 }, () => list(client)));
    expect(tokensAsked()).toBe(2);
    expect(classy.calls.filter(({ status }) => status === 401)).toEqual([]);
  });

  test('that was revoked is renewed once for twenty requests that meet it, all of which are answered', async () => {
    const client = await start();
    classy.organization(34).supporters.put({});
    await list(client);
    classy.revokeTokens();
    classy.faults.set({ latencyMs: 30 });
    const pages = await Promise.all(Array.from({ length: 20 }, () => list(client)));
    expect(pages.map(({ length }) => length)).toEqual(Array(20).fill(1));
    expect(tokensAsked()).toBe(2);
  });

  test('that are refused again and again end after one renewal', async () => {
    const client = await start();
    await list(client);
    classy.faults.set({ unauthorized: true });
    const before = classy.calls.length;
    expect(await failureOf(list(client))).toMatchObject({ kind: 'refused', status: 401, code: 'TOKEN' });
    expect(classy.calls.length - before).toBe(3);
    classy.faults.clear();
    expect(await list(client)).toMatchObject({ length: 0 });
  });

  test('are not given to wrong credentials: refused, and told without them', async () => {
    await start();
    const client = clientOf(classy, { credentials: { clientId, clientSecret: 'hunter2' } });
    const failure = await failureOf(list(client));
    expect(failure).toMatchObject({ kind: 'refused', status: 400, code: 'CREDENTIALS' });
    expect(failure.message).not.toMatch(/hunter2|sandbox-classy/);
    const none = clientOf(classy, { credentials: { clientId: '', clientSecret: '' } });
    expect(await failureOf(list(none))).toMatchObject({ kind: 'refused', status: 400 });
  });

  test.each([
    [{ access_token: 'abc', expires_in: '3600' }, undefined],
    [{ access_token: '', expires_in: 3600 }, 'down'],
    [{ expires_in: 3600 }, 'down'],
    [{ access_token: 'abc', expires_in: 0 }, 'down'],
    [[], 'down'],
  ])('an answer that is no token is a failure of theirs: %j', async (token, kind) => {
    const client = await answering(json('{"data":[],"total":0}'), token);
    if (kind) expect(await failureOf(list(client))).toMatchObject({ kind });
    else expect(await list(client)).toMatchObject({ total: 0 });
  });
});

describe('answers that are none', () => {
  test('what stands in front and turns us away is an error of its own', async () => {
    const client = await start();
    classy.faults.set({ edgeForbidden: true });
    expect(await failureOf(list(client))).toMatchObject({ status: 403, code: 'HTML', kind: 'down' });
  });

  test('permission that is missing is refused', async () => {
    const client = await start({
      organizations: [sandboxOrganization, { id: 35, name: 'Other', clientId: 'other', clientSecret: 'other' }],
    });
    expect(await failureOf(client.list('35', 'transactions', { sort: SORT }))).toMatchObject({
      kind: 'refused',
      status: 403,
      code: 'PERMISSION',
    });
    const foreign = classy.organization(35).supporters.put({});
    expect(await failureOf(client.read('34', 'supporters', String(foreign.id)))).toMatchObject({ status: 403 });
    expect(await client.organizations()).toEqual([
      { id: '34', name: 'Sandbox Relief', currency: 'USD', timeZone: 'America/Los_Angeles' },
    ]);
  });

  test.each([
    ['with Retry-After', '{"message":"Too Many Attempts."}', { 'retry-after': '7' }, 7_000],
    ['with the body alone', '{"message":"Too Many Attempts.","retry_after":42}', {}, 42_000],
    ['where both say, the header', '{"retry_after":42}', { 'retry-after': '1' }, 1_000],
    ['with neither', '', {}, undefined],
  ])('too many requests say when to come again: %s', async (_, body, headers, retryAfterMs) => {
    const client = await answering(json(body, 429, headers as Record<string, string>));
    const failure = await failureOf(list(client));
    expect(failure).toMatchObject({ kind: 'rate-limited' });
    expect(failure.retryAfterMs).toBe(retryAfterMs);
  });

  test.each([
    ['500', json('', 500), 'down'],
    ['503', json('{"message":"Service Unavailable"}', 503), 'down'],
    ['HTML with status 200', ((_, response) => void response.end('<html>')) as RequestListener, 'down'],
    ['truncated JSON', json('{"data":[{"id":1,"upda'), 'down'],
    ['no list', json('{"data":{"id":1}}'), 'down'],
    ['null', json('null'), 'down'],
    ['nothing', json(''), 'down'],
    ['a bad filter', json('{"error":"Invalid filter."}', 400), 'rejected'],
    ['nothing there', json('{"error":"The resource cannot be found"}', 404), 'rejected'],
    ['a redirect', json('', 302, { location: 'http://127.0.0.1:1/steal' }), 'down'],
  ])('%s', async (_, listener, kind) => {
    const client = await answering(listener as RequestListener);
    expect(await failureOf(list(client))).toMatchObject({ kind });
  });

  test('nobody answers', async () => {
    const url = await nobodysUrl();
    expect(await failureOf(list(clientOf({ url, tokenUrl: `${url}/token` })))).toMatchObject({
      kind: 'down',
      call: 'not-sent',
    });
  });

  test.each(['-1', '1.5', '"many"', 'null', '1e30'])('a total of %s does not keep the records out', async (total) => {
    const record = '{"id":1,"updated_at":"2025-01-01T00:00:00Z"}';
    const client = await answering(json(`{"data":[${record}],"total":${total},"per_page":"lots"}`));
    expect(await list(client)).toMatchObject({ length: 1, ids: [1n] });
  });
});

describe('lists', () => {
  test('are asked for whole pages, sorted, the query encoded once, transactions with their items', async () => {
    const client = await start();
    const filter = ['updated_at>=2025-04-20T00:00:00+0000', 'id>7'];
    await client.list(ORGANIZATION, 'transactions', { filter, sort: 'updated_at:asc,id:asc' });
    const { path } = classy.calls.at(-1)!;
    expect(path).toContain('filter=updated_at%3E%3D2025-04-20T00%3A00%3A00%2B0000%2Cid%3E7');
    expect(path).toContain('per_page=100');
    expect(path).toContain('with=items');
  });

  test('keep long numbers to the cent', async () => {
    const at = '"updated_at":"2025-01-01T00:00:00Z"';
    const body = `{"data":[{"id":123456789012345678,${at},"total_gross_amount":1234567890123.4567},{"id":2,${at},"total_gross_amount":0.30000000000000004},{"id":3,${at},"total_gross_amount": 52.50}]}`;
    const client = await answering(json(body));
    const { records } = await client.list(ORGANIZATION, 'transactions', { sort: SORT });
    expect(records.map(({ id, columns }) => [id, columns['total_gross_amount']])).toEqual([
      ['123456789012345678', '1234567890123.4567'],
      ['2', '0.30000000000000004'],
      ['3', '52.5'],
    ]);
  });

  test('one record that is gone is undefined', async () => {
    const client = await start();
    expect(await client.read(ORGANIZATION, 'supporters', '77')).toBeUndefined();
  });
});
