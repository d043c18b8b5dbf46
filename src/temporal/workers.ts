import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { createPushActivities } from '../../activities/audience-push.js';
import { createAudienceSyncActivities } from '../../activities/audience-sync.js';
import type { AudienceOf } from '../../activities/audience-target.js';
import { createCatchUpActivities } from '../../activities/catch-up.js';
import { createOrganizationRunActivities } from '../../activities/classy/organization-run.js';
import type { OrganizationDeps } from '../../activities/classy/organization-source.js';
import { createReadActivities } from '../../activities/classy/read-resource.js';
import { createGhostActivities, type SiteSource } from '../../activities/ghost.js';
import { createListActivities } from '../../activities/read-list.js';
import { createSyncActivities } from '../../activities/site-sync.js';
import { createWalkActivities } from '../../activities/walk.js';
import { TaskQueue } from '../contract/task-queues.js';
import type { Ledger } from '../ledger/ledger.js';
import type { RemovalBudget } from '../ledger/removals.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { failureInterceptor } from './activity-interceptor.js';
import { connectionOptions, type TemporalAddress } from './connection.js';
import { createDueWaiter } from './due-waiter.js';

/** What the workers of one process work with. */
export interface WorkersDeps {
  temporal: TemporalAddress;
  ledger: Ledger;
  sites: ReadonlyMap<string, SiteSource>;
  audienceOf: AudienceOf;
  /** Task queues of the destinations there may be. */
  destinationQueues: readonly string[];
  /** Adds up what the donors of an organization have given. */
  reckon(organization: string): Promise<{ donors: number }>;
  /** Everything in an organization's audience is read at least this often, in milliseconds. */
  audienceFullMs: number;
  classyOf: OrganizationDeps['classyOf'];
  budget: RemovalBudget;
  /** Largest share of the time during which scheduled walks may keep a site's Ghost busy. */
  sourceShare: number;
  log: Logger;
  metrics: Metrics;
}

/** Running workers. */
export interface Workers {
  /** Settles when a worker ends by itself, which is a failure. */
  readonly failed: Promise<never>;
  /** Takes no more, lets what runs finish, then ends. */
  stop(): Promise<void>;
}

/** What runs gets this long to finish before it is cancelled. */
const SHUTDOWN_GRACE = '20 seconds';
// a wide fan of pollers makes every call slower
const poller = { type: 'autoscaling', initial: 2, minimum: 1, maximum: 5 } as const;
const GHOST_READS_AT_A_TIME = 20;
/** Resources read at a time: organizations come and go while the worker runs. */
const CLASSY_READS_AT_A_TIME = 32;
/** Audiences of organizations come and go as well. */
const AUDIENCES = 32;
/** Syncs that work in the ledger alone, beside one of each site. */
const SYNCS_AT_A_TIME = 16;
const CONNECT_PAUSE_MS = 2_000;

/** Sends the SDK's own log through ours; once a process, before anything else of the SDK. */
export function installRuntime(log: Logger): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // one worker for workflows and one for each vendor's activities is on purpose
      if (/^No (activities|workflows) registered/.test(message)) return;
      const { workflowId, activityType, attempt } = meta ?? {};
      log[levels[level]]({ workflowId, activity: activityType, attempt }, message);
    }),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  });
}

