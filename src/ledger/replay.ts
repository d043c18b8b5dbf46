import { Prisma } from './client/client.js';
import { asJson, type Database } from './database.js';

/** What `--state` chooses from: states, outcomes, and `parked` for deliveries of members who are parked now. */
export const REPLAY_STATES = [
  'waiting',
  'done',
  'noise',
  'applied',
  'unchanged',
  'superseded',
  'discarded',
  'parked',
] as const;

/** Which deliveries an operator means; what is given narrows the choice. */
export interface ReplayFilter {
  /** Configured sites and their audiences: nobody would take up the deliveries of others. */
  sites: readonly { site: string; audience: string }[];
  from?: Date | undefined;
  to?: Date | undefined;
  state?: (typeof REPLAY_STATES)[number] | undefined;
  /** Part of why a member is parked, or of how the list refused the member's address last. */
  error?: string | undefined;
  memberId?: string | undefined;
}

/** What a replay would do. */
export interface ReplayPreview {
  selected: number;
  members: number;
  oldest: Date | null;
  newest: Date | null;
  /** How many, by site, by event, and by outcome (`waiting` where there is none). */
  sites: Record<string, number>;
  events: Record<string, number>;
  outcomes: Record<string, number>;
}

/** A replay that was begun: its deliveries are those marked `at`. */
export interface Replay {
  at: Date;
  /** Deliveries chosen, and those of them that had their outcome and wait again. */
  selected: number;
  replayed: number;
  members: number;
  oldest: Date;
  newest: Date;
}

/** Replay of deliveries: they wait again, and are applied by the same rules. */
export function createReplay({ sql, transaction }: Database) {
  return {
    /** What a replay would choose; changes nothing. */
    async preview(filter: ReplayFilter): Promise<ReplayPreview> {
      const by = (key: Prisma.Sql): Prisma.Sql => Prisma.sql`
        (SELECT coalesce(jsonb_object_agg(key, count), '{}') FROM (SELECT ${key} AS key, count(*) FROM picked GROUP BY 1) AS g)`;
      const [row] = await sql.query<[ReplayPreview]>`
        WITH picked AS MATERIALIZED (
          SELECT d.site, d.member_id, d.event, d.received_at, coalesce(d.outcome, d.state) AS stands FROM deliveries d WHERE ${where(filter)}
        )
        SELECT count(*)::int AS selected, count(DISTINCT (site, member_id))::int AS members,
          min(received_at) AS oldest, max(received_at) AS newest, ${by(Prisma.sql`site`)} AS sites, ${by(Prisma.sql`event`)} AS events,
          ${by(Prisma.sql`stands`)} AS outcomes
        FROM picked`;
      return row;
    },

    /**
     * Sets them back in one statement. Each member has a time of its own to be woken, `rate` members a second in the order of
     * receipt, so that the bound holds by itself; those that wait already come no later than they would. Undefined: none matches.
     */
    async begin(filter: ReplayFilter, rate: number): Promise<Replay | undefined> {
      // a deadlock with whoever drains them is done again
      const [row] = await transaction(
        (tx) => tx.query<(Omit<Replay, 'at'> & { at: Date | null })[]>`
          WITH picked AS MATERIALIZED (
            SELECT d.id, d.site, d.member_id, d.received_at, d.state FROM deliveries d WHERE ${where(filter)}
          ), ranked AS (
            SELECT site, member_id, row_number() OVER (ORDER BY min(received_at), site, member_id) - 1 AS rank
            FROM picked GROUP BY site, member_id
          ), replayed AS (
            UPDATE deliveries d SET state = 'waiting', outcome = NULL, outcome_at = NULL, wakes = 0, woken_at = NULL,
              replays = d.replays + 1, replayed_at = now(),
              next_wake_at = least(d.next_wake_at, now() + make_interval(secs => r.rank / ${rate}::float))
            FROM picked p JOIN ranked r ON r.site = p.site AND r.member_id = p.member_id WHERE d.id = p.id
            RETURNING d.replayed_at, p.state <> 'waiting' AS was_done, p.received_at
          )
          SELECT max(replayed_at) AS at, count(*)::int AS selected, (count(*) FILTER (WHERE was_done))::int AS replayed,
            (SELECT count(*)::int FROM ranked) AS members, min(received_at) AS oldest, max(received_at) AS newest
          FROM replayed`,
      );
      return row?.at ? { ...row, at: row.at } : undefined;
    },

    /** How the deliveries of a replay stand: outcomes counted, `waiting` among them. A later replay of the same ones has taken them over. */
    async progress({ at, oldest, newest }: Replay): Promise<Record<string, number>> {
      const rows = await sql.query<{ stands: string; count: number }[]>`
        SELECT coalesce(outcome, state) AS stands, count(*)::int AS count FROM deliveries
        WHERE replayed_at = ${at} AND received_at BETWEEN ${oldest} AND ${newest} GROUP BY 1 ORDER BY 1`;
      return Object.fromEntries(rows.map(({ stands, count }) => [stands, count]));
    },

    /** Of the members of a replay: who is parked, and whose push is about to be made for the first time on a list that is not paused. */
    async members(
      { at, oldest, newest }: Replay,
      sites: ReplayFilter['sites'],
    ): Promise<{ parked: number; due: number }> {
      const [row] = await sql.query<[{ parked: number; due: number }]>`
        WITH replayed AS MATERIALIZED (
          SELECT DISTINCT site, member_id FROM deliveries WHERE replayed_at = ${at} AND received_at BETWEEN ${oldest} AND ${newest}
        )
        SELECT (SELECT count(*)::int FROM parked JOIN replayed USING (site, member_id) WHERE cleared_at IS NULL) AS parked,
          (SELECT count(*)::int FROM replayed JOIN members m USING (site, member_id)
           JOIN ${recordsOf(sites)} USING (site)
           JOIN audiences a ON a.audience = g.audience AND a.paused_since IS NULL
           JOIN contacts c ON c.audience = g.audience AND c.address = m.address AND c.due_at IS NOT NULL AND c.tries = 0) AS due`;
      return row;
    },
  };
}

