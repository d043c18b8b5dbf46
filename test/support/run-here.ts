import { Command } from 'commander';
import { reportError } from '../../src/cli/report-error.js';
import type { CommandEnd } from './program.js';

/** Where a command finds its configuration. */
interface Place {
  env: Readonly<Record<string, string>>;
  folder: string;
}

/** Runs a command in this process as `main.ts` does, which is much quicker than a process of its own; one at a time. */
export async function runHere(
  register: (program: Command) => void,
  args: readonly string[],
  { env, folder }: Place,
): Promise<CommandEnd> {
  const end = { code: 0, stdout: '', stderr: '' };
  const write = (to: 'stdout' | 'stderr') => (text: string) => {
    end[to] += text;
    return true;
  };
  const restore = [
    replace(process, 'env', { ...env }),
    replace(process, 'cwd', () => folder),
    replace(process.stdout, 'write', write('stdout')),
    replace(process.stderr, 'write', write('stderr')),
    replace(process.stderr, 'isTTY', false),
  ];
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    const program = new Command('steward').exitOverride();
    register(program);
    await program.parseAsync(['node', 'steward', ...args]);
    end.code = Number(process.exitCode ?? 0);
  } catch (error) {
    end.code = reportError(error);
  } finally {
    process.exitCode = before;
    for (const one of restore) one();
  }
  return end;
}

function replace(on: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(on, name);
  Object.defineProperty(on, name, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(on, name, own);
    else Reflect.deleteProperty(on, name);
  };
}
