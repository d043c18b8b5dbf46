import { expect } from '@jest/globals';
import pg from 'pg';
import type { Row, SandboxClassy } from '../../src/sandbox/index.js';

/** Where the source and what should be like it are. */
export interface SourceAndLedger {
  classy: SandboxClassy;
  bed: { stores: { databaseUrl: string } };
}

/** A table of Classy's records. */
export type Table = 'supporters' | 'campaigns' | 'transactions' | 'recurring_plans';

/** What Postgres may hold that the source does not show, and the other way round. */
export interface Exceptions {
  /** Of the organization; null: every currency is added up. Default `USD`. */
  currency?: string | null;
  /** Ids that vanished at the source after they were stored: they must be marked. */
  gone?: Partial<Record<Table, readonly number[]>>;
  /** Ids that the source shows but that cannot be stored: they must not be there. */
  unstorable?: Partial<Record<Table, readonly number[]>>;
  /** Until when gifts are given. Default: now. */
  asOf?: Date;
}

type Kind = 'id' | 'text' | 'amount' | 'time' | 'day' | 'flag' | 'consent' | 'count';
type Read = Record<string, string | null>;

/** Our reading of the vendor's notes, by nothing of Steward's: column, field of the record, kind. */
const columns: Record<Table, string> = {
  supporters: `email_address:text first_name:text last_name:text nickname:text phone:text cell_phone:text city:text state:text
    country:text postal_code:text origin:text member_id:id source_campaign_id:id email_opt_in=opt_in:consent
    last_emailed_at:time classy_created_at=created_at:time classy_updated_at=updated_at:time`,
  campaigns: `name:text internal_name:text type:text status:text goal:amount currency_code:text is_general:flag designation_id:id
    external_id:text canonical_url:text timezone_identifier:text started_at:time ended_at:time
    classy_created_at=created_at:time classy_updated_at=updated_at:time`,
  transactions: `supporter_id:id campaign_id:id recurring_plan_id=recurring_donation_plan_id:id parent_transaction_id:id
    designation_id:id fundraising_page_id:id fundraising_team_id:id member_id:id status:text frequency:text payment_method:text
    payment_type:text payment_gateway:text total_gross_amount:amount donation_gross_amount:amount donation_net_amount:amount
    overhead_net_amount:amount fees_amount:amount adjustment_amount:amount currency_code:text raw_total_gross_amount:amount
    raw_currency_code:text charged_total_gross_amount:amount charged_currency_code:text is_anonymous:flag is_gift_aid:flag
    company_name:text billing_country:text billing_state:text billing_postal_code:text purchased_at:time charged_at:time
    refunded_at:time classy_created_at=created_at:time classy_updated_at=updated_at:time`,
  recurring_plans: `supporter_id:id campaign_id:id designation_id:id member_id:id status:text frequency:text
    amount=donation_amount:amount currency_code:text raw_amount=raw_donation_amount:amount raw_currency_code:text payment_type:text
    payment_gateway:text is_paused:flag pause_until:day next_payment_date=next_processing_date:day recur_until:day started_at:time
    failed_at:time canceled_at:time cancel_reason_code:text timezone_identifier:text classy_created_at=created_at:time
    classy_updated_at=updated_at:time`,
};
const itemColumns = `transaction_id:id type:text product_name:text product_id:id quantity:count price:amount final_price:amount
  donation_gross_amount:amount donation_net_amount:amount fees_amount:amount overhead_amount:amount designation_id:id`;

type Column = readonly [name: string, field: string, kind: Kind];
const columnsOf = (text: string): Column[] =>
  text.split(/\s+/).map((part) => {
    const [, name = '', field = name, kind = ''] = /^(\w+)(?:=(\w+))?:(\w+)$/.exec(part) ?? [];
    return [name, field, kind as Kind];
  });

/** A decimal text in ten-thousandths, halves away from zero; null where it is none. Whole numbers only. */
export function tenThousandths(value: unknown): bigint | null {
  const [, sign, whole = '', fraction = '', power = '0'] =
    /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(String(value ?? '').trim()) ?? [];
  if (whole === '') return null;
  const shift = Number(power) - fraction.length + 4;
  const digits = BigInt(whole + fraction);
  let units = digits * 10n ** BigInt(Math.max(0, shift));
  if (shift < 0) {
    const divisor = 10n ** BigInt(-shift);
    units = (digits + divisor / 2n) / divisor;
  }
  return sign === '-' ? -units : units;
}

