import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

// Slim images have no `ps`, macOS has no /proc.
const hasProc = existsSync('/proc/self/stat');

/** Whether this process runs; with `startTime`, whether it is still the same process and not another with a reused pid. */
export function isProcessAlive(pid: number, startTime?: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  // In containers without an init process nobody reaps orphans: a zombie still answers to signal 0.
  if (processState(pid) === 'Z') return false;
  return startTime === undefined || processStartTime(pid) === startTime;
}

/** An opaque text that tells this process from any other that had or will have its pid; undefined when it is gone. */
export function processStartTime(pid: number): string | undefined {
  if (!hasProc) return ps(pid, 'lstart');
  const ticks = statFields(pid)?.[19];
  return ticks === undefined ? undefined : `${bootId()}/${ticks}`;
}

/** The command line of a process, its words joined by blanks; undefined when it is gone or not readable. */
export function processCommand(pid: number): string | undefined {
  if (!hasProc) return ps(pid, 'command');
  const text = readText(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim();
  return text === '' ? undefined : text;
}

function processState(pid: number): string | undefined {
  return hasProc ? statFields(pid)?.[0] : ps(pid, 'state')?.[0];
}

/** The fields of /proc/PID/stat from the third on; the second is the name, which may contain blanks and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
}

/** Start times on Linux count from boot, so without it a pid reused after a restart of the machine could look the same. */
function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function ps(pid: number, field: string): string | undefined {
  try {
    return (
      execFileSync('ps', ['-ww', '-o', `${field}=`, '-p', String(pid)], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C' },
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}
