import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type ClassyOptions,
  type ClassyOrganization,
  sandboxOrganization,
  seededRandom,
  seedOrganization,
  startClassy,
  startGiving,
} from '../../src/sandbox/index.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const noon = new Date('2026-03-01T12:00:00.000Z');
const other: ClassyOrganization = { id: 35, name: 'Other Aid', clientId: 'other-client', clientSecret: 'other-secret' };
const grant = {
  grant_type: 'client_credentials',
  client_id: sandboxOrganization.clientId,
  client_secret: sandboxOrganization.clientSecret,
};

async function start(options: ClassyOptions = {}) {
  const classy = await startClassy({ now: () => noon, ...options });
  closers.push(() => classy.close());
  const answered = async (response: Response) => {
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text ? tryParse(text) : undefined,
    };
  };
  const ask = async (body: unknown, type = 'application/json', query = '') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = { method: 'POST', headers: { 'content-type': type }, body: text };
    return answered(await fetch(classy.tokenUrl + query, init));
  };
  const tokenOf = async (organization: ClassyOrganization = sandboxOrganization): Promise<string> => {
    const { clientId: client_id, clientSecret: client_secret } = organization;
    return (await ask({ grant_type: 'client_credentials', client_id, client_secret })).json.access_token;
  };
  let token: string | undefined;
  const get = async (path: string, query: Record<string, string> | string = {}, authorization?: string | null) => {
    token ??= await tokenOf();
    const header = authorization === undefined ? `Bearer ${token}` : authorization;
    const search = typeof query === 'string' ? query : new URLSearchParams(query).toString();
    const headers = { accept: 'application/json', ...(header !== null && { authorization: header }) };
    return answered(await fetch(`${classy.url}/${path}${search && `?${search}`}`, { headers }));
  };
  const list = (resource: string, query: Record<string, string> | string = {}) =>
    get(`organizations/34/${resource}`, query);
  const ids = async (resource: string, query: Record<string, string>) => {
    const { status, json } = await list(resource, query);
    expect(status).toBe(200);
    return (json.data as { id: number }[]).map(({ id }) => id);
  };
  return { classy, books: classy.organization(34), ask, tokenOf, get, list, ids };
}

