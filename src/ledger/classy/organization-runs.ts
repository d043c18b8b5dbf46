import type { OrganizationSyncResult, Resource, ResourceSyncInput } from '../../contract/organization-sync.js';
import type { Database } from '../database.js';
import { orUndefined } from '../database.js';
import { isCounted, lockConfigured, totalEverything } from './donor-totals.js';
import type { FullProgress, IdSpan, PageRun } from './source-pages.js';
import { tableSql } from './source-tables.js';

/** One sync of one resource, as the ledger holds it. */
export interface OrganizationRun {
  id: string;
  organization: string;
  resource: string;
  mode: string;
  dryRun: boolean;
  startedBy: string;
  startedAt: Date;
  endedAt: Date | null;
  phase: string;
  result: string | null;
  message: string | null;
  /** Records to be read, as far as the source tells. */
  expected: number;
  read: number;
  added: number;
  updated: number;
  unchanged: number;
  setAside: number;
  missing: number;
  held: number;
  requests: number;
  drift: Record<string, number>;
  progress: FullProgress | null;
}

/** A record that could not be stored. */
export interface SetAsideRecord {
  resource: string;
  recordId: string;
  reason: string;
  since: Date;
  lastSeenAt: Date;
}

/** How far a resource has been read. */
export interface Cursor {
  /** By the source's clock. */
  readTo: Date | undefined;
  fullAt: Date | undefined;
}

const RUNS_KEPT_DAYS = 30;

