import type { Database } from './database.js';

/** A walk, full sync or plan that goes on. */
export interface RunningSync {
  site: string;
  run: string;
  mode: string;
  dryRun: boolean;
  phase: string;
  /** Members read; subscribers while the list is read back. */
  read: number;
  since: Date;
}

/** Over so many minutes rates are averaged. */
export const RATE_MINUTES = 5;
/** What has its outcome after a longer wait than this is not looked for, unless it was replayed. */
const LONGEST_WAIT_MINUTES = 60;
/** More pushes than all writers make in that time: their ids rise with it. */
const PUSHES_LOOKED_AT = 500_000;

/** How fast things move, and what goes on. */
export function createProgress({ prisma, sql }: Database) {
  return {
    /** Deliveries of each site that had their outcome, a minute. */
    async deliveriesAMinute(): Promise<Map<string, number>> {
      const rows = await sql.query<{ site: string; rate: number }[]>`
        SELECT site, count(*)::float / ${RATE_MINUTES} AS rate FROM deliveries
        WHERE state = 'done' AND outcome_at > now() - make_interval(mins => ${RATE_MINUTES})
          AND (received_at > now() - make_interval(mins => ${RATE_MINUTES + LONGEST_WAIT_MINUTES}) OR replayed_at IS NOT NULL)
        GROUP BY site`;
      return new Map(rows.map(({ site, rate }) => [site, rate]));
    },

    /** Contacts of each audience that were settled, a minute. */
    async pushesAMinute(): Promise<Map<string, number>> {
      const rows = await sql.query<{ audience: string; rate: number }[]>`
        SELECT audience, count(*)::float / ${RATE_MINUTES} AS rate FROM pushes
        WHERE id > (SELECT max(id) FROM pushes) - ${PUSHES_LOOKED_AT} AND at > now() - make_interval(mins => ${RATE_MINUTES})
        GROUP BY audience`;
      return new Map(rows.map(({ audience, rate }) => [audience, rate]));
    },

    /** The runs that go on. */
    async syncs(): Promise<RunningSync[]> {
      const runs = await prisma.syncRun.findMany({ where: { endedAt: null }, orderBy: { startedAt: 'asc' } });
      return runs.map(({ id, site, mode, dryRun, phase, read, listRead, startedAt }) => ({
        site,
        run: id,
        mode,
        dryRun,
        phase,
        read: phase === 'reading list' ? listRead : read,
        since: startedAt,
      }));
    },

    /** The last run of each site and mode that its schedule brought about. */
    lastScheduled: (): Promise<{ site: string; mode: string; result: string | null; startedAt: Date }[]> => sql.query`
      SELECT DISTINCT ON (site, mode) site, mode, result, started_at AS "startedAt" FROM sync_runs
      WHERE started_by = 'schedule' ORDER BY site, mode, started_at DESC`,

    /** The last run of each audience of an organization that its schedule brought about. */
    lastScheduledOfAudiences: (): Promise<{ audience: string; result: string | null; startedAt: Date }[]> => sql.query`
      SELECT DISTINCT ON (audience) audience, result, started_at AS "startedAt" FROM sync_runs
      WHERE started_by = 'schedule' AND site LIKE 'organization/%' ORDER BY audience, started_at DESC`,
  };
}