function tryParse(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

describe('tokens', () => {
  test('are handed out for credentials in a form or in JSON, and say when they expire', async () => {
    const { classy, ask, get } = await start({ expiresIn: 3600 });
    const answer = { access_token: expect.stringMatching(/^[0-9a-f]{32}$/), token_type: 'bearer', queries_log: [] };
    expect((await ask(grant)).json).toEqual({ ...answer, expires_in: 3600 });
    const form = await ask(new URLSearchParams(grant).toString(), 'application/x-www-form-urlencoded');
    expect([form.status, form.json]).toEqual([200, { ...answer, expires_in: 3600 }]);
    expect((await get('organizations/34/supporters', {}, `Bearer ${form.json.access_token}`)).status).toBe(200);
    expect(classy.calls.map(({ operation }) => operation)).toContain('token');
    expect((await fetch(classy.tokenUrl)).status).toBe(405);
  });

  test('are not handed out for credentials that are missing, wrong, malformed or in the query string', async () => {
    const { classy, ask } = await start();
    const { client_id: _, ...anonymous } = grant;
    const missing = await ask(anonymous);
    expect(missing.status).toBe(400);
    expect(missing.json).toEqual({ error: { client_id: ['The client id field is required.'] }, queries_log: [] });
    const query = await ask('', 'application/x-www-form-urlencoded', `?${new URLSearchParams(grant)}`);
    expect([query.status, Object.keys(query.json.error)]).toEqual([400, ['grant_type', 'client_id', 'client_secret']]);
    const wrong = await ask({ ...grant, client_secret: 'guess' });
    expect([wrong.status, wrong.json]).toEqual([400, { error: 'Invalid client authentication' }]);
    expect((await ask({ ...grant, grant_type: 'password' })).json.error.grant_type).toHaveLength(1);
    expect((await ask('{')).json).toEqual({ errors: ['Malformed JSON payload.'] });
    classy.revokeClient(34);
    expect((await ask(grant)).json).toEqual({ error: 'Invalid client authentication' });
    classy.restoreClient(34);
    expect((await ask(grant)).status).toBe(200);
  });

  test('that are missing, unknown, expired or void are answered 401, each with its challenge', async () => {
    const { classy, list, get, tokenOf } = await start({ expiresIn: 0 });
    const missing = await get('organizations/34/supporters', {}, null);
    expect([missing.status, missing.json.error]).toEqual([401, 'invalid_request']);
    const invalid = {
      error: 'invalid_token',
      error_description: 'The access token is invalid or has expired',
    };
    for (const token of ['Bearer nonsense', `Bearer ${await tokenOf()}`]) {
      const answer = await get('organizations/34/supporters', {}, token);
      expect([answer.status, answer.json]).toEqual([401, invalid]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="service" error="invalid_token"/);
    }
    const lasting = await start();
    expect((await lasting.list('supporters')).status).toBe(200);
    lasting.classy.revokeTokens();
    expect((await lasting.list('supporters')).json).toEqual(invalid);
    const token = `Bearer ${await lasting.tokenOf()}`;
    lasting.classy.faults.unauthorized = true;
    expect((await lasting.get('organizations/34/supporters', {}, token)).status).toBe(401);
    lasting.classy.faults.clear();
    expect((await lasting.get('organizations/34/supporters', {}, token)).status).toBe(200);
    lasting.classy.revokeClient(34);
    expect((await lasting.get('organizations/34/supporters', {}, token)).status).toBe(401);
    expect([classy.calls.length > 0, (await list('supporters')).status]).toEqual([true, 401]);
  });

  test('of one organization get 403 on the records of another', async () => {
    const { classy, get, tokenOf } = await start({ organizations: [sandboxOrganization, other] });
    const mine = classy.organization(34).supporters.put();
    const theirs = classy.organization(35).supporters.put();
    const next = classy.organization(34).gift({ supporter: mine.id, amount: 5 });
    expect([theirs.id, next.id]).toEqual([mine.id + 1, mine.id + 2]);
    const error = 'This action is unauthorized.';
    for (const path of ['organizations/35/supporters', `supporters/${theirs.id}`]) {
      const answer = await get(path);
      expect(answer.status).toBe(403);
      expect(answer.json).toEqual({ error, permissions: [{ action: 'fetch', entity: 'supporter' }] });
    }
    const token = `Bearer ${await tokenOf(other)}`;
    expect((await get(`transactions/${next.id}`, {}, token)).json.permissions[0].entity).toBe('transaction');
    expect((await get(`supporters/${theirs.id}`, {}, token)).json.id).toBe(theirs.id);
    const apps = await get('apps/other-client/organizations', {}, token);
    expect(apps.json).toMatchObject({ total: 1, data: [{ id: 35, name: 'Other Aid', currency_code: 'USD' }] });
    expect((await get('apps/other-client/organizations')).status).toBe(403);
  });
});

describe('lists', () => {
  test('come in pages of 20, or of 100 at most, in the documented envelope', async () => {
    const { classy, books, list } = await start();
    for (let count = 0; count < 250; count += 1) books.supporters.put();
    const path = `${classy.url}/organizations/34/supporters`;
    expect((await list('supporters', { sort: 'id' })).json).toMatchObject({ per_page: 20, last_page: 13, to: 20 });
    const { json } = await list('supporters', { sort: 'id:asc', per_page: '500', page: '2', filter: 'id>0' });
    expect(json.data).toEqual(books.supporters.list().slice(100, 200));
    expect({ ...json, data: [], links: json.links.length }).toEqual({
      current_page: 2,
      data: [],
      first_page_url: `${path}?per_page=100&page=1`,
      from: 101,
      last_page: 3,
      last_page_url: `${path}?per_page=100&page=3`,
      links: 5,
      next_page_url: `${path}?per_page=100&page=3`,
      path,
      per_page: 100,
      prev_page_url: `${path}?per_page=100&page=1`,
      to: 200,
      total: 250,
    });
    expect(json.links[0]).toEqual({ url: `${path}?per_page=100&page=1`, label: '&laquo; Previous', active: false });
    expect(json.links[2]).toEqual({ url: `${path}?per_page=100&page=2`, label: '2', active: true });
    const many = await list('supporters', { sort: 'id', per_page: '1', page: '100' });
    expect(many.json.links.map(({ label }: { label: string }) => label).slice(1, -1)).toEqual(
      '1 2 ... 97 98 99 100 101 102 103 ... 249 250'.split(' '),
    );
  });

  test('are empty past their end, and when there is nothing', async () => {
    const { books, list } = await start();
    const nothing = { data: [], from: null, to: null, total: 0, last_page: 1, next_page_url: null };
    for (const resource of ['supporters', 'recurring-donation-history', 'fundraising-pages', 'designations']) {
      expect((await list(resource)).json).toMatchObject(nothing);
    }
    books.supporters.put();
    const past = await list('supporters', { page: '7' });
    expect(past.status).toBe(200);
    expect(past.json).toMatchObject({ data: [], from: null, to: null, total: 1, last_page: 1, next_page_url: null });
    for (const query of [{ page: '0' }, { per_page: 'all' }, { page: '-1' }]) {
      expect((await list('supporters', query)).status).toBe(400);
    }
  });

  test('are sorted as asked, and otherwise by nothing that helps but always the same', async () => {
    const { books, list, ids } = await start();
    for (const [index, amount] of [30, 10, 20, 10].entries()) {
      books.transactions.put({ id: index + 1, total_gross_amount: amount, updated_at: `2025-01-0${4 - index}` });
    }
    expect(await ids('transactions', { sort: 'id' })).toEqual([1, 2, 3, 4]);
    expect(await ids('transactions', { sort: 'id:desc' })).toEqual([4, 3, 2, 1]);
    expect(await ids('transactions', { sort: 'updated_at:asc,id:asc' })).toEqual([4, 3, 2, 1]);
    expect(await ids('transactions', { sort: 'updated_at:desc,id:desc' })).toEqual([1, 2, 3, 4]);
    expect(await ids('transactions', { sort: 'total_gross_amount,id:desc' })).toEqual([4, 2, 3, 1]);
    for (let count = 0; count < 20; count += 1) books.supporters.put();
    const unsorted = await ids('supporters', {});
    expect(await ids('supporters', {})).toEqual(unsorted);
    expect(await ids('supporters', { sort: 'id' })).not.toEqual(unsorted);
    for (const sort of ['nothing', 'id:up', 'id,,', 'metadata', '']) {
      expect((await list('transactions', { sort })).status).toBe(400);
    }
  });

  test('end in ids that are told apart within one second, and put a record without a time first', async () => {
    const { books, ids } = await start();
    const at = '2025-01-01T00:00:00+0000';
    for (const id of [5, 3, 9]) books.supporters.put({ id, updated_at: at });
    books.supporters.put({ id: 7, updated_at: null, created_at: at });
    const query = { sort: 'updated_at:asc,id:asc' };
    expect(await ids('supporters', query)).toEqual([7, 3, 5, 9]);
    expect(await ids('supporters', { ...query, filter: `updated_at>=${at}` })).toEqual([3, 5, 9]);
    expect(await ids('supporters', { ...query, filter: `updated_at<=${at}` })).toEqual([3, 5, 9]);
    books.supporters.edit(3, { nickname: 'Three' }, { updatedAt: '2024-12-31T00:00:00+0000' });
    books.supporters.remove(5);
    expect(await ids('supporters', query)).toEqual([7, 3, 9]);
  });

  test('have the fields asked for, and what comes along only with transactions', async () => {
    const { books, get, list } = await start();
    const { id: supporter } = books.supporters.put({ email_address: 'hannah@example.org', first_name: 'Hannah' });
    const gift = books.gift({ supporter, amount: 52.5, fees_amount: 2.5, frequency: 'one-time' });
    expect(gift).toMatchObject({ donation_net_amount: 50, raw_total_gross_amount: 52.5, member_name: 'Hannah' });
    expect((await list('transactions')).json.data[0]).not.toHaveProperty('items');
    const { data } = (await list('transactions', { with: 'items,supporter', fields: 'id,status' })).json;
    expect(data).toEqual([
      {
        id: gift.id,
        status: 'success',
        items: [expect.objectContaining({ transaction_id: gift.id, type: 'donation', final_price: 52.5 })],
        supporter: expect.objectContaining({ id: supporter, email_address: 'hannah@example.org' }),
      },
    ]);
    expect((await get(`transactions/${gift.id}`, { with: 'items' })).json.items).toHaveLength(1);
    const items = await list('transaction-items', { with: 'transaction', sort: 'id' });
    expect(items.json).toMatchObject({ total: 1, data: [{ transaction_id: gift.id, transaction: { id: gift.id } }] });
    const refused = [
      ['transactions', { with: 'everything' }],
      ['supporters', { with: 'items' }],
      ['campaigns', { with: 'supporter' }],
      ['supporters', { fields: 'id,shoe_size' }],
    ] as const;
    for (const [resource, query] of refused) expect((await list(resource, query)).status).toBe(400);
  });

  test('a record is read by its id, is gone with 404, and cannot be written', async () => {
    const { classy, books, get, tokenOf } = await start();
    const { id } = books.campaigns.put({ name: 'Spring Appeal' });
    expect((await get(`campaigns/${id}`)).json).toMatchObject({ id, name: 'Spring Appeal', raw_goal: '10000.000' });
    expect((await get(`campaigns/${id}/overview`)).json).toMatchObject({ total_gross_amount: 0, percent_to_goal: 0 });
    expect(books.campaigns.remove(id)).toBe(true);
    for (const path of [
      `campaigns/${id}`,
      'supporters/none',
      'organizations/99/campaigns',
      'organizations/34/nothing',
    ]) {
      const answer = await get(path);
      expect([answer.status, answer.json]).toEqual([404, { error: 'The resource cannot be found' }]);
    }
    const headers = { authorization: `Bearer ${await tokenOf()}` };
    const written = await fetch(`${classy.url}/organizations/34/supporters`, { method: 'POST', headers });
    expect([written.status, await written.text()]).toEqual([405, '']);
  });

  test('odd values are kept and sent as they were put', async () => {
    const { books, get } = await start();
    const odd = { id: '77', email_address: null, status: 'cb_won', shoe_size: 43, updated_at: 'yesterday' };
    books.transactions.put(odd);
    expect((await get('transactions/77')).json).toMatchObject(odd);
  });
});

describe('filters', () => {
  async function five() {
    const all = await start();
    const rows = [
      { id: 1, total_gross_amount: 5, is_anonymous: true, status: 'success', updated_at: '2025-04-19T23:59:59+0000' },
      { id: 2, total_gross_amount: '10.00', is_anonymous: false, status: 'failed', updated_at: '2025-04-20T00:00:00Z' },
      { id: 3, total_gross_amount: 10.5, is_anonymous: false, updated_at: '2025-04-20T00:00:00.250+0000' },
      { id: 4, total_gross_amount: 20, is_anonymous: null, updated_at: '2025-04-20T00:00:01+0000' },
      { id: 5, total_gross_amount: null, is_anonymous: true, status: null, updated_at: null },
    ];
    for (const row of rows) all.books.transactions.put(row);
    return all;
  }

  test('know every operator, on ids, amounts, texts, booleans and times', async () => {
    const { ids } = await five();
    const cases: [filter: string, ids: number[]][] = [
      ['id=3', [3]],
      ['id!=3', [1, 2, 4, 5]],
      ['id<>3', [1, 2, 4, 5]],
      ['id>3', [4, 5]],
      ['id>=3', [3, 4, 5]],
      ['id<3', [1, 2]],
      ['id<=3', [1, 2, 3]],
      ['total_gross_amount>=10', [2, 3, 4]],
      ['total_gross_amount<10.5', [1, 2]],
      ['total_gross_amount!=20', [1, 2, 3]],
      ['status=success', [1, 3, 4]],
      ['status<>success', [2]],
      ['is_anonymous=true', [1, 5]],
      ['is_anonymous=0', [2, 3]],
      ['updated_at>=2025-04-20', [2, 3, 4]],
      ['updated_at>2025-04-20T00:00:00Z', [3, 4]],
      ['updated_at=2025-04-20T00:00:00+0000', [2]],
      ['updated_at<2025-04-20T00:00:01+0000', [1, 2, 3]],
      ['updated_at<=2025-04-20', [1, 2]],
      ['updated_at<>2025-04-20', [1, 3, 4]],
      ['updated_at>=2025-04-20,updated_at<2025-04-20T00:00:01Z,id>2', [3]],
      ['id>1,id<=4,status=success', [3, 4]],
      ['id>4,id<2', []],
    ];
    for (const [filter, expected] of cases) {
      expect([filter, await ids('transactions', { filter, sort: 'id:asc' })]).toEqual([filter, expected]);
      const byTime = await ids('transactions', { filter, sort: 'updated_at:desc,id:desc' });
      expect([filter, byTime.sort()]).toEqual([filter, expected]);
    }
  });

  test('that cannot be read, name nothing known or hold a bad date are answered 400', async () => {
    const { list } = await five();
    const bad = [
      'shoe_size=43',
      'status',
      'status~success',
      '=success',
      'status=',
      'status = success',
      'id>1,',
      'id>one',
      'is_anonymous>0',
      'is_anonymous=yes',
      'metadata=1',
      'supporter.opt_in=true',
      'updated_at>=2025-04-20T00:00:00.000Z',
      'updated_at>=2025-04-20T00:00:00.000+0000',
      'updated_at>=2025-04-20T00:00:00+00:00',
      'updated_at>=2025-04-20T00:00:00+0200',
      'updated_at>=2025-04-20 00:00:00',
      'updated_at>=2025-02-30',
      'updated_at>=yesterday',
      'updated_at%3E%3D2025-04-20',
      'updated_at>=2025-04-20T00%3A00%3A00%2B0000',
    ];
    for (const filter of bad) {
      const answer = await list('transactions', { filter });
      expect([filter, answer.status, answer.json]).toEqual([filter, 400, { error: 'Invalid filter.' }]);
    }
    expect((await list('transactions', 'filter=updated_at>=2025-04-20T00:00:00+0000')).status).toBe(400);
    expect((await list('transactions', 'filter=updated_at>=2025-04-20T00:00:00%2B0000')).status).toBe(200);
    expect((await list('transactions', 'filter=id>1&filter=id<3')).status).toBe(400);
  });

  test('ask about an association that comes along', async () => {
    const { books, ids } = await start();
    const { id } = books.supporters.put({ opt_in: true });
    const gift = books.gift({ supporter: id, amount: 5 });
    books.gift({ supporter: null, amount: 5 });
    expect(await ids('transactions', { with: 'supporter', filter: 'supporter.opt_in=1' })).toEqual([gift.id]);
    expect(await ids('transactions', { with: 'items', filter: 'items.type=donation,id>0' })).toHaveLength(2);
  });
});

describe('the limit', () => {
  test('is told with every answer, is per application, and 429 says when to come back', async () => {
    const { classy, list, get, tokenOf } = await start({ perMinute: 2, organizations: [sandboxOrganization, other] });
    const told = async () => {
      const { status, headers } = await list('supporters');
      return [status, headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')];
    };
    expect(await told()).toEqual([200, '2', '1']);
    expect(await told()).toEqual([200, '2', '0']);
    const refused = await list('supporters');
    const wait = Number(refused.headers.get('retry-after'));
    expect([refused.status, refused.json]).toEqual([429, { message: 'Too Many Attempts.', retry_after: wait }]);
    expect(wait).toBeGreaterThan(50);
    expect(Number(refused.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 + 50);
    classy.faults.unavailableInsteadOf429 = true;
    expect((await list('supporters')).status).toBe(503);
    const theirs = await get('organizations/35/supporters', {}, `Bearer ${await tokenOf(other)}`);
    expect([theirs.status, theirs.headers.get('x-ratelimit-remaining')]).toEqual([200, '1']);
    expect(theirs.headers.get('date')).toBe('Sun, 01 Mar 2026 12:00:00 GMT');
  });

  test('is 1800 unless told otherwise, and none at Infinity', async () => {
    const limited = await (await start()).list('supporters');
    expect([limited.headers.get('x-ratelimit-limit'), limited.headers.get('x-ratelimit-remaining')]).toEqual([
      '1800',
      '1799',
    ]);
    const { list } = await start({ perMinute: Number.POSITIVE_INFINITY });
    await list('supporters');
    expect((await list('supporters')).headers.get('x-ratelimit-remaining')).toBe('1800');
  });
});

describe('what happens at an organization', () => {
  const before = '2025-01-01T00:00:00+0000';
  const now = '2026-03-01T12:00:00+0000';

  test('an edit moves updated_at, or lets it stand, or sets it', async () => {
    const { books } = await start();
    const { id } = books.supporters.put({ updated_at: before, created_at: before });
    expect(books.supporters.edit(id, { opt_in: true }, { updatedAt: false })).toMatchObject({ updated_at: before });
    expect(books.supporters.edit(id, { opt_in: false })).toMatchObject({ opt_in: false, updated_at: now });
    expect(books.supporters.edit(id, {}, { updatedAt: before })).toMatchObject({ updated_at: before });
    expect(books.supporters.edit(id, { updated_at: null })).toMatchObject({ updated_at: null });
    expect(() => books.supporters.edit(id + 1, {})).toThrow('no record');
    expect([books.supporters.size, books.supporters.get(id)?.id]).toEqual([1, id]);
  });

  test('a gift leaves its supporter as it was, a refund moves its own time only', async () => {
    const { books } = await start();
    const supporter = books.supporters.put({ updated_at: before, email_address: 'h@example.org' });
    const gift = books.gift({ supporter: supporter.id, amount: '20.00', at: before, comment: 'For the roof' });
    const expected = { purchased_at: before, updated_at: before, total_gross_amount: '20.00', comment: 'For the roof' };
    expect(gift).toMatchObject({ ...expected, member_email_address: 'h@example.org', campaign_id: expect.any(Number) });
    expect(books.refund(gift.id)).toMatchObject({ status: 'refunded', refunded_at: now, updated_at: now });
    expect(books.supporters.get(supporter.id)).toEqual(supporter);
  });

  test('a merged supporter vanishes, and no updated_at tells where its gifts went', async () => {
    const { books, get, ids } = await start();
    const [from, into] = [books.supporters.put(), books.supporters.put()];
    const gift = books.gift({ supporter: from.id, amount: 20, at: before });
    const plan = books.plans.put({ supporter_id: from.id, updated_at: before });
    books.mergeSupporters(from.id, into.id);
    expect((await get(`supporters/${from.id}`)).status).toBe(404);
    expect(await ids('supporters', {})).toEqual([into.id]);
    expect((await get(`transactions/${gift.id}`)).json).toMatchObject({ supporter_id: into.id, updated_at: before });
    expect(books.plans.get(plan.id)).toMatchObject({ supporter_id: into.id, updated_at: before });
  });

  test('a plan is charged by transactions, notes what happened, and ends', async () => {
    const { books, get, ids } = await start();
    const plan = books.plans.put({ donation_amount: 15, next_processing_date: '2026-01-31', updated_at: before });
    const charge = books.chargePlan(plan.id);
    expect(charge).toMatchObject({ recurring_donation_plan_id: plan.id, frequency: 'monthly', total_gross_amount: 15 });
    expect(books.plans.get(plan.id)).toMatchObject({ next_processing_date: '2026-02-28', updated_at: now });
    books.gift({ supporter: null, amount: 1 });
    expect((await get(`recurring-donation-plans/${plan.id}/transactions`)).json.data).toHaveLength(1);
    expect(await ids('transactions', { filter: `recurring_donation_plan_id=${plan.id}` })).toEqual([charge.id]);
    expect(books.cancelPlan(plan.id)).toMatchObject({ status: 'canceled', canceled_at: now, updated_at: now });
    const history = await get(`recurring-donation-plans/${plan.id}/history`, { sort: 'id' });
    expect(history.json.data.map(({ type }: { type: string }) => type)).toEqual(['payment', 'member_canceled']);
  });

  test('a stand-in that is started again has its records, and hands out ids that are new', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'classy-'));
    closers.push(async () => rmSync(folder, { recursive: true }));
    const snapshotFile = join(folder, 'classy.json');
    const first = await start({ snapshotFile });
    const gift = first.books.gift({ supporter: first.books.supporters.put().id, amount: 5 });
    first.books.transactions.remove(first.books.gift({ supporter: null, amount: 6 }).id);
    const dumped = first.books.dump();
    await first.classy.close();
    const second = await start({ snapshotFile });
    expect(second.books.dump()).toEqual(dumped);
    expect(second.books.supporters.put().id).toBeGreaterThan(gift.id + 3);
  });
});

