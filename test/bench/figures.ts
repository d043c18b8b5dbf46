import { readFile } from 'node:fs/promises';

/** The value below which `share` of the figures lie. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `p50 12  p99 34  max 56` of milliseconds. */
export const spread = (figures: readonly number[], shares: readonly number[] = [0.5, 0.99]): string =>
  `${shares.map((share) => `p${share * 100} ${percentile(figures, share).toFixed(0)} ms`).join('   ')}   max ${Math.max(...figures).toFixed(0)} ms`;

/** Resident memory of a process and of all below it, in MiB, by name. */
export async function memoryOf(pid: number): Promise<{ pid: number; name: string; mib: number }[]> {
  // processes come and go while they are looked at
  const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const status = await read('status');
  if (status === '') return [];
  const command = (await read('cmdline')).split('\0').filter(Boolean);
  const name =
    command
      .slice(1, 3)
      .map((part) => part.split('/').at(-1))
      .join(' ') ||
    (command[0] ?? '');
  const mib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  const children = (await read(`task/${pid}/children`)).split(' ').filter(Boolean).map(Number);
  return [{ pid, name, mib }, ...(await Promise.all(children.map(memoryOf))).flat()];
}
