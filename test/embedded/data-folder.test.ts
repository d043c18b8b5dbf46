import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { defaultDataDir, lockDataFolder, readRunFile, writeRunFile } from '../../src/embedded/data-folder.js';
import { freePort } from '../../src/embedded/free-port.js';
import { isProcessAlive, processCommand, processStartTime } from '../../src/embedded/process-info.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'steward-folder-test-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

/** A pid that was in use a moment ago and is not any more. */
async function gonePid(): Promise<number> {
  const child = spawn('/bin/true');
  await new Promise((resolve) => child.once('close', resolve));
  return child.pid ?? 0;
}

const lockFile = () => join(dir, 'steward.lock');
const staleLock = (pid: number, startTime: string) =>
  writeFile(lockFile(), JSON.stringify({ pid, startTime, since: '2026-01-01T00:00:00.000Z', nonce: 'old' }));

test('a second lock on the folder is refused with pid and time of the first, until that is released', async () => {
  const lock = await lockDataFolder(dir);
  const { since } = JSON.parse(await readFile(lockFile(), 'utf8')) as { since: string };
  await expect(lockDataFolder(dir)).rejects.toThrow(`already runs on ${dir}: pid ${process.pid}, since ${since}`);
  await lock.release();
  await (await lockDataFolder(dir)).release();
  expect(await readdir(dir)).toEqual([]);
});

test.each([
  ['whose process is gone', async () => staleLock(await gonePid(), 'any')],
  ['whose pid belongs to a younger process', async () => staleLock(process.pid, 'another start')],
  ['that is not readable', async () => writeFile(lockFile(), '{"pid":')],
])('of many starters exactly one takes over a lock %s', async (_, leaveBehind) => {
  await leaveBehind();
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => lockDataFolder(dir)));
  const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(locks).toHaveLength(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(String(result.reason)).toContain('already runs');
  }
  await locks[0]?.release();
  expect(await readdir(dir)).toEqual([]);
});

test('the lock of somebody who took over is not released by the one before', async () => {
  const lock = await lockDataFolder(dir);
  await staleLock(1, 'other');
  await lock.release();
  expect(await readFile(lockFile(), 'utf8')).toContain('"nonce":"old"');
});

test('the run file is readable for its owner only, and is void once its process is gone or its pid reused', async () => {
  const info = {
    pid: process.pid,
    startedAt: '2026-01-01T00:00:00.000Z',
    databaseUrl: 'postgresql://steward:secret@127.0.0.1:1/steward',
    temporalAddress: '127.0.0.1:2',
    temporalUiUrl: 'http://127.0.0.1:3',
    namespace: 'default',
    httpUrl: 'http://127.0.0.1:4',
  };
  expect(await readRunFile(dir)).toBeUndefined();
  await writeRunFile(dir, info);
  expect((await stat(join(dir, 'run.json'))).mode & 0o777).toBe(0o600);
  expect(await readRunFile(dir)).toEqual(info);
  await writeFile(join(dir, 'run.json'), JSON.stringify({ ...info, startTime: 'another start' }));
  expect(await readRunFile(dir)).toBeUndefined();
  await writeRunFile(dir, { ...info, pid: await gonePid() });
  expect(await readRunFile(dir)).toBeUndefined();
});

test('a process is known by pid, start time and command', async () => {
  const startTime = processStartTime(process.pid);
  expect(isProcessAlive(process.pid, startTime)).toBe(true);
  expect(isProcessAlive(process.pid, 'another start')).toBe(false);
  expect(processCommand(process.pid)).toContain('jest');
  const gone = await gonePid();
  expect([isProcessAlive(gone), processStartTime(gone), processCommand(gone)]).toEqual([false, undefined, undefined]);
});

test('a taken port is passed over', async () => {
  const server = createServer();
  const taken = await freePort(31_000 + (process.pid % 500) * 3);
  await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
  expect(await freePort(taken)).toBeGreaterThan(taken);
  await new Promise((resolve) => server.close(resolve));
  expect(await freePort(taken)).toBe(taken);
});

test('the data folder follows the convention of the platform', () => {
  const dataDir = defaultDataDir({ HOME: '/home/ann', XDG_DATA_HOME: '/data' });
  if (process.platform === 'darwin') expect(dataDir).toBe('/home/ann/Library/Application Support/steward');
  else expect(dataDir).toBe(process.getuid?.() === 0 ? '/var/lib/steward' : '/data/steward');
});
