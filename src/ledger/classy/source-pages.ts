import type { Resource } from '../../contract/organization-sync.js';
import type { SetAside, SourceRecord } from '../../contract/source-record.js';
import { Prisma } from '../client/client.js';
import { asJson, type Database, type Queries } from '../database.js';
import { lockConfigured } from './donor-totals.js';
import { type Changes, countRecords, type SourceRow, type Stored, storeRecords } from './source-rows.js';
import { tableSql } from './source-tables.js';
import { createTurns } from './turns.js';

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
  /** Ids that are there, whatever else is known of them. */
  found?: readonly string[] | undefined;
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
  const inTurn = createTurns();
  const writeTogether = (
    run: PageRun,
    pages: readonly SourcePage[],
    position: Position,
    store: typeof storeRecords,
  ): Promise<Changes> =>
    transaction(async (tx) => {
      await lockConfigured(tx, run.organization);
      const foreign = await foreignIds(tx, run, pages);
      const records = newestOfEach(pages, foreign);
      const stored = await store(tx, run, records);
      const setAside = [
        ...pages.flatMap((page) => page.setAside),
        ...[...foreign].map((recordId) => ({ recordId, reason: 'id: is already another organization’s' })),
        ...stored.setAside,
      ];
      const found = pages.flatMap((page) => page.found ?? []);
      if (!run.dryRun) await noteFound(tx, run, records, setAside, found);
      const missing = await noteMissing(tx, run, pages);
      if (!run.dryRun) {
        await noteSetAside(tx, run, setAside, records);
        if (position.readTo) await moveCursor(tx, run, position.readTo);
      }
      const { added, updated } = stored;
      await countInRun(tx, run, {
        added,
        updated,
        read: records.length + setAside.length - stored.setAside.length,
        unchanged: records.length - added - updated - stored.setAside.length,
        setAside: setAside.length,
        missing: run.dryRun ? missing : 0,
        drift: sum([...pages.map(({ drift }) => drift), stored.drift]),
        progress: position.progress,
      });
      return { added, updated };
    });

  return {
    /** Stores what differs, or counts it in a dry run; tells how much. What Postgres cannot hold is set aside, the rest goes on. */
    write: (run: PageRun, pages: readonly SourcePage[], position: Position): Promise<Changes> =>
      inTurn(run.organization, async () => {
        const store = run.dryRun ? countRecords : storeRecords;
        try {
          return await writeTogether(run, pages, position, store);
        } catch (error) {
          if (!isAboutAValue(error)) throw error;
          return writeTogether(run, pages, position, (tx, _run, records) => oneByOne(tx, run, records, store));
        }
      }),
  };
}

/** SQLSTATE of errors about data and about limits of the program: a value that does not fit where it goes. */
const isAboutAValue = (error: unknown): boolean => /^(22|54)/.test(codeOf(error));

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? '');

/** Stores (or counts) each record for itself, those that Postgres refuses set aside. */
async function oneByOne(
  tx: Queries,
  run: PageRun,
  records: readonly SourceRow[],
  store: typeof storeRecords,
): Promise<Stored> {
  const all: Stored = { added: 0, updated: 0, setAside: [], drift: {} };
  for (const record of records) {
    await tx.execute`SAVEPOINT one_record`;
    try {
      const stored = await store(tx, run, [record]);
      all.added += stored.added;
      all.updated += stored.updated;
      all.drift = sum([all.drift, stored.drift]);
    } catch (error) {
      if (!isAboutAValue(error)) throw error;
      await tx.execute`ROLLBACK TO SAVEPOINT one_record`;
      const reason = `the record: holds what Postgres cannot store (${codeOf(error)})`;
      all.setAside.push({ recordId: record.id, reason });
    }
  }
  return all;
}

/** A record that is on two pages is stored as the later one says. */
function newestOfEach(pages: readonly SourcePage[], without: ReadonlySet<string>): SourceRow[] {
  const rows = new Map<string, SourceRow>();
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

/** What is on a page is there, also where it cannot be stored. */
async function noteFound(
  tx: Queries,
  { organization, resource }: PageRun,
  records: readonly SourceRow[],
  setAside: readonly SetAside[],
  found: readonly string[],
): Promise<void> {
  const asideIds = setAside.flatMap(({ recordId }) => (recordId.startsWith('?') ? [] : recordId));
  const ids = [...records.map(({ id }) => id), ...asideIds, ...found];
  await tx.execute`
    UPDATE ${tableSql[resource].table} SET missing_run = NULL
    WHERE id = ANY(${ids}::bigint[]) AND organization_id = ${organization}::bigint AND missing_run IS NOT NULL AND missing_since IS NULL`;
}

/** Of `bigint`: no end. */
const HIGHEST_ID = '9223372036854775807';

/** Notes which of our records the pages ought to have held and did not; gives how many. Nothing is marked yet. */
async function noteMissing(tx: Queries, run: PageRun, pages: readonly SourcePage[]): Promise<number> {
  const { table } = tableSql[run.resource];
  let missing = 0;
  for (const { covers, asOf } of pages) {
    if (!covers) continue;
    const { after, to, ids } = covers;
    const unseen = Prisma.sql`
      organization_id = ${run.organization}::bigint AND id > ${after}::bigint AND id <= ${to ?? HIGHEST_ID}::bigint
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
  records: readonly SourceRow[],
): Promise<void> {
  const refused = new Set(setAside.map(({ recordId }) => recordId));
  const stored = records.flatMap(({ id }) => (refused.has(id) ? [] : id));
  await tx.execute`
    DELETE FROM set_aside_records
    WHERE organization_id = ${organization}::bigint AND resource = ${resource} AND record_id = ANY(${stored}::text[])`;
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
  const isOpen = await tx.execute`
    UPDATE organization_runs SET read = read + ${counted.read}, added = added + ${counted.added}, updated = updated + ${counted.updated},
      unchanged = unchanged + ${counted.unchanged}, set_aside = set_aside + ${counted.setAside}, missing = missing + ${counted.missing},
      progress = coalesce(${counted.progress ? JSON.stringify(counted.progress) : null}::jsonb, progress), drift = ${drift}
    WHERE id = ${run}::uuid AND ended_at IS NULL`;
  // an attempt that was given up for dead must not write into a run that has ended
  if (isOpen === 0) throw new Error(`run ${run} has ended`);
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
