import type { SyncInput } from '../src/contract/site-sync.js';
import { adoptHistory, compareContact, type Finding } from '../src/domain/compare-contact.js';
import type { Adoption, Compared, Found } from '../src/ledger/reconcile.js';
import { beat } from './beating.js';
import { hashOf } from './contact-hash.js';
import { NOT_IN_PLAN } from './sync-figures.js';
import { type CurrentRun, currentRun, type SyncActivityDeps } from './sync-run.js';

const PAGE_SIZE = 500;

/** Compares page by page; resumes at the page where an earlier attempt was. */
export async function compareAudience(deps: SyncActivityDeps, input: SyncInput): Promise<void> {
  const { ledger } = deps;
  const current = await currentRun(deps, input);
  const { run, audience, people, destination } = current;
  const compared = await whatIsCompared(deps, input, current);
  if (!compared) return;
  // where an earlier attempt was is an address, so it is in the ledger and in no heartbeat
  let at = { after: run.comparedTo, findings: run.findings as Record<string, number> };
  const beating = beat(deps.stopping, {});
  let pages = 0;
  try {
    await ledger.runs.progress(input.run, { phase: 'comparing' });
    for (;;) {
      const addresses = await nextAddresses(deps, input, compared, at);
      if (addresses.length === 0) break;
      if (compared.readBy !== undefined && !run.dryRun)
        await ledger.observations.takeOver({ run: compared.readBy, audience, people }, addresses);
      const { found, adoptions } = await comparePage(deps, input, current, compared, addresses);
      const notInPlan = await ledger.reconcile.write(compared, found, {
        run: input.run,
        dryRun: run.dryRun,
        marks: run.marks,
        onlyPlanOf: input.mode === 'apply' ? input.plan : undefined,
        quiet: run.quiet,
        together: destination.limits.pageSize > destination.limits.batchSize,
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
    else await ledger.reconcile.takeUp(audience);
  } finally {
    beating.stop();
  }
}

/** What is compared, and how. */
interface Comparison extends Compared {
  /** Whether the history that an earlier tool left on the list becomes ours. */
  adopts: boolean;
  readFrom: Date | undefined;
  /** Whether everything that is found counts; a walk of a site has marked its own changes, and looks for removals alone. */
  everything: boolean;
}

/** A full sync compares everybody, a walk those who should not be on the list, an applied plan what its dry run compared. */
async function whatIsCompared(
  { ledger }: SyncActivityDeps,
  input: SyncInput,
  { run, audience, people }: CurrentRun,
): Promise<Comparison | undefined> {
  const scope = { audience, people };
  if (input.mode === 'walk')
    return run.marks && input.limit === undefined
      ? { ...scope, adopts: false, readFrom: undefined, everything: false }
      : undefined;
  const reading = input.mode === 'apply' ? await ledger.runs.find(input.plan!) : run;
  // a plan of the guard's has removals only
  if (!reading || (input.mode === 'apply' && !reading.dryRun)) return undefined;
  const isOfSite = 'site' in input;
  return {
    ...scope,
    readBy: reading.id,
    plannedBy: run.dryRun ? run.id : undefined,
    untilId: isOfSite ? (reading.untilId ?? undefined) : undefined,
    untilAddress: isOfSite ? undefined : (reading.untilId ?? undefined),
    adopts: reading.first && isOfSite,
    // what only changes were read of is known where it was not seen, too
    readFrom: reading.mode === 'incremental' ? undefined : (reading.listReadAt ?? reading.startedAt),
    everything: true,
  };
}

/** The next ones in order; none once as many people were compared as were asked for. */
async function nextAddresses(
  { ledger, sites }: SyncActivityDeps,
  input: SyncInput,
  compared: Comparison,
  { after, findings }: { after: string; findings: Record<string, number> },
): Promise<string[]> {
  if (compared.readBy === undefined) {
    const takesOffDisabled = 'site' in input && sites.get(input.site)?.site.onEmailDisabled === 'remove';
    return ledger.reconcile.strays(compared, takesOffDisabled, after, PAGE_SIZE);
  }
  if ('site' in input || input.limit === undefined) return ledger.reconcile.addresses(compared, after, PAGE_SIZE);
  const people = Object.entries(findings).filter(([name]) => name !== 'leave:not-a-member');
  const left = input.limit - people.reduce((sum, [, count]) => sum + count, 0);
  const page = left > 0 ? await ledger.reconcile.addresses(compared, after, Math.min(left, PAGE_SIZE)) : [];
  // also where everybody had their turn: what a limited run read of the audience is taken for no whole reading
  if (page.length === 0) await ledger.runs.progress(input.run, { untilId: after });
  return page;
}

async function comparePage(
  { ledger, sites }: SyncActivityDeps,
  input: SyncInput,
  { people, destination, managedTags }: CurrentRun,
  compared: Comparison,
  addresses: readonly string[],
): Promise<{ found: Found[]; adoptions: Adoption[] }> {
  const { readFrom } = compared;
  const { storedFields } = destination;
  const comparing = { rules: people.rules, now: new Date(), hashOf, storedFields, managedTags, readFrom };
  const site = 'site' in input ? sites.get(input.site)?.site : undefined;
  const found: Found[] = [];
  const adoptions: Adoption[] = [];
  for (const loaded of await ledger.reconcile.load(compared, addresses)) {
    const { one, transition } =
      compared.adopts && site ? adoptHistory(loaded, site) : { one: loaded, transition: undefined };
    if (transition) adoptions.push({ memberId: one.holder!.memberId, transition });
    const finding = compareContact(one, comparing);
    if (compared.everything || finding.do === 'remove')
      found.push({ address: one.address, version: one.version, finding });
  }
  return { found, adoptions };
}

const nameOf = (finding: Finding): string => (finding.do === 'leave' ? `leave:${finding.why}` : finding.do);