function instant(value: unknown): number | null {
  const [, day, time, fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)?$/.exec(String(value ?? '').trim()) ??
    [];
  if (day === undefined) return null;
  const minutes = zone === 'Z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)));
  const offset = zone.length === 3 ? Number(zone) * 60 : minutes;
  const ms = Date.parse(`${day}T${time}Z`);
  return Number.isNaN(ms) ? null : ms + Number(fraction.padEnd(3, '0').slice(0, 3)) - offset * 60_000;
}

const clean = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** What a field of a record should look like in a column, as comparable text. */
function expected(kind: Kind, value: unknown): string | null {
  switch (kind) {
    case 'id':
      return value === null || value === undefined || String(value) === '0' || value === '' ? null : String(value);
    case 'text':
      return value === null || value === undefined || typeof value === 'object' ? null : clean(String(value));
    case 'amount':
      return String(tenThousandths(value) ?? 'null').replace('null', '') || null;
    case 'time':
      return typeof value === 'string' ? (instant(value)?.toString() ?? null) : null;
    case 'day':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? value.slice(0, 10) : null;
    case 'flag':
      if ([true, 1, '1', 'true'].includes(value as never)) return 't';
      return [false, 0, '0', 'false'].includes(value as never) ? 'f' : null;
    case 'consent':
      return value === true ? 't' : value === null || value === undefined ? null : 'f';
    case 'count':
      return value === null || value === undefined ? null : String(value);
  }
}

/** What a column holds, in the same form. */
function stored(kind: Kind, value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (kind === 'amount') return String(tenThousandths(value));
  return kind === 'time' ? String(instant(value)) : value;
}

interface Totals {
  amount: bigint;
  count: number;
  first: number | null;
  last: number | null;
}

/** Adds up counted donations by the field that names whose they are. */
export function totalsBy(
  field: 'supporter_id' | 'campaign_id',
  transactions: readonly Row[],
  { currency = 'USD', asOf = new Date() }: Exceptions = {},
): Map<string, Totals> {
  const totals = new Map<string, Totals>();
  for (const row of transactions) {
    const amount = tenThousandths(row['total_gross_amount']);
    const at = instant(row['purchased_at']);
    const code = row['currency_code'] as string | null | undefined;
    const isOurs = currency === null || code === null || code === undefined || code.toUpperCase() === currency;
    if (row['status'] !== 'success' || !isOurs || amount === null || amount <= 0n || at === null) continue;
    if (at > asOf.getTime()) continue;
    const key = String(row[field] ?? '');
    const before = totals.get(key) ?? { amount: 0n, count: 0, first: null, last: null };
    totals.set(key, {
      amount: before.amount + amount,
      count: before.count + 1,
      first: Math.min(before.first ?? at, at),
      last: Math.max(before.last ?? at, at),
    });
  }
  return totals;
}

const rowsOf = (classy: SandboxClassy, organization: number): Record<Table, Row[]> => {
  const { supporters, campaigns, transactions, plans } = classy.organization(organization);
  return {
    supporters: supporters.list(),
    campaigns: campaigns.list(),
    transactions: transactions.list(),
    recurring_plans: plans.list(),
  };
};

/** Every row of a query with its columns as the text that Postgres writes. */
export async function readText(databaseUrl: string, text: string, values: unknown[] = []): Promise<Read[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("SET TIME ZONE 'UTC'");
    const types = { getTypeParser: () => (value: unknown) => value };
    return (await client.query({ text, values, types: types as never })).rows;
  } finally {
    await client.end();
  }
}

/** What differs between the source and Postgres, table by table and row by row; nothing when all is as it should be. */
export async function untrue(
  { classy, bed }: SourceAndLedger,
  organization: number,
  exceptions: Exceptions = {},
): Promise<string[]> {
  const wrong: string[] = [];
  const source = rowsOf(classy, organization);
  for (const table of ['supporters', 'campaigns', 'transactions', 'recurring_plans'] as const)
    source[table] = source[table].filter(({ id }) => !exceptions.unstorable?.[table]?.includes(id));
  const read = (table: string): Promise<Read[]> =>
    readText(bed.stores.databaseUrl, `SELECT * FROM ${table} WHERE organization_id = $1 ORDER BY id`, [organization]);
  const bySupporter = totalsBy('supporter_id', source.transactions, exceptions);
  const byCampaign = totalsBy('campaign_id', source.transactions, exceptions);

  for (const table of ['supporters', 'campaigns', 'transactions', 'recurring_plans'] as const) {
    const there = new Map((await read(table)).map((row) => [row['id']!, row]));
    const gone = new Set((exceptions.gone?.[table] ?? []).map(String));
    const known = new Set(source[table].map(({ id }) => String(id)));
    for (const [id, row] of there) {
      if (!known.has(id) && !gone.has(id)) wrong.push(`${table} ${id} is there, but not at the source`);
      if (!known.has(id) && gone.has(id) && row['missing_since'] === null)
        wrong.push(`${table} ${id} is gone and not marked`);
      const totals = table === 'supporters' ? bySupporter : table === 'campaigns' ? byCampaign : undefined;
      if (totals) wrong.push(...differentTotals(table, id, row, totals.get(id)));
    }
    for (const id of gone) if (!there.has(id)) wrong.push(`${table} ${id} was deleted`);
    for (const row of source[table]) wrong.push(...differentRow(table, row, there.get(String(row.id))));
  }
  wrong.push(...differentItems(source.transactions, await read('transaction_items')));
  return wrong;
}

