import type { SetAside, SourceRecord } from '../../contract/source-record.js';
import { Prisma } from '../client/client.js';
import { asJson, type Queries } from '../database.js';
import { addToCampaigns, type CampaignChange, isCounted, totalCampaigns, totalSupporters } from './donor-totals.js';
import type { PageRun } from './source-pages.js';
import { itemSql, MAPPING, tableSql } from './source-tables.js';

/** A record with the time before the request that read it. */
export type SourceRow = SourceRecord & { asOf: Date };

/** What storing records changed. */
export interface Changes {
  added: number;
  updated: number;
}

/** What storing records changed, and which of them could not be stored. */
export interface Stored extends Changes {
  setAside: SetAside[];
  /** Oddities that were seen while storing, e.g. parts that are another organization's. */
  drift: Record<string, number>;
}

const rowsJson = (records: readonly SourceRow[]): Prisma.Sql =>
  asJson(records.map(({ id, columns, raw, asOf }) => ({ ...columns, id, raw, as_of: asOf })));

/** What storing these records would change. */
export async function countRecords(
  tx: Queries,
  { organization, resource }: PageRun,
  records: readonly SourceRow[],
): Promise<Stored> {
  const { table, recordset } = tableSql[resource];
  const [changes] = await tx.query<[Changes]>`
    SELECT (count(*) FILTER (WHERE t.id IS NULL))::int AS added,
      (count(*) FILTER (WHERE t.id IS NOT NULL AND (t.raw IS DISTINCT FROM r.raw OR t.missing_since IS NOT NULL OR t.mapping <> ${MAPPING}::int)))::int AS updated
    FROM jsonb_to_recordset(${rowsJson(records)}) AS ${recordset}
    LEFT JOIN ${table} t ON t.id = r.id AND t.organization_id = ${organization}::bigint`;
  return { ...changes, setAside: [], drift: {} };
}

/** Stores what differs, with the totals that it changes. */
export async function storeRecords(tx: Queries, run: PageRun, records: readonly SourceRow[]): Promise<Stored> {
  const stored: Stored = { added: 0, updated: 0, setAside: [], drift: {} };
  if (records.length === 0) return stored;
  const { organization, resource } = run;
  const all = records.map(({ id }) => id);
  const before = resource === 'transactions' ? await contributions(tx, organization, all) : [];
  const written = await upsert(tx, run, records);
  const changed = new Set(written.map(({ id }) => id));
  const added = written.filter((row) => row.added).map(({ id }) => id);
  // gifts may have been there before the person who gave them
  if (resource === 'supporters') await totalSupporters(tx, organization, added);
  if (resource === 'campaigns') await totalCampaigns(tx, organization, added);
  if (resource === 'transactions' && changed.size > 0) {
    const changedRecords = records.filter(({ id }) => changed.has(id));
    const foreignItems = await storeItems(tx, organization, changedRecords);
    if (foreignItems > 0) stored.drift['item of another organization left out'] = foreignItems;
    const old = before.filter(({ id }) => changed.has(id));
    await addUp(tx, organization, old, await contributions(tx, organization, [...changed]));
  }
  return { ...stored, added: added.length, updated: changed.size - added.length };
}

