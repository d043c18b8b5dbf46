import type { SyncResult } from '../contract/site-sync.js';
import { Prisma } from './client/client.js';
import type { Database, Queries } from './database.js';
import type { People } from './people.js';

/** One run as the ledger holds it. */
export interface SyncRun {
  id: string;
  /** The site, or `organization/{id}`. */
  site: string;
  audience: string;
  mode: string;
  dryRun: boolean;
  startedBy: string;
  startedAt: Date;
  endedAt: Date | null;
  phase: string;
  result: string | null;
  message: string | null;
  living: number;
  read: number;
  listRead: number;
  unreadable: number;
  listActive: number;
  listCallMs: number;
  sourceMs: number;
  untilId: string | null;
  /** Last address that was compared. */
  comparedTo: string;
  listReadAt: Date | null;
  complete: boolean;
  marks: boolean;
  first: boolean;
  /** Tags that it gives start no automations. */
  quiet: boolean;
  welcomes: number;
  findings: unknown;
  counts: unknown;
  /** The plan that it left, the same one that was open already, or the one that it carried out. */
  planId: string | null;
  planState: string | null;
}

/** Figures that every run prints; zeroes are kept. */
export interface SyncCounts {
  read: number;
  added: number;
  updated: number;
  moved: number;
  removed: number;
  held: number;
  unchanged: number;
  leftAlone: number;
  failed: number;
}

/** The figures of a run that did nothing. */
export const NO_COUNTS: SyncCounts = {
  read: 0,
  added: 0,
  updated: 0,
  moved: 0,
  removed: 0,
  held: 0,
  unchanged: 0,
  leftAlone: 0,
  failed: 0,
};

/** What a run says of its progress while it works; absolute figures, so that saying it twice does not matter. */
export type RunProgress = Partial<
  Pick<
    SyncRun,
    | 'phase'
    | 'read'
    | 'listRead'
    | 'unreadable'
    | 'listActive'
    | 'listCallMs'
    | 'listReadAt'
    | 'comparedTo'
    | 'sourceMs'
    | 'untilId'
    | 'complete'
  >
> & { findings?: Record<string, number> };

/** What a run begins with. */
export interface RunStart {
  /** Its id. */
  run: string;
  mode: string;
  by: 'schedule' | 'command';
  dryRun?: boolean | undefined;
  /** The plan that it carries out. */
  plan?: string | undefined;
}

/** Which runs are listed. */
export interface RunFilter {
  site?: string;
  of?: 'sites' | 'audiences';
  limit: number;
}

/** A run that has ended. */
export interface EndedRun {
  run: string;
  mode: string;
  result: string;
  message: string | null;
  endedAt: Date;
}

/** What the runs of organizations' audiences are filed under begins so. */
const AUDIENCE_RUNS = { startsWith: 'organization/' };

/** What a run still waits for. */
export interface Pending {
  due: number;
  /** Of these, those that failed before and are tried again later. */
  retrying: number;
  audiencePaused: boolean;
}

/** Findings about whom nothing was to be done, or is being done already: nobody who was left alone. */
export const SETTLED_OTHERWISE: readonly string[] = ['leave:no-change', 'leave:on-the-way', 'leave:not-on-list'];
/** A plan is void after this long, in hours. */
export const PLAN_HOURS = 24;

