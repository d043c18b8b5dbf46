import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRunFile } from '../../src/embedded/data-folder.js';
import { isProcessAlive } from '../../src/embedded/process-info.js';
import { eventually } from './eventually.js';

/** The built program as a user runs it, in a process group of its own. */
export class Program {
  output = '';
  #child: ChildProcess | undefined;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;

  constructor(env: Readonly<Record<string, string>>, folder: string) {
    this.#env = { PATH: process.env['PATH'], HOME: process.env['HOME'], LOG_FORMAT: 'json', ...env };
    this.#folder = folder;
  }

  get dataDir(): string {
    return this.#env['STEWARD_DATA_DIR'] ?? '';
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts `steward start` and waits until it says that it is ready. */
  async start(args: readonly string[] = [], withinMs = 90_000): Promise<void> {
    const from = this.output.length;
    const child = spawn(process.execPath, [join(process.cwd(), 'dist/src/cli/main.js'), 'start', ...args], {
      cwd: this.#folder,
      env: this.#env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const collect = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    await eventually(
      () => {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${this.output.slice(from)}`);
        return this.output.slice(from).includes('Steward is ready');
      },
      { withinMs },
    );
  }

  /** Runs another command of the program beside it. */
  async run(args: readonly string[], input?: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, [join(process.cwd(), 'dist/src/cli/main.js'), ...args], { cwd: this.#folder, env: this.#env });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.stdin.end(input);
    const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
    return { code, stdout, stderr };
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, signal);
  }

  /** Kills every process of the program with SIGKILL; with `stores` also its Postgres and Temporal. */
  async kill({ stores }: { stores: boolean }): Promise<void> {
    const pids = stores ? await this.#storePids() : [];
    this.signal('SIGKILL');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    const { pid } = this;
    await eventually(() => !isProcessAlive(pid) && pids.every((one) => !isProcessAlive(one)));
  }

  /** Pids of the embedded stores. */
  async #storePids(): Promise<number[]> {
    const first = async (file: string): Promise<number | undefined> => {
      const text = await readFile(join(this.dataDir, file), 'utf8').catch(() => '');
      const [, pid] = /(\d+)/.exec(text) ?? [];
      return pid === undefined ? undefined : Number(pid);
    };
    const pids = await Promise.all([first('postgres/postmaster.pid'), first('temporal.db.pid')]);
    return pids.filter((pid): pid is number => pid !== undefined && isProcessAlive(pid));
  }

  /** What it says of itself to other commands. */
  async info() {
    const info = await readRunFile(this.dataDir);
    if (!info) throw new Error('it does not run');
    return info;
  }

  /** Asks it to stop and gives its exit code. */
  async stop(): Promise<number> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? 0;
    const ended = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? -1)));
    child.kill('SIGTERM');
    return ended;
  }
}
