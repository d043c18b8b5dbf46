import { Prisma } from './client/client.js';
import type { Database } from './database.js';

/** A member who said no at the list, or whom it no longer mails. */
export interface OptOutRow {
  address: string;
  memberId: string;
  /** `Unsubscribed`, `Bounced`, `Suppressed` or `Deleted`. */
  state: string;
  /** The list's own date, in its time zone; null where it told none. */
  listDate: string | null;
  reason: string | null;
  /** When we learned of it. */
  at: Date;
}

/** Members who opted out in one month, by state. */
export interface OptOutMonth {
  month: string;
  unsubscribed: number;
  bounced: number;
  suppressed: number;
  deleted: number;
}

/** The month of an opt-out: by the list's own date, else by when we learned of it. */
const MONTH = Prisma.sql`coalesce(left(nullif(o.list_date, ''), 7), to_char(o.at AT TIME ZONE 'UTC', 'YYYY-MM'))`;

/** Living members of a site whose address opted out at its list. */
const optedOut = (site: string, audience: string): Prisma.Sql => Prisma.sql`
  FROM (SELECT DISTINCT ON (address) * FROM opt_outs WHERE audience = ${audience} ORDER BY address, at DESC) o JOIN LATERAL (
    SELECT member_id FROM members m WHERE m.site = ${site} AND m.address = o.address AND m.deleted_at IS NULL
    ORDER BY member_id DESC LIMIT 1) m ON true
  WHERE true`;

/** Who opted out at a list. */
export function createOptOuts({ sql }: Database) {
  return {
    /** Those of one month (`YYYY-MM`), oldest first. */
    ofMonth: (site: string, audience: string, month: string): Promise<OptOutRow[]> => sql.query`
      SELECT o.address, m.member_id AS "memberId", o.state, nullif(o.list_date, '') AS "listDate", o.reason, o.at
      ${optedOut(site, audience)} AND ${MONTH} = ${month} ORDER BY o.list_date, o.at, o.address`,

    /** Figures of the last 12 months, the present one first. */
    byMonth: (site: string, audience: string): Promise<OptOutMonth[]> => sql.query`
      WITH counted AS (SELECT ${MONTH} AS month, o.state ${optedOut(site, audience)})
      SELECT g.month, (count(*) FILTER (WHERE c.state = 'Unsubscribed'))::int AS unsubscribed,
        (count(*) FILTER (WHERE c.state = 'Bounced'))::int AS bounced, (count(*) FILTER (WHERE c.state = 'Suppressed'))::int AS suppressed,
        (count(*) FILTER (WHERE c.state = 'Deleted'))::int AS deleted
      FROM (SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => n), 'YYYY-MM') AS month
            FROM generate_series(0, 11) AS n) g
      LEFT JOIN counted c USING (month) GROUP BY g.month ORDER BY g.month DESC`,
  };
}
