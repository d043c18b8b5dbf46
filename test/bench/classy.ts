import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESOURCES, type Resource } from '../../src/contract/organization-sync.js';
import { freePort } from '../../src/embedded/free-port.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { openDatabase } from '../../src/ledger/database.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { type SandboxClassy, type SeedSize, seedOrganization, startClassy } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { testCacheDir, testLog } from '../support/embedded-stack.js';
import { Program } from '../support/program.js';
import { memoryOf } from './figures.js';

// A first full sync of an organization of real-life size, an incremental one with 1 % changed, one with nothing changed: without
// a limit, and with one that bites. Memory is looked at with a tenth and with the whole of 100,000 records.

const PAGE_MS = 150;
const LIMIT = 180;
const PAGE = 100;
const ORGANIZATION = { id: 34, name: 'Bench', clientId: 'bench-client', clientSecret: 'bench-secret' };
const REAL = { supporters: 9_480, transactions: 60_100, campaigns: 75, plans: 1_965 };
const sizeOf = (records: number): typeof REAL => ({
  supporters: Math.round(records * 0.13),
  transactions: Math.round(records * 0.84),
  campaigns: 20,
  plans: Math.round(records * 0.03) - 20,
});

const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const tell = (what: string, figure: string): void => say(`${what.padEnd(44)} ${figure}`);

interface Bench {
  classy: SandboxClassy;
  program: Program;
  ledger: Ledger;
  close(): Promise<void>;
}

/** The whole program with embedded stores, and an organization of that size that has not been read yet. */
async function startBench(size: SeedSize, perMinute: number | null): Promise<Bench> {
  const classy = await startClassy({ organizations: [ORGANIZATION], perMinute: perMinute ?? Number.POSITIVE_INFINITY });
  seedOrganization(classy, ORGANIZATION.id, size);
  const folder = await mkdtemp(join(tmpdir(), 'steward-bench-'));
  await chmod(folder, 0o755);
  const often = '31d';
  await writeFile(
    join(folder, 'steward.config.json'),
    JSON.stringify({
      rateLimits: { classy: { perMinute, burst: 1 } },
      schedules: {
        supporters: often,
        transactions: often,
        campaigns: often,
        recurringPlans: often,
        organizationFull: often,
      },
    }),
  );
  const program = new Program(
    {
      CLASSY_API_URL: classy.url,
      CLASSY_TOKEN_URL: classy.tokenUrl,
      STEWARD_DATA_DIR: join(folder, 'data'),
      PORT: String(await freePort(38_000)),
      TEMPORAL_CLI: await findTemporalCli({ cacheDir: testCacheDir, log: testLog }),
    },
    folder,
  );
  const entry = { ...ORGANIZATION, organizationId: ORGANIZATION.id, id: undefined };
  const added = await program.run(['organization', 'add', '--from', '-', '--json'], JSON.stringify(entry));
  if (added.code !== 0) throw new Error(`organization add: ${added.stderr}`);
  await program.start();
  const { databaseUrl } = await program.info();
  const ledger = createLedger(openDatabase({ connectionString: databaseUrl, poolSize: 2 }));
  classy.faults.set({ latencyMs: PAGE_MS });
  return {
    classy,
    program,
    ledger,
    async close() {
      await ledger.close();
      await program.stop();
      await classy.close();
    },
  };
}

interface Measured {
  seconds: number;
  /** Pages asked for, by resource. */
  requests: Record<Resource, number>;
  read: number;
  changed: number;
  mib: number;
}

const pathOf: Record<Resource, string> = {
  campaigns: '/campaigns',
  supporters: '/supporters',
  transactions: '/transactions',
  'recurring-plans': '/recurring-donation-plans',
};

