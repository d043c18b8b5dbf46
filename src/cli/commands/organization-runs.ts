import type { Command } from 'commander';
import type { OrganizationRun } from '../../ledger/classy/organization-runs.js';
import { parseCount } from '../arguments.js';
import { countsOf } from '../classy/report.js';
import { parseOrganizationId } from '../organization/entry.js';
import { withRegistry } from '../organization/registry.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';

/** `steward organization runs`. */
export function registerOrganizationRuns(organization: Command): void {
  organization
    .command('runs')
    .argument('<id>', "Classy's id", parseOrganizationId)
    .description('its syncs, the newest first')
    .option('--limit <count>', 'at most so many', parseCount, 20)
    .option('--json', 'print JSON', false)
    .action((id: string, { limit, json }: { limit: number; json: boolean }) =>
      withRegistry(async (registry) => {
        await registry.organization(id);
        const runs = (await registry.ledger.organizationRuns.list({ organization: id, limit })).map(toBrief);
        if (json) return printJson(runs);
        if (runs.length === 0) return print('There was no run yet.');
        printTable(
          ['RUN', 'RESOURCE', 'WHEN', 'MODE', 'BY', 'RESULT', 'TOOK', 'READ', 'RECORDS'],
          runs.map((one) => [
            one.run,
            one.resource,
            showTime(one.startedAt),
            one.dryRun ? `${one.mode}, dry run` : one.mode,
            one.by,
            one.result ?? `runs: ${one.phase}`,
            showSeconds(one.seconds),
            one.counts.read,
            told(one.counts),
          ]),
        );
        print();
        for (const { run, message } of runs) if (message !== null) print(`${run}: ${message}`);
      }),
    );
}

const toBrief = (run: OrganizationRun) => ({
  run: run.id,
  scope: run.organization,
  resource: run.resource,
  mode: run.mode,
  dryRun: run.dryRun,
  by: run.startedBy,
  startedAt: run.startedAt,
  endedAt: run.endedAt,
  phase: run.phase,
  result: run.result,
  counts: countsOf(run),
  seconds: ((run.endedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 1000,
  requests: run.requests,
  drift: run.drift,
  message: run.message,
});

/** What is not zero. */
function told({ added, updated, removed, held, failed }: ReturnType<typeof toBrief>['counts']): string {
  const parts = { added, updated, missing: removed, held, 'set aside': failed };
  return Object.entries(parts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
