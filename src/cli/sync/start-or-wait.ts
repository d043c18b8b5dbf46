import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { CliError, ExitCode } from '../exit.js';

/** How a workflow is started of which one id runs once at a time. */
export interface Start<T> {
  client: Client;
  start: () => Promise<T>;
  workflowId: string;
  /** What it works on, as the operator calls it. */
  scope: string;
  /** The run that goes on, in words; undefined where the ledger does not know it yet. */
  running: () => Promise<string | undefined>;
  /** Waits for one that runs already, then starts. */
  wait: boolean;
  onWait: (running: string) => void;
}

const BREATH_MS = 200;

/** Starts a run; where one goes on already, waits for its end if asked to. @throws CliError naming the one that goes on */
export async function startOrWait<T>({
  client,
  start,
  workflowId,
  scope,
  running,
  wait,
  onWait,
}: Start<T>): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError))
        throw new CliError(
          `Temporal did not take the run: ${error instanceof Error ? error.message : error}. See steward doctor.`,
        );
    }
    const which = (await running()) ?? 'one that has just begun';
    if (!wait)
      throw new CliError(
        `A run of ${scope} goes on already: ${which}. Add --wait to start when it has ended.`,
        ExitCode.Refused,
      );
    if (isFirst) onWait(which);
    // however it ends
    await client.workflow
      .getHandle(workflowId)
      .result()
      .catch(() => undefined);
    await sleep(BREATH_MS);
  }
}
