import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Resource } from '../../src/contract/organization-sync.js';
import { defaultSegmentRules } from '../../src/domain/segment-rules.js';
import type { OrganizationEntry } from '../../src/ledger/classy/organizations.js';
import { readRecords } from '../../src/vendors/classy/records.js';
import { type OpenLedger, openLedger } from './open-ledger.js';

type Json = Record<string, unknown>;

const docs = readFileSync('docs/data.md', 'utf8');
const analyst = 'data_queries_analyst';
const sealedColumns = ['credentials', 'credentials_nonce', 'credentials_key_id'];

let open: OpenLedger;
/** Logged in as the role that the document gives analysts. */
let reader: pg.Client;

beforeAll(async () => {
  open = await openLedger('ledger_data_queries_test');
  await open.ledger.organizations.save(organization('34', 'America/New_York', 'USD'));
  await open.ledger.organizations.save(organization('35', 'UTC', 'EUR'));
  await fill();
  await open.prisma.$executeRawUnsafe(`DROP ROLE IF EXISTS ${analyst}`);
  for (const statement of sqlOf('Access').replaceAll('analyst', analyst).split(';').slice(0, -1))
    await open.prisma.$executeRawUnsafe(statement);
  const url = new URL(open.url);
  [url.username, url.password] = [analyst, 'change me'];
  reader = new pg.Client({ connectionString: url.href, types: { getTypeParser: () => (text: unknown) => text } });
  await reader.connect();
}, 60_000);
afterAll(async () => {
  await reader?.end();
  await open?.close();
});

const organization = (id: string, timeZone: string, currency: string | undefined): OrganizationEntry => ({
  id,
  name: `Organization ${id}`,
  timeZone,
  currency,
  mailchimpListId: undefined,
  isSandbox: false,
  sealed: { sealed: new Uint8Array([1]), nonce: new Uint8Array([2]), keyId: 'key' },
});

/** The text below a heading, up to the next one of its level or above. */
function section(title: string): string {
  const [, marks, text] = new RegExp(`^(##+) ${title}\\n([\\s\\S]*)`, 'm').exec(docs) ?? [];
  if (marks === undefined || text === undefined) throw new Error(`docs/data.md has no heading "${title}"`);
  return text.split(new RegExp(`^##{0,${marks.length - 1}} `, 'm'))[0]!;
}

function sqlOf(title: string): string {
  const [block, ...more] = [...section(title).matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql!);
  if (block === undefined || more.length > 0) throw new Error(`"${title}" must hold one block of SQL`);
  return block;
}

/** Rows of a query of the document, value by value as Postgres writes them, amounts without zeroes at their end. */
async function rowsOf(title: string, edit = (sql: string): string => sql): Promise<(string | null)[][]> {
  const { rows } = await reader.query<(string | null)[]>({ text: edit(sqlOf(title)), rowMode: 'array' });
  return rows.map((row) => row.map((value) => value?.replace(/^(\d+)\.(\d*?)0*$/, decimal) ?? null));
}
const decimal = (_: string, whole: string, rest: string): string => (rest === '' ? whole : `${whole}.${rest}`);

// --- people and gifts, as Classy would send them ---

const stamps = { created_at: '2022-01-01T00:00:00Z', updated_at: '2025-01-01T00:00:00+0000' };
const person = (id: number, first_name: string, email_address: string | null, more: Json = {}): Json => ({
  ...{ id, first_name, email_address, last_name: 'Doe', opt_in: true, ...stamps },
  ...more,
});
const campaign = (organization_id: number, id: number, name: string): Json => ({
  ...{ id, organization_id, name, status: 'active', goal: 100, ...stamps },
});
/** A gift of organization 34 in dollars that succeeded. */
const gift = (
  id: number,
  supporter_id: number | null,
  campaign_id: number | null,
  total_gross_amount: unknown,
  purchased_at: string | null,
  more: Json = {},
): Json => ({
  ...{ id, organization_id: 34, supporter_id, campaign_id, total_gross_amount, purchased_at, currency_code: 'USD' },
  ...{ status: 'success', frequency: 'one-time', ...stamps, items: [{ id: id * 10, transaction_id: id }] },
  ...more,
});
const refund = (id: number, amount: unknown, refunded_at: string | null, more: Json = {}): Json =>
  gift(id, 3, 10, amount, '2024-02-20T12:00:00Z', { status: 'refunded', refunded_at, ...more });
