import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../../src/embedded/free-port.js';
import { startPostgresServer } from '../../src/embedded/postgres-server.js';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
let dataDir: string;
let port: number;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'steward-pg-test-'));
  await chmod(dataDir, 0o755);
  port = await freePort(27_100 + (process.pid % 300) * 5);
});

afterAll(() => rm(dataDir, { recursive: true, force: true }));

const start = () => startPostgresServer({ dataDir, port, log });

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a first start clears away what a killed initdb left, and data survive a stop and a second start', async () => {
  await mkdir(join(dataDir, 'postgres.new'), { recursive: true });
  await writeFile(join(dataDir, 'postgres.new', 'half'), 'of a cluster');
  const first = await start();
  await query(first.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  expect(await first.exited).toMatchObject({ reason: 'exit code 0', expected: true });
  expect((await stat(join(dataDir, 'postgres-password'))).mode & 0o777).toBe(0o600);

  const second = await start();
  expect(await query(second.connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  expect(await query(second.connectionString, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  await second.stop();
}, 30_000);

test('after kill -9 of Postgres its exit is reported and the next start heals and keeps what was committed', async () => {
  const killed = await start();
  await query(killed.connectionString, 'CREATE TABLE committed AS SELECT 1 AS one');
  process.kill(killed.pid, 'SIGKILL');
  expect(await killed.exited).toMatchObject({ reason: 'killed by SIGKILL', expected: false });

  const healed = await start();
  expect(await query(healed.connectionString, 'SELECT one FROM committed')).toEqual([{ one: 1 }]);
  await healed.stop();
}, 30_000);

test('a Postgres that still runs on the folder is stopped cleanly before a new one starts', async () => {
  const orphan = await start();
  const next = await start();
  expect(await orphan.exited).toMatchObject({ reason: 'exit code 0', expected: false });
  expect(next.pid).not.toBe(orphan.pid);
  expect(await query(next.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.stop();
}, 30_000);

test('a stale postmaster.pid whose pid belongs to another program by now does not hinder a start', async () => {
  await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${process.pid}\n${join(dataDir, 'postgres')}\n`);
  const server = await start();
  expect(server.pid).not.toBe(process.pid);
  await server.stop();
}, 30_000);

test('a port that is taken gives the reason of Postgres', async () => {
  const server = await start();
  const other = await mkdtemp(join(tmpdir(), 'steward-pg-test-'));
  await chmod(other, 0o755);
  await expect(startPostgresServer({ dataDir: other, port, log })).rejects.toThrow(
    /Address already in use|could not bind/,
  );
  await server.stop();
  await rm(other, { recursive: true, force: true });
}, 30_000);

test('a folder of another major version is refused, both versions are named, and nothing is touched', async () => {
  await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '15\n');
  const before = await snapshot(join(dataDir, 'postgres'));
  await expect(start()).rejects.toThrow(/made by Postgres 15, this Steward brings Postgres 18.*pg_dump/);
  expect(await snapshot(join(dataDir, 'postgres'))).toEqual(before);
  expect(await readFile(join(dataDir, 'postgres', 'PG_VERSION'), 'utf8')).toBe('15\n');
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot('as root, a folder that the system user postgres cannot enter is named in the error', async () => {
  const closed = await mkdtemp(join(tmpdir(), 'steward-pg-test-'));
  await expect(startPostgresServer({ dataDir: join(closed, 'data'), port, log })).rejects.toThrow(
    `cannot enter ${closed} on the way to ${join(closed, 'data')}`,
  );
  await rm(closed, { recursive: true, force: true });
});

async function snapshot(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const lines = names.map(async (name) => {
    const { size, mtimeMs } = await stat(join(folder, name));
    return `${name} ${size} ${mtimeMs}`;
  });
  return (await Promise.all(lines)).sort();
}
