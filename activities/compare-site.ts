import type { SiteSyncInput } from '../src/contract/site-sync.js';
import { adoptHistory, compareContact, type Finding } from '../src/domain/compare-contact.js';
import type { Adoption, Compared, Found } from '../src/ledger/reconcile.js';
import { beat } from './beating.js';
import { hashOf } from './contact-hash.js';
import { NOT_IN_PLAN } from './sync-figures.js';
import { type CurrentRun, currentRun, type SyncActivityDeps } from './sync-run.js';

const PAGE_SIZE = 500;

/** Compares page by page; resumes at the page where an earlier attempt was. */
export async function compareSite(deps: SyncActivityDeps, input: SiteSyncInput): Promise<void> {
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
