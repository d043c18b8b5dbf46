import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningRole, type Stores, startServerRole } from '../../src/cli/processes/server-role.js';
import { startWorkerRole } from '../../src/cli/processes/worker-role.js';
import { type Config, loadConfig } from '../../src/config/config.js';
import type { SiteSyncInput, SyncMode } from '../../src/contract/site-sync.js';
import { markDue } from '../../src/ledger/contacts.js';
import { openDatabase } from '../../src/ledger/database.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { applyMigrations } from '../../src/ledger/migrate.js';
import type { SyncRun } from '../../src/ledger/runs.js';
import { createLog, type Logger } from '../../src/observe/log.js';
import { type SandboxGhost, startCampaignMonitor, startGhost } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { installRuntime } from '../../src/temporal/workers.js';
import { embeddedStack } from './embedded-stack.js';
import { eventually } from './eventually.js';

/** One site of a testbed. */
export interface TestSite {
  name: string;
  /** Without a key the webhooks alone tell. */
  withKey?: boolean;
  variables?: Record<string, string>;
  list?: { confirmedOptIn?: boolean };
  /** Clock of its Ghost. */
  now?: () => Date;
}

/** A clock that never shows a millisecond twice, so that no two deliveries have the same `t`. */
export function tickingClock(): () => Date {
  let last = 0;
  return () => {
    last = Math.max(last + 1, Date.now());
    return new Date(last);
  };
}

/** What a testbed is made with. */
export interface TestbedOptions {
  /** Name of its database. */
  name: string;
  sites: readonly TestSite[];
  /** Content of steward.config.json. */
  file?: object;
  variables?: Readonly<Record<string, string>>;
}

export const CM_KEY = 'test-cm-key';
export const WEBHOOK_SECRET = 'test-webhook-secret';

/** Stand-ins, a fresh ledger, and the configuration that joins them; roles are started and stopped by the test. */
export async function createTestbed({ name, sites, file = {}, variables = {} }: TestbedOptions) {
  const stack = await embeddedStack();
  const databaseUrl = await stack.databaseUrl(name);
  await applyMigrations(databaseUrl, 'prisma/migrations');
  const lists = sites.map((site, index) => ({
    listId: `${name}-${site.name}-list`.replaceAll('_', '-'),
    title: `List ${index}`,
    ...site.list,
  }));
  const cm = await startCampaignMonitor({ apiKeys: [CM_KEY], lists });
  const ghosts = new Map<string, SandboxGhost>();
  const env: Record<string, string> = {
    CM_API_URL: cm.url,
    CM_API_KEY: CM_KEY,
    DATABASE_URL: databaseUrl,
    STEWARD_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    TEMPORAL_ADDRESS: stack.temporalAddress,
    STEWARD_DATA_DIR: await mkdtemp(join(tmpdir(), 'steward-testbed-')),
    PORT: '0',
    LOG_LEVEL: 'error',
    LOG_FORMAT: 'json',
    ...variables,
  };
  for (const [index, site] of sites.entries()) {
    const ghost = await startGhost(site.now ? { now: site.now } : {});
    ghosts.set(site.name, ghost);
    const prefix = `SITE${index + 1}`;
    Object.assign(env, {
      [`${prefix}_NAME`]: site.name,
      [`${prefix}_GHOST_WEBHOOK_SECRET`]: WEBHOOK_SECRET,
      [`${prefix}_CM_LIST_ID`]: lists[index]!.listId,
      ...(site.withKey
        ? { [`${prefix}_GHOST_URL`]: ghost.url, [`${prefix}_GHOST_ADMIN_API_KEY`]: ghost.adminApiKey }
        : {}),
      ...Object.fromEntries(Object.entries(site.variables ?? {}).map(([key, value]) => [`${prefix}_${key}`, value])),
    });
  }
  const folder = await mkdtemp(join(tmpdir(), 'steward-config-'));
  // nothing runs by itself unless a test asks for it
  const quiet = { schedules: { siteWalk: '31d', siteFull: '31d' } };
  await writeFile(join(folder, 'steward.config.json'), JSON.stringify({ ...quiet, ...file }));
  const config = loadConfig({ env, folder });
  const ledger = createLedger(openDatabase({ connectionString: databaseUrl, poolSize: 3 }));
  const stores: Stores = {
    databaseUrl,
    dataDir: config.dataDir!,
    temporal: { address: stack.temporalAddress, namespace: 'default' },
  };
  return new Testbed(config, stores, ledger, cm, ghosts, env, folder);
}

let runtimeInstalled = false;

/** A testbed with the roles that a test started in this process. */
export class Testbed {
  readonly log: Logger;
  readonly #roles: RunningRole[] = [];
  url = '';

  constructor(
    readonly config: Config,
    readonly stores: Stores,
    readonly ledger: Ledger,
    readonly cm: Awaited<ReturnType<typeof startCampaignMonitor>>,
    readonly ghosts: ReadonlyMap<string, SandboxGhost>,
    readonly env: Readonly<Record<string, string>>,
    readonly folder: string,
  ) {
    this.log = createLog(config.log);
  }

