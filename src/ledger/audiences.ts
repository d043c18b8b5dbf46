import type { Database } from './database.js';
import type { Pause } from './sites.js';

/** What the last check of a list found. */
export interface AudienceFacts {
  title: string;
  activeSubscribers: number;
  doubleOptIn: boolean;
  /** Sentences about what is wrong but does not stop us. */
  problems: readonly string[];
}

/** How often a list's settings and fields are looked at while it is being written to. */
const CHECK_SECONDS = 3600;
/** A writer that was not seen for so long is not alive (heartbeats come every few seconds). */
const WRITER_GONE_SECONDS = 15;
/** While a list is paused, Temporal's own retries probe it; only a lost run is started again. */
const PAUSED_GONE_SECONDS = 600;

/** Lists at destinations: their checks, pauses and writers. */
export function createAudiences({ prisma, sql }: Database) {
  return {
    /** Makes the next writer check its list first: after a start, and when a call met something odd. */
    async requireCheck(audience: string): Promise<void> {
      await sql.execute`
        INSERT INTO audiences (audience, writer_seen_at) VALUES (${audience}, NULL)
        ON CONFLICT (audience) DO UPDATE SET checked_at = NULL, woken_at = NULL, wakes = 0`;
    },

    /** Whether the list should be checked before it is written to, and what is known of it. */
    async state(
      audience: string,
    ): Promise<{ checkDue: boolean; doubleOptIn: boolean; optInConfirmed: boolean; paused: boolean }> {
      const [row] = await sql.query<
        { checkDue: boolean; doubleOptIn: boolean; optInConfirmed: boolean; paused: boolean }[]
      >`
        SELECT coalesce(checked_at < now() - make_interval(secs => ${CHECK_SECONDS}), true) AS "checkDue",
               double_opt_in AS "doubleOptIn", opt_in_confirmed_at IS NOT NULL AS "optInConfirmed", paused_since IS NOT NULL AS paused
        FROM audiences WHERE audience = ${audience}`;
      return row ?? { checkDue: true, doubleOptIn: false, optInConfirmed: false, paused: false };
    },

    /** Stores what a check found and ends a pause. True when there was one. */
    async checked(audience: string, facts: AudienceFacts): Promise<boolean> {
      const [row] = await sql.query<{ resumed: boolean }[]>`
        WITH before AS (SELECT paused_since IS NOT NULL AS resumed FROM audiences WHERE audience = ${audience})
        UPDATE audiences SET checked_at = now(), title = ${facts.title}, active_subscribers = ${facts.activeSubscribers},
          double_opt_in = ${facts.doubleOptIn}, problems = ${[...facts.problems]},
          paused_since = NULL, paused_type = NULL, paused_message = NULL
        WHERE audience = ${audience} RETURNING (SELECT resumed FROM before) AS resumed`;
      return row?.resumed ?? false;
    },

    /** Notes that the list or its key refuses, or is down; the next attempt begins with a check. True when this is news. */
    async pause(audience: string, type: string, message: string): Promise<boolean> {
      const [row] = await sql.query<{ news: boolean }[]>`
        UPDATE audiences SET paused_since = coalesce(paused_since, now()), paused_type = ${type}, paused_message = ${message}, checked_at = NULL
        WHERE audience = ${audience} RETURNING paused_since = now()::timestamptz(3) AS news`;
      return row?.news ?? false;
    },

    /** How many were active when the list was read back: the budget goes by it. */
    async noteActive(audience: string, active: number): Promise<void> {
      await sql.execute`UPDATE audiences SET active_subscribers = ${active} WHERE audience = ${audience}`;
    },

    /** The list was seen to answer: a pause ends, and its next writer checks it first. */
    async resume(audience: string): Promise<boolean> {
      const resumed = await sql.execute`
        UPDATE audiences SET paused_since = NULL, paused_type = NULL, paused_message = NULL
        WHERE audience = ${audience} AND paused_since IS NOT NULL`;
      return resumed > 0;
    },

    /** Claims the audiences that have something due and no live writer; each again only after a pause that doubles. */
    claimWakes: (configured: readonly string[]): Promise<{ audience: string }[]> => sql.query`
      UPDATE audiences a SET woken_at = now(), wakes = a.wakes + 1
      WHERE a.audience IN (
        SELECT b.audience FROM audiences b
        WHERE b.audience = ANY(${[...configured]})
          AND coalesce(b.writer_seen_at < now() - make_interval(secs => CASE WHEN b.paused_since IS NULL THEN ${WRITER_GONE_SECONDS}::int ELSE ${PAUSED_GONE_SECONDS}::int END), true)
          AND coalesce(b.woken_at < now() - make_interval(secs => least(3600, ${WRITER_GONE_SECONDS}::int * power(2, least(b.wakes, 10)))), true)
          AND (b.checked_at IS NULL OR EXISTS (
            SELECT FROM contacts c WHERE c.audience = b.audience AND c.due_at <= now() AND (c.under_way_until IS NULL OR c.under_way_until < now())))
        FOR UPDATE SKIP LOCKED)
      RETURNING a.audience`,

    /** Creates the rows of audiences that a contact was marked for before any writer ran. */
    async ensure(audiences: readonly string[]): Promise<void> {
      await sql.execute`INSERT INTO audiences (audience) SELECT unnest(${[...audiences]}::text[]) ON CONFLICT DO NOTHING`;
    },

    /** Gives back a wake that could not be signalled. */
    async returnWake(audience: string): Promise<void> {
      await sql.execute`UPDATE audiences SET woken_at = NULL, wakes = greatest(0, wakes - 1) WHERE audience = ${audience}`;
    },

    /** The person in charge knows that additions on this double opt-in list are mailed. */
    async confirmOptInMails(audience: string): Promise<void> {
      await sql.execute`UPDATE audiences SET opt_in_confirmed_at = now() WHERE audience = ${audience}`;
    },

    /** The pauses there are. */
    async pauses(): Promise<Map<string, Pause>> {
      const rows = await prisma.audience.findMany({ where: { pausedSince: { not: null } } });
      return new Map(
        rows.map(({ audience, pausedSince, pausedType, pausedMessage }) => [
          audience,
          { since: pausedSince!, type: pausedType ?? '', message: pausedMessage ?? '' },
        ]),
      );
    },

    /** Everything known of every audience. */
    list: () => prisma.audience.findMany({ orderBy: { audience: 'asc' } }),
  };
}