/** Walks, full syncs and plans: their beginnings, progress, figures and ends. */
export function createRuns({ prisma, sql, transaction }: Database) {
  const find = (id: string): Promise<SyncRun | null> => prisma.syncRun.findUnique({ where: { id } });

  return {
    find,

    /** Notes that a run begins. One that was lost is ended; beginning again under the same id changes nothing. */
    begin: (
      { run, mode, by, dryRun = false, plan }: RunStart,
      { scope, byAddress }: Pick<People, 'scope' | 'byAddress'>,
      audience: string,
      how: { marks: boolean; first: boolean; quiet?: boolean },
    ): Promise<void> =>
      transaction(async (tx) => {
        await tx.execute`
          UPDATE sync_runs SET result = 'failed', ended_at = now(), message = 'it was terminated'
          WHERE site = ${scope} AND ended_at IS NULL AND id <> ${run}::uuid`;
        await tx.execute`
          INSERT INTO sync_runs (id, site, audience, mode, dry_run, started_by, marks, first, quiet, plan_id, living)
          SELECT ${run}::uuid, ${scope}, ${audience}, ${mode}, ${dryRun}, ${by}, ${how.marks}, ${how.first}, ${how.quiet ?? false}, ${plan}::uuid,
            (SELECT count(DISTINCT m.address)::int FROM ${byAddress} m WHERE m.email IS NOT NULL AND m.deleted_at IS NULL)
          ON CONFLICT (id) DO NOTHING`;
      }),

    /** Says how far a run is. */
    async progress(run: string, progress: RunProgress): Promise<void> {
      await prisma.syncRun.updateMany({ where: { id: run }, data: progress });
    },

    /** Ends a run; one that left a plan replaces the site's older ones. Ending it again changes nothing. */
    end: (run: string, result: SyncResult, message: string | undefined, counts: SyncCounts, leavesPlan: boolean) =>
      transaction(async (tx): Promise<boolean> => {
        const ended = await tx.execute`
          UPDATE sync_runs SET result = ${result}, message = ${message}, ended_at = now(), counts = ${JSON.stringify(counts)}::jsonb,
            plan_state = CASE WHEN ${leavesPlan} THEN 'open' ELSE plan_state END,
            plan_id = CASE WHEN ${leavesPlan} THEN id ELSE plan_id END
          WHERE id = ${run}::uuid AND ended_at IS NULL`;
        await dropWhatIsNotNeeded(tx, run);
        return ended > 0;
      }),

    /** The last run that read all members of a site, other than this one: whom two in a row miss is gone. */
    async lastComplete(site: string, run: string): Promise<string | undefined> {
      const [row] = await sql.query<{ id: string }[]>`
        SELECT id FROM sync_runs WHERE site = ${site} AND complete AND NOT dry_run AND ended_at IS NOT NULL AND id <> ${run}::uuid
          AND mode IN ('walk', 'full') ORDER BY started_at DESC LIMIT 1`;
      return row?.id;
    },

    /**
     * Lets Postgres count its rows anew where `pages` of work have been written: plans that were made for empty tables would
     * otherwise be kept until autovacuum comes along, and a first sync would crawl.
     */
    async countAnew(pages: number): Promise<void> {
      const isPowerOfTwo = (pages & (pages - 1)) === 0;
      if (isPowerOfTwo) await sql.execute`ANALYZE members, contacts, observations, planned_members, plan_items, pushes`;
    },

    /** When the last run that read members began, and how long it kept the source busy. */
    async lastReading(site: string): Promise<{ startedAt: Date; sourceMs: number } | undefined> {
      const [row] = await sql.query<{ startedAt: Date; sourceMs: number }[]>`
        SELECT started_at AS "startedAt", source_ms AS "sourceMs" FROM sync_runs
        WHERE site = ${site} AND source_ms > 0 ORDER BY started_at DESC LIMIT 1`;
      return row;
    },

    /** What the run made due and has no outcome yet. */
    async pending(run: string, audience: string): Promise<Pending> {
      const [row] = await sql.query<[Pending]>`
        SELECT count(c.address)::int AS due, (count(c.address) FILTER (WHERE c.tries > 0))::int AS retrying,
          coalesce((SELECT paused_since IS NOT NULL FROM audiences WHERE audience = ${audience}), false) AS "audiencePaused"
        FROM contacts c WHERE c.audience = ${audience} AND c.lane IN (0, 1) AND c.due_at IS NOT NULL AND c.run_id = ${run}::uuid`;
      return row;
    },

    /** Outcomes of what the run made due, counted once a person: what arrived, not what was sent. */
    async counts(run: string, audience: string): Promise<SyncCounts> {
      const [row] = await sql.query<
        [
          Omit<SyncCounts, 'unchanged' | 'read'> & {
            read: number;
            listRead: number;
            seenUnchanged: number | null;
          },
        ]
      >`
        WITH last AS (
          SELECT DISTINCT ON (address) address, outcome, added FROM pushes WHERE run_id = ${run}::uuid ORDER BY address, id DESC
        ), waiting AS (
          SELECT count(*)::int AS count FROM contacts
          WHERE audience = ${audience} AND lane IN (0, 1) AND due_at IS NOT NULL AND run_id = ${run}::uuid
        )
        SELECT r.read, r.list_read AS "listRead",
          CASE WHEN r.mode = 'walk' THEN NULL ELSE coalesce((r.findings->>'leave:no-change')::int, 0) END AS "seenUnchanged",
          (count(*) FILTER (WHERE outcome IN ('confirmed', 'unconfirmed') AND added))::int AS added,
          (count(*) FILTER (WHERE outcome = 'confirmed' AND NOT added))::int AS updated,
          (count(*) FILTER (WHERE outcome = 'moved'))::int AS moved,
          (count(*) FILTER (WHERE outcome = 'removed'))::int AS removed,
          (count(*) FILTER (WHERE outcome = 'held'))::int AS held,
          (count(*) FILTER (WHERE outcome IN ('opted-out', 'withheld', 'kept', 'returned-unsigned', 'skipped', 'declined')))::int
            + coalesce((SELECT sum(value::int) FROM jsonb_each_text(r.findings) WHERE key LIKE 'leave:%' AND key <> ALL(${[...SETTLED_OTHERWISE]})), 0)::int
            + CASE WHEN r.marks THEN 0 ELSE (SELECT count(*)::int FROM member_changes m WHERE m.run_id = r.id) END AS "leftAlone",
          (count(*) FILTER (WHERE outcome = 'refused'))::int + (SELECT count FROM waiting) + r.unreadable AS failed
        FROM sync_runs r LEFT JOIN last ON true WHERE r.id = ${run}::uuid
        GROUP BY r.id`;
      const { listRead, seenUnchanged, ...counts } = row;
      const read = counts.read > 0 ? counts.read : listRead;
      const touched =
        counts.added + counts.updated + counts.moved + counts.removed + counts.held + counts.leftAlone + counts.failed;
      return { ...counts, read, unchanged: seenUnchanged ?? Math.max(0, read - touched) };
    },

    /** When the last run began that read all of a list and took it over; undefined: none did. */
    async lastFullReading(audience: string): Promise<Date | undefined> {
      const [row] = await sql.query<{ at: Date }[]>`
        SELECT list_read_at AS at FROM sync_runs
        WHERE audience = ${audience} AND mode = 'full' AND NOT dry_run AND until_id IS NULL AND list_read_at IS NOT NULL AND result IN ('done', 'partly', 'refused')
          AND phase NOT IN ('starting', 'reading list') ORDER BY started_at DESC LIMIT 1`;
      return row?.at;
    },

    /** The first full sync of a list is completed: from now on walks and schedules repair it. */
    async adopted(audience: string): Promise<void> {
      await sql.execute`UPDATE audiences SET adopted_at = coalesce(adopted_at, now()) WHERE audience = ${audience}`;
    },

    /** Whether the first full sync of a list was completed. */
    async isAdopted(audience: string): Promise<boolean> {
      const rows = await sql.query<unknown[]>`
        SELECT 1 FROM audiences WHERE audience = ${audience} AND adopted_at IS NOT NULL`;
      return rows.length > 0;
    },

    /** A plan that can still be applied; plans older than a day are void. */
    async openPlan(id: string): Promise<SyncRun | undefined> {
      await sql.execute`
        UPDATE sync_runs SET plan_state = 'void'
        WHERE plan_state = 'open' AND ended_at < now() - make_interval(hours => ${PLAN_HOURS})`;
      const run = await find(id);
      return run?.planState === 'open' ? run : undefined;
    },

    /** The plans that the guard left and nobody has decided on, by site. */
    async stoppedByGuard(): Promise<Map<string, string>> {
      const rows = await sql.query<{ site: string; id: string }[]>`
        SELECT site, id FROM sync_runs
        WHERE plan_state = 'open' AND result = 'refused' AND ended_at > now() - make_interval(hours => ${PLAN_HOURS})`;
      return new Map(rows.map(({ site, id }) => [site, id]));
    },

    /** The plan was carried out: it cannot be applied again. */
    async planApplied(id: string): Promise<void> {
      await sql.execute`UPDATE sync_runs SET plan_state = 'applied' WHERE id = ${id}::uuid`;
    },

    /** The newest runs first; without a site, those of all sites, or of all organizations' audiences. */
    list: ({ site, of = 'sites', limit }: RunFilter): Promise<SyncRun[]> =>
      prisma.syncRun.findMany({
        where: { site: site ?? (of === 'audiences' ? AUDIENCE_RUNS : { not: AUDIENCE_RUNS }) },
        orderBy: { startedAt: 'desc' },
        take: limit,
      }),

    /** The last run of each audience that ended, dry runs apart. */
    async lastEnded(): Promise<Map<string, EndedRun>> {
      const rows = await sql.query<(EndedRun & { audience: string })[]>`
        SELECT DISTINCT ON (audience) audience, id AS run, mode, result, message, ended_at AS "endedAt" FROM sync_runs
        WHERE ended_at IS NOT NULL AND NOT dry_run ORDER BY audience, started_at DESC`;
      return new Map(rows.map(({ audience, ...run }) => [audience, run]));
    },

    /** The last run of each site, mode and result that ended well: for metrics and health. */
    lastSuccesses: (): Promise<{ kind: string; scope: string; at: Date }[]> => sql.query`
      SELECT mode AS kind, site AS scope, max(ended_at) AS at FROM sync_runs
      WHERE result IN ('done', 'partly') AND NOT dry_run AND mode IN ('walk', 'full', 'incremental') GROUP BY 1, 2`,
  };
}

