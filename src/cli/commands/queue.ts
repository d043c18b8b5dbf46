import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Command } from 'commander';
import { TaskQueue } from '../../contract/task-queues.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { type Session, withSession } from '../session.js';

/** `steward queue`. */
export function registerQueue(program: Command): void {
  program
    .command('queue')
    .description('what waits, runs and is parked; the workers; paused sites and audiences')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withSession(async (session) => {
        const queue = await readQueue(session);
        if (json) return printJson(queue);
        show(queue);
      }),
    );
}

async function readQueue({ config, ledger, client }: Session) {
  const [siteQueues, audienceQueues, sitePauses, audiencePauses, doneInTheLastMinute, workers, running] =
    await Promise.all([
      ledger.status.sites(),
      ledger.status.audiences(),
      ledger.sites.pauses(),
      ledger.audiences.pauses(),
      ledger.status.doneWithin(1),
      readWorkers(client, config.temporal.namespace),
      countRunning(client),
    ]);
  const siteNames = [...new Set([...config.sites.map(({ name }) => name), ...siteQueues.map(({ site }) => site)])];
  const audienceIds = [
    ...new Set([...config.sites.map(({ audience }) => audience), ...audienceQueues.map(({ audience }) => audience)]),
  ];
  const noSite = { waiting: 0, oldestSeconds: 0, parked: 0 };
  const noAudience = { due: 0, underWay: 0, held: 0, oldestSeconds: 0, writing: false };
  return {
    sites: siteNames.map((site) => ({
      ...noSite,
      ...siteQueues.find((one) => one.site === site),
      site,
      paused: sitePauses.get(site) ?? null,
    })),
    audiences: audienceIds.map((audience) => ({
      ...noAudience,
      ...audienceQueues.find((one) => one.audience === audience),
      audience,
      paused: audiencePauses.get(audience) ?? null,
    })),
    running,
    doneInTheLastMinute,
    workers,
  };
}

function show({
  sites,
  audiences,
  running,
  doneInTheLastMinute,
  workers,
}: Awaited<ReturnType<typeof readQueue>>): void {
  const state = (paused: { since: Date; type: string } | null, otherwise: string): string =>
    paused ? `paused since ${showTime(paused.since)} (${paused.type})` : otherwise;
  printTable(
    ['SITE', 'WAITING', 'OLDEST', 'PARKED', 'STATE'],
    sites.map((one) => [one.site, one.waiting, showSeconds(one.oldestSeconds), one.parked, state(one.paused, 'ok')]),
  );
  print();
  printTable(
    ['AUDIENCE', 'DUE', 'UNDER WAY', 'HELD', 'OLDEST', 'STATE'],
    audiences.map((one) => [
      one.audience,
      one.due,
      one.underWay,
      one.held,
      showSeconds(one.oldestSeconds),
      state(one.paused, one.writing ? 'writing' : 'idle'),
    ]),
  );
  print();
  printTable(
    ['TASK QUEUE', 'WORKERS', 'SEEN'],
    workers.map((one) => [one.taskQueue, one.workers.length, showTime(one.lastSeen)]),
  );
  print();
  print(`${running ?? 'unknown'} member runs open, ${doneInTheLastMinute} deliveries done in the last minute`);
  for (const { paused, ...one } of [...sites, ...audiences])
    if (paused) print(`${'site' in one ? one.site : one.audience}: ${paused.message}; steward doctor tells what to do`);
  if (workers.some((one) => one.workers.length === 0))
    print('A task queue has no worker: is Steward running? See `steward daemon status` and `steward doctor`.');
}

/** Who polled each task queue of late. */
async function readWorkers(
  client: Client,
  namespace: string,
): Promise<{ taskQueue: string; workers: string[]; lastSeen: Date | undefined }[]> {
  const { TASK_QUEUE_TYPE_ACTIVITY: activity, TASK_QUEUE_TYPE_WORKFLOW: workflow } =
    proto.temporal.api.enums.v1.TaskQueueType;
  return Promise.all(
    Object.values(TaskQueue).map(async (taskQueue) => {
      const taskQueueType = taskQueue === TaskQueue.Steward ? workflow : activity;
      const { pollers } = await client
        .withDeadline(Date.now() + 5_000, () =>
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
    .withDeadline(Date.now() + 5_000, () =>
      client.workflow.count("ExecutionStatus = 'Running' AND WorkflowType = 'memberSync'"),
    )
    .then(({ count }) => count)
    .catch(() => undefined);
