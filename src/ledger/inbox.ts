import type { MemberEvent } from '../domain/apply-deliveries.js';
import { Prisma } from './client/client.js';
import { asJson, type Database } from './database.js';

/** A verified delivery about to be stored. */
export interface NewDelivery {
  id: string;
  site: string;
  memberId: string;
  event: MemberEvent;
  signedAt: Date;
  /** Given only by the spool; else the database stamps it. */
  receivedAt?: Date;
  signature: string;
  payload: unknown;
  /** Noise is stored with its outcome and wakes nobody. */
  noise: boolean;
}

/** One stored delivery as `delivery list` and `delivery show` tell it. */
export interface DeliveryRow {
  id: string;
  site: string;
  memberId: string;
  event: string;
  state: string;
  outcome: string | null;
  signedAt: Date;
  receivedAt: Date;
  outcomeAt: Date | null;
  wakes: number;
  nextWakeAt: Date | null;
}

/** First pause before a member is woken again for the same delivery; doubles up to an hour. */
const FIRST_REWAKE_SECONDS = 12;
const LONGEST_REWAKE_SECONDS = 3600;
/** Advisory lock of whoever claims wakes. */
const CLAIM_LOCK = 7_340_101;

/** The inbox: accepted deliveries until and after their outcome. */
export function createInbox({ prisma, sql }: Database) {
  return {
    /** Stores deliveries in one statement; gives, in order, the id each is known by (a repeat has its first one's). */
    async store(deliveries: readonly NewDelivery[]): Promise<string[]> {
      const rows = await sql.query<{ id: string }[]>`
        WITH given AS (
          SELECT * FROM jsonb_to_recordset(${asJson(deliveries.map((delivery, position) => ({ ...delivery, position })))}) AS g(
            "position" int, "id" uuid, "site" text, "memberId" text, "event" text, "signedAt" timestamptz, "receivedAt" timestamptz,
            "signature" text, "payload" jsonb, "noise" boolean)
        ), stored AS (
          INSERT INTO deliveries (id, site, member_id, event, signed_at, received_at, signature, payload, state, outcome, outcome_at, next_wake_at)
          SELECT id, site, "memberId", event, "signedAt", coalesce("receivedAt", now()), signature, payload,
                 CASE WHEN noise THEN 'noise' ELSE 'waiting' END,
                 CASE WHEN noise THEN 'noise' END,
                 CASE WHEN noise THEN now() END,
                 CASE WHEN noise THEN NULL ELSE now() END
          FROM given
          ON CONFLICT (site, signature) DO NOTHING
          RETURNING id, site, signature
        )
        SELECT coalesce(s.id, d.id, g.id)::text AS id
        FROM given g
        LEFT JOIN stored s USING (site, signature)
        LEFT JOIN deliveries d ON d.site = g.site AND d.signature = g.signature
        ORDER BY g.position`;
      return rows.map(({ id }) => id);
    },

    /**
     * Claims members to wake: those with a delivery whose time to wake has come, neither parked nor of a paused site
     * that somebody probes or that is caught up with in pages, so that at most `window` members are woken and not yet done. Safe for any number of callers.
     */
    async claimWakes(window: number): Promise<{ site: string; memberId: string }[]> {
      // one caller at a time; rows that another has claimed since our snapshot no longer match when they are updated
      return sql.query<{ site: string; memberId: string }[]>`
        WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${CLAIM_LOCK}) AS ours),
        picked AS MATERIALIZED (
          SELECT d.site, d.member_id, min(d.next_wake_at) AS due FROM deliveries d
          WHERE (SELECT ours FROM turn) AND d.next_wake_at <= now()
            AND NOT EXISTS (SELECT FROM parked p WHERE p.site = d.site AND p.member_id = d.member_id AND p.cleared_at IS NULL AND d.wakes > 0)
            AND NOT EXISTS (SELECT FROM sites s WHERE s.site = d.site AND (
              (s.paused_since IS NOT NULL AND s.probe_until > now()) OR s.catch_up_since IS NOT NULL))
          GROUP BY d.site, d.member_id
          ORDER BY due
          LIMIT greatest(0, ${window}::int - (
            SELECT count(DISTINCT (site, member_id)) FROM deliveries
            WHERE woken_at > now() - make_interval(secs => ${FIRST_REWAKE_SECONDS}) AND next_wake_at > now()
          ))
        ), claimed AS (
          UPDATE deliveries d SET wakes = wakes + 1, woken_at = now(), next_wake_at = now()
            + make_interval(secs => least(${LONGEST_REWAKE_SECONDS}, ${FIRST_REWAKE_SECONDS} * power(2, least(d.wakes, 20))))
          FROM picked p WHERE d.site = p.site AND d.member_id = p.member_id AND d.next_wake_at <= now()
          RETURNING d.site, d.member_id
        )
        SELECT DISTINCT site, member_id AS "memberId" FROM claimed`;
    },

    /** Gives back a wake that could not be signalled; it is due again at once. */
    async returnWake(site: string, memberId: string): Promise<void> {
      await sql.execute`
        UPDATE deliveries SET wakes = greatest(0, wakes - 1), woken_at = NULL, next_wake_at = now()
        WHERE site = ${site} AND member_id = ${memberId} AND state = 'waiting'`;
    },

    /** Makes due at once whatever was woken in vain: after a start, or when a site's pause ends. A replay keeps its pace. */
    async wakeAll(site?: string): Promise<void> {
      await sql.execute`
        UPDATE deliveries SET wakes = 0, woken_at = NULL, next_wake_at = now()
        WHERE next_wake_at IS NOT NULL AND wakes > 0 ${site === undefined ? Prisma.empty : Prisma.sql`AND site = ${site}`}`;
    },

    /** The newest deliveries first. */
    async list(filter: {
      site?: string;
      state?: string;
      from?: Date;
      to?: Date;
      memberId?: string;
      limit: number;
    }): Promise<DeliveryRow[]> {
      return prisma.delivery.findMany({
        where: {
          ...(filter.site === undefined ? {} : { site: filter.site }),
          ...(filter.state === undefined ? {} : { state: filter.state }),
          ...(filter.memberId === undefined ? {} : { memberId: filter.memberId }),
          receivedAt: { ...(filter.from && { gte: filter.from }), ...(filter.to && { lt: filter.to }) },
        },
        omit: { payload: true, signature: true, wokenAt: true },
        orderBy: { receivedAt: 'desc' },
        take: filter.limit,
      });
    },

    /** One delivery with its payload. */
    show: (id: string) => prisma.delivery.findUnique({ where: { id }, omit: { signature: true } }),
  };
}
