import {
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { MemberSyncActivities, MemberSyncInput, ParkedFailure, SyncAction } from '../src/contract/member-sync.js';
import { FailedStep, SyncState } from '../src/contract/search-attributes.js';
import { discardParked, memberStatus, retryParked, wake } from '../src/contract/signals.js';
import { TaskQueue } from '../src/contract/task-queues.js';

const { syncMember } = proxyActivities<MemberSyncActivities>({
  taskQueue: TaskQueue.Ghost,
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
});

/**
 * Keeps one member's ledger true: drains all that waits in one activity, and ends when nothing more came in. A member who
 * is parked stays, with search attribute `SyncState = 'Parked'`, until
 *
 * 1. `wake`: something new came in, so the member is looked at again, and goes on by itself if what should be has changed;
 * 2. `retryParked`: the member is read again and sent in any case;
 * 3. `discardParked`: it is given up until something changes.
 */
export async function memberSync(input: MemberSyncInput): Promise<void> {
  let action: SyncAction | undefined = 'drain';
  let parked: ParkedFailure | undefined;
  const look = () => {
    action ??= 'drain';
  };
  setHandler(wake, look, { description: 'Look again: something waits.' });
  const act = (wanted: SyncAction) => () => {
    action = wanted;
  };
  setHandler(retryParked, act('retry'), { description: 'Read the member again and send it in any case.' });
  setHandler(discardParked, act('discard'), { description: 'Give the member up until something changes.' });
  setHandler(memberStatus, () => (parked ? { state: 'parked', parked } : { state: 'running' }));

  while (action) {
    const taken: SyncAction = action;
    action = undefined;
    const result = await syncMember({ ...input, action: taken });
    if (result.parked) {
      if (!parked) park(result.parked);
      parked = result.parked;
      // the next run finds the parking in the ledger
      if (workflowInfo().continueAsNewSuggested && action === undefined) await continueAsNew<typeof memberSync>(input);
      await condition(() => action !== undefined);
    } else if (parked) {
      unpark();
      parked = undefined;
    }
  }
}

function park({ step, type, message }: ParkedFailure): void {
  upsertSearchAttributes([
    { key: SyncState, value: 'Parked' },
    { key: FailedStep, value: step },
  ]);
  setCurrentDetails(
    `**Parked** at \`${step}\` (${type}): ${message}\n\nSend \`retryParked\` to try again, \`discardParked\` to give it up.`,
  );
}

function unpark(): void {
  upsertSearchAttributes([
    { key: SyncState, value: 'Running' },
    { key: FailedStep, value: null },
  ]);
  setCurrentDetails('');
}
