import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { SiteSyncInput, SyncOutcome } from '../../contract/site-sync.js';
import { siteSyncWorkflowId } from '../../contract/workflow-ids.js';
import { CliError } from '../exit.js';
import { showTime } from '../output.js';
import type { Session } from '../session.js';
import { unlessInterrupted } from './follow.js';
import { watchRun } from './progress.js';
import { startOrWait } from './start-or-wait.js';

/** How a run is waited for. */
export interface Following {
  /** Waits for one that runs already, then starts. */
  wait: boolean;
  json: boolean;
}

/** Starts a run of a site and follows it to its end. Ctrl-C stops the following, not the run. @throws CliError where one runs already */
export async function runSync(
  session: Session,
  asked: Omit<SiteSyncInput, 'run' | 'by'>,
  following: Following,
): Promise<SyncOutcome> {
  const input: SiteSyncInput = { ...asked, run: randomUUID(), by: 'command' };
  let isStarted = false;
  const work = async (): Promise<SyncOutcome> => {
    const handle = await start(session, input, following.wait);
    isStarted = true;
    const result = resultOf(handle, session, input);
    await watchRun(session, { run: input.run, site: input.site, json: following.json, until: result });
    return result;
  };
  return unlessInterrupted(work(), () => wordsAtCtrlC(session, input.site, isStarted));
}

function start({ starter, client, ledger }: Session, input: SiteSyncInput, wait: boolean) {
  return startOrWait({
    client,
    start: () => starter.startSync(input),
    workflowId: siteSyncWorkflowId(input.site),
    scope: input.site,
    running: async () => {
      const { running } = await ledger.proof.lastRuns(input.site);
      return running
        ? `${running.mode} ${running.id}, since ${showTime(running.startedAt)}, ${running.phase}`
        : undefined;
    },
    wait,
    onWait: (which) => void process.stderr.write(`waiting for the run that goes on: ${which}\n`),
  });
}

async function resultOf(
  handle: WorkflowHandle<(input: SiteSyncInput) => Promise<SyncOutcome>>,
  { ledger }: Session,
  { run, site }: SiteSyncInput,
): Promise<SyncOutcome> {
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError))
      throw new CliError(
        `Lost sight of the run: ${error instanceof Error ? error.message : error}. It goes on once Temporal answers. See: steward site runs ${site}`,
      );
    const noted = await ledger.runs.find(run);
    return { run, result: 'failed', message: noted?.message ?? error.cause?.message ?? error.message };
  }
}

function wordsAtCtrlC({ run }: Session, site: string, isStarted: boolean): string {
  const webUi = run?.temporalUiUrl ? ` at ${run.temporalUiUrl}` : '';
  const look = `Look at it: steward site runs ${site}, or workflow ${siteSyncWorkflowId(site)} in the Temporal Web UI${webUi}.`;
  return isStarted
    ? `Stopped waiting; the run goes on. ${look} To end it, cancel that workflow.`
    : `Stopped waiting; nothing was started, and what runs goes on. ${look}`;
}
