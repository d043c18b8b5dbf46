import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

const linesKept = 30;
const outputGraceMs = 500;

/** How a child process ended: in words, whether we had asked for it, and the last lines it wrote to stderr. */
export interface ChildExit {
  reason: string;
  expected: boolean;
  lastLines: string[];
}

/** A child process under watch; `stop` may be called any number of times and resolves when the process has gone. */
export interface WatchedChild {
  pid: number;
  exited: Promise<ChildExit>;
  stop(): Promise<void>;
  /** Lets this process end although the child still runs. */
  unref(): void;
}

/**
 * Watches a server that was spawned in a process group of its own: collects its last stderr lines, stops it by ever stronger
 * signals, and takes it along when this process ends without having stopped it.
 */
export function watchChild(options: {
  child: ChildProcess;
  name: string;
  stopSteps: readonly { signal: NodeJS.Signals; limitMs: number }[];
  onLine?: (line: string) => void;
}): WatchedChild {
  const { child, name, stopSteps, onLine } = options;
  const lastLines: string[] = [];
  let stopping: Promise<void> | undefined;

  const takeAlong = () => child.kill(stopSteps[0]?.signal);
  process.once('exit', takeAlong);

  const exited = new Promise<ChildExit>((resolve) => {
    const settle = (reason: string) => {
      process.removeListener('exit', takeAlong);
      resolve({ reason, expected: stopping !== undefined, lastLines });
    };
    child.once('error', (error) => settle(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      const reason = signal ? `killed by ${signal}` : `exit code ${code}`;
      // The last lines come after the exit; but a grandchild may hold the pipe open for long.
      const timer = setTimeout(() => settle(reason), outputGraceMs);
      child.once('close', () => {
        clearTimeout(timer);
        settle(reason);
      });
    });
  });

  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > linesKept) lastLines.shift();
      if (stopping === undefined) onLine?.(line);
    });
  }

  async function stopNow(): Promise<void> {
    for (const { signal, limitMs } of stopSteps) {
      child.kill(signal);
      if (await settlesWithin(exited, limitMs)) return;
    }
    throw new Error(`${name} (pid ${child.pid}) does not stop.`);
  }

  return {
    pid: child.pid ?? -1,
    exited,
    stop: () => {
      stopping ??= stopNow();
      return stopping;
    },
    unref: () => {
      child.unref();
      for (const stream of [child.stdout, child.stderr]) (stream as Socket | null)?.unref();
    },
  };
}

function settlesWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs);
    void promise.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
