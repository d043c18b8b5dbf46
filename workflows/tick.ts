import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { continueAsNew, executeChild, ParentClosePolicy, sleep, uuid4, workflowInfo } from '@temporalio/workflow';
import { runningFor, runningForOrganization } from '../src/contract/search-attributes.js';
import { TaskQueue } from '../src/contract/task-queues.js';
import type { TickInput } from '../src/contract/tick.js';
import {
  audienceSyncWorkflowId,
  organizationSyncWorkflowId,
  siteSyncWorkflowId,
} from '../src/contract/workflow-ids.js';
import type { audienceSync } from './audience-sync.js';
import type { organizationSync } from './organization-sync.js';
import type { siteSync } from './site-sync.js';

/**
 * What a schedule starts: runs one sync under its fixed id, so that scheduled and manual runs never overlap. Where one runs
 * already, a walk or an incremental sync is not needed; a full one waits for its turn.
 */
export async function tick(input: TickInput): Promise<void> {
  for (;;) {
    try {
      await runSync(input);
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (input.mode !== 'full') return;
      await sleep('1 minute');
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof tick>(input);
    }
  }
}

async function runSync(input: TickInput): Promise<void> {
  const how = { taskQueue: TaskQueue.Steward, parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL } as const;
  const run = uuid4();
  if ('site' in input)
    await executeChild<typeof siteSync>('siteSync', {
      ...how,
      workflowId: siteSyncWorkflowId(input.site),
      args: [{ ...input, run, by: 'schedule' }],
      typedSearchAttributes: runningFor(input.site),
    });
  else if ('audience' in input)
    await executeChild<typeof audienceSync>('audienceSync', {
      ...how,
      workflowId: audienceSyncWorkflowId(input.audience),
      args: [{ audience: input.audience, queue: input.queue, mode: input.mode, run, by: 'schedule' }],
      typedSearchAttributes: runningForOrganization(input.organization),
    });
  else
    await executeChild<typeof organizationSync>('organizationSync', {
      ...how,
      workflowId: organizationSyncWorkflowId(input.organization, input.resource),
      args: [{ ...input, run, by: 'schedule' }],
      typedSearchAttributes: runningForOrganization(input.organization),
    });
}
