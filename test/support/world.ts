import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/embedded/free-port.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { openDatabase } from '../../src/ledger/database.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { type SandboxGhost, startCampaignMonitor, startGhost } from '../../src/sandbox/index.js';
import { testCacheDir, testLog } from './embedded-stack.js';
import { eventually } from './eventually.js';
import { Program } from './program.js';
import { CM_KEY, tickingClock, WEBHOOK_SECRET } from './testbed.js';

/** One site, its stand-ins in this process, and the whole program with embedded stores in processes of its own. */
export interface World {
  program: Program;
  ghost: SandboxGhost;
  cm: Awaited<ReturnType<typeof startCampaignMonitor>>;
  listId: string;
  site: string;
  url: string;
  /** The program's ledger, on a connection that outlives its kills. */
  ledger(): Promise<Ledger>;
  /** Lets Ghost's webhooks reach the program by themselves. */
  connectWebhooks(): void;
  /** Waits until every delivery has its outcome. */
  drained(withinMs: number): Promise<void>;
  /** Waits until nothing is due either. */
  settled(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

/** What a world is made with. */
export interface WorldOptions {
  withKey?: boolean;
  variables?: Record<string, string>;
  file?: object;
}

/** Builds a world; the program is not started. */
export async function createWorld({ withKey = false, variables = {}, file = {} }: WorldOptions = {}): Promise<World> {
  const [site, listId] = ['world', 'world-list'];
  const cm = await startCampaignMonitor({ apiKeys: [CM_KEY], lists: [{ listId, title: 'World' }] });
  const ghost = await startGhost({ now: tickingClock() });
  const folder = await mkdtemp(join(tmpdir(), 'steward-world-'));
  await chmod(folder, 0o755);
  await writeFile(
    join(folder, 'steward.config.json'),
    JSON.stringify({ timeouts: { 'campaign-monitor': '2s', ghost: '2s' }, ...file }),
  );
  const port = await freePort(30_000 + (process.pid % 1_000) * 20);
  const program = new Program(
    {
      SITE1_NAME: site,
      SITE1_GHOST_WEBHOOK_SECRET: WEBHOOK_SECRET,
      SITE1_CM_LIST_ID: listId,
      CM_API_KEY: CM_KEY,
      CM_API_URL: cm.url,
      ...(withKey ? { SITE1_GHOST_URL: ghost.url, SITE1_GHOST_ADMIN_API_KEY: ghost.adminApiKey } : {}),
      PORT: String(port),
      STEWARD_DATA_DIR: join(folder, 'data'),
      TEMPORAL_CLI: await findTemporalCli({ cacheDir: testCacheDir, log: testLog }),
      ...variables,
    },
    folder,
  );
  let open: { url: string; ledger: Ledger } | undefined;
  const ledger = async (): Promise<Ledger> => {
    const { databaseUrl } = await program.info();
    if (open?.url !== databaseUrl) {
      await open?.ledger.close();
      open = { url: databaseUrl, ledger: createLedger(openDatabase({ connectionString: databaseUrl, poolSize: 2 })) };
    }
    return open.ledger;
  };
  const drained = async (withinMs: number): Promise<void> => {
    await eventually(
      async () => {
        const waiting = (await (await ledger()).status.sites()).reduce((sum, one) => sum + one.waiting, 0);
        if (waiting > 0) throw new Error(`${waiting} deliveries wait`);
        return true;
      },
      { withinMs, everyMs: 100 },
    );
  };
  return {
    program,
    ghost,
    cm,
    listId,
    site,
    url: `http://127.0.0.1:${port}`,
    ledger,
    connectWebhooks() {
      for (const { id } of [...ghost.webhooks.list]) ghost.webhooks.remove(id);
      for (const event of ['member.added', 'member.edited', 'member.deleted'] as const) {
        ghost.webhooks.add({
          event,
          targetUrl: `http://127.0.0.1:${port}/webhook/ghost/${site}?event=${event}`,
          secret: WEBHOOK_SECRET,
        });
      }
    },
    drained,
    async settled(withinMs) {
      await drained(withinMs);
      await eventually(
        async () => {
          const due = (await (await ledger()).status.audiences()).reduce((sum, one) => sum + one.due, 0);
          if (due > 0) throw new Error(`${due} contacts are due`);
          return true;
        },
        { withinMs, everyMs: 100 },
      );
    },
    async close() {
      await program.stop();
      await open?.ledger.close();
      await Promise.all([ghost.close(), cm.close()]);
    },
  };
}
