import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultSegmentRules } from '../../src/domain/segment-rules.js';
import { freePort } from '../../src/embedded/free-port.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { supportersOf } from '../../src/ledger/classy/supporters-as-people.js';
import { type Database, openDatabase } from '../../src/ledger/database.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import type { SyncCounts, SyncRun } from '../../src/ledger/runs.js';
import {
  type SandboxMailchimp,
  sandboxAudienceId,
  sandboxMailchimpKey,
  startClassy,
  startMailchimp,
} from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { testCacheDir, testLog } from '../support/embedded-stack.js';
import { Program } from '../support/program.js';
import { memoryOf } from './figures.js';

// Supporters with tags into an empty audience, quietly and fast, then with nothing changed, then with 1 % changed; segmentation of
// many donors; the worker's memory with a tenth and with all of 50,000.

const CALL_MS = 200;
const CONNECTIONS = 10;
const BATCH = 500;
const REAL = 5_254;
const MANY = { supporters: 100_000, gifts: 600_000 };
const ORGANIZATION = { id: 34, name: 'Bench', clientId: 'bench-client', clientSecret: 'bench-secret' };

const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const tell = (what: string, figure: string): void => say(`${what.padEnd(44)} ${figure}`);

interface Bench {
  mailchimp: SandboxMailchimp;
  program: Program;
  database: Database;
  ledger: Ledger;
  close(): Promise<void>;
}

/** The whole program with embedded stores, an organization with an audience, and nobody in either. */
async function startBench(): Promise<Bench> {
  const classy = await startClassy({ organizations: [ORGANIZATION] });
  const mailchimp = await startMailchimp({ connections: CONNECTIONS });
  const folder = await mkdtemp(join(tmpdir(), 'steward-bench-'));
  await chmod(folder, 0o755);
  const names = ['supporters', 'transactions', 'campaigns', 'recurringPlans', 'organizationFull', 'audience'];
  const schedules = Object.fromEntries(names.map((name) => [name, '31d']));
  await writeFile(join(folder, 'steward.config.json'), JSON.stringify({ schedules }));
  const program = new Program(
    {
      CLASSY_API_URL: classy.url,
      CLASSY_TOKEN_URL: classy.tokenUrl,
      MAILCHIMP_API_URL: mailchimp.url,
      STEWARD_DATA_DIR: join(folder, 'data'),
      PORT: String(await freePort(38_000)),
      TEMPORAL_CLI: await findTemporalCli({ cacheDir: testCacheDir, log: testLog }),
    },
    folder,
  );
  const entry = {
    ...ORGANIZATION,
    organizationId: ORGANIZATION.id,
    id: undefined,
    mailchimp: { apiKey: sandboxMailchimpKey, listId: sandboxAudienceId },
  };
  const added = await program.run(['organization', 'add', '--from', '-', '--json'], JSON.stringify(entry));
  if (added.code !== 0) throw new Error(`organization add: ${added.stderr}`);
  await program.start();
  const { databaseUrl } = await program.info();
  const database = openDatabase({ connectionString: databaseUrl, poolSize: 2 });
  mailchimp.faults.set({ latencyMs: CALL_MS });
  return {
    mailchimp,
    program,
    database,
    ledger: createLedger(database),
    async close() {
      await database.close();
      await program.stop();
      await mailchimp.close();
      await classy.close();
    },
  };
}

