import type { Resource } from '../../contract/organization-sync.js';
import type { SetAside, SourceRecord } from '../../contract/source-record.js';
import { Prisma } from '../client/client.js';
import { asJson, type Database, type Queries } from '../database.js';
import {
  addToCampaigns,
  type CampaignChange,
  isCounted,
  lockOrganization,
  totalCampaigns,
  totalSupporters,
} from './donor-totals.js';
import { itemSql, tableSql } from './source-tables.js';

/** A span of ids that a page covers whole: above `after`, up to `to` (null: without end). Decimal text. */
export interface IdSpan {
  after: string;
  to: string | null;
}

/** One page as it was read. */
export interface SourcePage {
  records: readonly SourceRecord[];
  setAside: readonly SetAside[];
  drift: Readonly<Record<string, number>>;
  /** Time before the request. */
  asOf: Date;
  /** Which ids the page says everything about, with all that it held; undefined where it does not go by ids. */
  covers?: (IdSpan & { ids: readonly string[] }) | undefined;
}

/** Where a full sync is. */
export interface FullProgress {
  /** The source's time when it began: what it reads is at least as new. */
  readTo: string | null;
  /** What is left to be read. */
  ranges: IdSpan[];
}

/** What is committed with pages: how far the reading is. */
export interface Position {
  /** Incremental: everything that the source had changed by then has been read. */
  readTo?: Date | undefined;
  /** Full: what is left. */
  progress?: FullProgress | undefined;
}

/** For which run pages are written. */
export interface PageRun {
  run: string;
  organization: string;
  resource: Resource;
  dryRun: boolean;
}

/** Writing pages of a source's records, each in one transaction with the totals it changes and the position of its reading. */
export function createSourcePages({ transaction }: Database) {
  return {
    /** Stores what differs; a dry run only counts it. */
    write: (run: PageRun, pages: readonly SourcePage[], position: Position): Promise<void> =>
      transaction(async (tx) => {
        await lockOrganization(tx, run.organization);
        const foreign = await foreignIds(tx, run, pages);
        const records = newestOfEach(pages, foreign);
        const setAside = [
          ...pages.flatMap((page) => page.setAside),
          ...[...foreign].map((recordId) => ({ recordId, reason: 'id: is already another organization’s' })),
        ];
        const changes = run.dryRun ? await countChanges(tx, run, records) : await store(tx, run, records);
        const missing = await noteMissing(tx, run, pages);
        if (!run.dryRun) {
          await noteSetAside(
            tx,
            run,
            setAside,
            records.map(({ id }) => id),
          );
          if (position.readTo) await moveCursor(tx, run, position.readTo);
        }
        await countInRun(tx, run, {
          ...changes,
          read: records.length + setAside.length,
          unchanged: records.length - changes.added - changes.updated,
          setAside: setAside.length,
          missing: run.dryRun ? missing : 0,
          drift: sum(pages.map(({ drift }) => drift)),
          progress: position.progress,
        });
      }),
  };
}

interface Changes {
  added: number;
  updated: number;
}

type Row = SourceRecord & { asOf: Date };

/** A record that is on two pages is stored as the later one says. */
function newestOfEach(pages: readonly SourcePage[], without: ReadonlySet<string>): Row[] {
  const rows = new Map<string, Row>();
  for (const { records, asOf } of pages)
    for (const record of records) {
      const before = rows.get(record.id);
      if (!without.has(record.id) && (!before || before.asOf <= asOf)) rows.set(record.id, { ...record, asOf });
    }
  return [...rows.values()];
}

/** Ids among these that another organization's record has. */
async function foreignIds(
  tx: Queries,
  { organization, resource }: PageRun,
  pages: readonly SourcePage[],
): Promise<Set<string>> {
  const ids = pages.flatMap(({ records }) => records.map(({ id }) => id));
  const rows = await tx.query<{ id: string }[]>`
    SELECT id::text FROM ${tableSql[resource].table} WHERE id = ANY(${ids}::bigint[]) AND organization_id <> ${organization}::bigint`;
  return new Set(rows.map(({ id }) => id));
}

const rowsJson = (records: readonly Row[]): Prisma.Sql =>
  asJson(records.map(({ id, columns, raw, asOf }) => ({ ...columns, id, raw, as_of: asOf })));

