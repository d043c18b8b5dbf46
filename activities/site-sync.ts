import type { SiteSyncInput, SyncActivities, SyncBeginning, SyncStep } from '../src/contract/site-sync.js';
import { membersOf } from '../src/ledger/people.js';
import type { SyncRun } from '../src/ledger/runs.js';
import { toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import { waitForOutcomes } from './await-pushes.js';
import { beat } from './beating.js';
import { compareAudience } from './compare-audience.js';
import { DOUBLE_OPT_IN, mayMail } from './read-list.js';
import { leavesPlanBehind, notInPlan, plannedCounts, whatIsLeft } from './sync-figures.js';
import { currentRun, currentSiteRun, type SyncActivityDeps } from './sync-run.js';

const PAGE_SIZE = 500;

/** Activities of `siteSync` that need the ledger alone. */
export function createSyncActivities(deps: SyncActivityDeps): SyncActivities {
  const { ledger, metrics, log } = deps;
  return {
    beginSync: (input) => beginSync(deps, input),
    takeOverPlan: (input) => takeOverPlan(deps, input),
    compareSite: (input) => compareAudience(deps, input),

    async awaitPushes(input) {
      const { audience } = await currentRun(deps, input);
      const beating = beat(deps.stopping, {});
      try {
        await ledger.runs.progress(input.run, { phase: 'pushing' });
        return await waitForOutcomes(deps, beating, input.run, audience);
      } finally {
        beating.stop();
      }
    },

    async endSync({ result, message: why, ...input }) {
      const run = await ledger.runs.find(input.run);
      if (!run) return { result };
      const actions = await ledger.plans.countActions(input.run);
      const counts = run.dryRun ? plannedCounts(run, actions) : await ledger.runs.counts(input.run, run.audience);
      const message = why ?? whatIsLeft(run, counts);
      const ended = result === 'done' && (counts.failed > 0 || notInPlan(run) > 0) ? 'partly' : result;
      const leavesPlan = leavesPlanBehind(run, ended, actions);
      // one that could not be carried out to its end stays open, to be applied again
      const isCarriedOut = input.plan !== undefined && (await ledger.plans.removals(input.plan, 1)).length === 0;
      if (isCarriedOut && (ended === 'done' || ended === 'partly')) await ledger.runs.planApplied(input.plan!);
      const isNews = await ledger.runs.end(input.run, ended, message, counts, leavesPlan);
      // what the first full sync found is due or settled by now, also where the list is paused
      const isStoppedByGuard = ended === 'refused' && run.phase !== 'starting' && run.phase !== 'reading list';
      const hasCompared = ended === 'done' || ended === 'partly' || isStoppedByGuard;
      const isWhole = input.limit === undefined && ('site' in input || !(await leftPeopleOut(deps, run)));
      if (run.first && !run.dryRun && isWhole && hasCompared) await ledger.runs.adopted(run.audience);
      if (!run.dryRun && hasCompared && run.listReadAt && input.limit === undefined)
        await ledger.audiences.wasRead(run.audience, run.listReadAt);
      if (isNews) {
        metrics.syncRuns.inc({ kind: run.mode, scope: run.site, result: ended });
        log.info(
          { scope: run.site, run: input.run, mode: run.mode, result: ended, ...counts },
          message ?? 'sync ended',
        );
      }
      return { result: ended };
    },
  };
}

/** A first sync that carried out a plan is not done while somebody was not as planned any more: they are not to be met loudly. */
async function leftPeopleOut({ ledger }: SyncActivityDeps, run: SyncRun): Promise<boolean> {
  if (run.planId === null) return false;
  return notInPlan(run) > 0 || (await ledger.outcomes.countSkipped(run.planId, run.id)) > 0;
}

/** Decides whether a run goes ahead, and how: gently before the first full sync of its list (house decision 18). */
async function beginSync(deps: SyncActivityDeps, input: SiteSyncInput): Promise<SyncBeginning> {
  const { ledger, sites } = deps;
  const source = sites.get(input.site);
  if (!source) return { go: false, result: 'refused', message: `site ${input.site} is not configured` };
  const { audience } = source.site;
  const { mode, by } = input;
  if (mode === 'walk' && !source.ghost)
    return {
      go: false,
      result: 'skipped',
      message: 'without GHOST_URL and GHOST_ADMIN_API_KEY members cannot be walked',
    };
  const waitMs = mode === 'walk' && by === 'schedule' ? await stretchMs(deps, input.site) : 0;
  if (waitMs > 0)
    return {
      go: false,
      result: 'skipped',
      message: `Ghost is given a rest: the next walk comes in ${Math.ceil(waitMs / 60_000)} min`,
    };
  await ledger.audiences.ensure({ audience, destination: 'campaign-monitor' });
  if (input.confirmOptInMails) {
    await ledger.audiences.confirmOptInMails(audience);
    await ledger.holds.release({ audience, kind: 'addition' });
  }

  const isAdopted = await ledger.runs.isAdopted(audience);
  let first = !isAdopted && mode === 'full' && by === 'command';
  if (mode === 'apply') {
    const plan = input.plan === undefined ? undefined : await ledger.runs.openPlan(input.plan);
    const isOurs = plan?.site === input.site && plan.audience === audience;
    if (!isOurs && !(await isBeingApplied(deps, input)))
      return {
        go: false,
        result: 'refused',
        message: `plan ${input.plan} cannot be applied: it was applied, replaced, is older than a day, or is another site's`,
      };
    first = plan?.first === true && plan.untilId === null;
  }
  const marks = isAdopted || first || mode === 'apply';
  await ledger.runs.begin(input, membersOf(source.site), audience, { marks, first });
  return { go: true, readsList: mode === 'full', readsMembers: mode !== 'apply' && source.ghost !== undefined };
}

/** An attempt before this one noted the run already. */
const isBeingApplied = async ({ ledger }: SyncActivityDeps, { run }: SiteSyncInput): Promise<boolean> =>
  (await ledger.runs.find(run)) !== null;

/** How long Ghost is still to be left alone, so that scheduled walks keep it busy no more than their share of the time. */
async function stretchMs(
  { ledger, sourceShare }: Pick<SyncActivityDeps, 'ledger' | 'sourceShare'>,
  site: string,
): Promise<number> {
  const last = await ledger.runs.lastReading(site);
  if (!last) return 0;
  const now = await ledger.walks.now();
  return Math.max(0, last.startedAt.getTime() + last.sourceMs / sourceShare - now.getTime());
}

/** What a dry run read goes into the ledger as it was read; what is newer there stays. */
async function takeOverPlan(deps: SyncActivityDeps, input: SiteSyncInput): Promise<SyncStep> {
  const { ledger } = deps;
  const current = await currentSiteRun(deps, input);
  const { site, run } = current;
  if (run.first && !(await mayMail(deps, current))) return DOUBLE_OPT_IN;
  const plan = input.plan!;
  const beating = beat(deps.stopping, { after: '', read: 0 });
  let at = beating.from;
  let pages = 0;
  try {
    await ledger.runs.progress(input.run, { phase: 'reading members' });
    for (;;) {
      const members = await ledger.walks.staged(plan, at.after, PAGE_SIZE);
      if (members.length === 0) return {};
      await ledger.drain.drain({
        site: site.name,
        audience: site.audience,
        items: members.map(({ memberId, facts, asOf }) => ({ memberId, read: { asOf, facts, foundBy: 'full' } })),
        lane: 'bulk',
        toWaiting: toWaitingDelivery,
        run: input.run,
        marks: false,
      });
      at = { after: members.at(-1)!.memberId, read: at.read + members.length };
      pages += 1;
      await ledger.runs.countAnew(pages);
      await ledger.runs.progress(input.run, { read: at.read });
      beating.at(at);
    }
  } finally {
    beating.stop();
  }
}