describe('faults', () => {
  test('amounts come as text, times in other styles; off, both come as stored', async () => {
    const { classy, books, get } = await start();
    const { id } = books.gift({ supporter: null, amount: 52.5, at: '2025-01-01T00:00:00.250Z' });
    const path = `transactions/${id}`;
    const shown = async () => {
      const { total_gross_amount, refunded_at, updated_at, items } = (await get(path, { with: 'items' })).json;
      return [total_gross_amount, items[0].final_price, refunded_at, updated_at];
    };
    expect(await shown()).toEqual([52.5, 52.5, null, '2025-01-01T00:00:00.250Z']);
    classy.faults.set({ amountsAsText: true, dates: 'offset' });
    expect(await shown()).toEqual(['52.50', '52.50', null, '2025-01-01T00:00:00+0000']);
    classy.faults.set({ amountsAsText: false, dates: 'z' });
    expect(await shown()).toEqual([52.5, 52.5, null, '2025-01-01T00:00:00Z']);
    classy.faults.set({ dates: 'millis' });
    expect((await shown())[3]).toBe('2025-01-01T00:00:00.250+0000');
    classy.faults.set({ dates: null });
    expect((await shown())[3]).toBe('2025-01-01T00:00:00.250Z');
  });

  test('the edge, a proxy, an empty 500, a 429 and a revoked key look as they do at Classy', async () => {
    const { classy, list, tokenOf } = await start();
    await list('supporters');
    classy.faults.edgeForbidden = true;
    const edge = await list('supporters');
    expect([edge.status, edge.headers.get('content-type'), edge.text.startsWith('<html>')]).toEqual([
      403,
      'text/html',
      true,
    ]);
    expect(await tokenOf()).toHaveLength(32);
    classy.faults.clear();
    classy.faults.html = true;
    expect((await list('supporters')).status).toBe(502);
    classy.faults.clear();
    classy.faults.gone = true;
    expect((await list('supporters')).status).toBe(404);
    classy.faults.clear();
    classy.faults.failEvery = { nth: 1, status: 500 };
    expect(await list('supporters')).toMatchObject({ status: 500, text: '' });
    classy.faults.failEvery = { nth: 1, status: 429, headers: { 'retry-after': '7' } };
    const many = await list('supporters');
    expect([many.status, many.headers.get('retry-after'), many.json.message]).toEqual([429, '7', 'Too Many Attempts.']);
    classy.faults.failEvery = { nth: 1, status: 503, body: 'html' };
    expect((await list('supporters')).text).toContain('503');
  });

  test('answers are cut, repeated or lost every so often', async () => {
    const { classy, books, list } = await start();
    for (let count = 0; count < 4; count += 1) books.supporters.put();
    const page = (number: number) => list('supporters', { sort: 'id', per_page: '1', page: String(number) });
    classy.faults.set({ truncateEvery: 2 });
    const [whole, half] = [await page(1), await page(2)];
    expect([whole.json.current_page, half.status, half.json]).toEqual([1, 200, undefined]);
    classy.faults.set({ truncateEvery: null, repeatPageEvery: 2 });
    expect([(await page(1)).json.current_page, (await page(2)).json.current_page]).toEqual([1, 1]);
    classy.faults.set({ repeatPageEvery: null, dropEvery: 2 });
    expect((await page(1)).status).toBe(200);
    await expect(page(2)).rejects.toThrow();
    expect((await page(3)).status).toBe(200);
    classy.faults.clear();
    expect((await page(4)).json.current_page).toBe(4);
  });

  test('the total lies, and last_page with it, but never below zero', async () => {
    const { classy, books, list } = await start();
    for (let count = 0; count < 30; count += 1) books.supporters.put();
    classy.faults.totalLies = 15;
    expect((await list('supporters')).json).toMatchObject({ total: 45, last_page: 3 });
    classy.faults.totalLies = -50;
    const less = (await list('supporters')).json;
    expect([less.total, less.last_page, less.next_page_url, less.data.length]).toEqual([0, 1, null, 20]);
  });

  test('a test hears of each list and changes records between two pages', async () => {
    const { classy, books, list } = await start();
    for (let count = 0; count < 3; count += 1) books.supporters.put();
    const heard: unknown[] = [];
    classy.onList((resource, answered) => {
      heard.push([resource, answered]);
      const first = books.supporters.list()[0];
      if (first) books.supporters.remove(first.id);
    });
    const page = (number: number) => list('supporters', { sort: 'id', per_page: '2', page: String(number) });
    expect([(await page(1)).json.data.length, (await page(2)).json.data.length]).toEqual([2, 0]);
    expect(heard).toEqual([
      ['supporters', 2],
      ['supporters', 0],
    ]);
  });

  test('are set over HTTP too, and the state is shown', async () => {
    const { classy } = await start();
    const control = `http://127.0.0.1:${classy.port}/__sandbox`;
    const body = JSON.stringify({ dates: 'z', truncateEvery: 3 });
    const set = await fetch(`${control}/faults`, { method: 'PUT', body });
    expect(await set.json()).toMatchObject({ dates: 'z', truncateEvery: 3, amountsAsText: false });
    expect(await (await fetch(`${control}/state`)).json()).toHaveProperty('organizations.34.supporters', []);
    const wrong = await fetch(`${control}/faults`, { method: 'PUT', body: '{"dropEvery":0}' });
    expect(wrong.status).toBe(400);
  });
});

