import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { applyMigrations } from '../../src/ledger/migrate.js';
import { embeddedStack } from '../support/embedded-stack.js';
import { capture, captures } from '../vendors/captures.js';
import { edit, post, type RunningServer, type Sent, secret, signed, startServer } from './running-server.js';

let server: RunningServer;
let guarded: RunningServer;
let client: pg.Client;
let dataDir: string;
beforeAll(async () => {
  const stack = await embeddedStack();
  const databaseUrl = await stack.databaseUrl('server_webhook_test');
  await applyMigrations(databaseUrl, 'prisma/migrations');
  dataDir = await mkdtemp(join(tmpdir(), 'steward-server-test-'));
  const stores = { databaseUrl, dataDir, temporal: { address: stack.temporalAddress, namespace: 'default' } };
  server = await startServer(stores);
  guarded = await startServer(stores, { STEWARD_TOKEN: 'open sesame' });
  client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
}, 60_000);
afterAll(async () => {
  await Promise.all([server?.stop(), guarded?.stop(), client?.end()]);
  if (dataDir) await rm(dataDir, { recursive: true, force: true });
});

interface Row {
  id: string;
  site: string;
  member_id: string;
  event: string;
  state: string;
  outcome: string | null;
  signed_at: Date;
  received_at: Date;
  signature: string;
  payload: unknown;
  next_wake_at: Date | null;
}
const rows = async (): Promise<Row[]> =>
  (await client.query<Row>('SELECT * FROM deliveries ORDER BY received_at')).rows;
beforeEach(async () => {
  await client.query('DELETE FROM deliveries');
  server.clock.now = new Date();
});

/** Sends a body signed now. */
const send = (body: string | Buffer, more: Partial<Sent> = {}) =>
  post(server.url, { body, ...more, headers: { ...signed(body, server.clock.now.getTime()), ...more.headers } });

