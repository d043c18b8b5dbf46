import type { Command } from 'commander';
import { parseCount } from '../arguments.js';
import { parseOrganizationId } from '../organization/entry.js';
import { withRegistry } from '../organization/registry.js';
import { print, printJson, printTable, showTime } from '../output.js';

/** `steward organization set-aside`. */
export function registerOrganizationSetAside(organization: Command): void {
  organization
    .command('set-aside')
    .argument('<id>', "Classy's id", parseOrganizationId)
    .description('records that could not be stored, and why; each sync tries them again')
    .option('--limit <count>', 'at most so many', parseCount, 100)
    .option('--json', 'print JSON', false)
    .action((id: string, { limit, json }: { limit: number; json: boolean }) =>
      withRegistry(async (registry) => {
        await registry.organization(id);
        const { organizationRuns: runs } = registry.ledger;
        const [rows, counts] = await Promise.all([runs.setAside(id, { limit }), runs.setAsideCounts()]);
        if (json) return printJson(rows);
        if (rows.length === 0) return print('Nothing is set aside.');
        printTable(
          ['RESOURCE', 'RECORD', 'SINCE', 'LAST SEEN', 'REASON'],
          rows.map(({ resource, recordId, since, lastSeenAt, reason }) => [
            resource,
            // one without an id goes by its content's fingerprint
            recordId.startsWith('?') ? 'without id' : recordId,
            showTime(since),
            showTime(lastSeenAt),
            reason,
          ]),
        );
        const more = (counts.get(id) ?? 0) - rows.length;
        if (more > 0) print(`\n${more} more: --limit`);
      }),
    );
}
