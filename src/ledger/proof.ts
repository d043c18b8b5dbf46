import { ON_LIST_OUTCOMES } from '../domain/plan-contact.js';
import type { Database } from './database.js';
import { PLAN_HOURS } from './runs.js';

/** How many living members of a site there are of one verdict, and since when the oldest of them is so. */
export interface VerdictCount {
  verdict: 'true' | 'on the way' | 'parked' | 'opted out there' | 'differs';
  count: number;
  /** Null where the verdict is no difference. */
  since: Date | null;
}

/** How many changes of one kind were found by one of the nets. */
export interface FoundCount {
  foundBy: string;
  kind: string;
  day: number;
  month: number;
}

/** A kind of webhook that does not come though two walks found such changes. */
export interface SilentWebhook {
  site: string;
  /** `added`, `edited` or `deleted`. */
  kind: string;
  since: Date;
}

/** What a run is known by in the proof of its site. */
export interface RunBrief {
  id: string;
  mode: string;
  dryRun: boolean;
  startedAt: Date;
  endedAt: Date | null;
  result: string | null;
  phase: string;
  /** Subscribers read back. */
  listRead: number;
}

/** The last runs of a site that prove something; null where there was none. */
export interface LastRuns {
  walk: RunBrief | null;
  full: RunBrief | null;
  /** The last one that read the whole list back, dry runs apart. */
  readBack: RunBrief | null;
  openPlan: RunBrief | null;
  running: RunBrief | null;
}

/** Whose members are judged, and whether those without a newsletter belong off the list. */
export interface Judged {
  site: string;
  audience: string;
  takesOffDisabled: boolean;
}

/** Two runs that found changes without a webhook, this far apart within this time, show that it is silent (house decision 7). */
const SILENT_MINUTES = 60;
const SILENT_DAYS = 7;

