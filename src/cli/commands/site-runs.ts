import type { Command } from 'commander';
import type { SyncCounts, SyncRun } from '../../ledger/runs.js';
import { parseCount } from '../arguments.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { withSession } from '../session.js';

/** `steward site runs`. */
export function registerSiteRuns(site: Command): void {
  site
    .command('runs')
    .argument('[site]')
    .description('walks, full syncs and applied plans, the newest first')
    .option('--limit <count>', 'at most so many', parseCount, 20)
    .option('--json', 'print JSON', false)
    .action((name: string | undefined, { limit, json }: { limit: number; json: boolean }) =>
      withSession(async ({ ledger, site: findSite }) => {
        const rows = await ledger.runs.list({ limit, ...(name === undefined ? {} : { site: findSite(name).name }) });
        const runs = rows.map(toBrief);
        if (json) return printJson(runs);
        if (runs.length === 0) return print('There was no run yet.');
        printTable(
          ['RUN', 'SITE', 'WHEN', 'MODE', 'BY', 'RESULT', 'TOOK', 'READ', 'PEOPLE'],
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
      }),
    );
}

const toBrief = (run: SyncRun) => ({
  run: run.id,
  scope: run.site,
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
