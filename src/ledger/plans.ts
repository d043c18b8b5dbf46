import { Prisma } from './client/client.js';
import { type DueMark, markDue } from './contacts.js';
import type { Database } from './database.js';
import { PLAN_HOURS } from './runs.js';

/** One line of a plan. */
export interface PlanItemRow {
  address: string;
  memberId: string | null;
  action: string;
  why: string | null;
  hash: string | null;
  from: string | null;
  changes: unknown;
  outcome: string | null;
}

/** Plans: what a dry run would do, what a guarded run left to be decided, and what a run is about to take off. */
export function createPlans({ prisma, sql, transaction }: Database) {
  return {
    /** Lines of a plan in the order of addresses. */
    items: ({ run, after = '', limit }: { run: string; after?: string; limit: number }): Promise<PlanItemRow[]> =>
      prisma.planItem.findMany({
        where: { runId: run, address: { gt: after } },
        orderBy: { address: 'asc' },
        take: limit,
        omit: { runId: true },
      }),

    /** How many lines a plan has, by action. */
    async countActions(run: string): Promise<Record<string, number>> {
      const rows = await sql.query<{ action: string; count: number }[]>`
        SELECT action, count(*)::int AS count FROM plan_items WHERE run_id = ${run}::uuid GROUP BY action`;
      return Object.fromEntries(rows.map(({ action, count }) => [action, count]));
    },

    /** The former address of somebody who moves is not taken off besides. */
    async dropMoved(run: string): Promise<void> {
      await sql.execute`
        DELETE FROM plan_items a USING plan_items b
        WHERE a.run_id = ${run}::uuid AND b.run_id = a.run_id AND a.action = 'remove' AND b.action = 'move' AND b."from" = a.address`;
    },

    /** How many people the removals of a plan would take off the list; `keepsDeleted`: those deleted in the source stay on it. */
    async countRemovals(run: string, audience: string, keepsDeleted: boolean): Promise<number> {
      const [row] = await sql.query<[{ count: number }]>`
        SELECT count(*)::int AS count FROM plan_items i JOIN contacts c ON c.audience = ${audience} AND c.address = i.address
        WHERE i.run_id = ${run}::uuid AND i.action = 'remove' AND i.outcome IS NULL AND coalesce(c.list_state, 'Active') = 'Active'
          AND NOT (${keepsDeleted} AND i.why = 'missing') AND NOT EXISTS (
            SELECT FROM members m JOIN sync_runs r ON r.id = i.run_id AND r.site = m.site
            WHERE m.address = i.address AND m.deleted_at IS NULL AND m.missing_run IS NULL AND i.why = 'missing')`;
      return row.count;
    },

    /**
     * Where the guard stopped just the same removals before and that plan is still open, it stays the plan: whoever is looking at
     * it can apply it. Gives its id.
     */
    async keepOpenTwin(run: string, site: string): Promise<string | undefined> {
      const removals = Prisma.sql`SELECT address, member_id, why FROM plan_items WHERE action = 'remove' AND run_id`;
      const [row] = await sql.query<{ id: string }[]>`
        UPDATE sync_runs r SET plan_id = p.id FROM sync_runs p
        WHERE r.id = ${run}::uuid AND p.site = ${site} AND p.plan_state = 'open' AND p.result = 'refused'
          AND p.ended_at > now() - make_interval(hours => ${PLAN_HOURS})
          AND NOT EXISTS (${removals} = p.id EXCEPT ${removals} = r.id) AND NOT EXISTS (${removals} = r.id EXCEPT ${removals} = p.id)
        RETURNING p.id::text`;
      if (row) await sql.execute`DELETE FROM plan_items WHERE run_id = ${run}::uuid`;
      return row?.id;
    },

    /** The next removals of a plan that have no outcome yet. */
    removals: (
      run: string,
      limit: number,
    ): Promise<{ address: string; memberId: string | null; why: string | null }[]> =>
      prisma.planItem.findMany({
        where: { runId: run, action: 'remove', outcome: null },
        select: { address: true, memberId: true, why: true },
        orderBy: { address: 'asc' },
        take: limit,
      }),

    /** Makes contacts due as a plan means them: the writer skips those that are no longer so. */
    mark: (audience: string, run: string, marks: readonly DueMark[]): Promise<void> =>
      transaction((tx) => markDue(tx, audience, marks, 'bulk', run)),

    /** Writes what became of these lines: the last outcome under the run that carried them out, `skipped` where there is none. */
    async noteOutcomes(plan: string, run: string, audience: string, addresses: readonly string[]): Promise<void> {
      await sql.execute`
        UPDATE plan_items i SET outcome = coalesce(
          (SELECT p.outcome FROM pushes p WHERE p.run_id = ${run}::uuid AND p.audience = ${audience} AND p.address = i.address
           ORDER BY p.id DESC LIMIT 1),
          CASE WHEN EXISTS (SELECT FROM contacts c WHERE c.audience = ${audience} AND c.address = i.address AND c.due_at IS NOT NULL
            AND c.run_id = ${run}::uuid) THEN 'waiting' ELSE 'skipped' END)
        WHERE i.run_id = ${plan}::uuid AND i.address = ANY(${[...addresses]})`;
    },
  };
}