/** Writes what differs from what is stored, and tells which. What was read earlier than what is stored is not written. */
async function upsert(
  tx: Queries,
  { organization, resource }: PageRun,
  records: readonly SourceRow[],
): Promise<{ id: string; added: boolean }[]> {
  const { table, names, incoming, recordset, assignments } = tableSql[resource];
  const counts = resource === 'transactions';
  const [countedName, countedValue, countedSet] = counts
    ? [Prisma.raw(', counted'), Prisma.sql`, ${isCounted('r')}`, Prisma.raw(', counted = excluded.counted')]
    : [Prisma.empty, Prisma.empty, Prisma.empty];
  const rows = await tx.query<{ id: string; added: boolean }[]>`
    INSERT INTO ${table} AS t (id, organization_id, ${names}, raw, mapping, observed_at${countedName})
    SELECT r.id, o.id, ${incoming}, r.raw, ${MAPPING}::int, r.as_of${countedValue}
    FROM jsonb_to_recordset(${rowsJson(records)}) AS ${recordset}, organizations o WHERE o.id = ${organization}::bigint
    ON CONFLICT (id) DO UPDATE SET ${assignments}, raw = excluded.raw, mapping = excluded.mapping, observed_at = excluded.observed_at,
      missing_since = NULL, missing_run = NULL${countedSet}
    WHERE t.organization_id = excluded.organization_id AND t.observed_at <= excluded.observed_at
      AND (t.raw IS DISTINCT FROM excluded.raw OR t.missing_since IS NOT NULL OR t.mapping <> excluded.mapping)
    RETURNING t.id::text, xmax = 0 AS added`;
  return rows;
}

interface Contribution {
  id: string;
  supporterId: string | null;
  campaignId: string | null;
  counted: boolean;
  /** Decimal as text. */
  amount: string | null;
}

/** What these transactions add to which totals at present. */
const contributions = (tx: Queries, organization: string, ids: readonly string[]): Promise<Contribution[]> => tx.query`
  SELECT id::text, supporter_id::text AS "supporterId", campaign_id::text AS "campaignId", counted, total_gross_amount::text AS amount
  FROM transactions WHERE id = ANY(${[...ids]}::bigint[]) AND organization_id = ${organization}::bigint`;

async function addUp(
  tx: Queries,
  organization: string,
  before: readonly Contribution[],
  after: readonly Contribution[],
): Promise<void> {
  const supporters = new Set([...before, ...after].flatMap(({ supporterId }) => supporterId ?? []));
  await totalSupporters(tx, organization, [...supporters]);
  await addToCampaigns(tx, organization, [...(await changesOf(tx, before, after))]);
}

/** The difference by campaign; Postgres does the arithmetic, since amounts are decimals. */
async function changesOf(
  tx: Queries,
  before: readonly Contribution[],
  after: readonly Contribution[],
): Promise<CampaignChange[]> {
  const signed = [...before.map((one) => ({ ...one, sign: -1 })), ...after.map((one) => ({ ...one, sign: 1 }))].filter(
    ({ counted, campaignId }) => counted && campaignId !== null,
  );
  if (signed.length === 0) return [];
  return tx.query`
    SELECT "campaignId"::text AS id, sum(sign * amount)::text AS amount, sum(sign)::int AS count
    FROM jsonb_to_recordset(${asJson(signed)}) AS d("campaignId" bigint, sign int, amount numeric)
    GROUP BY 1 HAVING sum(sign * amount) <> 0 OR sum(sign) <> 0`;
}

/** Stores what transactions were for; tells how many items were not, since their ids are another organization's. */
async function storeItems(tx: Queries, organization: string, records: readonly SourceRecord[]): Promise<number> {
  const told = records.filter(({ items }) => items !== undefined);
  if (told.length === 0) return 0;
  const items = new Map(
    told.flatMap(({ id, items = [] }) =>
      items.map((item) => [item.id, { ...item.columns, id: item.id, transaction_id: id }] as const),
    ),
  );
  const { names, incoming, recordset, assignments } = itemSql;
  const stored = await tx.execute`
    INSERT INTO transaction_items AS t (id, organization_id, ${names})
    SELECT r.id, ${organization}::bigint, ${incoming} FROM jsonb_to_recordset(${asJson([...items.values()])}) AS ${recordset}
    ON CONFLICT (id) DO UPDATE SET ${assignments}, missing_since = NULL WHERE t.organization_id = excluded.organization_id`;
  await tx.execute`
    UPDATE transaction_items SET missing_since = now()
    WHERE transaction_id = ANY(${told.map(({ id }) => id)}::bigint[]) AND organization_id = ${organization}::bigint
      AND id <> ALL(${[...items.keys()]}::bigint[]) AND missing_since IS NULL`;
  return items.size - stored;
}
