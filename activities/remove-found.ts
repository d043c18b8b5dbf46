import { cancellationSignal } from '@temporalio/activity';
import type { SiteSyncInput, SyncStep } from '../src/contract/site-sync.js';
import { addressOf } from '../src/domain/member.js';
import { ABSENT } from '../src/domain/plan-contact.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';
import { toFacts, toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import type { GhostMember } from '../src/vendors/ghost/schema.js';
import { createSourceReader } from './source-pause.js';
import { type CurrentRun, type CurrentSiteRun, currentSiteRun, type SyncActivityDeps } from './sync-run.js';
import { takeOff } from './take-off.js';

/** Takes members of a site off its list, each read again in Ghost first (house decision 17). */
export async function removeFound(deps: SyncActivityDeps, input: SiteSyncInput): Promise<SyncStep> {
  const current = await currentSiteRun(deps, input);
  const isHalved = ({ run }: CurrentRun): boolean => run.complete && run.living > 0 && run.read * 2 <= run.living;
  return takeOff(deps, input, current, {
    doubt: ({ run }) =>
      current.ghost !== undefined && isHalved(current)
        ? `Ghost showed ${run.read} members where ${run.living} were known`
        : undefined,
    advice: (plan) => `Look at it with steward site plan ${plan} --verbose; if it is right: steward site apply ${plan}`,
    mark: (items) => checkAndMark(deps, input, current, items),
  });
}

/** Asks Ghost for them again: who is there after all is brought up to date, the others are due to be taken off. */
async function checkAndMark(
  deps: SyncActivityDeps,
  { run, mode }: SiteSyncInput,
  { ghost, site }: CurrentSiteRun,
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
