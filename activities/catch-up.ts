import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { CatchUpActivities } from '../src/contract/catch-up.js';
import type { MemberRead } from '../src/domain/apply-deliveries.js';
import type { DrainItem } from '../src/ledger/drain.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';
import { toFacts, toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import { type Beating, beat } from './beating.js';
import type { GhostActivityDeps, SiteSource } from './ghost.js';
import { createSourceReader } from './source-pause.js';

/** Members a page: Ghost gives at most 100 at once; without a key the ledger alone is the limit. */
const READ_PAGE = 100;
const PAGE = 300;
/** So few are left to live runs, which are as quick and shown one by one. */
const LIVE_AGAIN = 20;
/** How long somebody who could not be read with the others waits for a live run. */
const UNREADABLE_SECONDS = 5;
const ALIVE_MS = 2_500;

/** What catching up works with. */
export interface CatchUpDeps extends GhostActivityDeps {
  /** Aborted when the process stops: catching up ends after its present page. */
  stopping: AbortSignal;
}

/** A page of members under lease, with what Ghost said of them. */
interface CatchUpPage {
  token: string;
  memberIds: string[];
  items: DrainItem[];
}

/** The activity that catches up with what waits: same rules, same outcomes, in pages (house decision 12). */
export function createCatchUpActivities(deps: CatchUpDeps): CatchUpActivities {
  const { ledger, sites, log } = deps;
  return {
    async catchUp({ site }) {
      const source = sites.get(site);
      if (!source) return ledger.catchUp.end(site);
      const beating = beat(deps.stopping, {});
      // a ledger that does not answer is found out by the work itself
      const alive = setInterval(() => void ledger.catchUp.seen(site).catch(() => undefined), ALIVE_MS);
      try {
        const done = await catchUpWith(deps, source, beating);
        await ledger.catchUp.end(site);
        log.info({ site, members: done }, 'caught up with waiting deliveries: live runs take over again');
      } finally {
        clearInterval(alive);
        beating.stop();
      }
    },
  };
}

/** Drains one page while the next is read. Gives how many members it drained. */
async function catchUpWith(deps: CatchUpDeps, source: SiteSource, beating: Beating<object>): Promise<number> {
  const take = pagesOf(deps, source);
  let done = 0;
  let pages = 0;
  for (let next = take(); ; ) {
    const page = await next;
    if (page.memberIds.length === 0) return done;
    const isLast = page.memberIds.length < LIVE_AGAIN;
    next = isLast ? Promise.resolve({ token: '', memberIds: [], items: [] }) : take();
    next.catch(() => undefined);
    done += page.items.length;
    pages += 1;
    await drainPage(deps, source, page);
    beating.check();
    await deps.ledger.runs.countAnew(pages);
  }
}

function pagesOf(deps: GhostActivityDeps, { site: { name }, ghost }: SiteSource) {
  const { ledger } = deps;
  const reader = ghost && createSourceReader(deps, name, ghost, 'catch-up');
  const { workflowExecution, activityId, attempt } = activityInfo();
  const earlier = `${workflowExecution?.runId}:${activityId}:`;
  const mine = `${earlier}${attempt}:`;
  let number = 0;
  return async (): Promise<CatchUpPage> => {
    number += 1;
    const token = `${mine}${number}`;
    const { memberIds, asOf } = await ledger.catchUp.takePage(name, { token, mine, earlier }, ghost ? READ_PAGE : PAGE);
    if (!ghost || !reader)
      return { token, memberIds, items: memberIds.map((memberId) => ({ memberId, lease: token })) };
    try {
      const reads = await reader.read(() => readPage(ghost, memberIds, asOf));
      const items = [...reads].map(([memberId, read]) => ({ memberId, lease: token, read }));
      return { token, memberIds, items };
    } catch (error) {
      await ledger.catchUp.leave(name, token, memberIds, 0);
      throw error;
    }
  };
}

/** What Ghost says of each of these members; those whom it shows in a form that we cannot read are left out. */
async function readPage(
  ghost: GhostClient,
  memberIds: readonly string[],
  asOf: Date,
): Promise<Map<string, MemberRead>> {
  const { members, unreadable } = await ghost.membersByIds(memberIds, cancellationSignal());
  const found = new Map(members.map((member) => [member.id, toFacts(member)]));
  return new Map(
    memberIds
      .filter((id) => !unreadable.includes(id))
      .map((id) => [id, { asOf, facts: found.get(id), foundBy: 'webhook' }]),
  );
}

async function drainPage(
  { ledger, metrics }: GhostActivityDeps,
  { site: { name, audience } }: SiteSource,
  { token, memberIds, items }: CatchUpPage,
): Promise<void> {
  const { changed, parked } = await ledger.drain.drain({
    site: name,
    audience,
    items,
    lane: 'bulk',
    toWaiting: toWaitingDelivery,
  });
  for (const { foundBy } of changed) metrics.changesFound.inc({ site: name, by: foundBy });
  if (parked.length > 0) await ledger.catchUp.wakeParked(name, parked);
  const unread = memberIds.filter((id) => !items.some(({ memberId }) => memberId === id));
  if (unread.length > 0) await ledger.catchUp.leave(name, token, unread, UNREADABLE_SECONDS);
}
