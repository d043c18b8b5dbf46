import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncRun } from '../../ledger/runs.js';
import type { Session } from '../session.js';
import { createPace, type Step } from './pace.js';
import { createStatusLine } from './status-line.js';

const POLL_MS = 500;
/** A run that nobody has taken after this long waits for a worker. */
const UNTAKEN_MS = 10_000;

/** Tells on standard error how far a run is, until `until` settles: a line in place on a terminal, else one line a phase. */
export async function watchRun(
  session: Session,
  { run, site, json, until }: { run: string; site: string; json: boolean; until: Promise<unknown> },
): Promise<void> {
  const line = createStatusLine();
  const ended = new AbortController();
  const end = (): void => ended.abort();
  until.then(end, end);
  const pace = createPace();
  const since = Date.now();
  let told = '';
  const look = async (): Promise<void> => {
    const noted = await session.ledger.runs.find(run);
    if (!noted && Date.now() - since < UNTAKEN_MS) return;
    const step = noted ? await stepOf(session, noted) : undefined;
    const pause = await pauseOf(session, site, noted?.audience);
    const phase = pause ?? step?.phase ?? UNTAKEN;
    if (!line.isShown && !json && phase !== told) process.stderr.write(`${phase}\n`);
    told = phase;
    line.show(`${site}: ${step && !pause ? pace(step) : phase}`);
  };
  while (!ended.signal.aborted) {
    // progress that cannot be read is not worth an error
    await look().catch(() => undefined);
    await sleep(POLL_MS, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  line.clear();
}

const UNTAKEN = 'no worker has taken it yet; is Steward running? See steward daemon status';

/** Where a run is: what it has done of how much in its present phase. */
async function stepOf({ ledger }: Session, run: SyncRun): Promise<Step> {
  const { phase } = run;
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

async function pauseOf({ ledger }: Session, site: string, audience: string | undefined): Promise<string | undefined> {
  const [sites, audiences] = await Promise.all([ledger.sites.pauses(), ledger.audiences.pauses()]);
  const pause = sites.get(site) ?? audiences.get(audience ?? '');
  return pause && `paused, goes on by itself; see steward doctor: ${pause.message}`;
}
