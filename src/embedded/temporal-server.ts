import { spawn } from 'node:child_process';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { type ChildExit, type WatchedChild, watchChild } from './child-process.js';
import type { Log } from './log.js';
import { isProcessAlive, processStartTime } from './process-info.js';

const startLimitMs = 20_000;
const orphanLimitMs = 15_000;
const stopSteps = [
  { signal: 'SIGTERM', limitMs: 10_000 },
  { signal: 'SIGKILL', limitMs: 5_000 },
] as const;

/** A running Temporal development server; `exited` settles when it ends, whether asked to or not. */
export interface TemporalServer extends WatchedChild {
  address: string;
  uiUrl: string;
}

/** How to start a Temporal development server; without `dbFile` it keeps everything in memory. */
export interface TemporalServerOptions {
  cli: string;
  dbFile?: string | undefined;
  port: number;
  uiPort: number;
  namespace?: string | undefined;
  /** As the command takes them, e.g. `SyncState=Keyword`. */
  searchAttributes: string[];
  log: Log;
}

/**
 * Starts the Temporal development server on 127.0.0.1 and waits until namespace and search attributes answer. With `dbFile`
 * it first stops its own orphan on that file, so the caller holds the lock on the data folder.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const dbFile = options.dbFile === undefined ? undefined : resolve(options.dbFile);
  if (dbFile === undefined) return await start({ ...options, dbFile });
  await mkdir(dirname(dbFile), { recursive: true });
  await stopOrphan(pidFileOf(dbFile), options.log);
  try {
    return await start({ ...options, dbFile });
  } catch (error) {
    if (!isBrokenStore(error) || !(await stat(dbFile).catch(() => undefined))) throw error;
    await moveAside(dbFile, options.log, error);
    return await start({ ...options, dbFile });
  }
}

async function start(options: TemporalServerOptions): Promise<TemporalServer> {
  const { cli, dbFile, port, uiPort, searchAttributes, log } = options;
  const namespace = options.namespace ?? 'default';
  // The server would make its file readable for everybody; `exec` keeps the pid.
  const args = ['-c', 'umask 077; exec "$0" "$@"', cli, ...commandLine(options, namespace)];
  const child = spawn('/bin/sh', args, {
    cwd: '/',
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'] },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: Ctrl-C in the terminal goes to Steward, which stops Temporal after its workers.
    detached: true,
  });
  let announced = false;
  child.stdout.on('data', () => {
    announced = true;
  });
  const onLine = (line: string) => log.warn({ line }, 'Temporal server');
  const watched = watchChild({ child, name: 'Temporal', stopSteps, onLine });
  try {
    if (dbFile !== undefined) await writePidFile(pidFileOf(dbFile), watched.pid);
    const names = searchAttributes.map((attribute) => attribute.split('=')[0] ?? attribute);
    await untilReady({
      address: `127.0.0.1:${port}`,
      namespace,
      names,
      announced: () => announced,
      exited: watched.exited,
    });
  } catch (error) {
    await watched.stop();
    throw error;
  }
  const stop = async () => {
    await watched.stop();
    if (dbFile !== undefined) await rm(pidFileOf(dbFile), { force: true });
  };
  return { ...watched, stop, address: `127.0.0.1:${port}`, uiUrl: `http://127.0.0.1:${uiPort}` };
}

const pidFileOf = (dbFile: string) => `${dbFile}.pid`;

/** Killed while it first made its tables, the server leaves a file that it can never start from again. */
function isBrokenStore(error: unknown): boolean {
  return /no such table|disk image is malformed|file is not a database/.test(String(error));
}

/** Nothing is lost with this file: the ledger knows what is not yet done, and starts it again. */
async function moveAside(dbFile: string, log: Log, error: unknown): Promise<void> {
  const aside = `${dbFile}.broken-${Date.now()}`;
  log.warn({ dbFile, aside, error: String(error) }, 'the file of the Temporal server is broken: moving it aside');
  for (const suffix of ['', '-wal', '-shm']) {
    await rename(`${dbFile}${suffix}`, `${aside}${suffix}`).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
    });
  }
}

function commandLine(options: TemporalServerOptions, namespace: string): string[] {
  const ports = ['--ip', '127.0.0.1', '--port', String(options.port), '--ui-port', String(options.uiPort)];
  const attributes = options.searchAttributes.flatMap((attribute) => ['--search-attribute', attribute]);
  // SQLite's defaults halve the speed; these keep the file whole through a kill. Postgres, not this file, knows what is not yet done.
  const pragmas = ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'];
  const store = options.dbFile === undefined ? [] : ['--db-filename', options.dbFile, ...pragmas];
  const quiet = ['--log-level', 'error', '--ui-disable-news-fetch'];
  return ['server', 'start-dev', ...ports, '--namespace', namespace, ...attributes, ...store, ...quiet];
}

async function untilReady(options: {
  address: string;
  namespace: string;
  names: string[];
  announced: () => boolean;
  exited: Promise<ChildExit>;
}): Promise<void> {
  const { address, namespace, names, announced, exited } = options;
  let gone: ChildExit | undefined;
  void exited.then((exit) => {
    gone = exit;
  });
  let last: unknown;
  for (const end = Date.now() + startLimitMs; Date.now() < end; await sleep(25)) {
    if (gone) throw new Error(`Temporal ended during its start (${gone.reason}):\n${gone.lastLines.join('\n')}`);
    // On a port that is taken somebody else would answer; the command writes to stdout only when it serves.
    if (!announced()) continue;
    try {
      await ask(address, namespace, names);
      return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`Temporal on ${address} does not answer after ${startLimitMs / 1000} s.`, { cause: last });
}

async function ask(address: string, namespace: string, names: string[]): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    await connection.withDeadline(Date.now() + 2_000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      const missing = names.filter((name) => !(name in (customAttributes ?? {})));
      if (missing.length > 0) throw new Error(`search attributes are not yet there: ${missing.join(', ')}`);
    });
  } finally {
    await connection.close();
  }
}

/** Stops a server that an earlier Steward left on this file, so that its ports are free again. The caller holds the lock. */
export const stopTemporalOrphan = (dbFile: string, log: Log): Promise<void> =>
  stopOrphan(pidFileOf(resolve(dbFile)), log);

async function writePidFile(path: string, pid: number): Promise<void> {
  await writeFile(path, JSON.stringify({ pid, startTime: processStartTime(pid) }));
}

/** A server whose parent was killed keeps its port and its file; pid and start time tell it from any other process. */
async function stopOrphan(pidFile: string, log: Log): Promise<void> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  let orphan: { pid: number; startTime?: string };
  try {
    orphan = JSON.parse(text) as typeof orphan;
  } catch {
    return;
  }
  const { pid, startTime } = orphan;
  const runs = () => startTime !== undefined && isProcessAlive(pid, startTime);
  if (!runs()) return;
  log.warn({ pid }, 'a Temporal server of an earlier Steward still runs on this data folder: stopping it');
  process.kill(pid, 'SIGTERM');
  for (const end = Date.now() + orphanLimitMs; runs() && Date.now() < end; ) await sleep(25);
  if (runs()) process.kill(pid, 'SIGKILL');
  while (runs()) await sleep(25);
}