async function countChanges(
  tx: Queries,
  { organization, resource }: PageRun,
  records: readonly Row[],
): Promise<Changes> {
  const { table, recordset } = tableSql[resource];
  const [changes] = await tx.query<[Changes]>`
    SELECT (count(*) FILTER (WHERE t.id IS NULL))::int AS added,
      (count(*) FILTER (WHERE t.id IS NOT NULL AND (t.raw IS DISTINCT FROM r.raw OR t.missing_since IS NOT NULL)))::int AS updated
    FROM jsonb_to_recordset(${rowsJson(records)}) AS ${recordset}
    LEFT JOIN ${table} t ON t.id = r.id AND t.organization_id = ${organization}::bigint`;
  return changes;
}

async function store(tx: Queries, run: PageRun, records: readonly Row[]): Promise<Changes> {
  if (records.length === 0) return { added: 0, updated: 0 };
  const { organization, resource } = run;
  const before =
    resource === 'transactions'
      ? await contributions(
          tx,
          organization,
          records.map(({ id }) => id),
        )
      : [];
  const written = await upsert(tx, run, records);
  const ids = written.map(({ id }) => id);
  const added = written.filter((row) => row.added).map(({ id }) => id);
  // gifts may have been there before the person who gave them
  if (resource === 'supporters') await totalSupporters(tx, organization, added);
  if (resource === 'campaigns') await totalCampaigns(tx, organization, added);
  if (resource === 'transactions' && ids.length > 0) {
    const changed = new Set(ids);
    await storeItems(
      tx,
      organization,
      records.filter(({ id }) => changed.has(id)),
    );
    const old = before.filter(({ id }) => changed.has(id));
    await addUp(tx, organization, old, await contributions(tx, organization, ids));
  }
  return { added: added.length, updated: ids.length - added.length };
}

