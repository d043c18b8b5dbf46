import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createMailchimpClient, dataCentreOf, type MailchimpClient } from '../../src/vendors/mailchimp/client.js';
import { failureOf, nobodysUrl, startServer } from './vendor-failure.js';

const apiKey = '0123456789abcdef0123456789abcdef-us21';
const listId = 'a1b2c3d4e5';
/** md5 of ann@example.org */
const annsHash = '8b5a6a28fc840441be692d74a81ccd1a';

let closers: (() => Promise<void>)[];
beforeEach(() => {
  closers = [];
});
afterEach(async () => {
  for (const close of closers) await close();
});

interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  body: unknown;
  authorization: string | undefined;
}

const clientOf = (url: string, more: object = {}): MailchimpClient =>
  createMailchimpClient({ url, apiKey, timeoutMs: 5_000, ...more });

async function answering(listener: RequestListener, more: object = {}): Promise<MailchimpClient> {
  const server = await startServer(listener);
  closers.push(server.close);
  return clientOf(`${server.url}/3.0`, more);
}

/** A client of a server that answers in JSON, and what it was asked. */
async function recording(answer: (asked: Asked) => unknown): Promise<[MailchimpClient, Asked[]]> {
  const all: Asked[] = [];
  const client = await answering(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '', 'http://host');
    const asked: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: text === '' ? undefined : JSON.parse(text),
      authorization: request.headers.authorization,
    };
    all.push(asked);
    const body = answer(asked);
    if (body === undefined) response.writeHead(204).end();
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  return [client, all];
}

const ann = {
  email_address: 'Ann@example.org',
  status: 'subscribed',
  merge_fields: { FNAME: 'Ann', GIFTS: 12, ADDRESS: { addr1: '1 High St' }, ODD: null },
  tags: [{ id: 9001, name: 'recurring' }],
  tags_count: 60,
  last_changed: '2026-11-21T10:00:00+00:00',
  timestamp_opt: '2025-01-05T09:00:00+00:00',
  source: 'API - Generic',
};
const annsView = {
  email: 'Ann@example.org',
  status: 'subscribed',
  mergeFields: { FNAME: 'Ann', GIFTS: 12 },
  tags: ['recurring'],
  tagsCount: 60,
  lastChanged: '2026-11-21T10:00:00+00:00',
  optInAt: '2025-01-05T09:00:00+00:00',
  source: 'API - Generic',
};
const memberFields = 'email_address,status,merge_fields,tags,tags_count,last_changed,timestamp_opt,source';
const memberPath = `/3.0/lists/${listId}/members/${annsHash}`;

describe('the data centre', () => {
  test.each([
    ['0123456789abcdef-us21', 'us21'],
    ['a-b-US6 ', 'us6'],
    ['0123456789abcdef', undefined],
    ['0123456789abcdef-', undefined],
    ['sandbox-key', undefined],
    ['0123456789abcdef-us1.evil.example/', undefined],
  ])('of the key %s is %s', (key, dataCentre) => {
    expect(dataCentreOf(key)).toBe(dataCentre);
  });

  test('that a key does not name, and no URL does, is refused before anything is sent', async () => {
    const client = createMailchimpClient({ apiKey: 'abc', timeoutMs: 100 });
    expect(await failureOf(client.ping())).toMatchObject({ kind: 'refused', call: 'not-sent', code: 'NO_DATA_CENTRE' });
  });
});

