import type { ListActivities, SyncInput, SyncStep } from '../src/contract/site-sync.js';
import { VendorError } from '../src/vendors/errors.js';
import { pauseAudience } from './audience-push.js';
import { beat } from './beating.js';
import { checkAudience } from './check-audience.js';
import { answers, withPatience } from './source-pause.js';
import { type CurrentRun, currentRun, type SyncActivityDeps } from './sync-run.js';

/** How far a reading back is. */
interface ReadingProgress {
  cursor: string | undefined;
  read: number;
  active: number;
  calls: number;
  ms: number;
}

/** The activity that reads a list back. */
export function createListActivities(deps: SyncActivityDeps): ListActivities {
  return {
    async readList(input) {
      const current = await currentRun(deps, input);
      try {
        return await readList(deps, input, current);
      } catch (error) {
        if (error instanceof VendorError && !(await answers(current.destination)))
          await pauseAudience(deps, current.audience, error);
        throw error;
      }
    },
  };
}

async function readList(deps: SyncActivityDeps, input: SyncInput, current: CurrentRun): Promise<SyncStep> {
  const { ledger, log } = deps;
  const { run, audience, destination } = current;
  const beating = beat<ReadingProgress>(deps.stopping, { cursor: undefined, read: 0, active: 0, calls: 0, ms: 0 });
  const since = await sinceWhen(deps, current);
  let at = beating.from;
  let hasAnswered = false;
  try {
    const wouldMail = run.first && !(await mayMail(deps, current));
    if (wouldMail && !run.dryRun) return DOUBLE_OPT_IN;
    if (!('site' in input)) await lookAtFields(deps, current);
    await ledger.runs.progress(input.run, { phase: 'reading list' });
    for (let isLast = false; !isLast; ) {
      const asOf = await ledger.walks.now();
      if (at.calls === 0) await ledger.runs.progress(input.run, { listReadAt: asOf });
      const begun = performance.now();
      const { subscribers, next } = await withPatience(() => destination.readBack(at.cursor, since));
      if (!hasAnswered && (await ledger.audiences.resume(audience)))
        log.info({ audience }, 'audience answers again: its pause is over');
      hasAnswered = true;
      const ms = at.ms + performance.now() - begun;
      await ledger.observations.store(input.run, asOf, subscribers);
      const active = subscribers.filter(({ state }) => state === 'Active').length;
      at = { cursor: next, read: at.read + subscribers.length, active: at.active + active, calls: at.calls + 1, ms };
      isLast = next === undefined;
      if (!isLast) beating.at(at);
      if (run.first || run.dryRun) await ledger.runs.countAnew(at.calls);
      await ledger.runs.progress(input.run, {
        listRead: at.read,
        listActive: at.active,
        listCallMs: Math.round(ms / at.calls),
      });
    }
    if (since === undefined) await ledger.audiences.noteActive(audience, at.active);
    return wouldMail && DOUBLE_OPT_IN.message ? { message: DOUBLE_OPT_IN.message } : {};
  } finally {
    beating.stop();
  }
}

/** What the audience takes is known before anybody is compared; a run that only looks creates nothing. */
async function lookAtFields(deps: SyncActivityDeps, { run, audience, destination }: CurrentRun): Promise<void> {
  if (run.marks && !run.dryRun) return void (await checkAudience(deps, { destination }));
  const { missingFields = [] } = await destination.check(true);
  await deps.ledger.audiences.noteMissingFields(audience, missingFields);
}

/** The destination's clock may differ, and it may write down late what it did. */
const OVERLAP_MS = 5 * 60_000;

/** A run that looks for what changed goes on where the last reading began. */
async function sinceWhen({ ledger }: SyncActivityDeps, { run, audience, destination }: CurrentRun) {
  if (run.mode !== 'incremental' || !destination.readsChanges) return undefined;
  const readTo = await ledger.audiences.readTo(audience);
  return readTo && new Date(readTo.getTime() - OVERLAP_MS);
}

/** A first full sync would mail everybody whom it adds. */
export const DOUBLE_OPT_IN: SyncStep = {
  result: 'refused',
  message:
    'this list is double opt-in: everybody added would be sent a confirmation mail. Make it single opt-in in Campaign Monitor, or give steward site sync --full --confirm-opt-in-mails',
};

/** Whether additions may be made: nobody is mailed, or somebody said that it is all right. */
export async function mayMail({ ledger }: SyncActivityDeps, { destination, audience }: CurrentRun): Promise<boolean> {
  const { doubleOptIn } = await destination.probe();
  return !doubleOptIn || (await ledger.audiences.state(audience)).optInConfirmed;
}