const plan = (id: number, frequency: string | null, donation_amount: unknown, more: Json = {}): Json => ({
  ...{ id, organization_id: 34, supporter_id: 1, campaign_id: 10, frequency, donation_amount, currency_code: 'USD' },
  ...{ status: 'active', is_paused: false, ...stamps },
  ...more,
});

const ours: Record<Resource, Json[]> = {
  campaigns: [campaign(34, 10, 'Spring Appeal'), campaign(34, 11, 'Gala'), campaign(34, 13, 'Quiet')],
  supporters: [
    person(1, 'Hannah', 'hannah@example.org'),
    person(2, 'Hannah', ' HANNAH@example.org ', { opt_in: false, updated_at: '2025-02-01T00:00:00Z' }),
    person(3, 'Omar', 'omar@example.org'),
    person(4, 'Gone', 'gone@example.org'),
    person(5, 'Nomail', null),
    person(6, 'Prospect', 'prospect@example.org'),
    person(7, 'Edge', 'edge@example.org'),
    person(8, 'Kim', 'kim@example.org'),
    person(9, 'Kimberly', 'KIM@example.org', { opt_in: null, updated_at: '2024-01-01T00:00:00Z' }),
  ],
  transactions: [
    gift(100, 1, 10, 52.5, '2024-01-15T12:00:00Z'),
    // still February in New York
    gift(101, 1, 11, '100.10', '2024-03-01T03:00:00+0000', { recurring_donation_plan_id: 500 }),
    gift(102, 3, 10, 25, '2023-06-01T12:00:00Z'),
    // a second before and at midnight of 30 June in New York
    gift(103, 3, 11, '10.01', '2024-06-30T03:59:59.000Z'),
    gift(104, 7, 11, 0.1, '2024-06-30T04:00:00Z'),
    gift(105, 8, null, 20, '2022-12-31T23:30:00Z'),
    gift(106, null, 10, 1000, '2024-01-31T12:00:00Z', { payment_method: 'Offline' }),
    // a campaign that is not there, one of another organization, and a supporter who is gone
    gift(107, 5, 12, 7.77, '2022-05-05T12:00:00Z'),
    gift(108, 4, 10, 3, '2022-02-02T12:00:00Z'),
    gift(109, 3, 30, 4.44, '2024-02-02T12:00:00Z'),
    gift(122, 8, 10, '1.005', '2022-11-30T12:00:00Z', { currency_code: 'usd' }),
    gift(123, 2, 11, 10, '2024-12-25T12:00:00Z', { currency_code: null }),
    // none of these counts
    gift(114, 1, 10, 99, '2024-02-01T12:00:00Z', { currency_code: 'EUR', raw_currency_code: 'EUR' }),
    gift(115, 6, 11, 0, '2024-02-01T12:00:00Z', { items: [{ id: 1150, transaction_id: 115, type: 'registration' }] }),
    gift(116, 3, 10, 60, '2999-01-01T00:00:00Z'),
    gift(117, 3, 10, 70, '2025-06-01T12:00:00Z'),
    gift(118, 3, 10, 80, '2025-06-01T12:00:00Z', { status: 'pending' }),
    gift(119, 3, 10, 90, null),
    gift(121, 1, 10, 15, '2025-06-01T12:00:00Z', { status: 'cb_lost' }),
    gift(124, 3, 10, null, '2025-06-01T12:00:00Z'),
    // 1 April, 02:00 UTC is March in New York
    refund(110, 500, '2024-04-01T02:00:00Z'),
    refund(111, '12.34', '2024-03-15T12:00:00Z'),
    refund(112, 40, '2024-03-16T12:00:00Z', { currency_code: 'EUR' }),
    refund(113, 5.55, null),
    refund(120, 33, '2024-03-17T12:00:00Z'),
  ],
  'recurring-plans': [
    plan(500, 'monthly', 52.5),
    plan(501, 'monthly', '10'),
    plan(502, 'yearly', 1.74),
    plan(503, 'weekly', 25),
    plan(504, 'semi-annual', 6),
    plan(505, 'semi-annually', 12),
    plan(506, 'daily', 0.01),
    plan(507, 'monthly', 1000, { is_paused: true }),
    plan(508, 'monthly', 100, { status: 'failing' }),
    plan(509, 'monthly', 100),
    plan(510, 'monthly', 7, { currency_code: 'eur' }),
    plan(511, 'lunar', 9),
    plan(512, 'monthly', null, { is_paused: null, currency_code: null }),
    plan(513, 'one-time', 50),
    plan(514, null, 8),
    plan(515, 'bi-weekly', 10),
    plan(516, 'quarterly', 10.01),
    plan(517, 'bi-monthly', '5.01'),
  ],
};

