import type { Command } from 'commander';
import type { ComponentHealth } from '../../server/health.js';
import { readHealth } from '../../server/health.js';
import { ExitCode } from '../exit.js';
import { print, printJson, printTable, showSeconds } from '../output.js';
import { knownAudiences } from '../processes/organization-audiences.js';
import { withSession } from '../session.js';

/** `steward health`. */
export function registerHealth(program: Command): void {
  program
    .command('health')
    .description('whether everything moves')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withSession(async ({ config, ledger, client, ring }) => {
        const health = await readHealth({
          ledger,
          client,
          sites: config.sites,
          audiences: () => knownAudiences({ config, ledger, ring }),
          intervals: config.schedules,
          isSpooling: () => false,
        });
        if (health.status === 'down') process.exitCode = ExitCode.Failed;
        if (json) return printJson(health);
        const rows = (parts: Record<string, ComponentHealth>): string[][] =>
          Object.entries(parts).map(([name, { status, message }]) => [name, status, message ?? '']);
        printTable(
          ['WHAT', 'STATUS', 'WHY'],
          [...rows(health.components), ...rows(health.sites), ...rows(named(health.organizations))],
        );
        print(`\n${health.status}; oldest waiting delivery: ${showSeconds(health.oldestWaitingSeconds)}`);
      }),
    );
}

/** Organizations by id and name. */
const named = (organizations: Record<string, ComponentHealth>): Record<string, ComponentHealth> =>
  Object.fromEntries(Object.entries(organizations).map(([id, health]) => [`${id} ${health['name'] ?? ''}`, health]));
