import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { TaskQueue } from '../contract/task-queues.js';
import { knownAudiences } from './processes/organization-audiences.js';
import type { Session } from './session.js';

/** All that `queue` tells. */
export type Queue = Awaited<ReturnType<typeof readQueue>>;

const PATIENCE_MS = 5_000;
const noSite = { waiting: 0, oldestSeconds: 0, parked: 0 };
const noAudience = { due: 0, underWay: 0, held: 0, oldestSeconds: 0, writing: false };

/** Reads what waits, how fast it moves, and who works. */
export async function readQueue({ config, ledger, client, ring }: Session) {
  const [
    ofOrganizations,
    siteQueues,
    audienceQueues,
    sitePauses,
    audiencePauses,
    doneInTheLastMinute,
    workers,
    running,
  ] = await Promise.all([
    knownAudiences({ config, ledger, ring }),
    ledger.status.sites(),
    ledger.status.audiences(),
    ledger.sites.pauses(),
    ledger.audiences.pauses(),
    ledger.status.doneWithin(1),
    readWorkers(client, config),
    countRunning(client),
  ]);
  const [deliveryRates, pushRates, catchUps, syncs] = await Promise.all([
    ledger.progress.deliveriesAMinute(),
    ledger.progress.pushesAMinute(),
    ledger.catchUp.running(),
    ledger.progress.syncs(),
  ]);
  const siteNames = new Set([...config.sites.map(({ name }) => name), ...siteQueues.map(({ site }) => site)]);
  const audienceIds = new Set([
    ...config.sites.map(({ audience }) => audience),
    ...ofOrganizations.flatMap(({ audience }) => audience ?? []),
    ...audienceQueues.map(({ audience }) => audience),
  ]);
  return {
    sites: [...siteNames].map((site) => {
      const queue = { ...noSite, ...siteQueues.find((one) => one.site === site), site };
      return {
        ...queue,
        paused: sitePauses.get(site) ?? null,
        catchingUpSince: catchUps.get(site) ?? null,
        ...paceOf(queue.waiting, deliveryRates.get(site)),
      };
    }),
    audiences: [...audienceIds].map((audience) => {
      const queue = { ...noAudience, ...audienceQueues.find((one) => one.audience === audience), audience };
      return {
        ...queue,
        site: config.sites.find((one) => one.audience === audience)?.name ?? null,
        organization: ofOrganizations.find((one) => one.audience === audience)?.organization ?? null,
        paused: audiencePauses.get(audience) ?? null,
        ...paceOf(queue.due, pushRates.get(audience)),
      };
    }),
    syncs,
    running,
    doneInTheLastMinute,
    workers,
  };
}

/** How many a minute, on the average of the last minutes, and how long what waits takes so; null when nobody knows. */
export function paceOf(waiting: number, rate = 0): { ratePerMinute: number; estimateSeconds: number | null } {
  const estimate = rate > 0 ? Math.ceil((waiting / rate) * 60) : null;
  return { ratePerMinute: Math.round(rate * 10) / 10, estimateSeconds: waiting === 0 ? 0 : estimate };
}

/** Who polled each task queue of late. */
async function readWorkers(
  client: Client,
  { temporal: { namespace }, audiences }: Session['config'],
): Promise<{ taskQueue: string; workers: string[]; lastSeen: Date | undefined }[]> {
  const { TASK_QUEUE_TYPE_ACTIVITY: activity, TASK_QUEUE_TYPE_WORKFLOW: workflow } =
    proto.temporal.api.enums.v1.TaskQueueType;
  // each kind of destination that the configuration file names has a queue of its own
  const queues = new Set([
    ...Object.values(TaskQueue),
    ...Object.values(audiences).map(({ destination }) => destination),
  ]);
  return Promise.all(
    [...queues].map(async (taskQueue) => {
      const taskQueueType = taskQueue === TaskQueue.Steward ? workflow : activity;
      const { pollers } = await client
        .withDeadline(Date.now() + PATIENCE_MS, () =>
          client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType }),
        )
        .catch(() => ({ pollers: [] }));
      const times = (pollers ?? []).map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
      return {
        taskQueue,
        workers: [...new Set((pollers ?? []).map(({ identity }) => identity ?? ''))],
        lastSeen: times.length > 0 ? new Date(Math.max(...times)) : undefined,
      };
    }),
  );
}

const countRunning = (client: Client): Promise<number | undefined> =>
  client
    .withDeadline(Date.now() + PATIENCE_MS, () =>
      client.workflow.count("ExecutionStatus = 'Running' AND WorkflowType = 'memberSync'"),
    )
    .then(({ count }) => count)
    .catch(() => undefined);
