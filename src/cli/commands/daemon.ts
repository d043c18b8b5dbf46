import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { isProcessAlive } from '../../embedded/process-info.js';
import { CliError, ExitCode } from '../exit.js';
import { print, printJson } from '../output.js';
import { loadSituation } from '../session.js';
import { registerSchedule } from './daemon-schedule.js';

const LOG_FILE = 'steward.log';
const START_PATIENCE_MS = 120_000;
const STOP_PATIENCE_MS = 60_000;
const POLL_MS = 100;
const LAST_LINES = 15;

/** `steward daemon start|stop|restart|status|schedule`. */
export function registerDaemon(program: Command): void {
  const daemon = program.command('daemon').description('the same as `start`, in the background');
  daemon.command('start').description('start and wait until it is ready').action(startDaemon);
  daemon.command('stop').description('stop and wait until it has').action(stopDaemon);
  daemon
    .command('restart')
    .description('stop, then start')
    .action(async () => {
      const { run } = await loadSituation();
      if (run) await stopDaemon();
      await startDaemon();
    });
  daemon
    .command('status')
    .description('whether it runs, since when, where its log is')
    .option('--json', 'print JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const { run, dataDir } = await loadSituation();
      const status = {
        running: run !== undefined,
        pid: run?.pid ?? null,
        startedAt: run?.startedAt ?? null,
        url: run?.httpUrl ?? null,
        webUi: run?.temporalUiUrl || null,
        logFile: run?.logFile ?? null,
        dataDir,
      };
      if (!run) process.exitCode = ExitCode.Failed;
      if (json) return printJson(status);
      if (!run) return print(`Not running on ${dataDir}.`);
      for (const [key, value] of Object.entries(status)) print(`${key.padEnd(12)}${value ?? ''}`);
    });
  registerSchedule(daemon);
}

async function startDaemon(): Promise<void> {
  const { run, dataDir } = await loadSituation();
  if (run) throw new CliError(`Steward already runs: pid ${run.pid}, since ${run.startedAt}.`, ExitCode.Refused);
  await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const logFile = join(dataDir, LOG_FILE);
  const log = await open(logFile, 'a', 0o600);
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'start', '--log-file', logFile], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  await log.close();
  const end = Date.now() + START_PATIENCE_MS;
  while (Date.now() < end) {
    const { run: now } = await loadSituation();
    if (now?.pid === child.pid) return print(`Steward runs: pid ${now?.pid}, ${now?.httpUrl}, log ${logFile}`);
    if (child.exitCode !== null || child.signalCode !== null)
      throw new CliError(`It did not start. The end of ${logFile}:\n${await lastLines(logFile)}`);
    await sleep(POLL_MS);
  }
  throw new CliError(`It is not ready yet; look at ${logFile} and \`steward daemon status\`.`);
}

async function stopDaemon(): Promise<void> {
  const { run } = await loadSituation();
  if (!run) return print('Nothing runs.');
  process.kill(run.pid, 'SIGTERM');
  const end = Date.now() + STOP_PATIENCE_MS;
  while (isProcessAlive(run.pid)) {
    if (Date.now() > end) throw new CliError(`pid ${run.pid} still finishes what runs; look at its log.`);
    await sleep(POLL_MS);
  }
  print('Stopped.');
}

async function lastLines(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-LAST_LINES).join('\n');
}
