import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../../config/config.js';
import { openDatabase } from '../../ledger/database.js';
import { createLedger } from '../../ledger/ledger.js';
import type { Logger } from '../../observe/log.js';
import { createMetrics } from '../../observe/metrics.js';
import { createApp, type ProcessMetrics } from '../../server/app.js';
import { createIntake } from '../../server/intake.js';
import { registerLedgerMetrics } from '../../server/ledger-metrics.js';
import { openSpool } from '../../server/spool.js';
import { openClient, type TemporalAddress } from '../../temporal/connection.js';
import { type Relay, startRelay } from '../../temporal/relay.js';
import { createStarter } from '../../temporal/starter.js';
import { keyRingOf } from '../credentials.js';
import { knownAudiences } from './organization-audiences.js';

/** Where a role finds its Postgres and its Temporal. */
export interface Stores {
  databaseUrl: string;
  temporal: TemporalAddress;
  dataDir: string;
}

/** A running role of this process. */
export interface RunningRole {
  stop(): Promise<void>;
}

/** What the server role is started with. */
export interface ServerRoleOptions {
  config: Config;
  stores: Stores;
  log: Logger;
  /** Metrics of the other processes under the same command. */
  otherMetrics?: () => Promise<ProcessMetrics[]>;
  /** Clock for signatures. */
  now?: () => Date;
}

const POOL_SIZE = 10;
/** A ledger that stands still must not hold health and metrics for ever. */
const STATEMENT_TIMEOUT_MS = 5_000;
/** Slow senders are cut off: a webhook is small and quick. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Starts HTTP and the relay. @throws when the port is taken */
export async function startServerRole({
  config,
  stores,
  log,
  otherMetrics,
  now,
}: ServerRoleOptions): Promise<RunningRole & { url: string }> {
  const ledger = createLedger(
    openDatabase({
      connectionString: stores.databaseUrl,
      poolSize: POOL_SIZE,
      connectTimeoutMs: 2_000,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    }),
  );
  const metrics = createMetrics();
  const client = openClient(stores.temporal);
  const spool = await openSpool(stores.dataDir, log);
  let relay: Relay | undefined;
  const intake = createIntake({ ledger, spool, log, onStored: () => relay?.nudge() });
  const siteNames = config.sites.map(({ name }) => name);
  registerLedgerMetrics(metrics.registry, ledger, siteNames);
  const app = createApp({
    intake,
    log,
    metrics,
    secrets: new Map(config.sites.map(({ name, webhookSecrets }) => [name, webhookSecrets])),
    now: now ?? (() => new Date()),
    token: config.http.token,
    otherMetrics: otherMetrics ?? (async () => []),
    health: {
      ledger,
      client,
      sites: config.sites,
      audiences: () => knownAudiences({ config, ledger, ring: keyRingOf(config, stores.dataDir) }),
      intervals: config.schedules,
      isSpooling: intake.isSpooling,
    },
  });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, app);
  const { port, host } = config.http;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    await Promise.all([intake.stop(), ledger.close(), client.connection.close()]);
    const taken = (error as { code?: unknown }).code === 'EADDRINUSE';
    throw taken ? new Error(`Port ${port} on ${host} is taken by another program: set PORT to a free one.`) : error;
  }
  await ledger.inbox.wakeAll().catch(() => undefined);
  relay = startRelay({
    ledger,
    starter: createStarter(client),
    sites: siteNames,
    audiences: config.sites.map(({ audience }) => audience),
    isInBurst: intake.isInBurst,
    log,
  });

  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
      await relay?.stop();
      await intake.stop();
      await client.connection.close();
      await ledger.close();
    },
  };
}