/** What the ledger can prove of a whole site. */
export function createProof({ prisma, sql }: Database) {
  return {
    /**
     * Living members by verdict: the rules of `memberVerdict` in one statement, without its comparing of values. What a walk finds
     * to differ is due, so only before the first full sync a contact that is not due may be out of date.
     */
    verdicts: ({ site, audience, takesOffDisabled }: Judged): Promise<VerdictCount[]> => sql.query`
      SELECT verdict, count(*)::int AS count,
        min(CASE verdict WHEN 'parked' THEN parked_since WHEN 'on the way' THEN due_since WHEN 'differs' THEN differs_since END) AS since
      FROM (
        SELECT CASE
            WHEN p.member_id IS NOT NULL OR (c.due_at IS NULL AND c.settled_outcome = 'refused') THEN 'parked'
            WHEN c.due_at IS NOT NULL OR c.under_way_until > now() OR w.member_id IS NOT NULL THEN 'on the way'
            WHEN h.address IS NOT NULL OR l.address IS NOT NULL OR m.missing_run IS NOT NULL THEN 'differs'
            WHEN ${takesOffDisabled} AND NOT m.email_enabled THEN CASE WHEN c.list_state = 'Active' THEN 'differs' ELSE 'true' END
            WHEN c.list_state IS DISTINCT FROM 'Active' AND (c.settled_outcome = 'opted-out' OR o.address IS NOT NULL) THEN 'opted out there'
            WHEN c.settled_outcome = 'withheld' AND c.list_state IS DISTINCT FROM 'Active' THEN 'true'
            WHEN a.adopted_at IS NULL AND m.changed_at > c.settled_at THEN 'differs'
            WHEN c.settled_outcome = ANY(${[...ON_LIST_OUTCOMES]}) AND c.list_state = 'Active' THEN 'true' ELSE 'differs' END AS verdict,
          coalesce(p.since, c.settled_at) AS parked_since, least(w.since, coalesce(c.delivered_at, least(c.due_at, now()))) AS due_since,
          coalesce(c.settled_at, m.changed_at, m.observed_at) AS differs_since
        FROM members m
        LEFT JOIN audiences a ON a.audience = ${audience}
        LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = m.address
        LEFT JOIN parked p ON p.site = m.site AND p.member_id = m.member_id AND p.cleared_at IS NULL
        LEFT JOIN (SELECT DISTINCT address FROM opt_outs WHERE audience = ${audience}) o ON o.address = m.address
        LEFT JOIN (SELECT DISTINCT address FROM holds WHERE audience = ${audience} AND released_at IS NULL) h ON h.address = m.address
        LEFT JOIN (SELECT member_id, min(received_at) AS since FROM deliveries
                   WHERE site = ${site} AND next_wake_at IS NOT NULL GROUP BY member_id) w ON w.member_id = m.member_id
        LEFT JOIN LATERAL (
          SELECT f.address FROM contacts f WHERE f.audience = ${audience} AND f.settled_member_id = m.member_id AND f.address <> m.address
            AND f.list_state = 'Active' AND NOT EXISTS (
              SELECT FROM members n WHERE n.site = m.site AND n.address = f.address AND n.deleted_at IS NULL) LIMIT 1) l ON true
        WHERE m.site = ${site} AND m.email IS NOT NULL AND m.deleted_at IS NULL) v
      GROUP BY verdict`,

    /** Addresses that wait to be taken off though nobody living holds them, and when the oldest was marked. */
    async leaving(site: string, audience: string): Promise<{ count: number; since: Date | null }> {
      const [row] = await sql.query<[{ count: number; since: Date | null }]>`
        SELECT count(*)::int AS count, min(coalesce(c.delivered_at, least(c.due_at, now()))) AS since FROM contacts c
        WHERE c.audience = ${audience} AND c.due_at IS NOT NULL AND NOT EXISTS (
          SELECT FROM members m WHERE m.site = ${site} AND m.address = c.address AND m.deleted_at IS NULL)`;
      return row;
    },

    /** Changes of the last 24 hours and 30 days, by net and kind. */
    changesFound: (site: string): Promise<FoundCount[]> => sql.query`
      SELECT found_by AS "foundBy", kind, (count(*) FILTER (WHERE at > now() - interval '24 hours'))::int AS day, count(*)::int AS month
      FROM member_changes WHERE site = ${site} AND at > now() - interval '30 days' GROUP BY 1, 2 ORDER BY 1, 2`,

    /**
     * Kinds of webhooks that are silent: two runs an hour apart found such changes, and none has come since the first of them
     * began. One that comes ends it.
     */
    silentWebhooks: (sites: readonly string[]): Promise<SilentWebhook[]> => sql.query`
      WITH found AS (
        SELECT DISTINCT r.site, c.kind, r.id, r.started_at
        FROM sync_runs r JOIN member_changes c ON c.run_id = r.id AND c.site = r.site
        WHERE r.site = ANY(${[...sites]}) AND r.mode IN ('walk', 'full') AND NOT r.dry_run AND NOT r.first AND r.marks
          AND r.ended_at IS NOT NULL AND r.started_at > now() - make_interval(days => ${SILENT_DAYS}) AND c.found_by <> 'webhook'
      ), heard AS (
        SELECT site, substr(event, 8) AS kind, max(received_at) AS at FROM deliveries
        WHERE site = ANY(${[...sites]}) AND received_at > now() - make_interval(days => ${SILENT_DAYS}) GROUP BY 1, 2
      )
      SELECT f.site, f.kind, min(f.started_at) AS since FROM found f LEFT JOIN heard h USING (site, kind)
      WHERE h.at IS NULL OR h.at < f.started_at
      GROUP BY f.site, f.kind HAVING max(f.started_at) - min(f.started_at) >= make_interval(mins => ${SILENT_MINUTES})
      ORDER BY f.site, f.kind`,

    /** The runs that say how a site stands. */
    async lastRuns(site: string): Promise<LastRuns> {
      const rows = await sql.query<(RunBrief & { what: keyof LastRuns })[]>`
        SELECT DISTINCT ON (what) what, id, mode, dry_run AS "dryRun", started_at AS "startedAt", ended_at AS "endedAt", result, phase,
          list_read AS "listRead"
        FROM sync_runs r CROSS JOIN LATERAL (VALUES
          ('walk', r.mode = 'walk' AND r.ended_at IS NOT NULL),
          ('full', r.mode = 'full' AND NOT r.dry_run AND r.ended_at IS NOT NULL),
          ('readBack', r.mode = 'full' AND NOT r.dry_run AND r.result IN ('done', 'partly', 'refused')
            AND r.phase NOT IN ('starting', 'reading list')),
          ('openPlan', r.plan_state = 'open' AND r.ended_at > now() - make_interval(hours => ${PLAN_HOURS})),
          ('running', r.ended_at IS NULL)) AS v(what, so)
        WHERE r.site = ${site} AND v.so ORDER BY what, started_at DESC`;
      const last = new Map(rows.map(({ what, ...run }) => [what, run]));
      const of = (what: keyof LastRuns): RunBrief | null => last.get(what) ?? null;
      return {
        walk: of('walk'),
        full: of('full'),
        readBack: of('readBack'),
        openPlan: of('openPlan'),
        running: of('running'),
      };
    },

    /** When the first full sync of a list was completed; null while it is pending. */
    async adoptedAt(audience: string): Promise<Date | null> {
      const row = await prisma.audience.findUnique({ where: { audience }, select: { adoptedAt: true } });
      return row?.adoptedAt ?? null;
    },
  };
}
