import { proxyActivities } from '@temporalio/workflow';
import type { AudienceSyncActivities, AudienceSyncInput } from '../src/contract/audience-sync.js';
import type { ListActivities, SyncActivities, SyncOutcome, SyncStep } from '../src/contract/site-sync.js';
import { TaskQueue } from '../src/contract/task-queues.js';
import { patient, short } from './patience.js';
import { runToEnd } from './run-to-end.js';

const { beginAudienceSync } = proxyActivities<AudienceSyncActivities>({ ...short, taskQueue: TaskQueue.Steward });
const { reckonDonors, compareAudience, removeWithdrawn } = proxyActivities<AudienceSyncActivities>({
  ...patient,
  taskQueue: TaskQueue.Steward,
});
const { endSync } = proxyActivities<SyncActivities>({ ...short, taskQueue: TaskQueue.Steward });
const { awaitPushes } = proxyActivities<SyncActivities>({ ...patient, taskQueue: TaskQueue.Steward });

/**
 * One sync of an organization's audience, or a plan being applied; its id is the audience's, so two never overlap. Ends when
 * everything it made due has its outcome, and says what arrived.
 */
export async function audienceSync(input: AudienceSyncInput): Promise<SyncOutcome> {
  return runToEnd(input, await beginAudienceSync(input), () => work(input), endSync);
}

async function work(input: AudienceSyncInput): Promise<SyncStep> {
  // an audience that does not answer is not waited for all day: the next sync comes within the hour
  const { readList } = proxyActivities<ListActivities>({
    ...patient,
    taskQueue: input.queue,
    scheduleToCloseTimeout: '1 hour',
  });
  if (input.mode !== 'apply') {
    await reckonDonors(input);
    const read = await readList(input);
    if (read.result) return read;
  }
  await compareAudience(input);
  if (input.dryRun) return {};
  const pushed = await awaitPushes(input);
  if (pushed.isPaused) return pushed;
  const removed = await removeWithdrawn(input);
  return removed.result ? removed : pushed;
}
