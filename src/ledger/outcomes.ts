import { Prisma } from './client/client.js';
import type { Database } from './database.js';

/** What became of one person under a run. */
export interface RunOutcome {
  address: string;
  memberId: string | null;
  operation: string;
  outcome: string;
  /** Why the destination does not take them, where it said so. */
  reason: string | null;
}

/** How many people of a run have an outcome, by the destination's reason. */
export interface ReasonCount {
  outcome: string;
  reason: string | null;
  count: number;
}

/** One line of a plan and what became of it when it was applied. */
export interface PlanOutcome {
  address: string;
  memberId: string | null;
  action: string;
  /** `skipped` where the plan no longer held, `waiting` where it has no outcome yet. */
  outcome: string;
}

/** Outcomes of runs and applied plans, person by person. */
export function createOutcomes({ sql }: Database) {
  /** Lines of a plan that were to be carried out, with the last outcome under the run that did. */
  const linesOf = (plan: string, run: string): Prisma.Sql => Prisma.sql`
    SELECT i.address, i.member_id AS "memberId", i.action,
      CASE WHEN EXISTS (SELECT FROM contacts c JOIN sync_runs r ON r.id = ${run}::uuid
          WHERE c.audience = r.audience AND c.address = i.address AND c.due_at IS NOT NULL AND c.run_id = r.id) THEN 'waiting'
        ELSE coalesce((SELECT p.outcome FROM pushes p WHERE p.run_id = ${run}::uuid AND p.address = i.address
          ORDER BY p.id DESC LIMIT 1), i.outcome,
          CASE WHEN i.action = 'remove' THEN 'not reached' ELSE 'skipped' END) END AS outcome
    FROM plan_items i WHERE i.run_id = ${plan}::uuid AND i.action <> 'leave'`;

  return {
    /** Last outcomes of a run in the order of addresses. */
    ofRun: ({ run, after = '', limit }: { run: string; after?: string; limit: number }): Promise<RunOutcome[]> =>
      sql.query`
        SELECT DISTINCT ON (address) address, member_id AS "memberId", operation, outcome, reason FROM pushes
        WHERE run_id = ${run}::uuid AND address > ${after} ORDER BY address, id DESC LIMIT ${limit}`,

    /** How many people have each outcome under a run, and how many of its audience one with a reason from an earlier run. */
    countByReason: async (run: string): Promise<(ReasonCount & { isEarlier: boolean })[]> => sql.query`
      WITH last AS (
        SELECT DISTINCT ON (address) address, outcome, reason FROM pushes WHERE run_id = ${run}::uuid ORDER BY address, id DESC
      )
      SELECT outcome, reason, false AS "isEarlier", count(*)::int AS count FROM last GROUP BY 1, 2
      UNION ALL
      SELECT c.settled_outcome, c.settled_reason, true, count(*)::int FROM sync_runs r JOIN contacts c ON c.audience = r.audience
      WHERE r.id = ${run}::uuid AND c.settled_reason IS NOT NULL AND c.due_at IS NULL AND (r.until_id IS NULL OR c.address <= r.until_id)
        AND NOT EXISTS (SELECT FROM last l WHERE l.address = c.address) GROUP BY 1, 2
      ORDER BY count DESC, outcome, reason`,

    /** Lines of an applied plan in the order of addresses. */
    ofPlan: (by: { plan: string; run: string; after?: string; limit: number }): Promise<PlanOutcome[]> => sql.query`
      SELECT * FROM (${linesOf(by.plan, by.run)}) l WHERE address > ${by.after ?? ''} ORDER BY address LIMIT ${by.limit}`,

    /** How many lines of an applied plan no longer held and were skipped. */
    async countSkipped(plan: string, run: string): Promise<number> {
      const [row] = await sql.query<[{ count: number }]>`
        SELECT count(*)::int AS count FROM (${linesOf(plan, run)}) l WHERE outcome = 'skipped'`;
      return row.count;
    },
  };
}
