import type { Database } from './database.js';

/** A source that is paused: since when and why, without personal data. */
export interface Pause {
  since: Date;
  type: string;
  message: string;
}

/** How long one run keeps the right to probe a paused site; longer than the longest retry pause. */
const PROBE_SECONDS = 360;

/** Pauses of sites, and who probes whether they are over. */
export function createSites({ prisma, sql }: Database) {
  return {
    /** Notes that a site's Ghost refuses or is down, with `memberId` as its probe. True when this is news. */
    async pause(site: string, memberId: string, type: string, message: string): Promise<boolean> {
      const [row] = await sql.query<{ news: boolean }[]>`
        INSERT INTO sites (site, paused_since, paused_type, paused_message, probe_until, probe_by)
        VALUES (${site}, now(), ${type}, ${message}, now() + make_interval(secs => ${PROBE_SECONDS}), ${memberId})
        ON CONFLICT (site) DO UPDATE SET
          paused_since = coalesce(sites.paused_since, now()), paused_type = ${type}, paused_message = ${message},
          probe_until = now() + make_interval(secs => ${PROBE_SECONDS}), probe_by = ${memberId}
        WHERE sites.paused_since IS NULL OR sites.probe_by = ${memberId} OR sites.probe_until < now()
        RETURNING paused_since = now()::timestamptz(3) AS news`;
      return row?.news ?? false;
    },

    /** Ends a pause; true when there was one. What waits is due again. */
    async resume(site: string): Promise<boolean> {
      const resumed = await sql.execute`
        UPDATE sites SET paused_since = NULL, paused_type = NULL, paused_message = NULL, probe_until = NULL, probe_by = NULL
        WHERE site = ${site} AND paused_since IS NOT NULL`;
      return resumed > 0;
    },

    /** Whether this member's run probes its paused site; takes over where nobody does. */
    async probes(site: string, memberId: string): Promise<boolean> {
      const taken = await sql.execute`
        UPDATE sites SET probe_by = ${memberId}, probe_until = now() + make_interval(secs => ${PROBE_SECONDS})
        WHERE site = ${site} AND (probe_by = ${memberId} OR probe_until < now())`;
      return taken > 0;
    },

    /** The pauses there are. */
    async pauses(): Promise<Map<string, Pause>> {
      const rows = await prisma.site.findMany({ where: { pausedSince: { not: null } } });
      return new Map(
        rows.map(({ site, pausedSince, pausedType, pausedMessage }) => [
          site,
          { since: pausedSince!, type: pausedType ?? '', message: pausedMessage ?? '' },
        ]),
      );
    },
  };
}
