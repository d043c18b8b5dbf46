import type { Command } from 'commander';
import { createMetrics } from '../../observe/metrics.js';
import { parseTime } from '../arguments.js';
import { printMember } from '../member/print-member.js';
import { readMember } from '../member/reading.js';
import { printJson } from '../output.js';
import { destinationOf } from '../processes/targets.js';
import { withSession } from '../session.js';

interface ShowOptions {
  at?: Date;
  json: boolean;
}

/** `steward member show`. */
export function registerMember(program: Command): void {
  program
    .command('member')
    .description('members of a site')
    .command('show')
    .argument('<site>')
    .argument('<email|id>')
    .description(
      'what we know of a member, what the list should hold and was seen to hold, and everything that happened',
    )
    .option('--at <time>', 'as it was then: 2026-11-22T10:00Z, or how long ago, such as 2h', parseTime)
    .option('--json', 'print JSON', false)
    .action((siteName: string, emailOrId: string, { at, json }: ShowOptions) =>
      withSession(async ({ config, ledger, site: findSite }) => {
        const site = findSite(siteName);
        const { storedFields } = destinationOf(config, site, ledger, createMetrics());
        const shown = await readMember({ ledger, site, storedFields, at }, emailOrId);
        if (json) printJson(shown);
        else printMember(shown);
      }),
    );
}
