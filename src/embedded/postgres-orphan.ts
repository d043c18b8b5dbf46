import { readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.js';
import { isProcessAlive, processCommand, processStartTime } from './process-info.js';

const fastShutdownMs = 30_000;
const immediateShutdownMs = 10_000;

/**
 * Clears the way for a start: stops a Postgres that still runs on this data directory because its parent was killed, and
 * removes a `postmaster.pid` whose pid is gone or belongs to something else. The caller holds the lock on the data folder.
 */
export async function clearPostmaster(folder: string, log: Log): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid');
  const pid = await readPid(pidFile);
  if (pid === undefined) return;
  const startTime = processStartTime(pid);
  if (!isProcessAlive(pid) || !(await runsOn(pid, folder))) {
    log.warn({ pid, folder }, 'removing the postmaster.pid of a Postgres that is gone');
    await rm(pidFile, { force: true });
    return;
  }
  log.warn({ pid, folder }, 'a Postgres of an earlier Steward still runs on this data folder: stopping it');
  for (const [signal, limitMs] of [
    ['SIGINT', fastShutdownMs],
    ['SIGQUIT', immediateShutdownMs],
  ] as const) {
    process.kill(pid, signal);
    if (await waitUntilGone(pid, startTime, limitMs)) return;
  }
  throw new Error(`Postgres with pid ${pid} runs on ${folder} and does not stop. Stop it by hand.`);
}

/** Postgres shows its flags in its command line, so `-D folder` tells ours from one of somebody else. */
async function runsOn(pid: number, folder: string): Promise<boolean> {
  const command = processCommand(pid) ?? '';
  if (!command.includes('postgres')) return false;
  return `${command} `.includes(` ${folder} `) || `${command} `.includes(` ${await realpath(folder)} `);
}

async function waitUntilGone(pid: number, startTime: string | undefined, limitMs: number): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await sleep(25)) {
    if (!isProcessAlive(pid, startTime)) return true;
  }
  return false;
}

async function readPid(pidFile: string): Promise<number | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return Number.parseInt(text, 10) || -1;
}