/** Writes what differs from what is stored, and tells which. What was read earlier than what is stored is not written. */
async function upsert(
  tx: Queries,
  { organization, resource }: PageRun,
  records: readonly Row[],
): Promise<{ id: string; added: boolean }[]> {
  const { table, names, incoming, recordset, assignments } = tableSql[resource];
  const counts = resource === 'transactions';
  const [countedName, countedValue, countedSet] = counts
    ? [Prisma.raw(', counted'), Prisma.sql`, ${isCounted('r')}`, Prisma.raw(', counted = excluded.counted')]
    : [Prisma.empty, Prisma.empty, Prisma.empty];
  const rows = await tx.query<{ id: string; added: boolean }[]>`
    INSERT INTO ${table} AS t (id, organization_id, ${names}, raw, observed_at${countedName})
    SELECT r.id, o.id, ${incoming}, r.raw, r.as_of${countedValue}
    FROM jsonb_to_recordset(${rowsJson(records)}) AS ${recordset}, organizations o WHERE o.id = ${organization}::bigint
    ON CONFLICT (id) DO UPDATE SET ${assignments}, raw = excluded.raw, observed_at = excluded.observed_at,
      missing_since = NULL, missing_run = NULL${countedSet}
    WHERE t.organization_id = excluded.organization_id AND t.observed_at <= excluded.observed_at
      AND (t.raw IS DISTINCT FROM excluded.raw OR t.missing_since IS NOT NULL)
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

async function storeItems(tx: Queries, organization: string, records: readonly SourceRecord[]): Promise<void> {
  const told = records.filter(({ items }) => items !== undefined);
  if (told.length === 0) return;
  const items = new Map(
    told.flatMap(({ id, items = [] }) =>
      items.map((item) => [item.id, { ...item.columns, id: item.id, transaction_id: id }] as const),
    ),
  );
  const { names, incoming, recordset, assignments } = itemSql;
  await tx.execute`
    INSERT INTO transaction_items AS t (id, organization_id, ${names})
    SELECT r.id, ${organization}::bigint, ${incoming} FROM jsonb_to_recordset(${asJson([...items.values()])}) AS ${recordset}
    ON CONFLICT (id) DO UPDATE SET ${assignments}, missing_since = NULL WHERE t.organization_id = excluded.organization_id`;
  await tx.execute`
    UPDATE transaction_items SET missing_since = now()
    WHERE transaction_id = ANY(${told.map(({ id }) => id)}::bigint[]) AND organization_id = ${organization}::bigint
      AND id <> ALL(${[...items.keys()]}::bigint[]) AND missing_since IS NULL`;
}

/** Notes which of our records the pages ought to have held and did not; gives how many. Nothing is marked yet. */
async function noteMissing(tx: Queries, run: PageRun, pages: readonly SourcePage[]): Promise<number> {
  const { table } = tableSql[run.resource];
  let missing = 0;
  for (const { covers, asOf } of pages) {
    if (!covers) continue;
    const { after, to, ids } = covers;
    const unseen = Prisma.sql`
      organization_id = ${run.organization}::bigint AND id > ${after}::bigint AND (${to}::bigint IS NULL OR id <= ${to}::bigint)
      AND id <> ALL(${[...ids]}::bigint[]) AND missing_since IS NULL AND observed_at < ${asOf}::timestamptz`;
    if (run.dryRun) {
      const [{ count }] = await tx.query<
        [{ count: number }]
      >`SELECT count(*)::int AS count FROM ${table} WHERE ${unseen}`;
      missing += count;
    } else missing += await tx.execute`UPDATE ${table} SET missing_run = ${run.run}::uuid WHERE ${unseen}`;
  }
  return missing;
}

async function noteSetAside(
  tx: Queries,
  { run, organization, resource }: PageRun,
  setAside: readonly SetAside[],
  stored: readonly string[],
): Promise<void> {
  await tx.execute`
    DELETE FROM set_aside_records
    WHERE organization_id = ${organization}::bigint AND resource = ${resource} AND record_id = ANY(${[...stored]}::text[])`;
  if (setAside.length === 0) return;
  const byId = [...new Map(setAside.map((one) => [one.recordId, one])).values()];
  await tx.execute`
    INSERT INTO set_aside_records AS s (organization_id, resource, record_id, reason, run_id)
    SELECT ${organization}::bigint, ${resource}, "recordId", reason, ${run}::uuid
    FROM jsonb_to_recordset(${asJson(byId)}) AS r("recordId" text, reason text)
    ON CONFLICT (organization_id, resource, record_id)
    DO UPDATE SET reason = excluded.reason, last_seen_at = now(), run_id = excluded.run_id`;
}

/** Never backwards: what an earlier reading reached stays read. */
const moveCursor = (tx: Queries, { organization, resource }: PageRun, readTo: Date): Promise<number> => tx.execute`
  INSERT INTO source_cursors AS c (organization_id, resource, read_to) VALUES (${organization}::bigint, ${resource}, ${readTo}::timestamptz)
  ON CONFLICT (organization_id, resource) DO UPDATE SET read_to = greatest(c.read_to, excluded.read_to)`;

interface Counted extends Changes {
  read: number;
  unchanged: number;
  setAside: number;
  missing: number;
  drift: Record<string, number>;
  progress: FullProgress | undefined;
}

const MOST_KINDS_OF_DRIFT = 50;

async function countInRun(tx: Queries, { run }: PageRun, counted: Counted): Promise<void> {
  const drift = Object.keys(counted.drift).length === 0 ? Prisma.sql`drift` : addedDrift(counted.drift);
  await tx.execute`
    UPDATE organization_runs SET read = read + ${counted.read}, added = added + ${counted.added}, updated = updated + ${counted.updated},
      unchanged = unchanged + ${counted.unchanged}, set_aside = set_aside + ${counted.setAside}, missing = missing + ${counted.missing},
      progress = coalesce(${counted.progress ? JSON.stringify(counted.progress) : null}::jsonb, progress), drift = ${drift}
    WHERE id = ${run}::uuid`;
}

const addedDrift = (drift: Record<string, number>): Prisma.Sql => Prisma.sql`(
  SELECT coalesce(jsonb_object_agg(key, count), '{}') FROM (
    SELECT key, sum(value::int)::int AS count FROM (
      SELECT * FROM jsonb_each_text(organization_runs.drift) UNION ALL SELECT * FROM jsonb_each_text(${JSON.stringify(drift)}::jsonb)
    ) every GROUP BY key ORDER BY 2 DESC, 1 LIMIT ${MOST_KINDS_OF_DRIFT}::int
  ) most)`;

function sum(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all) for (const [key, count] of Object.entries(one)) total[key] = (total[key] ?? 0) + count;
  return total;
}