function differentTotals(
  table: string,
  id: string,
  row: Read,
  { amount, count, first, last }: Totals = { amount: 0n, count: 0, first: null, last: null },
): string[] {
  const seen =
    table === 'supporters'
      ? [
          tenThousandths(row['lifetime_donation_amount']),
          row['donation_count'],
          instant(row['first_gift_at']),
          instant(row['last_gift_at']),
        ]
      : [tenThousandths(row['total_raised']), row['donation_count']];
  const should = table === 'supporters' ? [amount, String(count), first, last] : [amount, String(count)];
  return seen.join() === should.join() ? [] : [`${table} ${id}: totals ${seen.join()} but should be ${should.join()}`];
}

function differentRow(table: Table, row: Row, there: Read | undefined): string[] {
  if (!there) return [`${table} ${row.id} is not there`];
  const wrong = there['missing_since'] === null ? [] : [`${table} ${row.id} is marked as missing`];
  for (const [name, field, kind] of columnsOf(columns[table])) {
    const [seen, should] = [stored(kind, there[name]), expected(kind, row[field])];
    if (seen !== should) wrong.push(`${table} ${row.id}: ${name} is ${seen} but should be ${should}`);
  }
  if (table === 'supporters') {
    const address = expected('text', row['email_address'])?.trim().toLowerCase() || null;
    if (there['address'] !== address) wrong.push(`supporters ${row.id}: address is ${there['address']}`);
  }
  if (!isSame(JSON.parse(there['raw']!), JSON.parse(JSON.stringify(row))))
    wrong.push(`${table} ${row.id}: raw differs`);
  return wrong;
}

/** Whether a stored record is the one sent, however its amounts and dates were written. */
function isSame(seen: unknown, should: unknown): boolean {
  if (seen === should) return true;
  if (typeof seen === 'string' && typeof should === 'string' && seen === clean(should)) return true;
  if (typeof seen === 'object' && typeof should === 'object' && seen && should) {
    const keys = new Set([...Object.keys(seen), ...Object.keys(should)]);
    return [...keys].every((key) => isSame((seen as Read)[key], (should as Read)[key]));
  }
  if (typeof seen === 'object' || typeof should === 'object') return false;
  const [a, b] = [instant(seen), instant(should)];
  if (a !== null || b !== null) return a === b;
  const [c, d] = [tenThousandths(seen), tenThousandths(should)];
  return c !== null && c === d;
}

function differentItems(transactions: readonly Row[], there: readonly Read[]): string[] {
  const wrong: string[] = [];
  const should = new Map(
    transactions.flatMap(({ id, items }) =>
      ((items ?? []) as Row[]).map((item) => [String(item.id), { ...item, transaction_id: id }] as const),
    ),
  );
  const living = new Map(there.filter((row) => row['missing_since'] === null).map((row) => [row['id']!, row]));
  const kept = new Set(transactions.map(({ id }) => String(id)));
  for (const [id, item] of should) {
    const row = living.get(id);
    if (!row) wrong.push(`item ${id} is not there`);
    for (const [name, field, kind] of row ? columnsOf(itemColumns) : []) {
      const [a, b] = [stored(kind, row![name]), expected(kind, (item as Row)[field])];
      if (a !== b) wrong.push(`item ${id}: ${name} is ${a} but should be ${b}`);
    }
  }
  for (const [id, row] of living)
    if (!should.has(id) && kept.has(row['transaction_id']!)) wrong.push(`item ${id} is there, but not at the source`);
  return wrong;
}

/** Fails with the first of what differs. */
export async function expectTrue(
  where: SourceAndLedger,
  organization: number,
  exceptions: Exceptions = {},
): Promise<void> {
  const wrong = await untrue(where, organization, exceptions);
  expect({ differences: wrong.length, first: wrong.slice(0, 8) }).toEqual({ differences: 0, first: [] });
}