/** Supporters who all said yes, with so many gifts of every age and size between them, and a plan for one in five. */
async function give({ database }: Pick<Bench, 'database'>, supporters: number, gifts: number): Promise<void> {
  const run = (sql: string): Promise<number> => database.prisma.$executeRawUnsafe(sql);
  await run('TRUNCATE supporters, transactions, recurring_plans, donors');
  await run(`INSERT INTO supporters (id, organization_id, email_address, address, first_name, last_name, email_opt_in, classy_updated_at, raw, observed_at)
    SELECT n, ${ORGANIZATION.id}, 'donor' || n || '@readers.org', 'donor' || n || '@readers.org', 'First' || n, 'Last' || n, true, now(), '{}', now()
    FROM generate_series(1, ${supporters}) AS n`);
  await run(`INSERT INTO transactions (id, organization_id, supporter_id, status, total_gross_amount, donation_gross_amount, currency_code, purchased_at, classy_updated_at, raw, observed_at)
    SELECT n, ${ORGANIZATION.id}, 1 + (n * 7919::bigint) % ${supporters}, CASE WHEN n % 20 = 0 THEN 'refunded' ELSE 'success' END, amount, amount, 'USD',
      now() - make_interval(days => ((n * 104729::bigint) % 1500)::int), now(), '{}', now()
    FROM (SELECT n, round((5 + (n * 31::bigint) % 97 * (1 + (n % 11) * (n % 13)))::numeric, 2) AS amount FROM generate_series(1, ${gifts}) AS n) g`);
  await run(`INSERT INTO recurring_plans (id, organization_id, supporter_id, status, frequency, amount, classy_updated_at, raw, observed_at)
    SELECT n, ${ORGANIZATION.id}, n, (ARRAY['active', 'active', 'failing', 'canceled'])[1 + n % 4], 'monthly', 10 + n % 120, now(), '{}', now()
    FROM generate_series(5, ${supporters}, 5) AS n`);
  await run('ANALYZE supporters, transactions, recurring_plans');
}

interface Measured {
  run: SyncRun;
  counts: SyncCounts;
  seconds: number;
  calls: Record<string, number>;
  mib: number;
}

/** Runs one sync and measures it from outside. */
async function measure({ mailchimp, program, ledger }: Bench, fast: boolean): Promise<Measured> {
  const { temporalAddress } = await program.info();
  const client = openClient({ address: temporalAddress, namespace: 'default' });
  const before = mailchimp.calls.length;
  let [mib, isDone] = [0, false];
  const watching = (async () => {
    while (!isDone) {
      mib = Math.max(mib, (await memoryOf(program.pid))[0]?.mib ?? 0);
      await sleep(200);
    }
  })();
  const begun = performance.now();
  const run = randomUUID();
  const input = {
    audience: sandboxAudienceId,
    queue: 'mailchimp',
    mode: 'incremental',
    run,
    by: 'command',
    fast,
  } as const;
  const { result, message } = await (
    await createStarter(client).startAudienceSync(input, String(ORGANIZATION.id))
  ).result();
  const seconds = (performance.now() - begun) / 1000;
  isDone = true;
  await watching;
  await client.connection.close();
  if (result !== 'done') throw new Error(`${result}: ${message}`);
  const noted = (await ledger.runs.find(run))!;
  const calls: Record<string, number> = {};
  for (const { operation } of mailchimp.calls.slice(before)) calls[operation] = (calls[operation] ?? 0) + 1;
  return { run: noted, counts: noted.counts as unknown as SyncCounts, seconds, calls, mib };
}

const WRITES = ['batch', 'segments.create', 'segments.members', 'members.tags'];
const writesOf = ({ calls }: Measured): number => WRITES.reduce((sum, name) => sum + (calls[name] ?? 0), 0);

/** Fewest write calls: full batches, and full segment calls of each tag, or a call a person. */
function leastOf({ mailchimp }: Bench, from: number, people: number, quiet: boolean): number {
  const audience = mailchimp.audience();
  const changes = new Map<string, { given: number; taken: number }>();
  const tagged = new Set<string>();
  for (const { tagsAdded, tagsRemoved, address } of audience.writes.slice(from)) {
    if (tagsAdded.length + tagsRemoved.length > 0) tagged.add(address);
    const count = (tag: string, what: 'given' | 'taken'): void => {
      const of = changes.get(tag) ?? { given: 0, taken: 0 };
      changes.set(tag, { ...of, [what]: of[what] + 1 });
    };
    for (const tag of tagsAdded) count(tag, 'given');
    for (const tag of tagsRemoved) count(tag, 'taken');
  }
  const ofTags = [...changes.values()].reduce(
    (sum, { given, taken }) => sum + Math.max(Math.ceil(given / BATCH), Math.ceil(taken / BATCH)),
    0,
  );
  return Math.ceil(people / BATCH) + (quiet ? tagged.size : ofTags);
}