/** Connects and starts one worker for workflows and one for each vendor's activities. */
export async function startWorkers(deps: WorkersDeps): Promise<Workers> {
  const { temporal, ledger, sites, destinationQueues, log } = deps;
  const connection = await connectPatiently(temporal, log);
  const stopping = new AbortController();
  const due = createDueWaiter(ledger);
  const shared = {
    connection,
    namespace: temporal.namespace,
    shutdownGraceTime: SHUTDOWN_GRACE,
    interceptors: { activity: [failureInterceptor(log)] },
  };
  const activityWorker = (taskQueue: string, activities: object, slots: number): Promise<Worker> =>
    Worker.create({
      ...shared,
      taskQueue,
      activities,
      maxConcurrentActivityTaskExecutions: slots,
      activityTaskPollerBehavior: poller,
      // heartbeats of a writer tell that it is alive, so they are not held back for long
      maxHeartbeatThrottleInterval: '3 seconds',
    });
  const syncDeps = { ...deps, stopping: stopping.signal };
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      ...workflowCode(),
      taskQueue: TaskQueue.Steward,
      // what a sync does in the ledger alone; each site has at most one
      activities: {
        ...createSyncActivities(syncDeps),
        ...createOrganizationRunActivities(syncDeps),
        ...createAudienceSyncActivities(syncDeps),
      },
      maxConcurrentActivityTaskExecutions: sites.size + SYNCS_AT_A_TIME,
      activityTaskPollerBehavior: poller,
      maxHeartbeatThrottleInterval: '3 seconds',
      workflowTaskPollerBehavior: poller,
      maxCachedWorkflows: 500,
      // a killed worker's runs are taken up by another soon
      stickyQueueScheduleToStartTimeout: '5 seconds',
    }),
    // a walk and a catch-up of every site beside the live reads
    activityWorker(
      TaskQueue.Ghost,
      { ...createGhostActivities(deps), ...createWalkActivities(syncDeps), ...createCatchUpActivities(syncDeps) },
      GHOST_READS_AT_A_TIME + 2 * sites.size,
    ),
    // a writer occupies its slot for as long as it lives: there is one for every audience, and one to read each back
    ...destinationQueues.map((queue) =>
      activityWorker(
        queue,
        { ...createPushActivities({ ...syncDeps, due }), ...createListActivities(syncDeps) },
        2 * (queue === TaskQueue.CampaignMonitor ? sites.size : AUDIENCES) + 2,
      ),
    ),
    activityWorker(TaskQueue.Classy, createReadActivities(syncDeps), CLASSY_READS_AT_A_TIME),
  ]);
  for (const { site } of sites.values()) await ledger.audiences.requireCheck(site.audience);

  const runs = workers.map((worker) => worker.run());
  const failed = Promise.race(runs.map((run) => run.then(() => new Promise<never>(() => undefined))));
  failed.catch(() => undefined);
  return {
    failed,
    async stop() {
      stopping.abort();
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.allSettled(runs);
      await due.end();
      await connection.close();
    },
  };
}

/** Waits for a Temporal that is down: a worker without it has nothing to do. */
async function connectPatiently(temporal: TemporalAddress, log: Logger): Promise<NativeConnection> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await NativeConnection.connect(connectionOptions(temporal));
    } catch {
      if (attempt === 0)
        log.warn(
          { address: temporal.address },
          'Temporal does not answer: workers wait for it; check TEMPORAL_ADDRESS and its key or certificates',
        );
      await sleep(CONNECT_PAUSE_MS);
    }
  }
}

/** The bundle of the build, also for tests from sources; where one of these is newer it is made at start. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const built = new URL('../../workflow-bundle.js', import.meta.url).pathname;
  if (existsSync(built)) return { workflowBundle: { codePath: built } };
  const root = new URL('../../', import.meta.url).pathname;
  const bundle = join(root, 'dist/workflow-bundle.js');
  const isCurrent = existsSync(bundle) && BUNDLED.every((folder) => newestIn(join(root, folder)) < modifiedAt(bundle));
  return isCurrent ? { workflowBundle: { codePath: bundle } } : { workflowsPath: join(root, 'workflows/index.ts') };
}

/** Folders of what workflows may import. */
const BUNDLED = ['workflows', 'src/contract', 'src/domain'];

const modifiedAt = (file: string): number => statSync(file).mtimeMs;

const newestIn = (folder: string): number =>
  Math.max(...readdirSync(folder).map((file) => modifiedAt(join(folder, file))));
