import { cancellationSignal } from '@temporalio/activity';
import type { SiteSyncInput, SyncStep } from '../src/contract/site-sync.js';
import { addressOf } from '../src/domain/member.js';
import { ABSENT } from '../src/domain/plan-contact.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';
import { toFacts, toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import type { GhostMember } from '../src/vendors/ghost/schema.js';
import { waitForOutcomes } from './await-pushes.js';
import { beat } from './beating.js';
import { createSourceReader } from './source-pause.js';
import { type CurrentRun, currentRun, type SyncActivityDeps } from './sync-run.js';

/** So many people at a time are read again in Ghost and taken off: nobody goes on an answer that is minutes old. */
const PEOPLE_AT_A_TIME = 20;

/** Takes people off who should not be on the list, unless the guard says that the source cannot be right (house decision 17). */
export async function removeFound(deps: SyncActivityDeps, input: SiteSyncInput): Promise<SyncStep> {
  const { ledger } = deps;
  const current = await currentRun(deps, input);
  const plan = input.plan ?? input.run;
  const beating = beat(deps.stopping, {});
  try {
    await ledger.plans.dropMoved(plan);
    const stopped = input.mode === 'apply' ? undefined : await guard(deps, input, current);
    if (stopped) return stopped;
    for (;;) {
      const items = await ledger.plans.removals(plan, PEOPLE_AT_A_TIME);
      if (items.length === 0) return {};
      await ledger.runs.progress(input.run, { phase: 'removing' });
      await checkAndMark(deps, input, current, items);
      const waited = await waitForOutcomes(deps, beating, input.run, current.site.audience);
      // whoever fails is tried again by the writer; only a paused list stops the others
      if (waited.isPaused)
        return input.mode === 'apply'
          ? { ...waited, message: `${waited.message}. Apply the plan again then: ${plan}` }
          : waited;
      const addresses = items.map(({ address }) => address);
      await ledger.plans.noteOutcomes(plan, input.run, current.site.audience, addresses);
    }
  } finally {
    beating.stop();
  }
}

/** An empty or halved source, or more removals than the budget allows: none is made, they are left as a plan. */
async function guard(
  { ledger, budget, log }: SyncActivityDeps,
  { run: runId, site }: SiteSyncInput,
  { run, ghost, site: { audience, onDelete } }: CurrentRun,
): Promise<SyncStep | undefined> {
  // an attempt before this one stopped it
  if (run.planId) return { result: 'refused', message: `nobody was taken off: ${planAdvice(run.planId)}` };
  const [first] = await ledger.plans.removals(runId, 1);
  const isHalved = ghost !== undefined && run.complete && run.living > 0 && run.read * 2 <= run.living;
  if (!first && !isHalved) return undefined;
  const wanted = await ledger.plans.countRemovals(runId, audience, onDelete === 'keep');
  const left = await ledger.removals.remaining(audience, budget);
  if (!isHalved && wanted <= left) return undefined;
  const why = isHalved
    ? `Ghost showed ${run.read} members where ${run.living} were known`
    : `${wanted} people would be taken off, but the budget has ${left} left for these 24 hours`;
  const plan = (await ledger.plans.keepOpenTwin(runId, site)) ?? runId;
  const message = `${why}: nobody was taken off${first ? `. ${planAdvice(plan)}` : ''}`;
  log.error({ site, run: runId, wanted, left }, `removals stopped by the guard: ${why}`);
  return { result: 'refused', message };
}

const planAdvice = (plan: string): string =>
  `Look at it with steward site plan ${plan} --verbose; if it is right: steward site apply ${plan}`;

/** Asks Ghost for them again: who is there after all is brought up to date, the others are due to be taken off. */
async function checkAndMark(
  deps: SyncActivityDeps,
  { run, mode }: SiteSyncInput,
  { ghost, site }: CurrentRun,
  items: readonly { address: string; memberId: string | null }[],
): Promise<void> {
  const { ledger } = deps;
  const approved = mode === 'apply';
  const where = { site: site.name, audience: site.audience, run };
  const asOf = await ledger.walks.now();
  const addresses = items.map(({ address }) => address);
  const known = await ledger.walks.missingAt(site.name, addresses);
  const ids = [...new Set([...items.flatMap(({ memberId }) => memberId ?? []), ...known])];
  const { found, gone, unclear } = ghost ? await askAgain(deps, site.name, ghost, ids, addresses) : NOBODY;
  const foundBy = mode === 'walk' ? 'walk' : 'full';
  const { busy } = await ledger.drain.drain({
    ...where,
    items: found.map((member) => ({ memberId: member.id, read: { asOf, facts: toFacts(member), foundBy } })),
    lane: 'bulk',
    toWaiting: toWaitingDelivery,
  });
  // whom a live run works on at this moment it knows better
  const isBusy = new Set(found.filter(({ id }) => busy.includes(id)).map(({ email }) => addressOf(email)));
  if (gone.length > 0) await ledger.walks.markGone({ ...where, asOf, foundBy, approved }, gone);
  const marks = items
    .filter(({ address, memberId }) => !isBusy.has(address) && !unclear.has(address) && !unclear.has(memberId ?? ''))
    .map(({ address }) => ({ address, planHash: ABSENT, approved }));
  await ledger.plans.mark(site.audience, run, marks);
}

/** What Ghost says of people who are about to be taken off. */
interface Asked {
  found: GhostMember[];
  gone: string[];
  /** Ids and addresses of records that cannot be read: nobody is taken off for want of understanding. */
  unclear: ReadonlySet<string>;
}

const NOBODY: Asked = { found: [], gone: [], unclear: new Set() };

/** Reads them together, then each one who was not among them: only Ghost's own words for it mean that somebody is gone. */
async function askAgain(
  deps: SyncActivityDeps,
  site: string,
  ghost: GhostClient,
  ids: readonly string[],
  addresses: readonly string[],
): Promise<Asked> {
  const reader = createSourceReader(deps, site, ghost, 'site-sync');
  const byEmails = (emails: readonly string[]) =>
    reader.read(() => ghost.membersByEmails(emails, cancellationSignal()));
  // somebody may hold the address under another id by now
  const holders = await byEmails(addresses);
  const { members: found, unreadable } = await reader.read(() => ghost.membersByIds(ids, cancellationSignal()));
  const unclear = new Set(unreadable);
  if (holders.unreadable.length > 0)
    for (const address of addresses) if ((await byEmails([address])).unreadable.length > 0) unclear.add(address);
  const seen = new Set([...found.map(({ id }) => id), ...unreadable]);
  const gone: string[] = [];
  for (const id of ids.filter((one) => !seen.has(one))) {
    const member = await reader.read(() => ghost.readMember(id, cancellationSignal()));
    if (member) found.push(member);
    else gone.push(id);
  }
  return { found: [...found, ...holders.members.filter(({ id }) => !seen.has(id))], gone, unclear };
}
