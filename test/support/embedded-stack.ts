import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../src/embedded/free-port.js';
import { startPostgresServer } from '../../src/embedded/postgres-server.js';
import { isProcessAlive, processStartTime } from '../../src/embedded/process-info.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { startTemporalServer } from '../../src/embedded/temporal-server.js';

/** A Postgres and a Temporal server for tests, shared by all test files that one Jest process runs. */
export interface EmbeddedStack {
  /** Creates a fresh database by that name, dropping one that is there. */
  databaseUrl(name: string): Promise<string>;
  temporalAddress: string;
  temporalUiUrl: string;
  /** Stops it before the Jest process ends; without this it goes when the process does. */
  stop(): Promise<void>;
}

/** Where the Temporal command is kept between runs of the tests. */
export const testCacheDir =
  process.env['STEWARD_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'steward');

/** A log for servers under test: silent but for what should never happen. */
export const testLog = {
  info: () => undefined,
  warn: () => undefined,
  error: (obj: object, msg: string) => complain(obj, msg),
};

interface Running {
  owner: { pid: number; startTime: string | undefined };
  postgres: { pid: number; startTime: string | undefined; url: string };
  temporal: { pid: number; startTime: string | undefined; address: string; uiUrl: string };
}

let starting: Promise<Running> | undefined;

// Jest gives every test file its own globals, so files of one process meet in a file named after that process.
const stackFile = join(tmpdir(), `steward-test-stack-${process.pid}.json`);

/** Starts the stack when this Jest process has none yet. */
export async function embeddedStack(): Promise<EmbeddedStack> {
  starting ??= findRunning().then((found) => found ?? start());
  const { postgres, temporal } = await starting;
  return {
    databaseUrl: (name) => freshDatabase(postgres.url, name),
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
    stop: async () => {
      starting = undefined;
      await rm(stackFile, { force: true });
      await stopProcess(postgres, 'SIGINT');
      await stopProcess(temporal, 'SIGTERM');
    },
  };
}

async function start(): Promise<Running> {
  const dataDir = await mkdtemp(join(tmpdir(), 'steward-test-'));
  await chmod(dataDir, 0o755);
  const cli = findTemporalCli({ cacheDir: testCacheDir, explicitPath: process.env['TEMPORAL_CLI'], log: testLog });
  // Workers of Jest start side by side: ports far apart, so that they do not ask for the same one between look and use.
  const first = 20_000 + (process.pid % 2_000) * 10;
  const searchAttributes = ['SyncState', 'FailedStep', 'SiteName', 'OrganizationId'].map((name) => `${name}=Keyword`);
  const [postgres, temporal] = await Promise.all([
    freePort(first).then((port) => startPostgresServer({ dataDir, port, log: testLog })),
    (async () => {
      const port = await freePort(first + 3);
      return await startTemporalServer({
        cli: await cli,
        port,
        uiPort: await freePort(port + 1),
        searchAttributes,
        log: testLog,
      });
    })(),
  ]);
  postgres.unref();
  temporal.unref();
  guard(postgres.pid, temporal.pid, [dataDir, stackFile]);
  const running: Running = {
    owner: { pid: process.pid, startTime: processStartTime(process.pid) },
    postgres: { pid: postgres.pid, startTime: processStartTime(postgres.pid), url: postgres.connectionString },
    temporal: {
      pid: temporal.pid,
      startTime: processStartTime(temporal.pid),
      address: temporal.address,
      uiUrl: temporal.uiUrl,
    },
  };
  await writeFile(`${stackFile}.new`, JSON.stringify(running), { mode: 0o600 });
  await rename(`${stackFile}.new`, stackFile);
  return running;
}

async function findRunning(): Promise<Running | undefined> {
  const text = await readFile(stackFile, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const found = JSON.parse(text) as Running;
  const all = [found.owner, found.postgres, found.temporal];
  return all.every(({ pid, startTime }) => isProcessAlive(pid, startTime)) ? found : undefined;
}

/** Waits on a pipe that closes when the Jest process ends, however it ends, and then clears everything away. */
function guard(postgresPid: number, temporalPid: number, paths: string[]): void {
  const script = `cat > /dev/null; kill -QUIT $1; kill -KILL $2; shift 2
    i=0; while kill -0 $1 && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done; shift; rm -rf "$@"`;
  const args = ['-c', script, 'sh', String(postgresPid), String(temporalPid), String(postgresPid), ...paths];
  const child = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}

async function freshDatabase(url: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const quoted = client.escapeIdentifier(name);
    await client.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${quoted}`);
  } finally {
    await client.end();
  }
  const fresh = new URL(url);
  fresh.pathname = `/${encodeURIComponent(name)}`;
  return fresh.href;
}

async function stopProcess(
  target: { pid: number; startTime: string | undefined },
  signal: NodeJS.Signals,
): Promise<void> {
  if (!isProcessAlive(target.pid, target.startTime)) return;
  process.kill(target.pid, signal);
  for (const end = Date.now() + 15_000; isProcessAlive(target.pid, target.startTime); await sleep(20)) {
    if (Date.now() > end) throw new Error(`The process ${target.pid} of the test stack does not stop.`);
  }
}

function complain(obj: object, msg: string): void {
  process.stderr.write(`${msg} ${JSON.stringify(obj)}\n`);
}
