import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRunFile } from '../../src/embedded/data-folder.js';
import { isProcessAlive } from '../../src/embedded/process-info.js';
import { eventually } from './eventually.js';

type Store = 'postgres' | 'temporal';

/** How a command ended. */
export interface CommandEnd {
  code: number;
  stdout: string;
  stderr: string;
}

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

  /** Where its other commands find its configuration. */
  get place(): { env: Record<string, string>; folder: string } {
    return { env: this.#env as Record<string, string>, folder: this.#folder };
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
  run(args: readonly string[], input?: string): Promise<CommandEnd> {
    return this.spawn(args, input).ended;
  }

  /** Starts another command of the program beside it. */
  spawn(args: readonly string[], input?: string): { ended: Promise<CommandEnd>; kill(signal: NodeJS.Signals): void } {
    const child = spawn(process.execPath, [join(process.cwd(), 'dist/src/cli/main.js'), ...args], {
      cwd: this.#folder,
      env: this.#env,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.stdin.end(input);
    const ended = new Promise<CommandEnd>((resolve) =>
      child.on('close', (exit) => resolve({ code: exit ?? -1, stdout, stderr })),
    );
    return { ended, kill: (signal) => void child.kill(signal) };
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

  /** Stops a store's processes where they stand: it keeps its connections and answers nothing. */
  freezeStore = (store: Store): Promise<void> => this.#signalStore(store, 'SIGSTOP');
  thawStore = (store: Store): Promise<void> => this.#signalStore(store, 'SIGCONT');
  killStore = (store: Store): Promise<void> => this.#signalStore(store, 'SIGKILL');

  async #signalStore(store: Store, signal: NodeJS.Signals): Promise<void> {
    const pid = await this.#pidOf(store);
    if (pid === undefined) throw new Error(`${store} does not run`);
    // the servers of Postgres's connections are its children
    const family = signal === 'SIGKILL' ? [pid] : [pid, ...(await childrenOf(pid))];
    for (const one of family) process.kill(one, signal);
  }

  async #storePids(): Promise<number[]> {
    const pids = await Promise.all([this.#pidOf('postgres'), this.#pidOf('temporal')]);
    return pids.filter((pid): pid is number => pid !== undefined);
  }

  async #pidOf(store: Store): Promise<number | undefined> {
    const file = store === 'postgres' ? 'postgres/postmaster.pid' : 'temporal.db.pid';
    const text = await readFile(join(this.dataDir, file), 'utf8').catch(() => '');
    const pid = Number(/(\d+)/.exec(text)?.[1] ?? 0);
    return pid > 0 && isProcessAlive(pid) ? pid : undefined;
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

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}