/** What Classy does not have any more when it is read again. */
const gone: Record<Resource, number[]> = {
  campaigns: [],
  supporters: [4],
  transactions: [117, 120],
  'recurring-plans': [509],
};

const elsewhere = { organization_id: 35, currency_code: 'EUR' };
const theirs: Record<Resource, Json[]> = {
  campaigns: [campaign(35, 30, 'Of the others')],
  supporters: [person(51, 'Hannah', 'hannah@example.org'), person(53, 'Omar', 'omar@example.org')],
  transactions: [
    gift(200, 51, 30, 999, '2024-01-15T12:00:00Z', elsewhere),
    gift(201, 3, 10, 888, '2021-01-15T12:00:00Z', elsewhere),
    refund(202, 777, '2024-03-15T12:00:00Z', elsewhere),
  ],
  'recurring-plans': [plan(600, 'monthly', 666, elsewhere)],
};

/** Gifts come before those who gave them; then organization 34 is read as a whole, without what is gone. */
async function fill(): Promise<void> {
  for (const resource of ['transactions', 'recurring-plans', 'campaigns', 'supporters'] as const) {
    await read('35', resource, theirs[resource], []);
    await read('34', resource, ours[resource], gone[resource]);
  }
  await open.ledger.donors.reckon('34', defaultSegmentRules);
}

async function read(id: string, resource: Resource, entries: Json[], missing: number[]): Promise<void> {
  const { sourcePages, organizationRuns } = open.ledger;
  const input = { run: randomUUID(), organization: id, resource, mode: 'full', by: 'command' } as const;
  const pageRun = { ...input, dryRun: false };
  await organizationRuns.begin(input);
  const page = readRecords(resource, id, entries);
  expect(page.setAside).toEqual([]);
  await sourcePages.write(pageRun, [{ ...page, asOf: new Date(Date.now() - 60_000) }], {});
  const ids = page.records.flatMap((record) => (missing.includes(Number(record.id)) ? [] : [record.id]));
  const again = { records: [], setAside: [], drift: {}, asOf: new Date(), covers: { after: '0', to: null, ids } };
  await sourcePages.write(pageRun, [again], {});
  expect(await organizationRuns.finishFull(input, undefined, undefined)).toEqual({ missing: missing.length, held: 0 });
}

// --- what the queries must give; sums by hand ---

