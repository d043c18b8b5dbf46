import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../../src/embedded/free-port.js';
import { type PostgresServer, startPostgresServer } from '../../src/embedded/postgres-server.js';
import { applyMigrations } from '../../src/ledger/migrate.js';
import { edit, post, type RunningServer, signed, startServer, until } from './running-server.js';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
let postgres: PostgresServer;
let server: RunningServer;
let postgresDir: string;
let dataDir: string;
let port: number;
beforeAll(async () => {
  postgresDir = await mkdtemp(join(tmpdir(), 'steward-outage-pg-'));
  await chmod(postgresDir, 0o755);
  dataDir = await mkdtemp(join(tmpdir(), 'steward-outage-'));
  port = await freePort(45_000 + (process.pid % 900) * 10);
  postgres = await startPostgresServer({ dataDir: postgresDir, port, log });
  await applyMigrations(postgres.connectionString, 'prisma/migrations');
  // nobody answers there: a Temporal that is down changes nothing for the sender
  const temporal = { address: `127.0.0.1:${await freePort(port + 1)}`, namespace: 'default' };
  server = await startServer({ databaseUrl: postgres.connectionString, dataDir, temporal });
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await postgres?.stop();
  for (const folder of [postgresDir, dataDir]) if (folder) await rm(folder, { recursive: true, force: true });
}, 30_000);

async function query<R extends object>(sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: postgres.connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
const stored = async () => (await query<{ id: string }>('SELECT id FROM deliveries')).map(({ id }) => id).toSorted();
const spoolFiles = async () => (await readdir(join(dataDir, 'spool'))).filter((name) => name.endsWith('.ndjson'));
let sent = 0;
async function send() {
  sent += 1;
  const body = edit(`m${sent}`);
  const begun = performance.now();
  const answer = await post(server.url, { body, headers: signed(body, server.clock.now.getTime()) });
  return {
    status: answer.status,
    id: answer.json.delivery,
    code: answer.json.error?.code,
    ms: performance.now() - begun,
  };
}
type Answer = Awaited<ReturnType<typeof send>>;
const some = (count: number) => Promise.all(Array.from({ length: count }, send));
const acknowledged: string[] = [];
function keep(answers: readonly Answer[]): void {
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
  acknowledged.push(...answers.map(({ id }) => id!));
}
const isSlow = ({ ms }: Answer): boolean => ms >= 2_000;
async function allStored(): Promise<void> {
  await until(async () => (await stored()).length >= acknowledged.length);
  expect(await stored()).toEqual(acknowledged.toSorted());
  await until(async () => (await spoolFiles()).length === 0);
}

test('with Temporal down deliveries are accepted', async () => {
  keep(await some(10));
  expect(await stored()).toEqual(acknowledged.toSorted());
});

test('with Postgres frozen deliveries go to the spool within 2 s, and into the inbox once it goes on', async () => {
  const pids = (await query<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()')).map(
    ({ pid }) => pid,
  );
  const all = [postgres.pid, ...pids];
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of all) process.kill(pid, signal);
  };
  signalAll('SIGSTOP');
  try {
    const first = await some(20);
    const then = await some(20);
    keep([...first, ...then]);
    expect([...first, ...then].filter(isSlow)).toEqual([]);
    const files = await spoolFiles();
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) expect((await stat(join(dataDir, 'spool', name))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'spool'))).mode & 0o777).toBe(0o700);
    const [health, live, metrics] = await Promise.all(
      ['/health', '/health/live', '/metrics'].map((path) =>
        fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(8_000) }),
      ),
    );
    expect([health?.status, live?.status, metrics?.status]).toEqual([503, 200, 200]);
    const told = await metrics!.text();
    expect(told).not.toMatch(/steward_deliveries_waiting\{.*\} 0/);
    expect(told).not.toMatch(/steward_delivery_oldest_seconds\{.*\} 0/);
  } finally {
    signalAll('SIGCONT');
  }
  await allStored();
}, 40_000);

test('with Postgres killed deliveries go to the spool, 503 where not even that can be, and nothing is lost or doubled', async () => {
  process.kill(postgres.pid, 'SIGKILL');
  await postgres.exited;
  const spooled = await some(20);
  keep(spooled);
  expect(spooled.filter(isSlow)).toEqual([]);

  const [spool, aside] = [join(dataDir, 'spool'), join(dataDir, 'aside')];
  await rename(spool, aside);
  await writeFile(spool, 'in the way');
  expect(await send()).toMatchObject({ status: 503, code: 'not-stored' });
  await rm(spool);
  await mkdir(spool, { mode: 0o700 });
  for (const name of await readdir(aside)) await rename(join(aside, name), join(spool, name));

  keep(await some(5));
  const back = startPostgresServer({ dataDir: postgresDir, port, log });
  while ((await Promise.race([back.then(() => 'back'), send().then((answer) => keep([answer]))])) !== 'back');
  postgres = await back;
  await allStored();
  await until(async () =>
    (await fetch(`${server.url}/health`))
      .json()
      .then((json) => (json as { components: object }).components)
      .then((components) => !('spool' in components)),
  );
  keep(await some(5));
  expect(await stored()).toEqual(acknowledged.toSorted());
}, 60_000);
