import type { SyncResult } from '../src/contract/site-sync.js';
import { SETTLED_OTHERWISE, type SyncCounts, type SyncRun } from '../src/ledger/runs.js';

/** They differ, but an applied plan does not speak of them. */
export const NOT_IN_PLAN = 'leave:not-in-plan';

/** How many differ of whom an applied plan does not speak. */
export const notInPlan = ({ findings }: SyncRun): number => (findings as Record<string, number>)[NOT_IN_PLAN] ?? 0;

/** What a run that went well did not do. */
export function whatIsLeft(run: SyncRun, { failed }: SyncCounts): string | undefined {
  const left = notInPlan(run);
  if (failed > 0)
    return `${failed} failed: see steward parked list, or steward site runs for records that could not be read`;
  if (left > 0) return `${left} differ since the plan was made: steward site sync ${run.site} --full`;
  if (run.marks || run.dryRun) return undefined;
  return `only recorded: nobody is pushed by syncs before the first full sync of this list, steward site sync ${run.site} --full --dry-run`;
}

/** A dry run that found something to do, or removals that the guard stopped. */
export function leavesPlanBehind(run: SyncRun, ended: SyncResult, actions: Record<string, number>): boolean {
  const { leave: _, ...toDo } = actions;
  if (run.dryRun) return ended === 'done' && Object.keys(toDo).length > 0;
  return ended === 'refused' && (actions['remove'] ?? 0) > 0;
}

/** A dry run's figures: what would become of people. */
export function plannedCounts(
  run: { read: number; listRead: number; unreadable: number; findings: unknown },
  actions: Record<string, number>,
): SyncCounts {
  const findings = run.findings as Record<string, number>;
  const leftAlone = Object.entries(findings)
    .filter(([name]) => name.startsWith('leave:') && !SETTLED_OTHERWISE.includes(name))
    .reduce((sum, [, count]) => sum + count, 0);
  return {
    read: run.read > 0 ? run.read : run.listRead,
    added: actions['add'] ?? 0,
    updated: actions['update'] ?? 0,
    moved: actions['move'] ?? 0,
    removed: actions['remove'] ?? 0,
    held: 0,
    unchanged: findings['leave:no-change'] ?? 0,
    leftAlone,
    failed: run.unreadable,
  };
}