function report(what: string, measured: Measured, least: number, people: number): void {
  const { counts, seconds, calls, mib } = measured;
  tell(what, `${seconds.toFixed(1)} s, ${(people / seconds).toFixed(0)} people a second`);
  tell('', `added ${counts.added}, updated ${counts.updated}, unchanged ${counts.unchanged}, failed ${counts.failed}`);
  const created = calls['segments.create'] ?? 0;
  const writes = writesOf(measured) - created;
  const reads = Object.values(calls).reduce((sum, one) => sum + one, 0) - writes - created;
  const ratio = least === 0 ? '' : `: ${(writes / least).toFixed(2)} (aim 1.1)`;
  tell(
    '  write calls',
    `${writes}, least possible ${least}${ratio}; tags created ${created}, reads and settings ${reads}`,
  );
  tell('  worker', `${mib.toFixed(0)} MiB`);
}

/** Changes what one in a hundred gave. */
async function changeSome({ database }: Bench, supporters: number): Promise<number> {
  return database.prisma.$executeRawUnsafe(
    `UPDATE transactions t SET status = 'refunded' FROM (SELECT DISTINCT ON (supporter_id) id FROM transactions
     WHERE supporter_id % 100 = 0 AND supporter_id <= ${supporters} AND status = 'success' ORDER BY supporter_id, total_gross_amount DESC) g WHERE t.id = g.id`,
  );
}

async function firstSync(mode: 'quiet' | 'fast', supporters: number, aim: string): Promise<void> {
  const bench = await startBench();
  await give(bench, supporters, supporters * 6);
  const first = await measure(bench, mode === 'fast');
  report(`${mode}, into an empty audience`, first, leastOf(bench, 0, supporters, mode === 'quiet'), supporters);
  tell('  highest number of connections', `${bench.mailchimp.connections.highest} of ${CONNECTIONS}`);
  tell('', aim);
  if (mode === 'fast') {
    const nothing = await measure(bench, false);
    report('nothing changed', nothing, 0, supporters);
    tell('', 'aim: no write call');
    const from = bench.mailchimp.audience().writes.length;
    const changed = await changeSome(bench, supporters);
    const some = await measure(bench, false);
    report(`1 % (${changed}) changed`, some, leastOf(bench, from, some.counts.updated, false), changed);
  }
  await bench.close();
}

async function segmentation(bench: Bench): Promise<void> {
  const organization = String(ORGANIZATION.id);
  await give(bench, MANY.supporters, MANY.gifts);
  for (const what of ['first time', 'nothing changed']) {
    const begun = performance.now();
    const { asOfDay, donors, changed } = await bench.ledger.donors.reckon(organization, defaultSegmentRules);
    const reckoned = performance.now();
    const people = supportersOf({ organization, rules: defaultSegmentRules, asOfDay, isShared: false });
    let [after, tags] = ['', 0];
    for (;;) {
      const rows = await bench.database.sql.query<(Record<string, unknown> & { address: string })[]>`
        SELECT h.address, h.member_id, ${people.columns} FROM ${people.byAddress} h WHERE h.address > ${after}
        ORDER BY h.address LIMIT 5000`;
      if (rows.length === 0) break;
      for (const row of rows) tags += people.toHolder(row).contact.tags!.length;
      after = rows.at(-1)!.address;
    }
    const seconds = (performance.now() - begun) / 1000;
    tell(
      `segmentation of ${MANY.supporters} with ${MANY.gifts} gifts, ${what}`,
      `${seconds.toFixed(1)} s, of these adding up ${((reckoned - begun) / 1000).toFixed(1)} s (aim 10)`,
    );
    tell('', `${donors} donors, ${changed} changed, ${tags} tags`);
  }
}

say(`${REAL} supporters, stand-in at ${CALL_MS} ms a call, ${CONNECTIONS} connections allowed`);
say();
await firstSync('fast', REAL, 'aim: 300 a second');
say();
await firstSync('quiet', REAL, 'aim: 30 a second; the tool before did 4.5');
say();
const many = await startBench();
await segmentation(many);
await many.close();
say();
for (const supporters of [5_000, 50_000]) {
  const bench = await startBench();
  await give(bench, supporters, supporters * 6);
  const { mib, seconds } = await measure(bench, true);
  tell(`worker with ${supporters} into an empty audience`, `${mib.toFixed(0)} MiB, ${seconds.toFixed(0)} s`);
  await bench.close();
}
