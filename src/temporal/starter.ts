import type { Client, WorkflowHandle } from '@temporalio/client';
import type { AudienceSyncInput } from '../contract/audience-sync.js';
import type { OrganizationSyncInput, OrganizationSyncOutcome } from '../contract/organization-sync.js';
import { runningFor, runningForOrganization } from '../contract/search-attributes.js';
import { discardParked, retryParked, wake } from '../contract/signals.js';
import type { SiteSyncInput, SyncOutcome } from '../contract/site-sync.js';
import { TaskQueue } from '../contract/task-queues.js';
import {
  audienceSyncWorkflowId,
  catchUpWorkflowId,
  memberWorkflowId,
  organizationSyncWorkflowId,
  pushWorkflowId,
  siteSyncWorkflowId,
} from '../contract/workflow-ids.js';

/** Longest that one signal-with-start may take; the client itself knows no deadline. */
const DEADLINE_MS = 5_000;

const memberSignals = { wake, retryParked, discardParked };

/** Starts or signals our workflows by their ids; arguments and signals carry no person. */
export type Starter = ReturnType<typeof createStarter>;

/** A starter on a client. */
export function createStarter(client: Client) {
  return {
    /** Wakes a member's run, or starts it. */
    async signalMember(site: string, memberId: string, signal: keyof typeof memberSignals = 'wake'): Promise<void> {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart('memberSync', {
          workflowId: memberWorkflowId(site, memberId),
          taskQueue: TaskQueue.Steward,
          args: [{ site, memberId }],
          signal: memberSignals[signal],
          typedSearchAttributes: runningFor(site),
        }),
      );
    },

    /** Wakes a site's catch-up, or starts it. */
    async signalCatchUp(site: string): Promise<void> {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart('deliveryCatchUp', {
          workflowId: catchUpWorkflowId(site),
          taskQueue: TaskQueue.Steward,
          args: [{ site }],
          signal: wake,
          typedSearchAttributes: runningFor(site),
        }),
      );
    },

    /** Starts a run of `siteSync`. @throws WorkflowExecutionAlreadyStartedError where one of the site runs already */
    startSync: (input: SiteSyncInput): Promise<WorkflowHandle<(input: SiteSyncInput) => Promise<SyncOutcome>>> =>
      client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.start<(input: SiteSyncInput) => Promise<SyncOutcome>>('siteSync', {
          workflowId: siteSyncWorkflowId(input.site),
          taskQueue: TaskQueue.Steward,
          args: [input],
          typedSearchAttributes: runningFor(input.site),
        }),
      ),

    /** Starts a run of `organizationSync`. @throws WorkflowExecutionAlreadyStartedError where one of the same scope runs already */
    startOrganizationSync: (
      input: OrganizationSyncInput,
    ): Promise<WorkflowHandle<(input: OrganizationSyncInput) => Promise<OrganizationSyncOutcome>>> =>
      client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.start<(input: OrganizationSyncInput) => Promise<OrganizationSyncOutcome>>('organizationSync', {
          workflowId: organizationSyncWorkflowId(input.organization, input.resource),
          taskQueue: TaskQueue.Steward,
          args: [input],
          typedSearchAttributes: runningForOrganization(input.organization),
        }),
      ),

    /** Starts a run of `audienceSync`. @throws WorkflowExecutionAlreadyStartedError where one of the audience runs already */
    startAudienceSync: (
      input: AudienceSyncInput,
      organization: string,
    ): Promise<WorkflowHandle<(input: AudienceSyncInput) => Promise<SyncOutcome>>> =>
      client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.start<(input: AudienceSyncInput) => Promise<SyncOutcome>>('audienceSync', {
          workflowId: audienceSyncWorkflowId(input.audience),
          taskQueue: TaskQueue.Steward,
          args: [input],
          typedSearchAttributes: runningForOrganization(organization),
        }),
      ),

    /** Wakes an audience's writer, or starts it; `queue` is that of its destination. */
    async signalWriter(audience: string, queue: string): Promise<void> {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart('audiencePush', {
          workflowId: pushWorkflowId(audience),
          taskQueue: TaskQueue.Steward,
          args: [{ audience, queue }],
          signal: wake,
        }),
      );
    },
  };
}