describe('invented records', () => {
  test('are the same for the same seed, at example.org, and as mixed as in life', async () => {
    const one = await start();
    const again = await start();
    const another = await start();
    seedOrganization(one.classy, 34, 'small');
    seedOrganization(again.classy, 34, 'small', 7);
    seedOrganization(another.classy, 34, 'small', 8);
    expect(again.books.dump()).toEqual(one.books.dump());
    expect(another.books.supporters.list()).not.toEqual(one.books.supporters.list());
    const { supporters, transactions, campaigns, plans } = one.books;
    expect([supporters.size, transactions.size, campaigns.size, plans.size]).toEqual([40, 150, 5, 12]);
    for (const { email_address } of supporters.list())
      expect(email_address ?? '@example.org').toMatch(/@example\.org$/);
    for (const row of [...supporters.list(), ...transactions.list(), ...plans.list()]) {
      expect(String(row['updated_at']) >= String(row['created_at'])).toBe(true);
      expect(String(row['updated_at']) <= '2026-03-01T00:00:00+0000').toBe(true);
    }
  });

  test('in real size are made in seconds, and any page of them in milliseconds', async () => {
    const { classy, books, list } = await start();
    const begun = performance.now();
    seedOrganization(classy, 34, { supporters: 1_900, transactions: 12_000, campaigns: 15, plans: 400 });
    expect(performance.now() - begun).toBeLessThan(3_000);
    const rows = books.transactions.list();
    expect(rows).toHaveLength(12_000);
    const states = new Set(rows.map((row) => row['status']));
    for (const status of ['success', 'refunded', 'failed', 'pending', 'test', 'canceled'])
      expect(states).toContain(status);
    expect(new Set(rows.map((row) => row['raw_currency_code']))).toEqual(new Set(['USD', 'EUR', 'GBP', 'CAD']));
    expect(rows.some((row) => row['payment_method'] === 'Offline' && row['payment_gateway'] === null)).toBe(true);
    expect(rows.some((row) => row['supporter_id'] === null)).toBe(true);
    const donors = new Set(rows.map((row) => row['supporter_id']));
    expect(donors.size).toBeLessThan(1_800);

    const late = rows.filter((row) => String(row['updated_at']) >= '2025-06-01');
    const query = { filter: 'updated_at>=2025-06-01', sort: 'updated_at:asc,id:asc', per_page: '100' };
    const { json } = await list('transactions', query);
    const byTime = late
      .map((row) => `${row['updated_at']} ${String(row.id).padStart(9, '0')}`)
      .sort()
      .slice(0, 100);
    expect(json.total).toBe(late.length);
    expect(json.data.map((row: { updated_at: string; id: number }) => Number(row.id))).toEqual(
      byTime.map((key) => Number(key.split(' ')[1])),
    );
  });

  test('giving goes on, the same for the same random numbers', async () => {
    const [one, again] = [await start(), await start()];
    for (const { classy } of [one, again]) {
      seedOrganization(classy, 34, 'small');
      const { stop, step } = startGiving(classy, 34, { random: seededRandom(3) });
      for (let count = 0; count < 200; count += 1) step();
      stop();
    }
    expect(again.books.dump()).toEqual(one.books.dump());
    expect(one.books.transactions.size).toBeGreaterThan(250);
    expect(one.books.supporters.size).toBeGreaterThan(50);
    const states = (rows: { [key: string]: unknown }[]) => new Set(rows.map((row) => row['status']));
    expect(states(one.books.plans.list())).toContain('canceled');
    expect(states(one.books.transactions.list())).toContain('refunded');
  });
});
