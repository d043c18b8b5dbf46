import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, loadConfig, readEnvironment } from '../config/config.js';
import { ConfigError } from '../config/problem.js';
import { searchAttributes } from '../contract/search-attributes.js';
import { type DataFolderLock, defaultDataDir, lockDataFolder, writeRunFile } from '../embedded/data-folder.js';
import { type EmbeddedStores, startEmbeddedStores } from '../embedded/embedded-stores.js';
import { openDatabase } from '../ledger/database.js';
import { createLedger, type Ledger } from '../ledger/ledger.js';
import { applyMigrations } from '../ledger/migrate.js';
import { createLog, type Logger } from '../observe/log.js';
import { openClient, registerSearchAttributes, type TemporalAddress } from '../temporal/connection.js';
import { installRuntime } from '../temporal/workers.js';
import { banner } from './banner.js';
import { CliError, ExitCode } from './exit.js';
import { migrationsDir } from './folders.js';
import { type Child, startChild } from './processes/child.js';
import { type Stores, startServerRole } from './processes/server-role.js';
import { startWorkerRole } from './processes/worker-role.js';
import { readSandboxOrganization, saveSandboxOrganization } from './sandbox-organization.js';

/** What `steward start` is told. */
export interface StartOptions {
  roles: ReadonlySet<'server' | 'worker'>;
  sandbox: boolean;
  folder: string;
  logFile?: string | undefined;
}

const RESTART_PAUSE_MS = 1_000;

type Stop = () => Promise<void>;

/** Brings up everything the roles need, prints one banner, and runs until a signal. Settles after an orderly stop. */
export async function start({ roles, sandbox: sandboxAsked, folder, logFile }: StartOptions): Promise<void> {
  let env = readEnvironment({ env: process.env, folder });
  let config = loadConfig({ env: process.env, folder });
  const log = createLog(config.log);
  const dataDir = config.dataDir ?? defaultDataDir(process.env);
  refuseWhatCannotWork(config, roles, { dataDir, sandboxAsked });

  const stops: Stop[] = [];
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse())
      await stop().catch((error: unknown) => log.error({ err: error }, 'a part did not stop in order'));
  };
  const stopped = untilSignal(log);
  try {
    const stores = await openStores(config, dataDir, log, stops);
    const ledger = createLedger(openDatabase({ connectionString: stores.databaseUrl, poolSize: 1 }));
    stops.push(() => ledger.close());
    const organized = await hasOrganizations(ledger);
    if (sandboxAsked && organized) refuseSandboxBesideReal();
    const isSandbox = sandboxAsked || (config.sites.length === 0 && !organized);
    if (isSandbox) refuseSandbox(config, roles);
    else await ledger.organizations.purgeSandbox();
    let sandbox: Child | undefined;
    if (isSandbox) {
      sandbox = await startChild({ kind: 'sandbox', env: { ...withoutSites(env), STEWARD_DATA_DIR: dataDir }, log });
      stops.push(sandbox.stop);
      env = { ...withoutSites(env), ...sandbox.ready.variables };
      config = loadConfig({ env, folder });
    }
    const invented = sandbox?.ready.organization;
    if (invented) await saveSandboxOrganization(ledger, config, dataDir, invented);
    installRuntime(log);
    const httpUrl = await startRoles({ roles, config, env, stores, log, stops });
    sandbox?.send({ type: 'traffic', webhookBase: httpUrl ?? '' });
    if (invented) await readSandboxOrganization(stores.temporal, invented.id);
    if (httpUrl !== undefined) {
      await writeRunFile(dataDir, {
        pid: process.pid,
        startedAt: new Date().toISOString(),
        databaseUrl: stores.databaseUrl,
        temporalAddress: stores.temporal.address,
        temporalUiUrl: stores.temporalUiUrl ?? '',
        namespace: stores.temporal.namespace,
        httpUrl,
        ...(logFile === undefined ? {} : { logFile }),
        ...(sandbox?.ready.variables ? { sandbox: sandbox.ready.variables } : {}),
      });
    }
    const organizations = await ledger.organizations.list();
    banner({ config, stores, httpUrl, organizations, sandbox: sandbox !== undefined, log });
    await stopped;
  } finally {
    await stopAll();
  }
  log.info('stopped');
}

/** Organizations that somebody has added; those of the sandbox do not count. */
const hasOrganizations = async (ledger: Ledger): Promise<boolean> =>
  (await ledger.organizations.list()).some(({ isSandbox }) => !isSandbox);

/** What can be told before anything is started. */
function refuseWhatCannotWork(
  config: Config,
  roles: StartOptions['roles'],
  { dataDir, sandboxAsked }: { dataDir: string; sandboxAsked: boolean },
): void {
  // organizations are in the ledger, which there is not before the first start
  const hasLedger = config.databaseUrl !== undefined || existsSync(join(dataDir, 'postgres'));
  if (sandboxAsked || (config.sites.length === 0 && !hasLedger)) refuseSandbox(config, roles);
  if (roles.size < 2 && (config.databaseUrl === undefined || config.temporal.address === undefined))
    throw new ConfigError([
      {
        where: '--role',
        what: 'runs one role apart from the other, so both need the same stores: set DATABASE_URL and TEMPORAL_ADDRESS',
      },
    ]);
}

