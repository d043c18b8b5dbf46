import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncRun } from '../../ledger/runs.js';
import type { Session } from '../session.js';
import { createPace, type Step } from './pace.js';
import { createStatusLine } from './status-line.js';

const POLL_MS = 500;
/** A run that nobody has taken after this long waits for a worker. */
const UNTAKEN_MS = 10_000;

/** Tells on standard error how far a run is, until it is stopped: a line in place on a terminal, else one line a phase. */
export function watchRun(
  session: Session,
  { run, site, json }: { run: string; site: string; json: boolean },
): { stop(): Promise<void> } {
  const line = createStatusLine();
  const stopped = new AbortController();
  const pace = createPace();
  const since = Date.now();
  let told = '';
  const tellPhase = (phase: string): void => {
    if (!line.isShown && !json && phase !== told) process.stderr.write(`${phase}\n`);
    told = phase;
  };
  const look = async (): Promise<void> => {
    const noted = await session.ledger.runs.find(run);
    if (!noted && Date.now() - since < UNTAKEN_MS) return;
    const step = noted ? await stepOf(session, noted) : undefined;
    const pause = await pauseOf(session, site, noted?.audience);
    tellPhase(pause ?? step?.phase ?? UNTAKEN);
    line.show(pause ?? (step ? `${site}: ${pace(step)}` : UNTAKEN));
  };
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      // progress that cannot be read is not worth an error
      await look().catch(() => undefined);
      await sleep(POLL_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
    line.clear();
  })();
  return {
    stop() {
      stopped.abort();
      return watching;
    },
  };
}

const UNTAKEN = 'no worker has taken it yet; is Steward running? See steward daemon status';

/** Where a run is: what it has done of how much in its present phase. */
async function stepOf({ ledger }: Session, run: SyncRun): Promise<Step> {
  const phase = phaseOf(run);
  switch (phase) {
    case 'reading list': {
      const { readBack } = await ledger.proof.lastRuns(run.site);
      return { phase, done: run.listRead, total: readBack?.listRead };
    }
    case 'reading members':
      return { phase, done: run.read, total: run.living };
    case 'comparing': {
      const done = Object.values(run.findings as Record<string, number>).reduce((sum, count) => sum + count, 0);
      return { phase, done, total: Math.max(run.read, run.listRead, run.living) };
    }
    case 'pushing':
    case 'removing':
      return { phase, due: (await ledger.runs.pending(run.id, run.audience)).due };
    default:
      return { phase };
  }
}

/** The phase that a run names, or the one that its figures show. */
function phaseOf({ phase, read, mode }: SyncRun): string {
  const isReading = phase === 'starting' || phase === 'reading list';
  return isReading && (read > 0 || mode === 'walk') ? 'reading members' : phase;
}

async function pauseOf({ ledger }: Session, site: string, audience: string | undefined): Promise<string | undefined> {
  const [sites, audiences] = await Promise.all([ledger.sites.pauses(), ledger.audiences.pauses()]);
  const pause = sites.get(site) ?? audiences.get(audience ?? '');
  return pause && `paused, goes on by itself: ${pause.message}`;
}
