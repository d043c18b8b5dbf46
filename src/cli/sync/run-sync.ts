import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import type { SyncOutcome } from '../../contract/site-sync.js';
import { CliError } from '../exit.js';
import { showTime } from '../output.js';
import type { Session } from '../session.js';
import { unlessInterrupted } from './follow.js';
import { watchRun } from './progress.js';
import { startOrWait } from './start-or-wait.js';
import { runsCommand, type SyncSubject } from './subject.js';

/** How a run is waited for. */
export interface Following {
  /** Waits for one that runs already, then starts. */
  wait: boolean;
  json: boolean;
}

/** Starts the workflow of a run under this id. */
export type StartRun = (how: { run: string; by: 'command' }) => Promise<{ result(): Promise<SyncOutcome> }>;

/** Starts a run and follows it to its end. Ctrl-C stops the following, not the run. @throws CliError where one runs already */
export async function runSync(
  session: Session,
  subject: SyncSubject,
  start: StartRun,
  following: Following,
): Promise<SyncOutcome> {
  const run = randomUUID();
  let isStarted = false;
  const work = async (): Promise<SyncOutcome> => {
    const handle = await startOne(session, subject, () => start({ run, by: 'command' }), following.wait);
    isStarted = true;
    const result = resultOf(handle, session, run, subject);
    await watchRun(session, { run, subject, json: following.json, until: result });
    return result;
  };
  return unlessInterrupted(work(), () => wordsAtCtrlC(session, subject, isStarted));
}

function startOne<T>(
  { client, ledger }: Session,
  { name, filedUnder, workflowId }: SyncSubject,
  start: () => Promise<T>,
  wait: boolean,
): Promise<T> {
  return startOrWait({
    client,
    start,
    workflowId,
    scope: name,
    running: async () => {
      const { running } = await ledger.proof.lastRuns(filedUnder);
      return running
        ? `${running.mode} ${running.id}, since ${showTime(running.startedAt)}, ${running.phase}`
        : undefined;
    },
    wait,
    onWait: (which) => void process.stderr.write(`waiting for the run that goes on: ${which}\n`),
  });
}

async function resultOf(
  handle: { result(): Promise<SyncOutcome> },
  { ledger }: Session,
  run: string,
  subject: SyncSubject,
): Promise<SyncOutcome> {
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError))
      throw new CliError(
        `Lost sight of the run: ${error instanceof Error ? error.message : error}. It goes on once Temporal answers. See: ${runsCommand(subject)}`,
      );
    const noted = await ledger.runs.find(run);
    return { run, result: 'failed', message: noted?.message ?? error.cause?.message ?? error.message };
  }
}

function wordsAtCtrlC({ run }: Session, subject: SyncSubject, isStarted: boolean): string {
  const webUi = run?.temporalUiUrl ? ` at ${run.temporalUiUrl}` : '';
  const look = `Look at it: ${runsCommand(subject)}, or workflow ${subject.workflowId} in the Temporal Web UI${webUi}.`;
  return isStarted
    ? `Stopped waiting; the run goes on. ${look} To end it, cancel that workflow.`
    : `Stopped waiting; nothing was started, and what runs goes on. ${look}`;
}
