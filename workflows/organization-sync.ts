import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ActivityCancellationType,
  CancellationScope,
  ChildWorkflowFailure,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  sleep,
  uuid4,
} from '@temporalio/workflow';
import {
  type OrganizationRunActivities,
  type OrganizationSyncInput,
  type OrganizationSyncOutcome,
  type ReadResourceActivities,
  type Resource,
  type ResourceSyncInput,
  worstOf,
} from '../src/contract/organization-sync.js';
import { runningForOrganization } from '../src/contract/search-attributes.js';
import { TaskQueue } from '../src/contract/task-queues.js';
import { organizationSyncWorkflowId } from '../src/contract/workflow-ids.js';
import { failureText } from './failure-text.js';

const retry = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' } as const;

const { beginResource, endResource } = proxyActivities<OrganizationRunActivities>({
  taskQueue: TaskQueue.Steward,
  startToCloseTimeout: '1 minute',
  retry,
});
const { readResource } = proxyActivities<ReadResourceActivities>({
  taskQueue: TaskQueue.Classy,
  // the next run must not begin while an activity of this one still writes
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  startToCloseTimeout: '24 hours',
  // a page that never comes must not keep this resource from being read for ever
  scheduleToCloseTimeout: '12 hours',
  heartbeatTimeout: '15 seconds',
  retry,
});

/** Parents before children, so that few gifts wait for their people; side by side where neither is the other's. */
const ORDER: readonly (readonly Resource[])[] = [
  ['campaigns', 'supporters'],
  ['transactions', 'recurring-plans'],
];

/**
 * One sync of one resource of a Classy organization, or of all of them in their order; its id is the organization's and the
 * resource's, so two never overlap, and organizations do not know of each other.
 */
export async function organizationSync(input: OrganizationSyncInput): Promise<OrganizationSyncOutcome> {
  const { resource } = input;
  return resource === 'all' ? syncAll(input) : syncResource({ ...input, resource });
}

async function syncResource(input: ResourceSyncInput): Promise<OrganizationSyncOutcome> {
  const { run, resource } = input;
  const begun = await beginResource(input);
  if (!begun.go) return { run, resource, result: 'failed', message: begun.message };
  try {
    await readResource(input);
  } catch (error) {
    const failure = isCancellation(error) ? 'it was cancelled' : failureText(error);
    await CancellationScope.nonCancellable(() => endResource({ ...input, failure }));
    throw error;
  }
  return endResource(input);
}

async function syncAll(input: OrganizationSyncInput): Promise<OrganizationSyncOutcome> {
  const runs: OrganizationSyncOutcome[] = [];
  for (const resources of ORDER) runs.push(...(await all(resources.map((resource) => syncOne(input, resource)))));
  const messages = runs.flatMap(({ resource, message }) => (message === undefined ? [] : [`${resource}: ${message}`]));
  return {
    run: input.run,
    resource: 'all',
    result: worstOf(runs.map(({ result }) => result)),
    ...(messages.length > 0 ? { message: messages.join('; ') } : {}),
    runs,
  };
}

/** Waits for all of them, also where one fails: those that were cancelled still write their ends. */
async function all<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

/** One resource as a run of its own; where one goes on already its turn comes after it. */
async function syncOne(input: OrganizationSyncInput, resource: Resource): Promise<OrganizationSyncOutcome> {
  const run = uuid4();
  for (;;) {
    try {
      return await executeChild<typeof organizationSync>('organizationSync', {
        workflowId: organizationSyncWorkflowId(input.organization, resource),
        taskQueue: TaskQueue.Steward,
        args: [{ ...input, resource, run }],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        typedSearchAttributes: runningForOrganization(input.organization),
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) await sleep('1 minute');
      else if (isCancellation(error) || !(error instanceof ChildWorkflowFailure)) throw error;
      // one resource that fails does not keep the others from being read
      else return { run, resource, result: 'failed', message: failureText(error.cause) };
    }
  }
}
