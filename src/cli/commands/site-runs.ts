import type { Command } from 'commander';
import { parseCount } from '../arguments.js';
import { withSession } from '../session.js';
import { printRuns } from '../sync/print-runs.js';

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
        printRuns(rows, 'site', { json });
      }),
    );
}
