import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WatchedChild } from './child-process.js';
import { portFinder } from './free-port.js';
import type { Log } from './log.js';
import { clearPostmaster } from './postgres-orphan.js';
import { startPostgresServer } from './postgres-server.js';
import { findTemporalCli } from './temporal-cli.js';
import { startTemporalServer, stopTemporalOrphan } from './temporal-server.js';

/** Stores that this program runs by itself, in a data folder that it has locked. */
export interface EmbeddedStores {
  databaseUrl: string | undefined;
  temporalAddress: string | undefined;
  temporalUiUrl: string | undefined;
  stop(): Promise<void>;
}

/** Which stores to run, and where. */
export interface EmbeddedStoresOptions {
  dataDir: string;
  postgres: boolean;
  temporal: boolean;
  temporalCli: string | undefined;
  namespace: string;
  searchAttributes: readonly string[];
  log: Log;
}

const POSTGRES_PORT = 54329;
const TEMPORAL_PORT = 7233;
const TEMPORAL_UI_PORT = 8233;
const RESTART_PAUSE_MS = 500;

/** Starts what is asked for, side by side; one that ends by itself is started again on the same port. */
export async function startEmbeddedStores(options: EmbeddedStoresOptions): Promise<EmbeddedStores> {
  const { dataDir, log, namespace } = options;
  const dbFile = join(dataDir, 'temporal.db');
  const cli = options.temporal
    ? await findTemporalCli({
        cacheDir: join(dataDir, 'cache'),
        log,
        ...(options.temporalCli === undefined ? {} : { explicitPath: options.temporalCli }),
      })
    : '';
  // left by a kill -9: their ports are ours to use again
  await Promise.all([clearPostmaster(join(dataDir, 'postgres'), log), stopTemporalOrphan(dbFile, log)]);
  const [onPostgresPort, onTemporalPort] = [portFinder(POSTGRES_PORT), portFinder(TEMPORAL_PORT)];
  const onUiPort = portFinder(TEMPORAL_UI_PORT, /UI port.*address already in use/is);
  const searchAttributes = options.searchAttributes.map((name) => `${name}=Keyword`);
  const started = await Promise.allSettled([
    options.postgres
      ? keepRunning('Postgres', log, () => onPostgresPort((port) => startPostgresServer({ dataDir, port, log })))
      : undefined,
    options.temporal
      ? keepRunning('Temporal', log, () =>
          onTemporalPort((port) =>
            onUiPort((uiPort) => startTemporalServer({ cli, dbFile, port, uiPort, namespace, searchAttributes, log })),
          ),
        )
      : undefined,
  ]);
  const [postgres, temporal] = started.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  const failed = started.find((one) => one.status === 'rejected');
  const stop = async (): Promise<void> => {
    await temporal?.stop();
    await postgres?.stop();
  };
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return {
    databaseUrl: postgres && 'connectionString' in postgres.first ? postgres.first.connectionString : undefined,
    temporalAddress: temporal && 'address' in temporal.first ? temporal.first.address : undefined,
    temporalUiUrl: temporal && 'uiUrl' in temporal.first ? temporal.first.uiUrl : undefined,
    stop,
  };
}

async function keepRunning<T extends WatchedChild>(
  name: string,
  log: Log,
  start: () => Promise<T>,
): Promise<{ first: T; stop(): Promise<void> }> {
  const first = await start();
  let current: T = first;
  let isStopping = false;
  const watch = async (): Promise<void> => {
    for (;;) {
      const { reason } = await current.exited;
      if (isStopping) return;
      log.error({ store: name, reason }, 'an embedded store ended by itself and is started again');
      await sleep(RESTART_PAUSE_MS);
      while (!isStopping) {
        try {
          current = await start();
          log.info({ store: name }, 'the embedded store is up again');
          break;
        } catch (error) {
          log.error({ store: name, err: error }, 'the embedded store does not start; trying again');
          await sleep(RESTART_PAUSE_MS * 4);
        }
      }
    }
  };
  void watch();
  return {
    first,
    async stop() {
      isStopping = true;
      await current.stop();
    },
  };
}
