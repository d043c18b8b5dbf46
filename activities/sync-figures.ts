import type { SyncResult } from '../src/contract/site-sync.js';
import { SETTLED_OTHERWISE, type SyncCounts, type SyncRun } from '../src/ledger/runs.js';

/** They differ, but an applied plan does not speak of them. */
export const NOT_IN_PLAN = 'leave:not-in-plan';

/** How many differ of whom an applied plan does not speak. */
export const notInPlan = ({ findings }: SyncRun): number => (findings as Record<string, number>)[NOT_IN_PLAN] ?? 0;

/** What helps with a run of a site, or of an organization's audience. */
function commandsOf({ site, audience }: SyncRun): { sync: string; failures: string } {
  if (site.startsWith('organization/'))
    return {
      sync: `steward audience sync ${audience}`,
      failures: `they are tried again by themselves; steward audience runs ${audience} --json tells of each outcome`,
    };
  return {
    sync: `steward site sync ${site} --full`,
    failures: 'see steward parked list, or steward site runs for records that could not be read',
  };
}

/** What a run that went well did not do. */
export function whatIsLeft(run: SyncRun, { failed }: SyncCounts): string | undefined {
  const left = notInPlan(run);
  const { sync, failures } = commandsOf(run);
  if (failed > 0) return `${failed} failed: ${failures}`;
  if (left > 0) return `${left} differ since the plan was made: ${sync}`;
  if (run.marks || run.dryRun) return undefined;
  return `only recorded: nobody is pushed by syncs before the first full sync of this list, ${sync} --dry-run`;
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