  ghost(site: string): SandboxGhost {
    return this.ghosts.get(site)!;
  }

  /** The list of a site at the stand-in. */
  list(site: string) {
    const audience = this.config.sites.find(({ name }) => name === site)!.audience;
    return this.cm.state.list(audience)!;
  }

  /** A subscriber of a site's list. */
  subscriber(site: string, email: string) {
    const { listId } = this.list(site);
    return this.cm.state.subscriber(listId, email);
  }

  /** Starts HTTP and relay, and points the Ghosts' webhooks at it. */
  async startServer(): Promise<RunningRole> {
    const server = await startServerRole({ config: this.config, stores: this.stores, log: this.log });
    this.#roles.push(server);
    this.url = server.url;
    for (const [site, ghost] of this.ghosts) {
      for (const { id } of [...ghost.webhooks.list]) ghost.webhooks.remove(id);
      for (const event of ['member.added', 'member.edited', 'member.deleted'] as const) {
        ghost.webhooks.add({
          event,
          targetUrl: `${server.url}/webhook/ghost/${site}?event=${event}`,
          secret: WEBHOOK_SECRET,
        });
      }
    }
    return server;
  }

  async startWorker(): Promise<RunningRole> {
    if (!runtimeInstalled) installRuntime(this.log);
    runtimeInstalled = true;
    const worker = await startWorkerRole({ config: this.config, stores: this.stores, log: this.log });
    this.#roles.push(worker);
    return worker;
  }

  async start(): Promise<this> {
    await this.startServer();
    await this.startWorker();
    return this;
  }

  /** Waits until every delivery has its outcome and nothing is due. */
  async settled(withinMs = 30_000): Promise<void> {
    for (const ghost of this.ghosts.values()) await ghost.settled();
    await eventually(
      async () => {
        // in this order: an outcome and the marks it makes are committed together
        const sites = await this.ledger.status.sites();
        const audiences = await this.ledger.status.audiences();
        const waiting = sites.reduce((sum, one) => sum + one.waiting, 0);
        const due = audiences.reduce((sum, one) => sum + one.due, 0);
        if (waiting + due > 0) throw new Error(`${waiting} deliveries wait, ${due} contacts are due`);
        return true;
      },
      { withinMs },
    );
  }

  /** Signals a member's workflow as an operator would. */
  async signal(site: string, memberId: string, signal: 'wake' | 'retryParked' | 'discardParked'): Promise<void> {
    const client = openClient(this.stores.temporal);
    await createStarter(client).signalMember(site, memberId, signal);
    await client.connection.close();
  }

  /** Runs a walk, a full sync or a plan to its end; gives what the ledger says of it. */
  async sync(
    site: string,
    mode: SyncMode,
    more: Partial<SiteSyncInput> = {},
  ): Promise<SyncRun & { message: string | null }> {
    const client = openClient(this.stores.temporal);
    try {
      const run = randomUUID();
      // the run before this one may still be closing
      const handle = await eventually(() =>
        createStarter(client).startSync({ site, mode, run, by: 'command', ...more }),
      );
      const { result, message = null } = await handle.result();
      const noted = await this.ledger.runs.find(run);
      return noted ?? ({ id: run, result, message } as SyncRun);
    } finally {
      await client.connection.close();
    }
  }

  /** Counts tries of a contact up and makes it due at once, in place of waiting for them. */
  async spendTries(site: string, address: string, tries: number): Promise<void> {
    const { audience } = this.config.sites.find(({ name }) => name === site)!;
    const database = openDatabase({ connectionString: this.stores.databaseUrl, poolSize: 1 });
    await database.prisma.contact.update({
      where: { audience_address: { audience, address } },
      data: { tries, dueAt: new Date() },
    });
    await database.close();
  }

  /** Makes contacts due though nothing changed. */
  async markDue(site: string, addresses: readonly string[]): Promise<void> {
    const { audience } = this.config.sites.find(({ name }) => name === site)!;
    const database = openDatabase({ connectionString: this.stores.databaseUrl, poolSize: 1 });
    const marks = addresses.map((address) => ({ address }));
    await database.transaction((tx) => markDue(tx, audience, marks, 'live'));
    await database.close();
  }

  /** Makes the relay look after parked runs now, in place of once an hour. */
  async lookAfterParked(): Promise<void> {
    const database = openDatabase({ connectionString: this.stores.databaseUrl, poolSize: 1 });
    await database.prisma.parked.updateMany({ data: { wakeAt: new Date() } });
    await database.close();
  }

  async stop(): Promise<void> {
    for (const role of this.#roles.splice(0).reverse()) await role.stop();
    await this.ledger.close();
    for (const ghost of this.ghosts.values()) await ghost.close();
    await this.cm.close();
  }
}