describe('the queries of docs/data.md', () => {
  test('are the seven', () => {
    const titles = [...section('Queries').matchAll(/^### (.*)$/gm)].map(([, title]) => title);
    expect(titles).toEqual([
      'Lifetime value by campaign',
      'Lapsed donors',
      'Monthly recurring revenue',
      'Refunds',
      'Gifts by month',
      'Donors by recency',
      'Donors without consent',
    ]);
  });

  test('lifetime value by campaign', async () => {
    expect(await rowsOf('Lifetime value by campaign')).toEqual([
      // 52.50 + 25 + 1000 + 3 + 1.005; new: 152.60 (1), 39.45 (3), 3 (4), 21.005 (8)
      ['10', 'Spring Appeal', 'USD', '5', '1081.505', '4', '4', '216.055', '54.01'],
      // 100.10 + 10.01 + 0.10 + 10; new: 10 (2), 0.10 (7)
      ['11', 'Gala', 'USD', '4', '120.21', '4', '2', '10.1', '5.05'],
      [null, null, 'USD', '1', '20', '1', '0', '0', null],
      ['12', null, 'USD', '1', '7.77', '1', '1', '7.77', '7.77'],
      ['30', null, 'USD', '1', '4.44', '1', '0', '0', null],
    ]);
  });

  test('lapsed donors, to the day of the organization', async () => {
    // 30 June 2025 in New York
    const at = (sql: string): string => sql.replaceAll('now()', `timestamptz '2025-07-01 03:30:00+00'`);
    expect(await rowsOf('Lapsed donors', at)).toEqual([
      ['3', 'omar@example.org', 'Omar', 'Doe', '3', '39.45', '2024-06-29', 't'],
      ['8', 'kim@example.org', 'Kim', 'Doe', '2', '21.005', '2022-12-31', 'f'],
      ['5', null, 'Nomail', 'Doe', '1', '7.77', '2022-05-05', 'f'],
    ]);
    // as it stands everybody who ever gave has lapsed by now
    const names = (await rowsOf('Lapsed donors')).map(([id]) => id);
    expect(names).toEqual(['2', '3', '8', '5', '7']);
  });

  test('monthly recurring revenue', async () => {
    expect(await rowsOf('Monthly recurring revenue')).toEqual([
      ['34', 'EUR', 'monthly', '1', '7'],
      ['34', 'EUR', 'all', '1', '7'],
      ['34', 'USD', 'weekly', '1', '108.33'],
      ['34', 'USD', 'monthly', '3', '62.5'],
      ['34', 'USD', 'bi-weekly', '1', '21.67'],
      ['34', 'USD', 'quarterly', '1', '3.34'],
      ['34', 'USD', 'semi-annually', '2', '3'],
      ['34', 'USD', 'bi-monthly', '1', '2.51'],
      ['34', 'USD', 'daily', '1', '0.3'],
      ['34', 'USD', 'yearly', '1', '0.15'],
      ['34', 'USD', 'lunar', '1', '0'],
      ['34', 'USD', 'one-time', '1', '0'],
      ['34', 'USD', 'unknown', '1', '0'],
      // 2421.49 a year: rounded once, not the sum of the rounded ones, which is 201.80
      ['34', 'USD', 'all', '14', '201.79'],
    ]);
    const everybody = await rowsOf('Monthly recurring revenue', (sql) =>
      sql.replace(/^ *AND p\.organization_id.*$/m, ''),
    );
    expect(everybody.filter(([id]) => id === '35')).toEqual([
      ['35', 'EUR', 'monthly', '1', '666'],
      ['35', 'EUR', 'all', '1', '666'],
    ]);
  });

  test('refunds', async () => {
    expect(await rowsOf('Refunds')).toEqual([
      ['2024-03', 'EUR', '1', '40'],
      ['2024-03', 'USD', '2', '512.34'],
      [null, 'USD', '1', '5.55'],
    ]);
  });

  const months = [
    ['2022-02', 'USD', '1', '3', '1', '0'],
    ['2022-05', 'USD', '1', '7.77', '1', '0'],
    ['2022-11', 'USD', '1', '1.005', '1', '0'],
    ['2022-12', 'USD', '1', '20', '1', '0'],
    ['2023-06', 'USD', '1', '25', '1', '0'],
    ['2024-01', 'USD', '2', '1052.5', '1', '0'],
    ['2024-02', 'USD', '2', '104.54', '2', '1'],
    ['2024-06', 'USD', '2', '10.11', '2', '0'],
    ['2024-12', 'USD', '1', '10', '1', '0'],
  ];

  test('gifts by month', async () => {
    expect(await rowsOf('Gifts by month')).toEqual(months);
  });

  test('donors by recency, to the day of the organization', async () => {
    // 30 June 2025 in New York
    const at = (sql: string): string => sql.replaceAll('o.donors_as_of', `timestamptz '2025-07-01 03:30:00+00'`);
    expect(await rowsOf('Donors by recency', at)).toEqual([
      // 162.60 (1 and 2, 187 days ago) + 0.10 (7, 365 days ago)
      ['181 to 365', '2', '162.7', '1'],
      ['366 to 730', '1', '39.45', '0'],
      ['more than 730', '1', '21.005', '0'],
      ['no gift', '1', '0', '0'],
    ]);
    // as it stands, as of when they were added up
    const people = (await rowsOf('Donors by recency')).map(([, count]) => Number(count));
    expect(people.reduce((sum, count) => sum + count, 0)).toBe(5);
  });

  test('donors without consent', async () => {
    const hannah = ['2', 'HANNAH@example.org', 'Hannah', 'Doe', '162.6', '2024-12-25', 't'];
    expect(await rowsOf('Donors without consent')).toEqual([hannah]);
    expect(await rowsOf('Donors without consent', (sql) => sql.replace('>= 100', '>= 20'))).toEqual([
      hannah,
      ['8', 'kim@example.org', 'Kim', 'Doe', '21.005', '2022-12-31', 'f'],
    ]);
  });

  test('keep currencies apart where the organization has none', async () => {
    const { organizations } = open.ledger;
    await organizations.save(organization('34', 'America/New_York', undefined));
    try {
      const without = await rowsOf('Gifts by month');
      expect(without.filter(([month]) => month === '2024-02')).toEqual([
        ['2024-02', 'EUR', '1', '99', '1', '0'],
        ['2024-02', 'USD', '2', '104.54', '2', '1'],
      ]);
      const byCampaign = await rowsOf('Lifetime value by campaign');
      expect(byCampaign.filter(([id]) => id === '10')).toEqual([
        ['10', 'Spring Appeal', 'USD', '5', '1081.505', '4', '4', '216.055', '54.01'],
        ['10', 'Spring Appeal', 'EUR', '1', '99', '1', '0', '0', null],
      ]);
    } finally {
      await organizations.save(organization('34', 'America/New_York', 'USD'));
    }
    expect(await rowsOf('Gifts by month')).toEqual(months);
  });
});

describe('the tables of docs/data.md', () => {
  const titles = [...section('Tables').matchAll(/^### (.*)$/gm)].map(([, title]) => title!);

  test('are those that analysts may read', () => {
    expect(titles.toSorted()).toEqual(
      [
        ...['campaigns', 'donors', 'organizations', 'recurring_plans', 'supporters', 'transaction_items'],
        'transactions',
      ].toSorted(),
    );
  });

  test.each(titles)('%s has the columns that are named, each once', async (title) => {
    const firstCells = [...section(title).matchAll(/^\| (`.*?) \|/gm)].map(([, cell]) => cell!);
    const named = firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, column]) => column!));
    const rows = await open.prisma.$queryRaw<{ name: string }[]>`
      SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ${title}`;
    const stored = rows.map(({ name }) => name).filter((name) => title !== 'organizations' || !isSealed(name));
    expect(named.toSorted()).toEqual(stored.toSorted());
  });
  const isSealed = (name: string): boolean => sealedColumns.includes(name);

  test('and the columns in the drawing are there, with those types', async () => {
    const [, drawing = ''] = /```mermaid\n([\s\S]*?)```/.exec(docs) ?? [];
    const drawn = [...drawing.matchAll(/^ {2}(\w+) \{([^}]*)\}/gm)].flatMap(([, table, body]) =>
      [...body!.matchAll(/^ {4}(\w+) (\w+)/gm)].map(([, type, column]) => `${table}.${column} ${type}`),
    );
    const rows = await open.prisma.$queryRaw<{ line: string }[]>`
      SELECT table_name || '.' || column_name || ' ' || CASE udt_name WHEN 'int8' THEN 'bigint' WHEN 'bool' THEN 'boolean' ELSE udt_name END AS line
      FROM information_schema.columns WHERE table_schema = 'public'`;
    expect(drawn.length).toBeGreaterThan(20);
    expect(rows.map(({ line }) => line)).toEqual(expect.arrayContaining(drawn));
  });
});

describe('the role of docs/data.md', () => {
  test('reads how fresh the data is', async () => {
    const resources = (await rowsOf('How fresh it is')).map(([resource]) => resource);
    expect(resources).toEqual(['campaigns', 'recurring-plans', 'supporters', 'transactions']);
  });

  test.each([
    ...sealedColumns.map((column) => `SELECT ${column} FROM organizations`),
    'SELECT * FROM organizations',
    'SELECT email FROM members',
  ])('is refused %s', async (text) => {
    await expect(reader.query(text)).rejects.toThrow('permission denied');
  });

  test('writes nothing', async () => {
    await expect(reader.query('UPDATE supporters SET first_name = NULL')).rejects.toThrow('read-only');
    await reader.query('SET default_transaction_read_only = off');
    await expect(reader.query('UPDATE supporters SET first_name = NULL')).rejects.toThrow('permission denied');
  });
});