describe('captured deliveries', () => {
  test.each(captures.map((one) => [one.name, one] as const))(
    '%s is accepted byte for byte and stored as it was sent',
    async (name, one) => {
      server.clock.now = new Date(one.t);
      const { 'user-agent': agent = '', 'content-type': type = '', 'x-ghost-signature': signature = '' } = one.headers;
      const [site, query] = [one.url.split('?')[0]!.split('/').at(-1)!, `?${one.url.split('?')[1]}`];
      const answer = await post(server.url, {
        site,
        query,
        body: one.body,
        headers: { 'user-agent': agent, 'content-type': type, 'x-ghost-signature': signature },
      });
      expect(answer).toMatchObject({ status: 202, json: { delivery: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
      const { current, previous } = one.json.member;
      const isNoise = name === 'member-edited-last-seen';
      expect(await rows()).toEqual([
        expect.objectContaining({
          id: answer.json.delivery,
          site: 'mainblog',
          member_id: current['id'] ?? previous['id'],
          event: one.urlEvent,
          signed_at: new Date(one.t),
          signature: one.signature.slice(7, 71),
          payload: { current, previous },
          state: isNoise ? 'noise' : 'waiting',
          outcome: isNoise ? 'noise' : null,
        }),
      ]);
    },
  );
});

describe('what is accepted', () => {
  test('the same delivery twice has one id and one row', async () => {
    const sent = { body: edit('a'), headers: signed(edit('a'), server.clock.now.getTime()) };
    const [first, again] = [await post(server.url, sent), await post(server.url, sent)];
    expect([first.status, again.status, again.json]).toEqual([202, 202, first.json]);
    expect(await rows()).toHaveLength(1);
  });

  test('the same delivery many times at once, at two servers, has one id and one row', async () => {
    const sent = { body: edit('a'), headers: signed(edit('a'), server.clock.now.getTime()) };
    guarded.clock.now = server.clock.now;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post(index % 2 ? server.url : guarded.url, sent)),
    );
    const [row] = await rows();
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.delivery}`))).toEqual(
      new Set([`202 ${row?.id}`]),
    );
    expect(await rows()).toHaveLength(1);
  });

  test('a burst of three hundred is stored whole, each under the id that was answered', async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => send(edit(`m${index}`))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect((await rows()).map(({ id }) => id).toSorted()).toEqual(answers.map(({ json }) => json.delivery).toSorted());
  });

  test('a delivery signed with either secret, and one for another site with its own', async () => {
    const t = server.clock.now.getTime();
    const other = { body: edit('c'), site: 'second', headers: signed(edit('c'), t, 'secret-of-second') };
    const answers = [
      await post(server.url, { body: edit('a'), headers: signed(edit('a'), t, secret) }),
      await post(server.url, { body: edit('b'), headers: signed(edit('b'), t, 'new-secret') }),
      await post(server.url, other),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect((await rows()).map(({ site, member_id }) => `${site} ${member_id}`).toSorted()).toEqual([
      'mainblog a',
      'mainblog b',
      'second c',
    ]);
  });

  test('a delivery whose URL names another event: the signed body wins', async () => {
    expect((await send(edit('a'), { query: '?event=member.deleted' })).status).toBe(202);
    expect((await rows()).map(({ event }) => event)).toEqual(['member.edited']);
  });

  test.each(['member.updated', 'member.edited'])(
    'an old body without an event, from ?event=%s, is an edit',
    async (event) => {
      const { event: _, ...old } = JSON.parse(edit('a'));
      expect((await send(JSON.stringify(old), { query: `?event=${event}` })).status).toBe(202);
      expect((await rows()).map((row) => row.event)).toEqual(['member.edited']);
    },
  );

  test('noise is stored with its outcome and wakes nobody', async () => {
    const body = edit('a').replace('"name":"Bea"', '"last_seen_at":null');
    expect((await send(body)).status).toBe(202);
    expect(await rows()).toEqual([expect.objectContaining({ state: 'noise', outcome: 'noise', next_wake_at: null })]);
  });

  test('NUL characters and lone surrogates are taken out and the rest is stored', async () => {
    const body = edit('a').replace('"Ann"', String.raw`"A\u0000nn \ud800 😀 \udc00","no\u0000te":"x\u0000"`);
    expect((await send(body)).status).toBe(202);
    const [row] = await rows();
    expect(row?.payload).toMatchObject({ current: { name: 'Ann \ufffd 😀 \ufffd', note: 'x' } });
  });

  test('bytes that are no UTF-8 are stored as replacement characters', async () => {
    const [head, tail] = edit('a').split('Ann') as [string, string];
    expect((await send(Buffer.concat([Buffer.from(`${head}A`), Buffer.from([0xff]), Buffer.from(tail)]))).status).toBe(
      202,
    );
    expect((await rows())[0]?.payload).toMatchObject({ current: { name: 'A\ufffd' } });
  });

  test('a body packed with gzip, as a proxy may send it, is the same delivery', async () => {
    const body = edit('a');
    const answer = await post(server.url, {
      body: gzipSync(body),
      headers: { ...signed(body, server.clock.now.getTime()), 'content-encoding': 'gzip' },
    });
    expect(answer.status).toBe(202);
  });

  test('a content type with a charset', async () => {
    expect((await send(edit('a'), { headers: { 'content-type': 'application/json; charset=utf-8' } })).status).toBe(
      202,
    );
  });

  test('a body of exactly 1 MiB', async () => {
    const padding = 1024 * 1024 - Buffer.byteLength(edit('a', { note: '' }));
    const body = edit('a', { note: 'x'.repeat(padding) });
    expect(Buffer.byteLength(body)).toBe(1024 * 1024);
    expect((await send(body)).status).toBe(202);
  });

  test('a delivery at the edge of five minutes, on both sides', async () => {
    const t = server.clock.now.getTime();
    for (const [index, offset] of [-300_000, 300_000].entries()) {
      const body = edit(`m${index}`);
      expect((await post(server.url, { body, headers: signed(body, t + offset) })).status).toBe(202);
    }
  });
});

describe('what is refused', () => {
  const t = () => server.clock.now.getTime();
  const body = edit('a');
  const signedBody =
    (text: string, more: Partial<Sent> = {}) =>
    () => ({ body: text, ...more, headers: { ...signed(text, t()), ...more.headers } });
  const noEvent = JSON.stringify({ member: { current: { id: 'a' }, previous: {} } });

  type Case = [name: string, sent: () => Sent, status: number, code: string];
  const cases: Case[] = [
    ['no signature', () => ({ body, headers: { 'content-type': 'application/json' } }), 401, 'unauthorized'],
    [
      'a signature that is no signature',
      () => ({ body, headers: { ...signed(body, t()), 'x-ghost-signature': 'yes' } }),
      401,
      'unauthorized',
    ],
    ['a wrong signature', () => ({ body, headers: signed(body, t(), 'other') }), 401, 'unauthorized'],
    ['the signature of another body', () => ({ body, headers: signed(edit('b'), t()) }), 401, 'unauthorized'],
    [
      'the secret of another site',
      () => ({ body, headers: signed(body, t(), 'secret-of-second') }),
      401,
      'unauthorized',
    ],
    [
      'a signature five minutes and a millisecond old',
      () => ({ body, headers: signed(body, t() - 300_001) }),
      401,
      'unauthorized',
    ],
    [
      'a signature five minutes and a millisecond ahead',
      () => ({ body, headers: signed(body, t() + 300_001) }),
      401,
      'unauthorized',
    ],
    ['an unknown site', signedBody(body, { site: 'nobody' }), 401, 'unauthorized'],
    ['a site named like something of JavaScript', signedBody(body, { site: '__proto__' }), 401, 'unauthorized'],
    [
      'an empty body without a signature',
      () => ({ body: '', headers: { 'content-type': 'application/json' } }),
      401,
      'unauthorized',
    ],
    ['plain text', signedBody(body, { headers: { 'content-type': 'text/plain' } }), 415, 'unsupported-media-type'],
    [
      'a form',
      signedBody(body, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      415,
      'unsupported-media-type',
    ],
    ['an unknown packing', signedBody(body, { headers: { 'content-encoding': 'rot13' } }), 415, 'unsupported-encoding'],
    ['an empty body, signed', signedBody(''), 400, 'malformed'],
    ['no JSON, signed', signedBody('hello'), 400, 'malformed'],
    ['half a JSON, signed', signedBody(body.slice(0, -5)), 400, 'malformed'],
    ['null, signed', signedBody('null'), 400, 'malformed'],
    ['a list, signed', signedBody(`[${body}]`), 400, 'malformed'],
    [
      'a hundred thousand nested lists, signed',
      signedBody(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
      400,
      'malformed',
    ],
    ['a member without an id, signed', signedBody(body.replace('"id":"a",', '')), 400, 'malformed'],
    ['no event anywhere, signed', signedBody(noEvent, { query: '' }), 400, 'malformed'],
    [
      'an unknown event in the URL alone, signed',
      signedBody(noEvent, { query: '?event=post.published' }),
      400,
      'malformed',
    ],
    [
      'two events in the URL alone, signed',
      signedBody(noEvent, { query: '?event=member.added&event=member.deleted' }),
      400,
      'malformed',
    ],
    [
      'an unknown event in the body, signed',
      signedBody(body.replace('member.edited', 'member.merged')),
      400,
      'malformed',
    ],
    ['a body of more than 1 MiB, signed', signedBody(edit('a', { note: 'x'.repeat(1024 * 1024) })), 413, 'too-large'],
    [
      'a body that unpacks to more than 1 MiB',
      () => ({
        body: gzipSync(edit('a', { note: 'x'.repeat(1024 * 1024) })),
        headers: { ...signed(body, t()), 'content-encoding': 'gzip' },
      }),
      413,
      'too-large',
    ],
  ];
  const refuses = async (_name: string, sent: () => Sent, status: number, code: string): Promise<void> => {
    const answer = await post(server.url, sent());
    expect(answer).toMatchObject({ status, json: { error: { code, message: expect.stringMatching(/\w.*\.$/) } } });
    expect(Object.keys(answer.json)).toEqual(['error']);
    expect(await rows()).toEqual([]);
  };
  test.each(cases)('%s', refuses);

  // T16 of the findings: Express's own 400s carry the code `failed`; make them part of the cases once it is mended
  const misnamed: Case[] = [
    ['a packing that is none', signedBody(body, { headers: { 'content-encoding': 'gzip' } }), 400, 'malformed'],
    ['a site that is no text', signedBody(body, { site: '%E0%A4%A' }), 400, 'malformed'],
  ];
  test.each(misnamed)('%s', refuses);

  test('members nested deeper than Postgres can hold are answered, and the server goes on', async () => {
    const deep = `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`;
    const answer = await send(edit('deep').replace('"Ann"', `"Ann","deep":${deep}`));
    expect([202, 400]).toContain(answer.status);
    expect((await send(edit('b'))).status).toBe(202);
  });

  test('an unknown site cannot be told from a wrong signature', async () => {
    const shown = ({ status, headers: { date: _, ...headers }, json }: Awaited<ReturnType<typeof post>>) => ({
      status,
      headers,
      json,
    });
    for (const headers of [
      signed(body, t(), 'other'),
      { 'content-type': 'application/json' },
      signed(body, t() - 400_000),
      { ...signed(body, t()), 'content-type': 'text/plain' },
    ]) {
      const wrong = {
        ...headers,
        ...(headers['x-ghost-signature'] ? signed(body, t(), 'other') : {}),
        'content-type': headers['content-type']!,
      };
      const [known, unknown] = [
        await post(server.url, { body, headers: wrong }),
        await post(server.url, { body, site: 'nobody', headers: wrong }),
      ];
      expect(shown(unknown)).toEqual(shown(known));
    }
  });

  test.each([
    ['GET', '/webhook/ghost/mainblog'],
    ['PUT', '/webhook/ghost/mainblog'],
    ['GET', '/'],
    ['POST', '/webhook/ghost'],
    ['GET', '/.env'],
  ])('%s %s is not found', async (method, path) => {
    const answer = await fetch(`${server.url}${path}`, { method });
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: { code: 'not-found', message: expect.any(String) } },
    ]);
  });
});

describe('metrics', () => {
  const metrics = async (url = server.url, headers = {}) => (await fetch(`${url}/metrics`, { headers })).text();
  const countOf = async (line: string) =>
    Number(
      (await metrics())
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')[1] ?? 0,
    );

  test('are Prometheus text with what was accepted, and well signed but late ones counted apart', async () => {
    const [accepted, late, wrong, unknown] = [
      'steward_deliveries_total{site="mainblog",event="member.edited",result="accepted"}',
      'steward_deliveries_total{site="mainblog",event="unknown",result="late"}',
      'steward_deliveries_total{site="mainblog",event="unknown",result="wrong"}',
      'steward_deliveries_total{site="unknown",event="unknown",result="unknown-site"}',
    ] as const;
    const count = async () => ({
      accepted: await countOf(accepted),
      late: await countOf(late),
      wrong: await countOf(wrong),
      unknown: await countOf(unknown),
    });
    const before = await count();
    const t = server.clock.now.getTime();
    await send(edit('a'));
    await post(server.url, { body: edit('a'), headers: signed(edit('a'), t - 400_000) });
    await post(server.url, { body: edit('a'), headers: signed(edit('a'), t, 'other') });
    await post(server.url, { body: edit('a'), site: 'ann@example.org', headers: signed(edit('a'), t) });
    expect(await count()).toEqual({
      accepted: before.accepted + 1,
      late: before.late + 1,
      wrong: before.wrong + 1,
      unknown: before.unknown + 1,
    });
    const { headers } = await fetch(`${server.url}/metrics`);
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics()).not.toMatch(/@|Ann/);
  });

  test('tell what waits at each site', async () => {
    await send(edit('a'));
    const text = await metrics();
    expect(text).toContain('steward_deliveries_waiting{site="mainblog"} 1');
    expect(text).toContain('steward_deliveries_waiting{site="second"} 0');
    expect(text).toMatch(/steward_delivery_oldest_seconds\{site="mainblog"\} [\d.e-]+/);
    expect(text).toMatch(/^process_cpu_seconds_total/m);
  });

  test('need the token where one is set', async () => {
    const status = async (headers: Record<string, string> = {}) =>
      (await fetch(`${guarded.url}/metrics`, { headers })).status;
    expect([
      await status(),
      await status({ authorization: 'Bearer open' }),
      await status({ authorization: 'open sesame' }),
    ]).toEqual([401, 401, 401]);
    expect(await status({ authorization: 'Bearer open sesame' })).toBe(200);
  });
});

describe('health', () => {
  const health = async (url: string, path = '', headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/health${path}`, { headers });
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  };

  test('tells every component and each configured site', async () => {
    await send(edit('a'));
    const site = {
      status: 'ok',
      waiting: 0,
      parked: 0,
      due: 0,
      held: 0,
      paused: false,
      oldestWaitingSeconds: expect.any(Number),
    };
    expect(await health(server.url)).toEqual({
      status: 200,
      json: {
        status: 'ok',
        oldestWaitingSeconds: expect.any(Number),
        components: expect.objectContaining({ postgres: { status: 'ok' }, temporal: { status: 'ok' } }),
        sites: { mainblog: expect.objectContaining({ ...site, waiting: 1 }), second: expect.objectContaining(site) },
        organizations: {},
      },
    });
  });

  test('is degraded while a site is paused or somebody parked, and says why', async () => {
    // the burst of another test may have begun to be caught up with
    await client.query('DELETE FROM sites');
    await client.query(
      `INSERT INTO sites (site, paused_since, paused_type, paused_message) VALUES ('mainblog', now(), 'SourceDown', 'ghost down')`,
    );
    await client.query(
      `INSERT INTO parked (site, member_id, step, type, message) VALUES ('second', 'x', 'readMember', 'MemberUnreadable', 'm')`,
    );
    const { status, json } = await health(server.url);
    await client.query('DELETE FROM sites');
    await client.query('DELETE FROM parked');
    expect([status, json['status'], json['sites']]).toEqual([
      200,
      'degraded',
      {
        mainblog: expect.objectContaining({
          status: 'degraded',
          paused: true,
          since: expect.any(String),
          message: expect.stringContaining('ghost down'),
        }),
        second: expect.objectContaining({
          status: 'degraded',
          parked: 1,
          message: expect.stringContaining('1 parked'),
        }),
      },
    ]);
  });

  test('live and ready say so, without a token', async () => {
    expect([await health(guarded.url, '/live'), await health(guarded.url, '/ready')]).toEqual([
      { status: 200, json: { status: 'ok' } },
      { status: 200, json: { status: 'ok' } },
    ]);
  });

  test('tells details only to those with the token, where one is set', async () => {
    expect(await health(guarded.url)).toEqual({ status: 200, json: { status: 'ok' } });
    expect((await health(guarded.url, '', { authorization: 'Bearer open sesame' })).json).toHaveProperty('components');
  });
});

test('the secret of a capture is the one that the server has', () =>
  expect(capture('member-added').secret).toBe(secret));
