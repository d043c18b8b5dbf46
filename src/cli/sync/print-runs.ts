import type { SyncCounts, SyncRun } from '../../ledger/runs.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import type { SyncSubject } from './subject.js';

/** Prints runs in a line each, for people or as JSON. */
export function printRuns(rows: readonly SyncRun[], kind: SyncSubject['kind'], { json }: { json: boolean }): void {
  const runs = rows.map((run) => toBrief(run, kind));
  if (json) printJson(runs);
  else if (runs.length === 0) print('There was no run yet.');
  else printTheirs(runs, kind);
}

function printTheirs(runs: readonly ReturnType<typeof toBrief>[], kind: SyncSubject['kind']): void {
  printTable(
    ['RUN', kind.toUpperCase(), 'WHEN', 'MODE', 'BY', 'RESULT', 'TOOK', 'READ', 'PEOPLE'],
    runs.map((one) => [
      one.run,
      one.scope,
      showTime(one.startedAt),
      one.dryRun ? 'dry run' : one.mode,
      one.by,
      one.result ?? `runs: ${one.phase}`,
      showSeconds(one.seconds),
      one.counts?.read ?? '',
      brief(one),
    ]),
  );
  print();
  for (const { run, message } of runs) if (message !== null) print(`${run}: ${message}`);
}

const toBrief = (run: SyncRun, kind: SyncSubject['kind']) => ({
  run: run.id,
  scope: kind === 'site' ? run.site : run.audience,
  mode: run.mode,
  dryRun: run.dryRun,
  by: run.startedBy,
  startedAt: run.startedAt,
  endedAt: run.endedAt,
  phase: run.phase,
  result: run.result,
  counts: run.counts as SyncCounts | null,
  seconds: ((run.endedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 1000,
  plan: run.planId,
  planState: run.planState,
  message: run.message,
});

/** What is not zero. */
function brief({ counts, dryRun }: ReturnType<typeof toBrief>): string {
  const { read: _, unchanged: __, ...told } = counts ?? { read: 0, unchanged: 0 };
  const parts = Object.entries(told).filter(([, count]) => count > 0);
  const text = parts.map(([name, count]) => `${count} ${name === 'leftAlone' ? 'left alone' : name}`).join(', ');
  return dryRun && text !== '' ? `would be: ${text}` : text;
}
