import type { SiteSyncInput, SyncActivities, SyncBeginning, SyncResult, SyncStep } from '../src/contract/site-sync.js';
import { adoptHistory, compareContact, type Finding } from '../src/domain/compare-contact.js';
import type { Adoption, Compared, Found } from '../src/ledger/reconcile.js';
import type { SyncCounts, SyncRun } from '../src/ledger/runs.js';
import { toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import { waitForOutcomes } from './await-pushes.js';
import { beat } from './beating.js';
import { hashOf } from './contact-hash.js';
import { DOUBLE_OPT_IN, mayMail } from './read-list.js';
import { type CurrentRun, currentRun, type SyncActivityDeps } from './sync-run.js';

const PAGE_SIZE = 500;

/** Activities of `siteSync` that need the ledger alone. */
export function createSyncActivities(deps: SyncActivityDeps): SyncActivities {
  const { ledger, metrics, log } = deps;
  return {
    beginSync: (input) => beginSync(deps, input),
    takeOverPlan: (input) => takeOverPlan(deps, input),
    compareSite: (input) => compareSite(deps, input),

    async awaitPushes(input) {
      const { site } = await currentRun(deps, input);
      const beating = beat(deps.stopping, {});
      try {
        await ledger.runs.progress(input.run, { phase: 'pushing' });
        return await waitForOutcomes(deps, beating, input.run, site.audience);
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
      if (run.first && !run.dryRun && input.limit === undefined && hasCompared) await ledger.runs.adopted(run.audience);
      if (isNews) {
        metrics.syncRuns.inc({ kind: input.mode, scope: input.site, result: ended });
        log.info(
          { site: input.site, run: input.run, mode: input.mode, result: ended, ...counts },
          message ?? 'sync ended',
        );
      }
      return { result: ended };
    },
  };
}

const notInPlan = ({ findings }: SyncRun): number => (findings as Record<string, number>)[NOT_IN_PLAN] ?? 0;

/** What a run that went well did not do. */
function whatIsLeft(run: SyncRun, { failed }: SyncCounts): string | undefined {
  const left = notInPlan(run);
  if (failed > 0)
    return `${failed} failed: see steward parked list, or steward site runs for records that could not be read`;
  if (left > 0) return `${left} differ since the plan was made: steward site sync ${run.site} --full`;
  if (run.marks || run.dryRun) return undefined;
  return `only recorded: nobody is pushed by syncs before the first full sync of this list, steward site sync ${run.site} --full --dry-run`;
}

/** A dry run that found something to do, or removals that the guard stopped. */
function leavesPlanBehind(run: SyncRun, ended: SyncResult, actions: Record<string, number>): boolean {
  const { leave: _, ...toDo } = actions;
  if (run.dryRun) return ended === 'done' && Object.keys(toDo).length > 0;
  return ended === 'refused' && (actions['remove'] ?? 0) > 0;
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
  await ledger.audiences.ensure([audience]);
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
  await ledger.runs.begin(input, audience, { marks, first });
  return { go: true, readsList: mode === 'full', readsMembers: mode !== 'apply' && source.ghost !== undefined };
}

/** An attempt before this one noted the run already. */
const isBeingApplied = async ({ ledger }: SyncActivityDeps, { run }: SiteSyncInput): Promise<boolean> =>
  (await ledger.runs.find(run)) !== null;

/** How long Ghost is still to be left alone, so that scheduled walks keep it busy no more than their share of the time. */
export async function stretchMs(
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
  const current = await currentRun(deps, input);
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

/** Compares page by page; resumes at the page where an earlier attempt was. */
async function compareSite(deps: SyncActivityDeps, input: SiteSyncInput): Promise<void> {
  const { ledger } = deps;
  const current = await currentRun(deps, input);
  const { run, site } = current;
  const compared = await whatIsCompared(deps, input, current);
  if (!compared) return;
  // where an earlier attempt was is an address, so it is in the ledger and in no heartbeat
  let at = { after: run.comparedTo, findings: run.findings as Record<string, number> };
  const beating = beat(deps.stopping, {});
  let pages = 0;
  try {
    await ledger.runs.progress(input.run, { phase: 'comparing' });
    for (;;) {
      const addresses =
        compared.readBy === undefined
          ? await ledger.reconcile.strays(
              site.name,
              site.audience,
              site.onEmailDisabled === 'remove',
              at.after,
              PAGE_SIZE,
            )
          : await ledger.reconcile.addresses(compared, at.after, PAGE_SIZE);
      if (addresses.length === 0) break;
      if (compared.readBy !== undefined && !run.dryRun)
        await ledger.observations.takeOver(
          { run: compared.readBy, audience: site.audience, site: site.name },
          addresses,
        );
      const { found, adoptions } = await comparePage(deps, current, compared, addresses);
      const onlyPlanOf = input.mode === 'apply' ? input.plan : undefined;
      const notInPlan = await ledger.reconcile.write(compared, found, {
        run: input.run,
        dryRun: run.dryRun,
        marks: run.marks,
        onlyPlanOf,
        adoptions,
      });
      const findings = { ...at.findings };
      for (const { finding } of found) findings[nameOf(finding)] = (findings[nameOf(finding)] ?? 0) + 1;
      if (notInPlan > 0) findings[NOT_IN_PLAN] = (findings[NOT_IN_PLAN] ?? 0) + notInPlan;
      at = { after: addresses.at(-1)!, findings };
      pages += 1;
      if (run.first || run.dryRun) await ledger.runs.countAnew(pages);
      await ledger.runs.progress(input.run, { findings, comparedTo: at.after });
      beating.check();
    }
    if (run.dryRun) await ledger.plans.dropMoved(input.run);
  } finally {
    beating.stop();
  }
}

/** What is compared, and whether the history that an earlier tool left on the list becomes ours. */
type Comparison = Compared & { adopts: boolean; readFrom: Date | undefined };

/** A full sync compares everybody, a walk those who should not be on the list, an applied plan what its dry run compared. */
async function whatIsCompared(
  { ledger }: SyncActivityDeps,
  input: SiteSyncInput,
  { run, site }: CurrentRun,
): Promise<Comparison | undefined> {
  const scope = { site: site.name, audience: site.audience };
  if (input.mode === 'walk')
    return run.marks && input.limit === undefined ? { ...scope, adopts: false, readFrom: undefined } : undefined;
  const reading = input.mode === 'apply' ? await ledger.runs.find(input.plan!) : run;
  // a plan of the guard's has removals only
  if (!reading || (input.mode === 'apply' && !reading.dryRun)) return undefined;
  const plannedBy = run.dryRun ? run.id : undefined;
  const readFrom = reading.listReadAt ?? reading.startedAt;
  return {
    ...scope,
    readBy: reading.id,
    plannedBy,
    untilId: reading.untilId ?? undefined,
    adopts: reading.first,
    readFrom,
  };
}

async function comparePage(
  { ledger }: SyncActivityDeps,
  { site, destination }: CurrentRun,
  compared: Comparison,
  addresses: readonly string[],
): Promise<{ found: Found[]; adoptions: Adoption[] }> {
  const { readFrom } = compared;
  const comparing = { site, now: new Date(), hashOf, storedFields: destination.storedFields, readFrom };
  const found: Found[] = [];
  const adoptions: Adoption[] = [];
  for (const loaded of await ledger.reconcile.load(compared, addresses)) {
    const { one, transition } = compared.adopts ? adoptHistory(loaded) : { one: loaded, transition: undefined };
    if (transition) adoptions.push({ memberId: one.holder!.memberId, transition });
    const finding = compareContact(one, comparing);
    // a walk's own changes are marked already; here it looks for removals alone
    if (readFrom || finding.do === 'remove') found.push({ address: one.address, version: one.version, finding });
  }
  return { found, adoptions };
}

const nameOf = (finding: Finding): string => (finding.do === 'leave' ? `leave:${finding.why}` : finding.do);

/** They differ, but an applied plan does not speak of them. */
const NOT_IN_PLAN = 'leave:not-in-plan';
/** Nothing was to be done about them, or it is being done already. */
const SETTLED_OTHERWISE = ['leave:no-change', 'leave:on-the-way', 'leave:not-on-list'];

/** A dry run's figures: what would become of people. */
function plannedCounts(
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
