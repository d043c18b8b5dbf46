import type { Config } from '../../config/config.js';
import { PLAN_HOURS, type SyncCounts, type SyncRun } from '../../ledger/runs.js';
import { CliError } from '../exit.js';
import type { Session } from '../session.js';

/** What carrying out a plan takes at Campaign Monitor. */
export interface Estimate {
  calls: number;
  seconds: number;
}

type Actions = Pick<SyncCounts, 'added' | 'updated' | 'moved' | 'removed'>;

const IMPORT_SIZE = 1_000;
/** Read, update and look again; and source, list, delete and list again. */
const MOVE_CALLS = 3;
const REMOVAL_CALLS = 4;
/** Where this run did not read the list, so that no call was timed. */
const TYPICAL_CALL_MS = 300;

/** Calls and time of a plan, at the speed that the list showed and the limit that is configured. */
export function estimateOf(
  { added, updated, moved, removed }: Actions,
  { listCallMs }: Pick<SyncRun, 'listCallMs'>,
  { rateLimits }: Pick<Config, 'rateLimits'>,
): Estimate {
  const calls = Math.ceil((added + updated) / IMPORT_SIZE) + moved * MOVE_CALLS + removed * REMOVAL_CALLS;
  const perMinute = rateLimits['campaign-monitor']?.perMinute;
  const atItsSpeed = (calls * (listCallMs || TYPICAL_CALL_MS)) / 1000;
  return { calls, seconds: Math.ceil(Math.max(atItsSpeed, perMinute === undefined ? 0 : (calls * 60) / perMinute)) };
}

/** When a plan is void. */
export const validUntil = ({ endedAt }: Pick<SyncRun, 'endedAt'>): Date | null =>
  endedAt && new Date(endedAt.getTime() + PLAN_HOURS * 3_600_000);

/** The run that left this plan, with the state of today. @throws CliError where there is none */
export async function findPlan({ ledger }: Session, id: string): Promise<SyncRun & { planState: string }> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
  // this also voids what is too old
  const run = isId ? ((await ledger.runs.openPlan(id)) ?? (await ledger.runs.find(id))) : null;
  if (!run)
    throw new CliError(`There is no plan ${id}. A dry run leaves one: steward site sync <site> --full --dry-run`);
  const { planState } = run;
  if (planState === null)
    throw new CliError(
      `Run ${id} of ${run.site} left no plan: it ${run.result ? `ended as ${run.result}` : 'still runs'}${run.message ? `: ${run.message}` : ''}`,
    );
  return { ...run, planState };
}

/** Why a plan cannot be applied any more; undefined where it can. */
export async function whyNotOpen({ ledger }: Session, plan: SyncRun): Promise<string | undefined> {
  switch (plan.planState) {
    case 'open':
      return undefined;
    case 'applied':
      return 'it was applied already';
    case 'replaced': {
      const { openPlan } = await ledger.proof.lastRuns(plan.site);
      return `a newer one replaced it${openPlan ? `: steward site plan ${openPlan.id}` : ''}`;
    }
    default:
      return `it is older than ${PLAN_HOURS} hours; make a new one: steward site sync ${plan.site} --full --dry-run`;
  }
}

/** What a plan means to do. */
export async function actionsOf({ ledger }: Session, plan: SyncRun): Promise<Actions> {
  const items = await ledger.plans.countActions(plan.id);
  // the lines of plans that nobody can apply any more are gone
  if (Object.keys(items).length === 0 && plan.dryRun) return plan.counts as SyncCounts;
  return {
    added: items['add'] ?? 0,
    updated: items['update'] ?? 0,
    moved: items['move'] ?? 0,
    removed: items['remove'] ?? 0,
  };
}