/** Whatever is older was looked at when runs since then ended. */
const LOOK_BACK_DAYS = 8;
/** Walks that nobody looks back at any more. */
const WALKS_KEPT_DAYS = 30;

/** Of each site one plan is open; what older runs read of both sides is needed by nobody any more. */
async function dropWhatIsNotNeeded(tx: Queries, run: string): Promise<void> {
  const older = Prisma.sql`
    SELECT o.id FROM sync_runs o, sync_runs r WHERE r.id = ${run}::uuid AND o.site = r.site AND o.id <> r.id
      AND o.ended_at > now() - make_interval(days => ${LOOK_BACK_DAYS}) AND (o.mode NOT IN ('walk', 'incremental') OR o.result = 'refused' OR o.list_read > 0)`;
  await tx.execute`
    UPDATE sync_runs SET plan_state = 'replaced' WHERE plan_state = 'open' AND id IN (${older})
      AND (SELECT plan_state FROM sync_runs WHERE id = ${run}::uuid) = 'open'`;
  // what the guard stopped is no longer so once a complete run has found nothing to stop
  await tx.execute`
    UPDATE sync_runs SET plan_state = 'replaced' WHERE plan_state = 'open' AND result = 'refused' AND id IN (${older})
      AND (SELECT result = 'done' AND complete AND NOT dry_run AND mode <> 'apply' FROM sync_runs WHERE id = ${run}::uuid)`;
  await tx.execute`
    DELETE FROM sync_runs WHERE site = (SELECT site FROM sync_runs WHERE id = ${run}::uuid) AND mode IN ('walk', 'incremental')
      AND started_at < now() - make_interval(days => ${WALKS_KEPT_DAYS})`;
  const useless = Prisma.sql`SELECT id FROM sync_runs WHERE id IN (${older}) AND coalesce(plan_state, '') <> 'open'`;
  await tx.execute`DELETE FROM planned_members WHERE run_id IN (${useless})`;
  // what became of the plan applied last can still be asked for
  await tx.execute`
    DELETE FROM plan_items WHERE run_id IN (${useless}) AND run_id <> coalesce(
      (SELECT p.id FROM sync_runs p, sync_runs r WHERE r.id = ${run}::uuid AND p.site = r.site AND p.plan_state = 'applied'
       ORDER BY p.ended_at DESC LIMIT 1), ${run}::uuid)`;
  // the newest complete reading of a list is what the ledger can prove
  await tx.execute`
    DELETE FROM observations WHERE run_id IN (${useless}) AND run_id <> coalesce(
      (SELECT p.id FROM sync_runs p, sync_runs r WHERE r.id = ${run}::uuid AND p.audience = r.audience AND p.mode = 'full'
         AND NOT p.dry_run AND p.result IN ('done', 'partly', 'refused') AND p.list_read > 0 ORDER BY p.started_at DESC LIMIT 1), ${run}::uuid)`;
}
