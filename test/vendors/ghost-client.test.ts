import { createHmac } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type SandboxGhost, startGhost } from '../../src/sandbox/index.js';
import { adminToken, createGhostClient, type GhostClient, type MembersPage } from '../../src/vendors/ghost/client.js';
import { toFacts } from '../../src/vendors/ghost/member-facts.js';
import { failureOf, nobodysUrl, startServer } from './vendor-failure.js';

let ghost: SandboxGhost;
let client: GhostClient;
let closers: (() => Promise<void>)[];
beforeEach(async () => {
  ghost = await startGhost();
  closers = [() => ghost.close()];
  client = clientOf(ghost.url);
});
afterEach(async () => {
  for (const close of closers) await close();
});

const clientOf = (url: string, more: object = {}): GhostClient =>
  createGhostClient({ url, adminApiKey: ghost.adminApiKey, timeoutMs: 5_000, ...more });
async function answering(listener: RequestListener): Promise<GhostClient> {
  const server = await startServer(listener);
  closers.push(server.close);
  return clientOf(server.url);
}

describe('reading', () => {
  test('a member is told with every fact', async () => {
    const { id } = ghost.members.add({ email: 'Ann@example.org', name: 'Ann', labels: ['VIP', 'press'] });
    const member = await client.readMember(id);
    expect(member && toFacts(member)).toMatchObject({
      email: 'Ann@example.org',
      name: 'Ann',
      status: 'free',
      labels: ['VIP', 'press'],
      emailEnabled: true,
      suppressed: false,
    });
  });

  test('a member that Ghost says it has not is undefined', async () => {
    expect(await client.readMember('0'.repeat(24))).toBeUndefined();
  });

  test('the key is probed and the version read, the latter without a key', async () => {
    await client.probe();
    ghost.revokeKey();
    expect(await client.site()).toMatchObject({ version: '6.65' });
    expect(await failureOf(client.probe())).toMatchObject({ kind: 'refused' });
  });

  test('a URL with slashes at its end and a subdirectory is asked at the right place', async () => {
    const asked: (string | undefined)[] = [];
    const server = await startServer((request, response) => {
      asked.push(request.url);
      response.setHeader('content-type', 'application/json').end('{"members":[]}');
    });
    closers.push(server.close);
    await clientOf(`${server.url}/blog//`).probe();
    expect(asked).toEqual(['/blog/ghost/api/admin/members/?limit=1']);
  });
});

