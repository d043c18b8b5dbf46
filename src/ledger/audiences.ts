import { tagKey } from '../domain/tag-change.js';
import type { Database } from './database.js';
import type { Pause } from './sites.js';

/** What the last check of a list found. */
export interface AudienceFacts {
  title: string;
  activeSubscribers: number;
  doubleOptIn: boolean;
  /** Sentences about what is wrong but does not stop us. */
  problems: readonly string[];
  /** Fields of ours that it does not have, or has in another type. */
  missingFields?: readonly string[] | undefined;
}

/** An audience, at which kind of destination it is, and the organization whose people it holds, if not a site's. */
export interface AudiencePlace {
  audience: string;
  destination: string;
  organization?: string | undefined;
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
          missing_fields = ${[...(facts.missingFields ?? [])]},
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

    /**
     * Claims the audiences that have something due and no live writer; each again only after a pause that doubles. `configured`:
     * those of sites; those of organizations are in the ledger.
     */
    claimWakes: (configured: readonly string[]): Promise<{ audience: string; destination: string }[]> => sql.query`
      UPDATE audiences a SET woken_at = now(), wakes = a.wakes + 1
      WHERE a.audience IN (
        SELECT b.audience FROM audiences b
        WHERE (b.audience = ANY(${[...configured]}) OR b.organization_id IN (SELECT id FROM organizations WHERE removed_at IS NULL))
          AND coalesce(b.writer_seen_at < now() - make_interval(secs => CASE WHEN b.paused_since IS NULL THEN ${WRITER_GONE_SECONDS}::int ELSE ${PAUSED_GONE_SECONDS}::int END), true)
          AND coalesce(b.woken_at < now() - make_interval(secs => least(3600, ${WRITER_GONE_SECONDS}::int * power(2, least(b.wakes, 10)))), true)
          -- a check creates fields: in an organization's audience nothing is done before its first sync
          AND ((b.checked_at IS NULL AND b.organization_id IS NULL) OR EXISTS (
            SELECT FROM contacts c WHERE c.audience = b.audience AND c.due_at <= now() AND (c.under_way_until IS NULL OR c.under_way_until < now())))
        FOR UPDATE SKIP LOCKED)
      RETURNING a.audience, a.destination`,

    /** Creates the row of an audience that a contact is marked for before any writer ran. */
    async ensure({ audience, destination, organization }: AudiencePlace): Promise<void> {
      await sql.execute`
        INSERT INTO audiences (audience, destination, organization_id) VALUES (${audience}, ${destination}, ${organization}::bigint)
        ON CONFLICT (audience) DO UPDATE SET destination = EXCLUDED.destination, organization_id = EXCLUDED.organization_id
        WHERE (audiences.destination, audiences.organization_id) IS DISTINCT FROM (EXCLUDED.destination, EXCLUDED.organization_id)`;
    },

    /** Notes these tag names as ours to give in this audience, for ever; gives the keys of all that ever were. */
    async manageTags(audience: string, names: readonly string[]): Promise<ReadonlySet<string>> {
      if (names.length === 0) return new Set();
      const row = await prisma.audience.findUnique({ where: { audience }, select: { tagNames: true } });
      const known = row?.tagNames ?? [];
      const isNews = names.some((name) => !known.includes(name));
      // for each page that is written: most have nothing to note
      if (isNews)
        await sql.execute`
        UPDATE audiences SET tag_names = (SELECT array_agg(DISTINCT name ORDER BY name) FROM unnest(tag_names || ${[...names]}::text[]) AS name)
        WHERE audience = ${audience}`;
      return new Set([...known, ...names].map(tagKey));
    },

    /** Fields of ours that an audience was found not to take. */
    async missingFields(audience: string): Promise<string[]> {
      const row = await prisma.audience.findUnique({ where: { audience }, select: { missingFields: true } });
      return row?.missingFields ?? [];
    },

    /** The same, as somebody saw it who only looked. */
    async noteMissingFields(audience: string, fields: readonly string[]): Promise<void> {
      await sql.execute`UPDATE audiences SET missing_fields = ${[...fields]} WHERE audience = ${audience}`;
    },

    /** Which organization each audience was first synced for. */
    async owners(): Promise<Map<string, string>> {
      const rows = await sql.query<{ audience: string; organization: string }[]>`
        SELECT audience, organization_id::text AS organization FROM audiences WHERE organization_id IS NOT NULL`;
      return new Map(rows.map(({ audience, organization }) => [audience, organization]));
    },

    /** Since when changes in the audience have not been read; undefined: it never was. */
    async readTo(audience: string): Promise<Date | undefined> {
      const row = await prisma.audience.findUnique({ where: { audience }, select: { readTo: true } });
      return row?.readTo ?? undefined;
    },

    /** Everything that changed there until then is in the ledger. */
    async wasRead(audience: string, to: Date): Promise<void> {
      await sql.execute`UPDATE audiences SET read_to = ${to} WHERE audience = ${audience}`;
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
