import { createServer } from 'node:http';
import type { Config } from '../../config/config.js';
import { openDatabase } from '../../ledger/database.js';
import { createLedger, type Ledger } from '../../ledger/ledger.js';
import type { Logger } from '../../observe/log.js';
import { createMetrics } from '../../observe/metrics.js';
import { isAllowed, type ProcessMetrics } from '../../server/app.js';
import { openClient } from '../../temporal/connection.js';
import { ensureSchedules } from '../../temporal/schedules.js';
import { startWorkers } from '../../temporal/workers.js';
import { keyRingOf } from '../credentials.js';
import { organizationAudiences, toScheduled } from './organization-audiences.js';
import type { RunningRole, Stores } from './server-role.js';
import { createClassySource, createTargets } from './targets.js';

/** What the worker role is started with. */
export interface WorkerRoleOptions {
  config: Config;
  stores: Stores;
  log: Logger;
}

const POOL_SIZE = 16;
const SCHEDULES_MS = 60_000;

/** Schedules are set once the workers are connected, so Temporal answers; where it does not allow it, syncs run by hand only. */
async function setSchedules(config: Config, stores: Stores, ledger: Ledger, log: Logger): Promise<void> {
  const ring = keyRingOf(config, stores.dataDir);
  const client = openClient(stores.temporal);
  try {
    const sites = config.sites.map(({ name, ghost }) => ({ name, canWalk: ghost !== undefined }));
    const organizations = (await ledger.organizations.list()).map(({ id }) => id);
    const { audiences, problems } = await organizationAudiences({ config, ledger, ring });
    for (const { organization, problem } of problems)
      log.error({ organization: organization.id, problem }, 'an audience is not synced: its configuration is wrong');
    await client.withDeadline(Date.now() + SCHEDULES_MS, () =>
      ensureSchedules(client, { sites, organizations, audiences: audiences.map(toScheduled) }, config.schedules),
    );
  } catch (error) {
    log.error({ err: error }, 'schedules could not be set: syncs do not run by themselves; restart to try again');
  } finally {
    await client.connection.close();
  }
}

/** Starts the Temporal workers, and their own `/metrics` where `METRICS_PORT` asks for it. */
export async function startWorkerRole({
  config,
  stores,
  log,
}: WorkerRoleOptions): Promise<RunningRole & { failed: Promise<never>; readMetrics(): Promise<ProcessMetrics> }> {
  const ledger = createLedger(openDatabase({ connectionString: stores.databaseUrl, poolSize: POOL_SIZE }));
  const metrics = createMetrics();
  const ring = keyRingOf(config, stores.dataDir);
  const workers = await startWorkers({
    ...createTargets(config, ledger, metrics, { ring, dataDir: stores.dataDir }),
    classyOf: createClassySource(config, ledger, metrics, ring),
    temporal: stores.temporal,
    ledger,
    budget: config.guard,
    sourceShare: config.schedules.ghostShare,
    audienceFullMs: config.schedules.audienceFull,
    log,
    metrics,
  });
  await setSchedules(config, stores, ledger, log);
  const server =
    config.metricsPort === undefined
      ? undefined
      : createServer((request, response) => {
          if (request.url === '/health/live') return void response.end('{"status":"ok"}');
          if (request.url !== '/metrics') return void response.writeHead(404).end();
          if (!isAllowed(request.headers.authorization, config.http.token)) return void response.writeHead(401).end();
          void metrics.registry
            .metrics()
            .then((text) => response.setHeader('content-type', metrics.registry.contentType).end(text));
        }).listen(config.metricsPort, config.http.host);
  return {
    failed: workers.failed,
    readMetrics: async () => (await metrics.registry.getMetricsAsJSON()) as ProcessMetrics,
    async stop() {
      server?.close();
      await workers.stop();
      await ledger.close();
    },
  };
}
