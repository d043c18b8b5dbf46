import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { freePort } from '../../src/embedded/free-port.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { startTemporalServer } from '../../src/embedded/temporal-server.js';
import { testCacheDir, testLog } from '../support/embedded-stack.js';

let dir: string;
let cli: string;
let port: number;
let uiPort: number;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'steward-temporal-test-'));
  cli = await findTemporalCli({ cacheDir: testCacheDir, explicitPath: process.env['TEMPORAL_CLI'], log: testLog });
  port = await freePort(29_100 + (process.pid % 300) * 5);
  uiPort = await freePort(port + 1);
}, 120_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

const searchAttributes = ['SyncState=Keyword'];
const start = (dbFile?: string) =>
  startTemporalServer({ cli, dbFile, port, uiPort, namespace: 'steward', searchAttributes, log: testLog });

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection, namespace: 'steward' }));
  } finally {
    await connection.close();
  }
}

test('what a workflow was started with survives a stop, a kill -9 and an orphan, in a file that only we can read', async () => {
  const dbFile = join(dir, 'temporal.db');
  const first = await start(dbFile);
  await withClient(first.address, (client) =>
    client.workflow.start('neverRun', { taskQueue: 'none', workflowId: 'kept', args: [] }),
  );
  expect((await stat(dbFile)).mode & 0o777).toBe(0o600);
  await first.stop();
  expect(await first.exited).toMatchObject({ expected: true });

  const killed = await start(dbFile);
  process.kill(killed.pid, 'SIGKILL');
  expect(await killed.exited).toMatchObject({ reason: 'killed by SIGKILL', expected: false });

  const orphan = await start(dbFile);
  const last = await start(dbFile);
  expect(await orphan.exited).toMatchObject({ expected: false });
  const description = await withClient(last.address, (client) => client.workflow.getHandle('kept').describe());
  expect(description.type).toBe('neverRun');
  await last.stop();
}, 40_000);

test('a file that a kill left without tables is moved aside, and the server starts afresh', async () => {
  const dbFile = join(dir, 'half.db');
  await writeFile(dbFile, '');
  const server = await start(dbFile);
  await server.stop();
  expect((await readdir(dir)).filter((name) => /^half\.db\.broken-\d+$/.test(name))).toHaveLength(1);
}, 30_000);

test('a port that is taken gives the reason of Temporal', async () => {
  const server = await start();
  try {
    await expect(start()).rejects.toThrow(/Temporal ended during its start[\s\S]*address already in use/);
  } finally {
    await server.stop();
  }
}, 30_000);
