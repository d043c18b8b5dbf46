import type { Command } from 'commander';
import type { SyncCounts, SyncRun } from '../../ledger/runs.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { withSession } from '../session.js';
import { parseCount } from './delivery.js';

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
          ['RUN', 'SITE', 'WHEN', 'MODE', 'BY', 'RESULT', 'TOOK', 'PEOPLE'],
          runs.map((one) => [
            one.run,
            one.scope,
            showTime(one.startedAt),
            one.dryRun ? 'dry run' : one.mode,
            one.by,
            one.result ?? `runs: ${one.phase}`,
            showSeconds(one.seconds),
            brief(one.counts),
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
  planState: run.planState,
  message: run.message,
});

/** What is not zero. */
function brief(counts: SyncCounts | null): string {
  const told = Object.entries(counts ?? {}).filter(([name, count]) => count > 0 && name !== 'unchanged');
  return told.map(([name, count]) => `${count} ${name === 'leftAlone' ? 'left alone' : name}`).join(', ');
}
