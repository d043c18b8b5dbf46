import type { Database } from './database.js';

/** What waits at one site. */
export interface SiteQueue {
  site: string;
  waiting: number;
  /** Seconds since the oldest waiting delivery was received; 0 when none waits. */
  oldestSeconds: number;
  parked: number;
}

/** What waits at one audience. */
export interface AudienceQueue {
  audience: string;
  due: number;
  underWay: number;
  held: number;
  oldestSeconds: number;
  /** Whether a writer was seen within the last seconds. */
  writing: boolean;
}

/** Figures for `queue`, health and metrics. */
export function createStatus({ prisma, sql }: Database) {
  return {
    /** Waiting deliveries and parked members, for every site that has any. */
    sites: (): Promise<SiteQueue[]> => sql.query`
      SELECT site, coalesce(waiting, 0) AS waiting, coalesce(oldest, 0) AS "oldestSeconds", coalesce(parked, 0) AS parked
      FROM (SELECT site, count(*)::int AS waiting, extract(epoch FROM now() - min(greatest(received_at, replayed_at)))::float AS oldest
            FROM deliveries WHERE next_wake_at IS NOT NULL GROUP BY site) d
      FULL JOIN (SELECT site, count(*)::int AS parked FROM parked WHERE cleared_at IS NULL GROUP BY site) p USING (site)`,

    /** Due, under way and held contacts of every audience. */
    audiences: (): Promise<AudienceQueue[]> => sql.query`
      SELECT a.audience, coalesce(due, 0) AS due, coalesce(under_way, 0) AS "underWay", coalesce(oldest, 0) AS "oldestSeconds",
        (SELECT count(*)::int FROM holds h WHERE h.audience = a.audience AND h.released_at IS NULL) AS held,
        coalesce(a.writer_seen_at > now() - interval '15 seconds', false) AS writing
      FROM audiences a
      LEFT JOIN (SELECT audience, count(*)::int AS due, count(*) FILTER (WHERE under_way_until > now())::int AS under_way,
                   extract(epoch FROM now() - min(coalesce(delivered_at, due_at)))::float AS oldest
                 FROM contacts WHERE due_at IS NOT NULL GROUP BY audience) c USING (audience)
      ORDER BY a.audience`,

    /** Contacts by how they were settled; `due` for those that wait. */
    contacts: (): Promise<{ audience: string; state: string; count: number }[]> => sql.query`
      SELECT audience, CASE WHEN due_at IS NULL THEN coalesce(settled_outcome, 'none') ELSE 'due' END AS state, count(*)::int AS count
      FROM contacts GROUP BY 1, 2`,

    /** Parked members by step. */
    parked: (): Promise<{ step: string; count: number }[]> => sql.query`
      SELECT step, count(*)::int AS count FROM parked WHERE cleared_at IS NULL GROUP BY step`,

    /** Deliveries with an outcome within the last `minutes`. */
    async doneWithin(minutes: number): Promise<number> {
      const [row] = await sql.query<[{ count: number }]>`
        SELECT count(*)::int AS count FROM deliveries
        WHERE received_at > now() - make_interval(mins => ${minutes + 60}) AND outcome_at > now() - make_interval(mins => ${minutes}) AND state = 'done'`;
      return row.count;
    },

    /** Everything known of the members with this e-mail or id, the living one first. */
    members: (site: string, emailOrId: string) =>
      prisma.member.findMany({
        where: { site, OR: [{ memberId: emailOrId }, { address: emailOrId.trim().toLowerCase() }] },
        omit: { leaseToken: true, leaseUntil: true, readTries: true },
        orderBy: [{ deletedAt: { sort: 'asc', nulls: 'first' } }, { memberId: 'desc' }],
      }),
  };
}