/** Its workers would send the credentials of real organizations to a made-up Classy. */
function refuseSandboxBesideReal(): never {
  throw new CliError(
    'There are organizations in this ledger: --sandbox needs one of its own. Set STEWARD_DATA_DIR to another folder (and no DATABASE_URL).',
    ExitCode.Refused,
  );
}

function refuseSandbox(config: Config, roles: StartOptions['roles']): void {
  if (config.isProduction)
    throw new ConfigError([
      {
        where: 'SITE1_NAME',
        what: 'is missing, and no organization was added: with NODE_ENV=production nothing is made up. Set SITE1_NAME, SITE1_GHOST_WEBHOOK_SECRET, SITE1_CM_LIST_ID and CM_API_KEY (see .env.example), or run steward organization add, or start without NODE_ENV for the sandbox',
      },
    ]);
  if (roles.size < 2)
    throw new ConfigError([
      {
        where: 'SITE1_NAME',
        what: 'is missing, and no organization was added: a role on its own works for what is configured only; the sandbox needs both roles in one command',
      },
    ]);
}

/** Variables without any site: the sandbox's own takes their place. */
const withoutSites = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, /^SITE\d+_/.test(name) ? '' : value]));

/** Opens configured stores or starts embedded ones; migrates the ledger and registers search attributes. */
async function openStores(
  config: Config,
  dataDir: string,
  log: Logger,
  stops: Stop[],
): Promise<Stores & { temporalUiUrl?: string | undefined }> {
  const { databaseUrl, temporal } = config;
  let embedded: EmbeddedStores | undefined;
  if (databaseUrl === undefined || temporal.address === undefined) {
    const lock: DataFolderLock = await lockDataFolder(dataDir).catch((error: Error) => {
      throw new CliError(error.message, ExitCode.Refused);
    });
    stops.push(lock.release);
    log.info({ dataDir }, 'starting the embedded stores (the first start fetches Temporal and sets up Postgres)');
    embedded = await startEmbeddedStores({
      dataDir,
      postgres: databaseUrl === undefined,
      temporal: temporal.address === undefined,
      temporalCli: temporal.cli,
      namespace: temporal.namespace,
      searchAttributes: searchAttributes.map(({ name }) => name),
      log,
    });
    stops.push(embedded.stop);
  }
  const stores: Stores & { temporal: TemporalAddress } = {
    dataDir,
    databaseUrl: databaseUrl ?? embedded?.databaseUrl ?? '',
    temporal: {
      address: temporal.address ?? embedded?.temporalAddress ?? '',
      namespace: temporal.namespace,
      apiKey: temporal.apiKey,
      tls: temporal.tls,
    },
  };
  const applied = await applyMigrations(stores.databaseUrl, migrationsDir);
  if (applied.length > 0) log.info({ migrations: applied }, 'the ledger was migrated');
  await registerWithPatience(stores.temporal, log);
  return { ...stores, temporalUiUrl: embedded?.temporalUiUrl };
}

/** A server may start while Temporal is down, since deliveries wait in the inbox; attributes are then registered by the workers' start. */
async function registerWithPatience(temporal: TemporalAddress, log: Logger): Promise<void> {
  const client = openClient(temporal);
  try {
    await client.withDeadline(Date.now() + 10_000, () => registerSearchAttributes(client, temporal.namespace));
  } catch (error) {
    log.warn(
      { err: error, address: temporal.address },
      'Temporal does not answer yet, or does not let us register search attributes; by hand: SyncState, FailedStep, SiteName, OrganizationId, all Keyword',
    );
  } finally {
    await client.connection.close();
  }
}

/** HTTP in a process of its own beside the workers; a role that runs alone runs here. Gives the HTTP address. */
async function startRoles(options: {
  roles: StartOptions['roles'];
  config: Config;
  env: NodeJS.ProcessEnv;
  stores: Stores;
  log: Logger;
  stops: Stop[];
}): Promise<string | undefined> {
  const { roles, config, env, stores, log, stops } = options;
  if (!roles.has('worker')) {
    const server = await startServerRole({ config, stores, log });
    stops.push(server.stop);
    return server.url;
  }
  const worker = await startWorkerRole({ config, stores, log });
  stops.push(worker.stop);
  void worker.failed.catch((error: unknown) => {
    log.fatal({ err: error }, 'a worker ended by itself');
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  });
  if (!roles.has('server')) return undefined;

  const fork = (): Promise<Child> => startChild({ kind: 'server', env, stores, readMetrics: worker.readMetrics, log });
  let server = await fork();
  let isStopping = false;
  const watch = async (): Promise<void> => {
    for (;;) {
      await server.exited;
      if (isStopping) return;
      log.error('the HTTP process ended by itself and is started again');
      await sleep(RESTART_PAUSE_MS);
      const again = await fork().catch(
        (error: unknown) => void log.error({ err: error }, 'the HTTP process does not start; trying again'),
      );
      if (again) server = again;
    }
  };
  void watch();
  stops.push(async () => {
    isStopping = true;
    await server.stop();
  });
  return server.ready.url;
}

function untilSignal(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        log.info({ signal }, 'stopping: what runs is finished first');
        resolve();
      });
    }
  });
}