describe('what is asked', () => {
  test('ping, with the key as password', async () => {
    const [client, asked] = await recording(() => ({ health_status: "Everything's Chimpy!" }));
    await client.ping();
    expect(asked).toMatchObject([{ method: 'GET', path: '/3.0/ping', query: {} }]);
    const [, credential = ''] = asked[0]!.authorization!.split(' ');
    expect(Buffer.from(credential, 'base64').toString()).toBe(`steward:${apiKey}`);
  });

  test('an audience', async () => {
    const [client] = await recording(() => ({
      id: listId,
      name: 'Donors',
      double_optin: true,
      stats: { member_count: 3 },
    }));
    expect(await client.readAudience(listId)).toEqual({
      ...{ id: listId, name: 'Donors', doubleOptIn: true },
      ...{ memberCount: 3, unsubscribeCount: 0, cleanedCount: 0 },
    });
  });

  test('merge fields, more than ten of them', async () => {
    const field = { tag: 'GIFTS', name: 'Gift count', type: 'number', required: true, options: {} };
    const choice = { tag: 'TIER', name: 'Tier', type: 'dropdown', options: { choices: ['a', 'b'] } };
    const [client, asked] = await recording(() => ({ merge_fields: [field, choice, { merge_id: 3 }], total_items: 3 }));
    expect(await client.readMergeFields(listId)).toEqual([
      { tag: 'GIFTS', name: 'Gift count', type: 'number', required: true },
      { tag: 'TIER', name: 'Tier', type: 'dropdown', required: false, choices: ['a', 'b'] },
    ]);
    expect(asked).toMatchObject([{ path: `/3.0/lists/${listId}/merge-fields`, query: { count: '1000', offset: '0' } }]);
  });

  test('a merge field is created out of sight', async () => {
    const [client, asked] = await recording(({ body }) => ({ merge_id: 5, ...(body as object) }));
    await client.createMergeField(listId, { tag: 'GIFTS', name: 'Gift count', type: 'number' });
    expect(asked).toMatchObject([{ method: 'POST', path: `/3.0/lists/${listId}/merge-fields` }]);
    expect(asked[0]?.body).toEqual({
      tag: 'GIFTS',
      name: 'Gift count',
      type: 'number',
      public: false,
      required: false,
    });
  });

  test('a batch never carries a status of those who are there, nor tags', async () => {
    const [client, asked] = await recording(() => ({ new_members: [], updated_members: [], errors: [] }));
    await client.upsertMembers(listId, [{ email: 'ann@example.org', mergeFields: { FNAME: 'Ann', GIFTS: 12 } }]);
    expect(asked).toMatchObject([{ method: 'POST', path: `/3.0/lists/${listId}` }]);
    expect(asked[0]?.query).toMatchObject({ skip_merge_validation: 'true', skip_duplicate_check: 'false' });
    expect(asked[0]?.query['fields']?.split(',')).toEqual([
      ...memberFields.split(',').map((field) => `new_members.${field}`),
      ...memberFields.split(',').map((field) => `updated_members.${field}`),
      'errors',
    ]);
    expect(asked[0]?.body).toEqual({
      members: [
        { email_address: 'ann@example.org', status_if_new: 'subscribed', merge_fields: { FNAME: 'Ann', GIFTS: 12 } },
      ],
      update_existing: true,
      sync_tags: false,
    });
  });

  test('a batch tells of each person, without a word of MailChimp’s that names one', async () => {
    const [client] = await recording(() => ({
      new_members: [{ ...ann, email_address: 'bea@example.org' }, { status: 'subscribed' }],
      updated_members: [{ email_address: 'Ann@example.org', status: 'brand-new-word', merge_fields: [] }],
      errors: [
        {
          email_address: 'no@nowhere.invalid',
          error: 'no@nowhere.invalid looks fake or invalid, please enter a real email address.',
          error_code: 'ERROR_GENERIC',
        },
        { email_address: 'c@example.org', error: 'x', error_code: 'ERROR_GENERIC', field: 'GIFTS', field_message: 'y' },
      ],
    }));
    const result = await client.upsertMembers(listId, []);
    expect(result).toEqual({
      created: [{ ...annsView, email: 'bea@example.org' }],
      updated: [
        {
          ...{ email: 'Ann@example.org', status: 'brand-new-word', mergeFields: {}, tags: [], tagsCount: 0 },
          lastChanged: '',
        },
      ],
      errors: [
        { email: 'no@nowhere.invalid', reason: 'fake', code: 'ERROR_GENERIC' },
        { email: 'c@example.org', reason: 'merge-fields', code: 'ERROR_GENERIC', field: 'GIFTS' },
      ],
    });
    expect(JSON.stringify(result)).not.toContain('looks fake');
  });

  test('more than the limits in one call is our own mistake', async () => {
    const [client, asked] = await recording(() => ({}));
    const many = Array.from({ length: 501 }, (_, index) => `p${index}@example.org`);
    const people = many.map((email) => ({ email, mergeFields: {} }));
    await expect(client.upsertMembers(listId, people)).rejects.toThrow(RangeError);
    await expect(client.changeSegment(listId, 7, { add: [], remove: many })).rejects.toThrow(RangeError);
    await expect(client.listMembers(listId, { count: 1001, offset: 0 })).rejects.toThrow(RangeError);
    expect(asked).toEqual([]);
  });

  test('a member is read under the hash of the trimmed lower-cased address', async () => {
    const [client, asked] = await recording(() => ann);
    expect(await client.readMember(listId, ' Ann@Example.org ')).toEqual(annsView);
    expect(asked).toMatchObject([{ method: 'GET', path: memberPath, query: { fields: memberFields } }]);
  });

  test('a new address goes to the old hash, without a status', async () => {
    const [client, asked] = await recording(() => ({ ...ann, email_address: 'bea@example.org' }));
    const moved = await client.changeAddress(listId, 'ann@example.org', {
      email: 'bea@example.org',
      mergeFields: { FNAME: 'Bea' },
    });
    expect(moved.email).toBe('bea@example.org');
    expect(asked).toMatchObject([{ method: 'PATCH', path: memberPath, query: { skip_merge_validation: 'true' } }]);
    expect(asked[0]?.body).toEqual({ email_address: 'bea@example.org', merge_fields: { FNAME: 'Bea' } });
  });

  test('an unsubscribe and an archiving', async () => {
    const [client, asked] = await recording(({ method }) =>
      method === 'DELETE' ? undefined : { ...ann, status: 'unsubscribed' },
    );
    expect(await client.unsubscribe(listId, 'ann@example.org')).toMatchObject({ status: 'unsubscribed' });
    await client.archive(listId, 'ann@example.org');
    expect(asked).toMatchObject([
      { method: 'PATCH', path: memberPath, body: { status: 'unsubscribed' } },
      { method: 'DELETE', path: memberPath },
    ]);
  });

  test('members in order of their last change, since a second, in UTC', async () => {
    const [client, asked] = await recording(() => ({ members: [ann, { id: 'x' }], total_items: 2_002 }));
    const sinceLastChanged = new Date('2026-11-21T10:00:00.999Z');
    const page = await client.listMembers(listId, { count: 2, offset: 2000, status: 'archived', sinceLastChanged });
    expect(page).toEqual({ members: [annsView], length: 2, total: 2_002 });
    await client.listMembers(listId, { count: 2, offset: 0 });
    const query = {
      ...{ count: '2', sort_field: 'last_changed', sort_dir: 'ASC' },
      fields: `${memberFields
        .split(',')
        .map((field) => `members.${field}`)
        .join()},total_items`,
    };
    expect(asked.map((one) => one.query)).toEqual([
      { ...query, offset: '2000', status: 'archived', since_last_changed: '2026-11-21T10:00:00Z' },
      { ...query, offset: '0' },
    ]);
  });

  test('all pages of the static segments, and of the tags of a member', async () => {
    const names = Array.from({ length: 1_001 }, (_, index) => ({ id: index, name: `tag ${index}` }));
    const [client, asked] = await recording(({ path, query }) => {
      const offset = Number(query['offset']);
      const rows = names.slice(offset, offset + Number(query['count']));
      return { [path.endsWith('/tags') ? 'tags' : 'segments']: rows, total_items: names.length };
    });
    expect(await client.readSegments(listId)).toEqual(names);
    expect(await client.readTags(listId, 'ann@example.org')).toEqual(names.map(({ name }) => name));
    expect(asked.map(({ path, query }) => [path, query['offset'], query['type']])).toEqual([
      [`/3.0/lists/${listId}/segments`, '0', 'static'],
      [`/3.0/lists/${listId}/segments`, '1000', 'static'],
      [`${memberPath}/tags`, '0', undefined],
      [`${memberPath}/tags`, '1000', undefined],
    ]);
  });

  test('a reading ends when a page is empty, whatever the total says', async () => {
    const [client, asked] = await recording(() => ({ segments: [], total_items: 5 }));
    expect(await client.readSegments(listId)).toEqual([]);
    expect(asked.length).toBe(1);
  });

  test('a segment is created empty, and changed in both ways at once', async () => {
    const [client, asked] = await recording(({ path }) =>
      path.endsWith('/segments')
        ? { id: 7, name: 'recurring', type: 'static' }
        : {
            members_added: [{ email_address: 'ann@example.org' }],
            members_removed: [],
            errors: [{ email_addresses: ['x@example.org'], error: 'x@example.org is not subscribed to this list' }],
          },
    );
    expect(await client.createSegment(listId, 'recurring')).toEqual({ id: 7, name: 'recurring' });
    const change = { add: ['ann@example.org', 'x@example.org'], remove: ['bea@example.org'] };
    expect(await client.changeSegment(listId, 7, change)).toEqual({
      added: ['ann@example.org'],
      removed: [],
      errors: [{ emails: ['x@example.org'], reason: 'not-subscribed' }],
    });
    expect(asked.map(({ path, body }) => [path, body])).toEqual([
      [`/3.0/lists/${listId}/segments`, { name: 'recurring', static_segment: [] }],
      [`/3.0/lists/${listId}/segments/7`, { members_to_add: change.add, members_to_remove: change.remove }],
    ]);
  });

  test('tags of one member, quietly or not', async () => {
    const [client, asked] = await recording(() => undefined);
    const changes = [
      { name: 'recurring', active: true },
      { name: 'lapsed', active: false },
    ];
    await client.changeTags(listId, 'ann@example.org', changes, { quiet: true });
    await client.changeTags(listId, 'ann@example.org', [], { quiet: false });
    expect(asked).toMatchObject([{ method: 'POST', path: `${memberPath}/tags` }, {}]);
    expect(asked.map(({ body }) => body)).toEqual([
      {
        tags: [
          { name: 'recurring', status: 'active' },
          { name: 'lapsed', status: 'inactive' },
        ],
        is_syncing: true,
      },
      { tags: [], is_syncing: false },
    ]);
  });
});

