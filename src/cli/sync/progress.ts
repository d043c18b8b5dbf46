import type { SyncRun } from '../../ledger/runs.js';
import type { Session } from '../session.js';
import { follow, type Sight, UNTAKEN, UNTAKEN_MS } from './follow.js';
import { createPace, type Step } from './pace.js';
import type { SyncSubject } from './subject.js';

/** Tells on standard error how far a run is, until `until` settles: a line in place on a terminal, else one line a phase. */
export async function watchRun(
  session: Session,
  { run, subject, json, until }: { run: string; subject: SyncSubject; json: boolean; until: Promise<unknown> },
): Promise<void> {
  const pace = createPace();
  const since = Date.now();
  const look = async (): Promise<Sight[]> => {
    const noted = await session.ledger.runs.find(run);
    if (!noted && Date.now() - since < UNTAKEN_MS) return [];
    const step = noted ? await stepOf(session, noted) : undefined;
    const pause = await pauseOf(session, subject, noted?.audience);
    const news = pause ?? step?.phase ?? UNTAKEN;
    return [{ id: run, news, line: `${subject.name}: ${step && !pause ? pace(step) : news}` }];
  };
  await follow(look, { json, until });
}

/** Where a run is: what it has done of how much in its present phase. */
async function stepOf({ ledger }: Session, run: SyncRun): Promise<Step> {
  const { phase } = run;
  switch (phase) {
    case 'reading list': {
      // nobody knows how many have changed
      const { readBack } = run.mode === 'incremental' ? { readBack: null } : await ledger.proof.lastRuns(run.site);
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

async function pauseOf(
  { ledger }: Session,
  { filedUnder }: SyncSubject,
  audience: string | undefined,
): Promise<string | undefined> {
  const [sites, audiences] = await Promise.all([ledger.sites.pauses(), ledger.audiences.pauses()]);
  const pause = sites.get(filedUnder) ?? audiences.get(audience ?? '');
  return pause && `paused, goes on by itself; see steward doctor: ${pause.message}`;
}
