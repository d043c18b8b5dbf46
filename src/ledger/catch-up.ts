import { Prisma } from './client/client.js';
import type { Database } from './database.js';

/** Deliveries waiting to be started, of more members than this at one site, are handed over in pages. */
const CATCH_UP_FROM = 200;
/** A run that was not seen for so long is not alive. */
const GONE_SECONDS = 15;
/** While its Ghost is paused, Temporal's own retries probe it; only a lost run is started again. */
const PAUSED_GONE_SECONDS = 600;
const LEASE_SECONDS = 30;

/** Parked members are looked after by their own runs. */
const notParked = Prisma.sql`NOT EXISTS (
  SELECT FROM parked p WHERE p.site = d.site AND p.member_id = d.member_id AND p.cleared_at IS NULL AND d.wakes > 0)`;

/** Catching up with what waits, page by page, instead of waking members one by one. */
export function createCatchUp({ sql }: Database) {
  return {
    /**
     * Sites whose backlog is too large for live runs, or whose catch-up was lost: claimed so that each is signalled once. While a
     * site is caught up with, nobody wakes its members.
     */
    claim: (sites: readonly string[], from = CATCH_UP_FROM): Promise<{ site: string }[]> => sql.query`
      INSERT INTO sites (site, catch_up_since, catch_up_seen_at)
      SELECT site, now(), now() FROM (
        SELECT d.site FROM deliveries d LEFT JOIN sites s ON s.site = d.site
        WHERE d.site = ANY(${[...sites]}) AND d.next_wake_at <= now() AND s.catch_up_since IS NULL AND ${notParked}
          AND (s.paused_since IS NULL OR s.probe_until <= now())
        GROUP BY d.site HAVING count(DISTINCT d.member_id) > ${from}
        UNION SELECT s.site FROM sites s
        WHERE s.site = ANY(${[...sites]}) AND s.catch_up_since IS NOT NULL AND s.catch_up_seen_at < now() - make_interval(
          secs => CASE WHEN s.paused_since IS NULL THEN ${GONE_SECONDS}::int ELSE ${PAUSED_GONE_SECONDS}::int END)
      ) AS wanted
      ON CONFLICT (site) DO UPDATE SET catch_up_since = coalesce(sites.catch_up_since, now()),
        -- a run that was signalled in vain is not signalled at once again
        catch_up_seen_at = now() + CASE WHEN sites.catch_up_since IS NULL THEN interval '0' ELSE interval '2 minutes' END
        WHERE sites.catch_up_since IS NULL OR sites.catch_up_seen_at < now() - make_interval(secs => ${GONE_SECONDS})
      RETURNING site`,

    /** Says that the catch-up lives. */
    async seen(site: string): Promise<void> {
      await sql.execute`UPDATE sites SET catch_up_seen_at = now() WHERE site = ${site}`;
    },

    /** Gives a claim back that could not be signalled, or hands the rest over to live runs. */
    async end(site: string): Promise<void> {
      await sql.execute`UPDATE sites SET catch_up_since = NULL, catch_up_seen_at = NULL WHERE site = ${site}`;
    },

    /**
     * Members with deliveries that wait, longest first, whom nobody else works on; the caller holds their leases from now on,
     * and those of its own earlier attempts, whose tokens begin with `earlier` but not with `mine`.
     */
    async takePage(
      site: string,
      { token, mine, earlier }: { token: string; mine: string; earlier: string },
      limit: number,
    ): Promise<{ memberIds: string[]; asOf: Date }> {
      const rows = await sql.query<{ memberId: string; asOf: Date }[]>`
        WITH waiting AS MATERIALIZED (
          SELECT d.member_id, min(d.received_at) AS since FROM deliveries d
          LEFT JOIN members m ON m.site = d.site AND m.member_id = d.member_id
          WHERE d.site = ${site} AND d.next_wake_at <= now() AND ${notParked}
            AND (m.lease_until IS NULL OR m.lease_until < now()
              OR (starts_with(m.lease_token, ${earlier}) AND NOT starts_with(m.lease_token, ${mine})))
          GROUP BY d.member_id ORDER BY since LIMIT ${limit}
        ), taken AS (
          INSERT INTO members (site, member_id, lease_token, lease_until)
          SELECT ${site}, member_id, ${token}, now() + make_interval(secs => ${LEASE_SECONDS}) FROM waiting ORDER BY member_id
          ON CONFLICT (site, member_id) DO UPDATE SET lease_token = EXCLUDED.lease_token, lease_until = EXCLUDED.lease_until
          WHERE members.lease_until IS NULL OR members.lease_until < now()
            OR (starts_with(members.lease_token, ${earlier}) AND NOT starts_with(members.lease_token, ${mine}))
          RETURNING member_id
        )
        SELECT member_id AS "memberId", clock_timestamp()::timestamptz(3) AS "asOf" FROM taken`;
      return { memberIds: rows.map(({ memberId }) => memberId), asOf: rows[0]?.asOf ?? new Date(0) };
    },

    /** Gives leases back unused; what waits for these members waits `afterSeconds` more, then live runs see to it. */
    async leave(site: string, token: string, memberIds: readonly string[], afterSeconds: number): Promise<void> {
      await sql.execute`
        WITH given_back AS (
          UPDATE members SET lease_token = NULL, lease_until = NULL
          WHERE site = ${site} AND member_id = ANY(${[...memberIds]}) AND lease_token = ${token}
        )
        UPDATE deliveries SET next_wake_at = now() + make_interval(secs => ${afterSeconds})
        WHERE site = ${site} AND member_id = ANY(${[...memberIds]}) AND next_wake_at <= now()`;
    },

    /** Parked members for whom something came in: their runs look whether they may go on. */
    async wakeParked(site: string, memberIds: readonly string[]): Promise<void> {
      await sql.execute`UPDATE parked SET wake_at = now() WHERE site = ${site} AND member_id = ANY(${[...memberIds]})`;
    },

    /** The sites that are being caught up with, and since when. */
    async running(): Promise<Map<string, Date>> {
      const rows = await sql.query<{ site: string; since: Date }[]>`
        SELECT site, catch_up_since AS since FROM sites WHERE catch_up_since IS NOT NULL`;
      return new Map(rows.map(({ site, since }) => [site, since]));
    },
  };
}