describe('failures', () => {
  const instance = '5f0c2f4e-3f0b-6a1d-9d3e-0a2b7c9d1e11';
  const answer =
    (status: number, body: string, type = 'application/problem+json; charset=utf-8'): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': type, 'x-request-id': 'from-header' }).end(body);
    };
  const problem = (status: number, title: string, detail = 'ann@example.org is odd', errors?: object[]) =>
    answer(status, JSON.stringify({ title, status, detail, instance, errors }));
  const html = (status: number) => answer(status, '<html>ann@example.org</html>', 'text/html');

  const move = (client: MailchimpClient) =>
    client.changeAddress(listId, 'ann@example.org', { email: 'bea@example.org', mergeFields: {} });
  const batch = (client: MailchimpClient) => client.upsertMembers(listId, []);
  const audience = (client: MailchimpClient) => client.readAudience(listId);
  const tags = (client: MailchimpClient) => client.changeTags(listId, 'ann@example.org', [], { quiet: true });
  const segment = (client: MailchimpClient) => client.changeSegment(listId, 7, { add: [], remove: [] });

  type Work = (client: MailchimpClient) => Promise<unknown>;
  const cases: [name: string, listener: RequestListener, work: Work, expected: object][] = [
    ['a wrong key', problem(401, 'API Key Invalid'), batch, { kind: 'refused', code: 'API Key Invalid' }],
    ['no key', answer(401, ''), batch, { kind: 'refused', status: 401 }],
    ['a key of another data centre', problem(403, 'Forbidden'), audience, { kind: 'refused', code: 'Forbidden' }],
    ['the edge’s HTML', html(403), batch, { kind: 'down', status: 403, code: 'HTML' }],
    ['the edge’s empty answer', answer(403, ''), batch, { kind: 'down', status: 403 }],
    ['an audience that is gone', problem(404, 'Resource Not Found'), audience, { kind: 'refused', status: 404 }],
    ['an audience that is gone, at a batch', problem(404, 'Resource Not Found'), batch, { kind: 'refused' }],
    [
      'a member that is gone',
      problem(404, 'Resource Not Found'),
      tags,
      { kind: 'rejected', code: 'Resource Not Found', reason: 'absent' },
    ],
    ['a segment that is gone', problem(404, 'Resource Not Found'), segment, { kind: 'rejected', status: 404 }],
    ['a 404 of something else', answer(404, '{"message":"no route"}', 'application/json'), tags, { kind: 'down' }],
    [
      'too many connections',
      problem(429, 'TooManyRequests'),
      batch,
      { kind: 'rate-limited', status: 429, code: 'TooManyRequests', retryAfterMs: undefined },
    ],
    ['a 429 of the edge', html(429), batch, { kind: 'down', status: 429 }],
    ['an empty 429 of the edge', answer(429, ''), batch, { kind: 'down', status: 429 }],
    ['an error inside', problem(500, 'InternalServerError'), batch, { kind: 'down', code: 'InternalServerError' }],
    ['a block page', html(503), audience, { kind: 'down', call: 'answered', status: 503 }],
    ['a block page at a write', html(503), batch, { kind: 'down', call: 'unknown', status: 503 }],
    ['a gateway that gave up', html(504), batch, { kind: 'down', call: 'unknown', status: 504 }],
    [
      'a method that was switched off',
      problem(503, 'ComplianceRelated', 'This method has been disabled.'),
      batch,
      { kind: 'refused', call: 'answered', code: 'ComplianceRelated' },
    ],
    [
      'a taken address',
      problem(400, 'Member Exists'),
      move,
      { kind: 'rejected', code: 'Member Exists', reason: 'exists' },
    ],
    [
      'a taken address told by its field',
      problem(400, 'Invalid Resource', 'The resource submitted could not be validated.', [
        { field: 'email address', message: 'bea@example.org was declined' },
      ]),
      move,
      { kind: 'rejected', reason: 'exists', fields: ['email address'] },
    ],
    [
      'merge fields',
      problem(400, 'Invalid Resource', 'Your merge fields were invalid.', [
        { field: 'GIFTS', message: 'Please enter a number' },
        { field: 'bea@example.org', message: 'x' },
      ]),
      move,
      { kind: 'rejected', reason: 'merge-fields', fields: ['GIFTS'] },
    ],
    [
      'an item that breaks a batch',
      problem(400, 'Invalid Resource', 'could not be validated', [{ field: 'members.item:3.status', message: 'x' }]),
      batch,
      { kind: 'rejected', status: 400, fields: ['members.item:3.status'] },
    ],
    ['a title that names somebody', problem(400, 'ann@example.org'), move, { kind: 'rejected', code: 'PROBLEM' }],
    ['a request that we built badly', problem(422, 'RequestedFieldsInvalid'), audience, { kind: 'rejected' }],
    ['a redirect', answer(302, ''), audience, { kind: 'down', status: 302 }],
    ['broken JSON', answer(200, '{"new_members":['), batch, { kind: 'down' }],
    ['JSON of something else', answer(200, '{"hello":"world"}'), batch, { kind: 'down', call: 'unknown', status: 200 }],
    ['an empty answer to a change', answer(200, ''), move, { kind: 'down', call: 'unknown' }],
  ];
  test.each(cases)('%s', async (_name, listener, work, expected) => {
    const failure = await failureOf(work(await answering(listener)));
    expect(failure).toMatchObject({ vendor: 'mailchimp', ...expected });
    const { cause: _, ...told } = failure;
    expect(JSON.stringify(told)).not.toMatch(/@|odd|declined/);
  });

  test('the message says what the vendor’s support asks for', async () => {
    const listener = problem(400, 'Invalid Resource', 'x', [{ field: 'GIFTS', message: 'x' }]);
    expect((await failureOf(move(await answering(listener)))).message).toBe(
      `mailchimp rejected at members.move (HTTP 400, code Invalid Resource, fields GIFTS, request ${instance})`,
    );
    expect((await failureOf(batch(await answering(html(503))))).requestId).toBe('from-header');
  });

  test('a member that is not there reads as undefined, and any other failure as itself', async () => {
    const absent = await answering(problem(404, 'Resource Not Found'));
    expect(await absent.readMember(listId, 'nobody@example.org')).toBeUndefined();
    const elsewhere = await answering(answer(404, 'no such page', 'text/plain'));
    expect(await failureOf(elsewhere.readMember(listId, 'nobody@example.org'))).toMatchObject({ kind: 'down' });
  });

  test('archiving somebody who cannot be archived is harmless, and nobody an error', async () => {
    const archived = await answering(problem(405, 'Method Not Allowed', 'This list member cannot be removed.'));
    await archived.archive(listId, 'ann@example.org');
    const absent = await answering(problem(404, 'Resource Not Found'));
    expect(await failureOf(absent.archive(listId, 'ann@example.org'))).toMatchObject({ kind: 'rejected', status: 404 });
    const proxy = await answering(html(405));
    expect(await failureOf(proxy.archive(listId, 'ann@example.org'))).toMatchObject({ kind: 'down', status: 405 });
  });

  test('a time-out leaves unknown what became of the call, and nobody listening is not sent', async () => {
    const silent = await answering(() => undefined, { timeoutMs: 50 });
    expect(await failureOf(batch(silent))).toMatchObject({ kind: 'down', call: 'unknown' });
    expect(await failureOf(batch(clientOf(await nobodysUrl())))).toMatchObject({ kind: 'down', call: 'not-sent' });
  });

  test('a cut connection leaves unknown what became of the call', async () => {
    const cut = await answering((request) => request.socket.destroy());
    expect(await failureOf(batch(cut))).toMatchObject({ kind: 'down', call: 'unknown' });
  });

  test('every call is admitted and observed', async () => {
    const log: string[] = [];
    const options = {
      admit: async () => {
        log.push('in');
        return async () => void log.push('out');
      },
      observe: ({ vendor, operation, status }: Record<string, unknown>) => log.push(`${vendor} ${operation} ${status}`),
    };
    await failureOf(batch(await answering(problem(429, 'TooManyRequests'), options)));
    expect(log).toEqual(['in', 'mailchimp members.batch 429', 'out']);
  });
});
