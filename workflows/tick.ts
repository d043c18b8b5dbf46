import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { continueAsNew, executeChild, ParentClosePolicy, sleep, uuid4, workflowInfo } from '@temporalio/workflow';
import { runningFor } from '../src/contract/search-attributes.js';
import type { TickInput } from '../src/contract/site-sync.js';
import { TaskQueue } from '../src/contract/task-queues.js';
import { siteSyncWorkflowId } from '../src/contract/workflow-ids.js';
import type { siteSync } from './site-sync.js';

/**
 * What a schedule starts: runs one sync under its fixed id, so that scheduled and manual runs never overlap. Where one runs
 * already, a walk is not needed; a full sync waits for its turn.
 */
export async function tick({ site, mode }: TickInput): Promise<void> {
  for (;;) {
    try {
      await executeChild<typeof siteSync>('siteSync', {
        workflowId: siteSyncWorkflowId(site),
        taskQueue: TaskQueue.Steward,
        args: [{ site, mode, run: uuid4(), by: 'schedule' }],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        typedSearchAttributes: runningFor(site),
      });
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (mode === 'walk') return;
      await sleep('1 minute');
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof tick>({ site, mode });
    }
  }
}
