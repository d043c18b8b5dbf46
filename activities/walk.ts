import { cancellationSignal } from '@temporalio/activity';
import type { SiteSyncInput, SyncStep, WalkActivities } from '../src/contract/site-sync.js';
import { sameFacts } from '../src/domain/member.js';
import type { Site } from '../src/domain/site.js';
import type { SyncRun } from '../src/ledger/runs.js';
import { type GhostClient, MEMBERS_PAGE_SIZE } from '../src/vendors/ghost/client.js';
import { toFacts, toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import { beat } from './beating.js';
import { removeFound } from './remove-found.js';
import { createSourceReader, type SourceReader } from './source-pause.js';
import { currentSiteRun, type SyncActivityDeps } from './sync-run.js';

/** How far a walk is. `source`: of which Ghost; if that changes under the walk, it begins anew. */
interface WalkProgress {
  source: string;
  after: string;
  read: number;
  unreadable: number;
  sourceMs: number;
}

/** One page as read: members, and the time before its request. */
interface Page {
  asOf: Date;
  members: { memberId: string; facts: ReturnType<typeof toFacts> }[];
  unreadable: string[];
  /** Undefined on the empty page after the last one. */
  last: string | undefined;
}

const FIRST_ID = '000000000000000000000000';
/** How often the ledger is told how far a walk is. */
const TELL_MS = 500;

/** Activities of walks: they read Ghost. */
export function createWalkActivities(deps: SyncActivityDeps): WalkActivities {
  return {
    walkMembers: (input) => walkMembers(deps, input),
    removeFound: (input): Promise<SyncStep> => removeFound(deps, input),
  };
}

/** Pages all members by id, the next page being read while one is compared; at most two are held. */
async function walkMembers(deps: SyncActivityDeps, input: SiteSyncInput): Promise<void> {
  const { ledger } = deps;
  const { run, site, ghost } = await currentSiteRun(deps, input);
  if (!ghost) return;
  const isComplete = input.limit === undefined;
  const before = await ledger.runs.lastComplete(input.site, input.run);
  const beginning = { source: ghost.source, after: FIRST_ID, read: 0, unreadable: 0, sourceMs: 0 };
  const beating = beat<WalkProgress>(deps.stopping, beginning, ({ source }) => source === ghost.source);
  const reader = createSourceReader(deps, input.site, ghost, 'site-sync');
  let at = beating.from;
  let toldAt = 0;
  let written = 0;
  try {
    await ledger.runs.progress(input.run, { phase: 'reading members' });
    for (let next = fetchPage(deps, ghost, reader, at.after); ; ) {
      const page = upTo(await next, (input.limit ?? Number.POSITIVE_INFINITY) - at.read);
      if (page.last === undefined) break;
      next = fetchPage(deps, ghost, reader, page.last);
      // awaited on the next turn
      next.catch(() => undefined);
      const hasWritten = await takePage(deps, input, { run, site }, page);
      if (hasWritten) written += 1;
      // only where much of what is there is new
      if (hasWritten && written * MEMBERS_PAGE_SIZE > run.living) await ledger.runs.countAnew(written);
      if (isComplete && !run.dryRun) await noteMissing(deps, input, before, at.after, page);
      at = {
        source: ghost.source,
        after: page.last,
        read: at.read + page.members.length,
        unreadable: at.unreadable + page.unreadable.length,
        sourceMs: beating.from.sourceMs + reader.busyMs(),
      };
      beating.at(at);
      if (Date.now() - toldAt > TELL_MS) {
        const { read, unreadable, sourceMs } = at;
        await ledger.runs.progress(input.run, { read, unreadable, sourceMs });
        toldAt = Date.now();
      }
    }
    if (isComplete && !run.dryRun) {
      await noteMissing(deps, input, before, at.after, { ...NO_PAGE, asOf: await ledger.walks.now() });
      if (run.marks) await ledger.walks.planGone(input.site, input.run, before);
    }
    const { read, unreadable, sourceMs } = at;
    const untilId = isComplete ? null : at.after;
    await ledger.runs.progress(input.run, { read, unreadable, sourceMs, complete: isComplete, untilId });
  } finally {
    beating.stop();
  }
}

const NO_PAGE = { members: [], unreadable: [], last: undefined };

/** The first members of a page; none are left where enough were read. */
function upTo(page: Page, most: number): Page {
  if (page.members.length <= most) return page;
  const members = page.members.slice(0, Math.max(0, most));
  return { ...page, members, unreadable: [], last: members.at(-1)?.memberId };
}

const noteMissing = (
  { ledger }: SyncActivityDeps,
  { site, run }: SiteSyncInput,
  before: string | undefined,
  after: string,
  { asOf, members, unreadable, last }: Page,
): Promise<void> =>
  ledger.walks.noteMissing(
    { site, run, before, asOf },
    { after, last, seen: [...members.map(({ memberId }) => memberId), ...unreadable] },
  );

async function fetchPage(
  { ledger }: SyncActivityDeps,
  ghost: GhostClient,
  reader: SourceReader,
  after: string,
): Promise<Page> {
  const asOf = await ledger.walks.now();
  const { members, unreadable } = await reader.read(() => ghost.membersAfter(after, cancellationSignal()));
  const ids = [...members.map(({ id }) => id), ...unreadable].sort();
  return {
    asOf,
    members: members.map((member) => ({ memberId: member.id, facts: toFacts(member) })),
    unreadable,
    last: ids.at(-1),
  };
}

/** What a page finds changed goes into the ledger; a dry run keeps the page apart. Tells whether anything was written. */
async function takePage(
  { ledger, metrics }: SyncActivityDeps,
  { run: runId }: SiteSyncInput,
  { run, site }: { run: SyncRun; site: Site },
  { asOf, members }: Page,
): Promise<boolean> {
  if (run.dryRun) {
    await ledger.walks.stage(runId, asOf, members);
    return true;
  }
  const known = await ledger.walks.settledFacts(
    site.name,
    members.map(({ memberId }) => memberId),
  );
  const news = members.filter(({ memberId, facts }) => {
    const before = known.get(memberId);
    return !before || !sameFacts(before, facts);
  });
  if (news.length === 0) return false;
  const foundBy = run.mode === 'walk' ? 'walk' : 'full';
  const { changed } = await ledger.drain.drain({
    site: site.name,
    audience: site.audience,
    items: news.map(({ memberId, facts }) => ({ memberId, read: { asOf, facts, foundBy } })),
    lane: 'bulk',
    toWaiting: toWaitingDelivery,
    run: runId,
    // the first full sync compares first, then marks
    marks: run.marks && !run.first,
    // removals wait for the end of the run, when the guard knows how many they are
    defers: ({ emailEnabled }) => site.onEmailDisabled === 'remove' && !emailEnabled,
  });
  for (const one of changed) metrics.changesFound.inc({ site: site.name, by: one.foundBy });
  return true;
}