/** Runs of organizations: their beginnings, figures and ends; how far each resource is read; what was set aside. */
export function createOrganizationRuns({ prisma, sql, transaction }: Database) {
  type Row = NonNullable<Awaited<ReturnType<typeof prisma.organizationRun.findUnique>>>;
  const toRun = ({ organizationId, drift, progress, ...row }: Row): OrganizationRun => ({
    ...row,
    organization: String(organizationId),
    drift: drift as Record<string, number>,
    progress: progress as FullProgress | null,
  });

  return {
    async find(id: string): Promise<OrganizationRun | undefined> {
      const row = await prisma.organizationRun.findUnique({ where: { id } });
      return row ? toRun(row) : undefined;
    },

    /** Notes that a run begins. One that was lost is ended; beginning again under the same id changes nothing. */
    begin: ({ run, organization, resource, mode, by, dryRun = false }: ResourceSyncInput): Promise<void> =>
      transaction(async (tx) => {
        await tx.execute`
          UPDATE organization_runs SET result = 'failed', ended_at = now(), message = 'it was terminated'
          WHERE organization_id = ${organization}::bigint AND resource = ${resource} AND ended_at IS NULL AND id <> ${run}::uuid`;
        await tx.execute`
          DELETE FROM organization_runs WHERE organization_id = ${organization}::bigint AND resource = ${resource}
            AND started_at < now() - make_interval(days => ${RUNS_KEPT_DAYS})`;
        await tx.execute`
          INSERT INTO organization_runs (id, organization_id, resource, mode, dry_run, started_by)
          VALUES (${run}::uuid, ${organization}::bigint, ${resource}, ${mode}, ${dryRun}, ${by}) ON CONFLICT (id) DO NOTHING`;
      }),

    /** Says how far a run is; figures of its pages are written with the pages. */
    async progress(
      run: string,
      progress: Partial<Pick<OrganizationRun, 'phase' | 'expected' | 'requests'>>,
    ): Promise<void> {
      await prisma.organizationRun.updateMany({ where: { id: run }, data: progress });
    },

    /** Ends a run. Ending it again changes nothing; gives whether this was the end. */
    async end(run: string, result: OrganizationSyncResult, message: string | undefined): Promise<boolean> {
      const ended = await sql.execute`
        UPDATE organization_runs SET result = ${result}, message = ${message}, ended_at = now() WHERE id = ${run}::uuid AND ended_at IS NULL`;
      return ended > 0;
    },

    async cursor(organization: string, resource: Resource): Promise<Cursor> {
      const row = await prisma.sourceCursor.findUnique({
        where: { organizationId_resource: { organizationId: BigInt(organization), resource } },
      });
      return { readTo: orUndefined(row?.readTo ?? null), fullAt: orUndefined(row?.fullAt ?? null) };
    },

    /** How many of our records the source changed at or after a time, as far as we know. */
    async knownSince(organization: string, resource: Resource, since: Date): Promise<number> {
      const { table } = tableSql[resource];
      const [row] = await sql.query<[{ count: number }]>`
        SELECT count(*)::int AS count FROM ${table}
        WHERE organization_id = ${organization}::bigint AND classy_updated_at >= ${since}::timestamptz AND missing_since IS NULL`;
      return row.count;
    },

    /** How many records of a resource we have that are not missing. */
    async known(organization: string, resource: Resource): Promise<number> {
      const { table } = tableSql[resource];
      const [row] = await sql.query<[{ count: number }]>`
        SELECT count(*)::int AS count FROM ${table} WHERE organization_id = ${organization}::bigint AND missing_since IS NULL`;
      return row.count;
    },

    /** Ids of records that a full run ought to have seen and did not. */
    async unseen({ run, organization, resource }: PageRun, limit: number): Promise<string[]> {
      const { table } = tableSql[resource];
      const rows = await sql.query<{ id: string }[]>`
        SELECT id::text FROM ${table}
        WHERE organization_id = ${organization}::bigint AND missing_run = ${run}::uuid AND missing_since IS NULL ORDER BY id LIMIT ${limit}::int`;
      return rows.map(({ id }) => id);
    },

    /** Spans of ids up to `highest` that hold equally many of those known, `count` of them at most; one where none is known. */
    async spans(organization: string, resource: Resource, highest: string, count: number): Promise<IdSpan[]> {
      const { table } = tableSql[resource];
      const rows = await sql.query<{ id: string }[]>`
        SELECT max(id)::text AS id FROM (
          SELECT id, ntile(${count}::int) OVER (ORDER BY id) AS part FROM ${table}
          WHERE organization_id = ${organization}::bigint AND id <= ${highest}::bigint) parts
        GROUP BY part ORDER BY part`;
      const ends = [...rows.slice(0, -1).map(({ id }) => id), highest];
      return ends.map((to, index) => ({ after: ends[index - 1] ?? '0', to }));
    },

    /**
     * All was read: the cursor is where the reading began, and what was not found is marked unless it is more than the guard allows
     * (so many, or a share of those known, whichever is larger; undefined: any number). Totals are added up anew. Gives how many were
     * marked, or kept from it.
     */
    finishFull: (
      { run, organization, resource, dryRun = false }: ResourceSyncInput,
      readTo: Date | undefined,
      guard: { people: number; share: number } | undefined,
    ): Promise<{ missing: number; held: number }> =>
      transaction(async (tx) => {
        const { table } = tableSql[resource];
        await lockConfigured(tx, organization);
        const [{ unseen, known, counted }] = await tx.query<[{ unseen: number; known: number; counted: number }]>`
          SELECT (count(*) FILTER (WHERE missing_run = ${run}::uuid))::int AS unseen,
            (count(*) FILTER (WHERE missing_since IS NULL OR missing_run = ${run}::uuid))::int AS known,
            (SELECT missing FROM organization_runs WHERE id = ${run}::uuid) AS counted
          FROM ${table} WHERE organization_id = ${organization}::bigint`;
        const gone = dryRun ? counted : unseen;
        const most = guard ? Math.max(guard.people, Math.floor(guard.share * known)) : Number.POSITIVE_INFINITY;
        const isRefused = gone > most;
        const [missing, held] = isRefused ? [0, gone] : [gone, 0];
        await tx.execute`UPDATE organization_runs SET missing = ${missing}, held = ${held} WHERE id = ${run}::uuid`;
        if (dryRun) return { missing, held };
        if (!isRefused)
          await tx.execute`
            UPDATE ${table} SET missing_since = now() WHERE organization_id = ${organization}::bigint AND missing_run = ${run}::uuid AND missing_since IS NULL`;
        await tx.execute`
          INSERT INTO source_cursors AS c (organization_id, resource, read_to, full_at)
          VALUES (${organization}::bigint, ${resource}, ${readTo}::timestamptz, CASE WHEN NOT ${isRefused} THEN now() END)
          ON CONFLICT (organization_id, resource) DO UPDATE SET read_to = coalesce(excluded.read_to, c.read_to),
            full_at = coalesce(excluded.full_at, c.full_at)`;
        // whatever was set aside before has been read again
        await tx.execute`
          DELETE FROM set_aside_records WHERE organization_id = ${organization}::bigint AND resource = ${resource} AND run_id IS DISTINCT FROM ${run}::uuid`;
        if (resource === 'transactions') await totalEverything(tx, organization);
        return { missing, held };
      }),

    /** Gifts dated ahead are counted once their time has come. */
    countDated: (organization: string): Promise<void> =>
      transaction(async (tx) => {
        await lockConfigured(tx, organization);
        const [dated] = await tx.query<unknown[]>`
          SELECT 1 FROM transactions t, source_cursors c, organizations o
          WHERE o.id = c.organization_id AND c.organization_id = ${organization}::bigint AND c.resource = 'transactions' AND t.organization_id = c.organization_id
            AND t.purchased_at > c.counted_to AND t.purchased_at <= now() AND NOT t.counted AND t.missing_since IS NULL AND ${isCounted('t')} LIMIT 1`;
        if (dated) await totalEverything(tx, organization);
        await tx.execute`
          INSERT INTO source_cursors (organization_id, resource, counted_to) VALUES (${organization}::bigint, 'transactions', now())
          ON CONFLICT (organization_id, resource) DO UPDATE SET counted_to = now()`;
      }),

    /** What was set aside, first what was not looked at for longest. */
    async setAside(
      organization: string,
      filter: { resource?: Resource; withId?: boolean; limit: number },
    ): Promise<SetAsideRecord[]> {
      const { resource = null, withId = false, limit } = filter;
      return sql.query`
        SELECT resource, record_id AS "recordId", reason, since, last_seen_at AS "lastSeenAt" FROM set_aside_records
        WHERE organization_id = ${organization}::bigint AND (${resource}::text IS NULL OR resource = ${resource})
          AND (NOT ${withId} OR record_id NOT LIKE '?%')
        ORDER BY last_seen_at, resource, record_id LIMIT ${limit}`;
    },

    /** How many records of a resource are set aside. */
    async countAside(organization: string, resource: Resource): Promise<number> {
      const [row] = await sql.query<[{ count: number }]>`
        SELECT count(*)::int AS count FROM set_aside_records WHERE organization_id = ${organization}::bigint AND resource = ${resource}`;
      return row.count;
    },

    /** How many records are set aside, by organization. */
    async setAsideCounts(): Promise<Map<string, number>> {
      const rows = await sql.query<{ id: string; count: number }[]>`
        SELECT organization_id::text AS id, count(*)::int AS count FROM set_aside_records GROUP BY 1`;
      return new Map(rows.map(({ id, count }) => [id, count]));
    },

    /** These are no longer anything that waits to be read again. */
    async forget(organization: string, resource: Resource, recordIds: readonly string[]): Promise<void> {
      await sql.execute`
        DELETE FROM set_aside_records
        WHERE organization_id = ${organization}::bigint AND resource = ${resource} AND record_id = ANY(${[...recordIds]}::text[])`;
    },

    /** The newest runs first. */
    async list({
      organization,
      resource,
      limit,
    }: {
      organization: string;
      resource?: Resource;
      limit: number;
    }): Promise<OrganizationRun[]> {
      const rows = await prisma.organizationRun.findMany({
        where: { organizationId: BigInt(organization), ...(resource ? { resource } : {}) },
        orderBy: { startedAt: 'desc' },
        take: limit,
      });
      return rows.map(toRun);
    },

    /** The run of a resource that goes on, if one does. */
    async running(organization: string, resource: string): Promise<OrganizationRun | undefined> {
      const row = await prisma.organizationRun.findFirst({
        where: { organizationId: BigInt(organization), ...(resource === 'all' ? {} : { resource }), endedAt: null },
        orderBy: { startedAt: 'desc' },
      });
      return row ? toRun(row) : undefined;
    },

    /** When each resource was last read to its end, by organization and mode. */
    lastSuccesses: (): Promise<{ organization: string; resource: string; mode: string; at: Date }[]> => sql.query`
      SELECT organization_id::text AS organization, resource, mode, max(ended_at) AS at FROM organization_runs
      WHERE result IN ('done', 'partly') AND NOT dry_run GROUP BY 1, 2, 3`,

    /** The newest run of each resource and mode that ended, by organization. */
    lastEnded: (): Promise<
      { organization: string; resource: string; mode: string; result: string; message: string | null; endedAt: Date }[]
    > => sql.query`
      SELECT DISTINCT ON (organization_id, resource, mode) organization_id::text AS organization, resource, mode, result, message, ended_at AS "endedAt"
      FROM organization_runs WHERE ended_at IS NOT NULL AND NOT dry_run ORDER BY organization_id, resource, mode, started_at DESC`,

    /** When all of each resource was last read, by organization. */
    lastFull: (): Promise<{ organization: string; resource: string; at: Date }[]> => sql.query`
      SELECT organization_id::text AS organization, resource, full_at AS at FROM source_cursors WHERE full_at IS NOT NULL`,

    /** The newest run of each resource and mode that a schedule started. */
    lastScheduled: (): Promise<
      { organization: string; resource: string; mode: string; startedAt: Date; result: string | null }[]
    > => sql.query`
      SELECT DISTINCT ON (organization_id, resource, mode) organization_id::text AS organization, resource, mode, started_at AS "startedAt", result
      FROM organization_runs WHERE started_by = 'schedule' ORDER BY organization_id, resource, mode, started_at DESC`,

    /** Lets Postgres count its rows anew where much was written into an empty table. */
    async countAnew(resource: Resource): Promise<void> {
      await sql.execute`ANALYZE ${tableSql[resource].table}`;
    },
  };
}
