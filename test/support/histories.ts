import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { testCacheDir, testLog } from './embedded-stack.js';

/**
 * Writes histories for test/replay, one of each shape, with RECORD_HISTORIES=1: those of today's code are what tomorrow's must
 * replay. `query` chooses among the runs that there are.
 */
export async function recordHistories(client: Client, address: string, name: string, query?: string): Promise<void> {
  if (process.env['RECORD_HISTORIES'] === undefined) return;
  await mkdir('test/histories', { recursive: true });
  const cli = await findTemporalCli({ cacheDir: testCacheDir, log: testLog });
  const shapes = new Map<string, string>();
  for await (const { workflowId, runId } of client.workflow.list(query === undefined ? {} : { query })) {
    const args = [
      'workflow',
      'show',
      '--workflow-id',
      workflowId,
      '--run-id',
      runId,
      '--output',
      'json',
      '--address',
      address,
    ];
    const { stdout } = await promisify(execFile)(cli, args, { maxBuffer: 64 * 1024 * 1024 });
    const { events } = JSON.parse(stdout) as { events: { eventType: string }[] };
    const shape = events.map(({ eventType }) => eventType).join(' ');
    if (stdout.length < 300_000) shapes.set(shape, withoutThisMachine(stdout));
  }
  const byLength = [...shapes.values()].sort((a, b) => a.length - b.length);
  for (const [index, json] of byLength.entries())
    await writeFile(`test/histories/${name}-${String(index).padStart(2, '0')}.json`, json);
}

/** No name and no folder of the machine that recorded it. */
const withoutThisMachine = (history: string): string =>
  history.replace(/\d+@[\w.-]+/g, 'worker').replaceAll(`${process.cwd()}/`, '');
