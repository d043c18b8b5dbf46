import { setTimeout as sleep } from 'node:timers/promises';
import type { Replay, ReplayFilter } from '../../ledger/replay.js';
import type { Session } from '../session.js';
import { createPace } from '../sync/pace.js';
import { createStatusLine } from '../sync/status-line.js';

/** How a replay ended, or stands when nobody waits for it any more. */
export interface ReplayResult {
  replayedAt: Date | null;
  selected: number;
  /** Of these, those that had their outcome; the others waited already. */
  replayed: number;
  members: number;
  /** Outcomes now; `waiting` and `replayed again` where they are not those of this replay yet, or any more. */
  outcomes: Record<string, number>;
  /** Members of them who are parked. */
  parked: number;
  seconds: number;
  /** Whether Ctrl-C ended the waiting; the work goes on. */
  interrupted: boolean;
}

const NOTHING = { replayedAt: null, selected: 0, replayed: 0, members: 0, outcomes: {}, parked: 0, seconds: 0 };
const POLL_MS = 300;
/** Longest that pushes are waited for once all deliveries are done. */
const PUSHES_MS = 30_000;
/** So long without an outcome deserves a word. */
const STILL_MS = 15_000;
const STILL = 'nothing moves: see steward queue';

/** Replays deliveries and waits until they have their outcomes, and what these changed was pushed. Ctrl-C ends the waiting alone. */
export async function runReplay(
  session: Session,
  filter: ReplayFilter,
  { rate, json }: { rate: number; json: boolean },
): Promise<ReplayResult> {
  const { ledger } = session;
  const since = Date.now();
  const stopped = new AbortController();
  const stop = (): void => {
    process.stderr.write('Stopped waiting; the replay goes on. Look at it: steward queue, steward delivery list\n');
    stopped.abort();
  };
  // before it begins: from the moment that it has, Ctrl-C no longer ends it
  process.once('SIGINT', stop);
  const begun = await ledger.replay.begin(filter, rate);
  if (!begun) return { ...NOTHING, interrupted: false };
  const { at, selected, replayed, members } = begun;
  if (!json) process.stderr.write(`${selected} deliveries of ${members} members wait, ${rate} members a second\n`);
  const outcomes = await waitForOutcomes(session, begun, stopped.signal);
  await waitForPushes(session, begun, filter.sites, stopped.signal);
  process.off('SIGINT', stop);
  const { parked } = await ledger.replay.members(begun, filter.sites);
  const seconds = (Date.now() - since) / 1000;
  return {
    replayedAt: at,
    selected,
    replayed,
    members,
    outcomes,
    parked,
    seconds,
    interrupted: stopped.signal.aborted,
  };
}

async function waitForOutcomes(
  { ledger }: Session,
  begun: Replay,
  signal: AbortSignal,
): Promise<ReplayResult['outcomes']> {
  const line = createStatusLine();
  const pace = createPace();
  let moved = { at: Date.now(), waiting: begun.selected };
  for (;;) {
    const asked = Date.now();
    const outcomes = await ledger.replay.progress(begun);
    const took = Date.now() - asked;
    const waiting = outcomes['waiting'] ?? 0;
    if (waiting !== moved.waiting) moved = { at: Date.now(), waiting };
    line.show(`${pace({ phase: 'replaying', due: waiting })}${Date.now() - moved.at > STILL_MS ? `; ${STILL}` : ''}`);
    if (waiting === 0 || signal.aborted) {
      line.clear();
      const again = begun.selected - Object.values(outcomes).reduce((sum, count) => sum + count, 0);
      return again > 0 ? { ...outcomes, 'replayed again': again } : outcomes;
    }
    // counting many is work for the database, too
    await sleep(Math.max(POLL_MS, 5 * took), undefined, { signal }).catch(() => undefined);
  }
}

/** Who is refused parks only then; a list that is paused, or tries that are spaced out, are not waited for. */
async function waitForPushes(
  { ledger }: Session,
  begun: Replay,
  sites: ReplayFilter['sites'],
  signal: AbortSignal,
): Promise<void> {
  for (const end = Date.now() + PUSHES_MS; !signal.aborted && Date.now() < end; ) {
    const { due } = await ledger.replay.members(begun, sites);
    if (due === 0) return;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
