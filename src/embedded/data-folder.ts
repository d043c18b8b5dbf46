import { createHash, randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessAlive, processStartTime } from './process-info.js';

const contendersLimitMs = 10_000;

/** The exclusive right to the embedded stores in a data folder. */
export interface DataFolderLock {
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  startTime: string | undefined;
  since: string;
  nonce: string;
}

/** Where the embedded stores lie when STEWARD_DATA_DIR says nothing; root's home on Linux is closed to the user of Postgres. */
export function defaultDataDir(env: NodeJS.ProcessEnv): string {
  const home = env['HOME'] || homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support', 'steward');
  if (process.getuid?.() === 0) return '/var/lib/steward';
  return join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'steward');
}

/**
 * Takes the lock of a data folder, creating the folder where it is missing; throws, naming pid and time, while another
 * living process holds it. A lock whose process is gone is taken over.
 */
export async function lockDataFolder(dir: string): Promise<DataFolderLock> {
  await mkdir(dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  return await acquire(dir, 'steward.lock');
}

/**
 * The file appears complete, by link(2). A stale one is replaced by rename under a second lock named after its content, so of
 * two starters that find the same stale lock only one replaces it, and never one that came later; such a second lock may
 * be stale itself, and is then healed the same way.
 */
async function acquire(dir: string, name: string): Promise<DataFolderLock> {
  const path = join(dir, name);
  const mine = await writeClaim(dir);
  try {
    for (const end = Date.now() + contendersLimitMs; ; await sleep(20)) {
      const taken = await link(mine.path, path).then(
        () => true,
        () => false,
      );
      if (taken) return lockOf(path, mine.content);
      const found = await readFile(path, 'utf8').catch(() => undefined);
      if (found === undefined) {
        if (Date.now() > end) throw new Error(`The lock ${path} can neither be made nor read.`);
        continue;
      }
      const holder = parseHolder(found);
      if (holder && isProcessAlive(holder.pid, holder.startTime)) {
        throw new HeldError(`Steward already runs on ${dir}: pid ${holder.pid}, since ${holder.since}.`);
      }
      if (await replaceStale(dir, path, found, mine.path)) return lockOf(path, mine.content);
    }
  } finally {
    await rm(mine.path, { force: true });
  }
}

class HeldError extends Error {}

async function replaceStale(dir: string, path: string, stale: string, claim: string): Promise<boolean> {
  const digest = createHash('sha256').update(stale).digest('hex').slice(0, 16);
  const healing = await acquire(dir, `steward.lock.${digest}`).catch((error: unknown) => {
    if (error instanceof HeldError) return undefined;
    throw error;
  });
  if (healing === undefined) return false;
  try {
    if ((await readFile(path, 'utf8').catch(() => undefined)) !== stale) return false;
    await rename(claim, path);
    return true;
  } finally {
    await healing.release();
  }
}

async function writeClaim(dir: string): Promise<{ path: string; content: string }> {
  const nonce = randomUUID();
  const holder: Holder = {
    pid: process.pid,
    startTime: processStartTime(process.pid),
    since: new Date().toISOString(),
    nonce,
  };
  const path = join(dir, `steward.lock.claim-${nonce}`);
  const content = JSON.stringify(holder);
  await writeFile(path, content, { flag: 'wx', mode: 0o644 });
  return { path, content };
}

function lockOf(path: string, content: string): DataFolderLock {
  return {
    release: async () => {
      const found = await readFile(path, 'utf8').catch(() => undefined);
      if (found === content) await unlink(path).catch(() => undefined);
    },
  };
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** What a running Steward tells other commands on the same machine; the database address carries its password. */
export interface RunInfo {
  pid: number;
  startedAt: string;
  databaseUrl: string;
  temporalAddress: string;
  temporalUiUrl: string;
  namespace: string;
  httpUrl: string;
  logFile?: string;
  /** Variables of the sandbox's site, when it runs. */
  sandbox?: Record<string, string>;
}

/** Writes `run.json`, readable for this user only; a reader sees the old one or the whole new one. */
export async function writeRunFile(dir: string, info: RunInfo): Promise<void> {
  const unfinished = join(dir, `run.json.${process.pid}.new`);
  await writeFile(unfinished, JSON.stringify({ ...info, startTime: processStartTime(info.pid) }, null, 2), {
    mode: 0o600,
  });
  await chmod(unfinished, 0o600);
  await rename(unfinished, join(dir, 'run.json'));
}

/** What the Steward that runs on this data folder said of itself; undefined when none runs. */
export async function readRunFile(dir: string): Promise<RunInfo | undefined> {
  const text = await readFile(join(dir, 'run.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { startTime, ...info } = JSON.parse(text) as RunInfo & { startTime?: string };
  return isProcessAlive(info.pid, startTime) ? info : undefined;
}
