import { PLAN_HOURS, type SyncCounts, type SyncRun } from '../../ledger/runs.js';
import { CliError, ExitCode } from '../exit.js';
import type { Session } from '../session.js';
import type { Actions } from './estimate.js';
import { dryRunCommand, isOfAudience, planCommand, type SyncSubject } from './subject.js';

/** When a plan is void. */
export const validUntil = ({ endedAt }: Pick<SyncRun, 'endedAt'>): Date | null =>
  endedAt && new Date(endedAt.getTime() + PLAN_HOURS * 3_600_000);

/**
 * The run that left this plan, with the state of today. `command`: what was asked for it, which must be of the same kind. @throws
 * CliError where there is none, or another command serves
 */
export async function findPlan(
  { ledger }: Session,
  id: string,
  { kind, verb }: { kind: SyncSubject['kind']; verb: 'plan' | 'apply' },
): Promise<SyncRun & { planState: string }> {
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
  // this also voids what is too old
  const run = isId ? ((await ledger.runs.openPlan(id)) ?? (await ledger.runs.find(id))) : null;
  if (!run)
    throw new CliError(`There is no plan ${id}. A dry run leaves one: ${dryRunCommand({ kind, name: `<${kind}>` })}`);
  const itsKind = isOfAudience(run.site) ? 'audience' : 'site';
  if (itsKind !== kind) {
    const whose = itsKind === 'site' ? `site ${run.site}` : `audience ${run.audience}`;
    throw new CliError(`Plan ${id} is of ${whose}: steward ${itsKind} ${verb} ${id}`, ExitCode.Usage);
  }
  const { planState } = run;
  if (planState === null)
    throw new CliError(
      `Run ${id} of ${kind === 'site' ? run.site : run.audience} left no plan: it ${run.result ? `ended as ${run.result}` : 'still runs'}${run.message ? `: ${run.message}` : ''}`,
    );
  return { ...run, planState };
}

/** Why a plan cannot be applied any more; undefined where it can. */
export async function whyNotOpen(
  { ledger }: Session,
  plan: SyncRun,
  subject: SyncSubject,
): Promise<string | undefined> {
  switch (plan.planState) {
    case 'open':
      return undefined;
    case 'applied':
      return 'it was applied already';
    case 'replaced': {
      const { openPlan } = await ledger.proof.lastRuns(plan.site);
      return `a newer one replaced it${openPlan ? `: ${planCommand(subject, openPlan.id)}` : ''}`;
    }
    default:
      return `it is older than ${PLAN_HOURS} hours; make a new one: ${dryRunCommand(subject)}`;
  }
}

/** How many people a run compared; those in an audience whom the source does not know are not looked at one by one. */
export const peopleCompared = ({ findings }: Pick<SyncRun, 'findings'>): number =>
  Object.entries(findings as Record<string, number>)
    .filter(([name]) => name !== 'leave:not-a-member')
    .reduce((sum, [, count]) => sum + count, 0);

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