/** Runs one sync of everything and measures it from outside. */
async function measure({ classy, program, ledger }: Bench, mode: 'incremental' | 'full'): Promise<Measured> {
  const { temporalAddress } = await program.info();
  const client = openClient({ address: temporalAddress, namespace: 'default' });
  const before = classy.calls.length;
  let [mib, isDone] = [0, false];
  const watching = (async () => {
    while (!isDone) {
      mib = Math.max(mib, (await memoryOf(program.pid))[0]?.mib ?? 0);
      await sleep(200);
    }
  })();
  const begun = performance.now();
  const input = {
    organization: String(ORGANIZATION.id),
    resource: 'all',
    mode,
    run: randomUUID(),
    by: 'command',
  } as const;
  const handle = await createStarter(client).startOrganizationSync(input);
  const { runs = [], result, message } = await handle.result();
  const seconds = (performance.now() - begun) / 1000;
  isDone = true;
  await watching;
  await client.connection.close();
  if (result !== 'done') throw new Error(`${result}: ${message}`);
  const noted = await Promise.all(runs.map(async ({ run }) => (await ledger.organizationRuns.find(run))!));
  const made = classy.calls.slice(before);
  const requests = Object.fromEntries(
    RESOURCES.map((resource) => [resource, made.filter(({ path }) => path.includes(`${pathOf[resource]}?`)).length]),
  ) as Record<Resource, number>;
  return {
    seconds,
    requests,
    read: noted.reduce((sum, { read }) => sum + read, 0),
    changed: noted.reduce((sum, { added, updated }) => sum + added + updated, 0),
    mib,
  };
}

const total = (requests: Record<Resource, number>): number =>
  Object.values(requests).reduce((sum, one) => sum + one, 0);
const pages = (size: Record<string, number>): number =>
  Object.values(size).reduce((sum, records) => sum + Math.max(1, Math.ceil(records / PAGE)), 0);

/** Changes one record in a hundred, of each resource one at least. */
function changeSome({ classy }: Bench): Record<string, number> {
  const books = classy.organization(ORGANIZATION.id);
  const changed: Record<string, number> = {};
  for (const [name, collection] of Object.entries({
    supporters: books.supporters,
    transactions: books.transactions,
    campaigns: books.campaigns,
    plans: books.plans,
  })) {
    const rows = collection.list().filter((_, index) => index % 100 === 0);
    for (const { id } of rows) collection.edit(Number(id), { metadata: { seen: 1 } });
    changed[name] = rows.length;
  }
  return changed;
}

function report(what: string, { seconds, requests, read, changed, mib }: Measured, least: number): void {
  tell(what, `${seconds.toFixed(1)} s, ${(read / seconds).toFixed(0)} records a second`);
  tell('', `read ${read}, changed ${changed}, worker ${mib.toFixed(0)} MiB`);
  tell('  requests', `${total(requests)}, least possible ${least}: ${(total(requests) / least).toFixed(2)}`);
}

const records = Object.values(REAL).reduce((sum, one) => sum + one, 0);
say(`${records} records, stand-in at ${PAGE_MS} ms a page`);
for (const perMinute of [null, LIMIT]) {
  say();
  say(perMinute === null ? 'without a limit' : `with a limit of ${perMinute} requests a minute`);
  const bench = await startBench('real', perMinute);
  const first = await measure(bench, 'full');
  report('first full sync', first, pages(REAL));
  if (perMinute === null) tell('', 'aim: under 45 s');
  else {
    const allowed = (pages(REAL) / perMinute) * 60;
    tell(
      '  against what the limit allows',
      `${allowed.toFixed(0)} s: ${(first.seconds / allowed).toFixed(2)} (aim 1.1)`,
    );
  }
  const changed = changeSome(bench);
  report('incremental, 1 % changed', await measure(bench, 'incremental'), pages(changed));
  const nothing = await measure(bench, 'incremental');
  report('incremental, nothing changed', nothing, RESOURCES.length);
  tell('  most requests for one resource', `${Math.max(...Object.values(nothing.requests))} (aim 1)`);
  await bench.close();
}

say();
for (const size of [10_000, 100_000]) {
  const bench = await startBench(sizeOf(size), null);
  const first = await measure(bench, 'full');
  tell(`worker, first full sync of ${size}`, `${first.mib.toFixed(0)} MiB, ${first.seconds.toFixed(1)} s`);
  await bench.close();
}