describe('reading in bulk', () => {
  const addMany = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => ghost.members.add({ email: `p${index}@example.org` }).id);
  const idsOf = ({ members }: MembersPage): string[] => members.map(({ id }) => id);
  async function walk(client: GhostClient): Promise<{ ids: string[]; sizes: number[] }> {
    const [ids, sizes]: [string[], number[]] = [[], []];
    for (let page: MembersPage | undefined; page?.members.length !== 0; sizes.push(page.members.length)) {
      page = await client.membersAfter(ids.at(-1));
      ids.push(...idsOf(page));
    }
    return { ids, sizes };
  }
  const member = (id: string, more: object = {}) => ({
    ...{ id, email: `${id}@example.org`, created_at: '2026-11-21T21:30:36.000Z' },
    ...more,
  });
  const id = (digit: number): string => String(digit).padStart(24, '0');
  const page = (...members: unknown[]): Promise<GhostClient> =>
    answering((_request, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ members }));
    });

  test.each([
    [0, [0]],
    [1, [1, 0]],
    [100, [100, 0]],
    [101, [100, 1, 0]],
    [250, [100, 100, 50, 0]],
  ])('a walk over %i members finds each once and ends on an empty page', async (count, sizes) => {
    const ids = addMany(count);
    expect(await walk(client)).toEqual({ ids, sizes });
  });

  test('a walk misses nobody while members behind it are deleted and new ones sign up', async () => {
    const ids = addMany(150);
    const first = await client.membersAfter(undefined);
    ghost.members.bulkDelete(ids.slice(0, 30));
    const { id: newcomer } = ghost.members.add({ email: 'new@example.org' });
    expect(idsOf(await client.membersAfter(idsOf(first).at(-1)))).toEqual([...ids.slice(100), newcomer]);
  });

  test('a member is told with every fact', async () => {
    const { id } = ghost.members.add({ email: 'Ann@example.org', name: 'Ann', labels: ['VIP'] });
    for (const { members, unreadable } of [await client.membersAfter(undefined), await client.membersByIds([id])]) {
      expect(members).toEqual([await client.readMember(id)]);
      expect(unreadable).toEqual([]);
    }
  });

  test('what is asked for is encoded and as the notes say', async () => {
    const asked: (string | undefined)[] = [];
    const recording = await answering((request, response) => {
      asked.push(request.url);
      response.setHeader('content-type', 'application/json').end('{"members":[]}');
    });
    await recording.membersAfter(undefined);
    await recording.membersAfter(id(7));
    await recording.membersByIds([id(1), "o'b"]);
    const [first, second, third] = asked.map((url) => new URL(url ?? '', 'http://ghost').searchParams);
    expect(asked.every((url) => url?.startsWith('/ghost/api/admin/members/?filter=id%3A'))).toBe(true);
    const rest = { order: 'id asc', limit: '100', include: 'tiers' };
    expect(Object.fromEntries(first!)).toEqual({ filter: `id:>'${id(0)}'`, ...rest });
    expect(Object.fromEntries(second!)).toEqual({ filter: `id:>'${id(7)}'`, ...rest });
    expect(Object.fromEntries(third!)).toEqual({ filter: `id:['${id(1)}','o\\'b']`, limit: '100' });
  });

  test('of a hundred ids those deleted in between are left out', async () => {
    const ids = addMany(101);
    ghost.members.bulkDelete(ids.slice(10, 20));
    const { members, unreadable } = await client.membersByIds(ids.slice(0, 100));
    expect(new Set(members.map((one) => one.id))).toEqual(new Set([...ids.slice(0, 10), ...ids.slice(20, 100)]));
    expect([members.length, unreadable]).toEqual([90, []]);
  });

  test('no ids cost no call, and too many are never cut off in silence', async () => {
    expect(await client.membersByIds([])).toEqual({ members: [], unreadable: [] });
    await expect(client.membersByIds(Array.from({ length: 101 }, (_, index) => id(index)))).rejects.toThrow(RangeError);
    expect(ghost.calls).toEqual([]);
  });

  test('a member that cannot be read costs only itself', async () => {
    const odd = await page(member(id(1)), member(id(2), { email: null }), member(id(3)), { id: id(4) });
    for (const found of [await odd.membersAfter(undefined), await odd.membersByIds([1, 2, 3, 4].map(id))])
      expect([idsOf(found), found.unreadable]).toEqual([
        [id(1), id(3)],
        [id(2), id(4)],
      ]);
  });

  type Case = [name: string, members: unknown[], code: string | undefined];
  const odd: Case[] = [
    ['an entry without an id', [member(id(6)), { email: 'ann@example.org' }], undefined],
    ['an id that is no text', [{ ...member(id(6)), id: 6 }], undefined],
    ['an entry that is nothing', [null], undefined],
    ['the page of before', [member(id(5))], 'PAGE_REPEATS'],
    ['a page that begins before', [member(id(4)), member(id(6))], 'PAGE_REPEATS'],
    ['somebody twice', [member(id(6)), member(id(6))], 'PAGE_REPEATS'],
    ['another order', [member(id(7)), member(id(6))], 'PAGE_REPEATS'],
    ['somebody from before who cannot be read', [{ id: id(4) }, member(id(6))], 'PAGE_REPEATS'],
  ];
  test.each(odd)('a page with %s is down', async (_name, members, code) => {
    const failure = await failureOf((await page(...members)).membersAfter(id(5)));
    expect(failure).toMatchObject({ operation: 'members.browse', kind: 'down', call: 'answered', status: 200 });
    expect(failure.code).toBe(code);
  });

  test('somebody who was not asked for is down', async () => {
    const failing = (await page(member(id(1)), { id: id(2) })).membersByIds([id(1), id(3)]);
    expect(await failureOf(failing)).toMatchObject({
      operation: 'members.browse',
      kind: 'down',
      code: 'NOT_ASKED_FOR',
    });
  });

  test('an answer that is not Ghost’s is down, and a wrong key refused', async () => {
    const other = await answering((_request, response) => void response.end('{"hello":"world"}'));
    for (const failing of [other.membersAfter(undefined), other.membersByIds([id(1)])])
      expect(await failureOf(failing)).toMatchObject({ operation: 'members.browse', kind: 'down', status: 200 });
    ghost.revokeKey();
    for (const failing of [client.membersAfter(undefined), client.membersByIds([id(1)])])
      expect(await failureOf(failing)).toMatchObject({ operation: 'members.browse', kind: 'refused' });
  });

  test('a caller that gives up ends the call', async () => {
    ghost.faults.set({ latencyMs: 3_000 });
    const giveUp = new AbortController();
    const failing = [client.membersAfter(undefined, giveUp.signal), client.membersByIds([id(1)], giveUp.signal)];
    giveUp.abort();
    for (const one of failing) await expect(one).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('a token is signed with the decoded secret and lives shorter than five minutes', () => {
  const [kid, secret] = ghost.adminApiKey.split(':') as [string, string];
  const [header = '', claims = '', signature] = adminToken(ghost.adminApiKey, 1_000).split('.');
  const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  expect(decode(header)).toEqual({ alg: 'HS256', typ: 'JWT', kid });
  expect(decode(claims)).toEqual({ iat: 1_000, exp: 1_240, aud: '/admin/' });
  const mac = createHmac('sha256', Buffer.from(secret, 'hex')).update(`${header}.${claims}`);
  expect(signature).toBe(mac.digest('base64url'));
});

describe('failures of the stand-in', () => {
  type Case = [name: string, arrange: () => void, expected: object];
  const cases: Case[] = [
    [
      'a revoked key is refused',
      () => ghost.revokeKey(),
      { kind: 'refused', call: 'answered', status: 401, code: 'UNKNOWN_ADMIN_API_KEY' },
    ],
    [
      'an Admin API that is not there is refused, and not a 404 of a member',
      () => ghost.faults.set({ gone: true }),
      { kind: expect.stringMatching(/refused|down/), call: 'answered' },
    ],
    [
      'HTTP 500 is down',
      () => ghost.faults.set({ failEvery: { nth: 1, status: 500 } }),
      { kind: 'down', call: 'answered', status: 500 },
    ],
    [
      'HTTP 503 in HTML is down',
      () => ghost.faults.set({ failEvery: { nth: 1, status: 503, body: 'html' } }),
      { kind: 'down', call: 'answered', status: 503 },
    ],
    ['HTML of a proxy is down', () => ghost.faults.set({ html: true }), { kind: 'down', status: 502 }],
    [
      '429 without a time is rate-limited',
      () => ghost.faults.set({ failEvery: { nth: 1, status: 429 } }),
      { kind: 'rate-limited', status: 429, retryAfterMs: undefined },
    ],
    [
      '429 with Retry-After is rate-limited for so long',
      () => ghost.faults.set({ failEvery: { nth: 1, status: 429, headers: { 'retry-after': '7' } } }),
      { kind: 'rate-limited', retryAfterMs: 7_000 },
    ],
    [
      'a connection cut off is down, and what became of the call unknown',
      () => ghost.faults.set({ outage: true }),
      { kind: 'down', call: 'unknown' },
    ],
  ];
  test.each(cases)('%s', async (_name, arrange, expected) => {
    const { id } = ghost.members.add({ email: 'ann@example.org', name: 'Ann Lee' });
    arrange();
    const failure = await failureOf(client.readMember(id));
    expect(failure).toMatchObject({ vendor: 'ghost', operation: 'members.read', ...expected });
    expect(failure.message).not.toMatch(/ann/i);
  });

  test('an id that Ghost does not take is rejected', async () => {
    expect(await failureOf(client.readMember('not-an-id'))).toMatchObject({ kind: 'rejected', status: 422 });
  });

  test('an answer that takes too long is a time-out of which nothing is known', async () => {
    ghost.faults.set({ latencyMs: 3_000 });
    const failure = await failureOf(clientOf(ghost.url, { timeoutMs: 60 }).probe());
    expect(failure).toMatchObject({ kind: 'down', call: 'unknown' });
  });

  test('a caller that gives up ends the call', async () => {
    ghost.faults.set({ latencyMs: 3_000 });
    const giveUp = new AbortController();
    const failing = client.readMember('0'.repeat(24), giveUp.signal);
    giveUp.abort();
    // not the vendor's failure: nobody pauses a source for it
    await expect(failing).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('nobody listening is down, and nothing was sent', async () => {
    expect(await failureOf(clientOf(await nobodysUrl()).probe())).toMatchObject({ kind: 'down', call: 'not-sent' });
  });

  test('a name that does not resolve is down, and nothing was sent', async () => {
    expect(await failureOf(clientOf('http://nowhere.invalid').probe())).toMatchObject({
      kind: 'down',
      call: 'not-sent',
    });
  });
});

describe('answers that are not Ghost’s own', () => {
  const json =
    (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
  const error = (type: string, code: string | null = null) =>
    JSON.stringify({ errors: [{ type, code, message: 'x' }] });
  const cases: [name: string, listener: RequestListener, expected: object][] = [
    ['broken JSON', json(200, '{"members":[{'), { kind: 'down', status: 200 }],
    ['an empty body', json(200, ''), { kind: 'down', status: 200 }],
    ['HTML with status 200', (_request, response) => void response.end('<html>'), { kind: 'down', status: 200 }],
    ['JSON of something else', json(200, '{"hello":"world"}'), { kind: 'down', status: 200 }],
    ['a member without an e-mail', json(200, '{"members":[{"id":"1"}]}'), { kind: 'down', status: 200 }],
    ['a 404 that does not speak as Ghost', json(404, '{"error":"no such site"}'), { kind: 'down', status: 404 }],
    [
      'a 404 in HTML',
      (_request, response) => void response.writeHead(404).end('<h1>Not Found</h1>'),
      { kind: 'down', status: 404 },
    ],
    ['a 401 that does not speak as Ghost', json(401, '{}'), { kind: 'down', status: 401 }],
    [
      'a 404 of Ghost about something else',
      json(404, error('RequestNotAcceptableError')),
      { kind: 'rejected', status: 404 },
    ],
    [
      'a token that Ghost cannot read',
      json(400, error('BadRequestError', 'INVALID_JWT')),
      { kind: 'refused', status: 400 },
    ],
    ['an endpoint that the key may not use', json(403, error('NoPermissionError')), { kind: 'refused', status: 403 }],
    [
      'an endpoint that is not there',
      json(406, error('RequestNotAcceptableError', 'UPDATE_CLIENT')),
      { kind: 'refused', status: 406 },
    ],
    [
      'a redirect, which could carry the key elsewhere',
      json(301, '', { location: 'http://example.org/' }),
      { kind: 'down', status: 301 },
    ],
    [
      '429 with a date',
      json(429, '{}', { 'retry-after': new Date(Date.now() + 3_600_000 * 9).toUTCString() }),
      { kind: 'rate-limited', retryAfterMs: 3_600_000 },
    ],
    [
      '429 with X-RateLimit-Reset',
      json(429, '{}', { 'x-ratelimit-reset': '3' }),
      { kind: 'rate-limited', retryAfterMs: 3_000 },
    ],
    [
      '429 with nonsense',
      json(429, '{}', { 'retry-after': 'soon' }),
      { kind: 'rate-limited', retryAfterMs: undefined },
    ],
    [
      'a time-out of a gateway, behind which the call may go on',
      json(504, '{}'),
      { kind: 'down', call: 'unknown', status: 504 },
    ],
  ];
  test.each(cases)('%s', async (_name, listener, expected) => {
    expect(await failureOf((await answering(listener)).readMember('0'.repeat(24)))).toMatchObject(expected);
  });
});

test('every request is observed and admitted, and its admission given back, failed or not', async () => {
  const seen: string[] = [];
  let open = 0;
  const admit = async () => {
    open += 1;
    return async () => {
      open -= 1;
    };
  };
  const observe = ({ vendor, operation, status }: { vendor: string; operation: string; status: string }) =>
    void seen.push(`${vendor} ${operation} ${status}`);
  const observed = clientOf(ghost.url, { admit, observe });
  await observed.probe();
  ghost.faults.set({ failEvery: { nth: 1, status: 500 } });
  await failureOf(observed.probe());
  ghost.faults.set({ failEvery: null, outage: true });
  await failureOf(observed.probe());
  expect(seen).toEqual(['ghost members.probe 200', 'ghost members.probe 500', 'ghost members.probe error']);
  expect(open).toBe(0);
});
