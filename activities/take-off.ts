import type { SyncInput, SyncStep } from '../src/contract/site-sync.js';
import { waitForOutcomes } from './await-pushes.js';
import { beat } from './beating.js';
import type { CurrentRun, SyncActivityDeps } from './sync-run.js';

/** So many people at a time are looked at again and taken off: nobody goes on an answer that is minutes old. */
const PEOPLE_AT_A_TIME = 20;

/** How the removals of one source are made. */
export interface TakingOff {
  /** Why the source cannot be right, if it cannot. */
  doubt(current: CurrentRun): string | undefined;
  /** What to do with a plan that the guard left. */
  advice(plan: string): string;
  /** Makes those due of them who should still go. */
  mark(items: readonly { address: string; memberId: string | null }[]): Promise<void>;
}

/** Takes people off who should not be on the list, unless the guard says that the source cannot be right (house decision 17). */
export async function takeOff(
  deps: SyncActivityDeps,
  input: SyncInput,
  current: CurrentRun,
  how: TakingOff,
): Promise<SyncStep> {
  const { ledger } = deps;
  const { audience } = current;
  const plan = input.plan ?? input.run;
  const beating = beat(deps.stopping, {});
  try {
    await ledger.plans.dropMoved(plan);
    const stopped = input.mode === 'apply' ? undefined : await guard(deps, current, how);
    if (stopped) return stopped;
    for (;;) {
      const items = await ledger.plans.removals(plan, PEOPLE_AT_A_TIME);
      if (items.length === 0) return {};
      await ledger.runs.progress(input.run, { phase: 'removing' });
      await how.mark(items);
      const waited = await waitForOutcomes(deps, beating, input.run, audience);
      // whoever fails is tried again by the writer; only a paused list stops the others
      if (waited.isPaused)
        return input.mode === 'apply'
          ? { ...waited, message: `${waited.message}. Apply the plan again then: ${plan}` }
          : waited;
      const addresses = items.map(({ address }) => address);
      await ledger.plans.noteOutcomes(plan, input.run, audience, addresses);
    }
  } finally {
    beating.stop();
  }
}

/** An empty or halved source, or more removals than the budget allows: none is made, they are left as a plan. */
async function guard(
  { ledger, budget, log }: SyncActivityDeps,
  current: CurrentRun,
  { doubt, advice }: TakingOff,
): Promise<SyncStep | undefined> {
  const { run, audience, people } = current;
  // an attempt before this one stopped it
  if (run.planId) return { result: 'refused', message: `nobody was taken off: ${advice(run.planId)}` };
  const [first] = await ledger.plans.removals(run.id, 1);
  const reason = doubt(current);
  if (!first && !reason) return undefined;
  const wanted = await ledger.plans.countRemovals(run.id, audience, people.rules.keepsDeleted);
  const left = await ledger.removals.remaining(audience, budget);
  if (!reason && wanted <= left) return undefined;
  const why =
    reason ??
    `${wanted} ${wanted === 1 ? 'person' : 'people'} would be taken off, but the budget has ${left} left for these 24 hours`;
  const plan = (await ledger.plans.keepOpenTwin(run.id, people.scope)) ?? run.id;
  const message = `${why}: nobody was taken off${first ? `. ${advice(plan)}` : ''}`;
  log.error({ scope: people.scope, run: run.id, wanted, left }, `removals stopped by the guard: ${why}`);
  return { result: 'refused', message };
}
