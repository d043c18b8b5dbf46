import { proxyActivities } from '@temporalio/workflow';
import type {
  ListActivities,
  SiteSyncInput,
  SyncActivities,
  SyncBeginning,
  SyncOutcome,
  SyncStep,
  WalkActivities,
} from '../src/contract/site-sync.js';
import { TaskQueue } from '../src/contract/task-queues.js';
import { patient, short } from './patience.js';
import { runToEnd } from './run-to-end.js';

const { beginSync, endSync } = proxyActivities<SyncActivities>({ ...short, taskQueue: TaskQueue.Steward });
const { takeOverPlan, compareSite, awaitPushes } = proxyActivities<SyncActivities>({
  ...patient,
  taskQueue: TaskQueue.Steward,
});
const { walkMembers, removeFound } = proxyActivities<WalkActivities>({
  ...patient,
  taskQueue: TaskQueue.Ghost,
  // a page that never comes must not lock out everything else of the site for ever
  scheduleToCloseTimeout: '12 hours',
});
// a list that does not answer must not keep the site's walks from recording what they find
const { readList } = proxyActivities<ListActivities>({
  ...patient,
  taskQueue: TaskQueue.CampaignMonitor,
  scheduleToCloseTimeout: '1 hour',
});

/**
 * One walk or full sync of a site, or a plan being applied; its id is the site's, so two never overlap. Ends when everything it
 * made due has its outcome, and says what arrived.
 */
export async function siteSync(input: SiteSyncInput): Promise<SyncOutcome> {
  return runToEnd(input, await beginSync(input), (begun) => work(input, begun), endSync);
}

async function work(
  input: SiteSyncInput,
  { readsList, readsMembers }: SyncBeginning & { go: true },
): Promise<SyncStep> {
  const read: SyncStep = readsList ? await readList(input) : {};
  if (read.result) return read;
  if (readsMembers) await walkMembers(input);
  if (input.mode === 'apply') {
    const refused = await takeOverPlan(input);
    if (refused.result) return refused;
  }
  await compareSite(input);
  if (input.dryRun) return read;

  const pushed = await awaitPushes(input);
  if (pushed.isPaused) return pushed;
  const removed = await removeFound(input);
  return removed.result ? removed : pushed;
}