const recordsOf = (sites: ReplayFilter['sites']): Prisma.Sql =>
  Prisma.sql`jsonb_to_recordset(${asJson(sites)}) AS g(site text, audience text)`;

function where({ sites, from, to, state, error, memberId }: ReplayFilter): Prisma.Sql {
  const all = [
    Prisma.sql`d.site = ANY(${sites.map(({ site }) => site)})`,
    from && Prisma.sql`d.received_at >= ${from}`,
    to && Prisma.sql`d.received_at < ${to}`,
    memberId !== undefined && Prisma.sql`d.member_id = ${memberId}`,
    state !== undefined && stateIs(state),
    error !== undefined && Prisma.sql`(d.site, d.member_id) IN (${failedWith(sites, error)})`,
  ];
  return Prisma.join(
    all.filter((one): one is Prisma.Sql => Boolean(one)),
    ' AND ',
  );
}

function stateIs(state: NonNullable<ReplayFilter['state']>): Prisma.Sql {
  if (state === 'parked')
    return Prisma.sql`EXISTS (SELECT FROM parked p WHERE p.site = d.site AND p.member_id = d.member_id AND p.cleared_at IS NULL)`;
  return state === 'waiting' || state === 'done' || state === 'noise'
    ? Prisma.sql`d.state = ${state}`
    : Prisma.sql`d.outcome = ${state}`;
}

/** Members who are parked for something that reads like this, and those whose address was refused so at the last call. */
function failedWith(sites: ReplayFilter['sites'], error: string): Prisma.Sql {
  const reads = (text: Prisma.Sql): Prisma.Sql => Prisma.sql`position(lower(${error}) IN lower(${text})) > 0`;
  return Prisma.sql`
    SELECT p.site, p.member_id FROM parked p WHERE p.cleared_at IS NULL AND ${reads(Prisma.sql`p.type || ': ' || p.message`)}
    UNION
    SELECT m.site, m.member_id FROM ${recordsOf(sites)}
    JOIN contacts c ON c.audience = g.audience AND c.settled_outcome = 'refused'
    JOIN members m ON m.site = g.site AND m.address = c.address
    JOIN LATERAL (
      SELECT l.outcome, l.code FROM pushes l WHERE l.audience = c.audience AND l.address = c.address ORDER BY l.at DESC, l.id DESC LIMIT 1
    ) l ON l.outcome = 'refused' AND ${reads(Prisma.sql`concat('refused', ' (code ' || l.code || ')')`)}`;
}
