import type { Command } from 'commander';
import type { OrganizationSyncMode, ResourceScope } from '../../contract/organization-sync.js';
import { runOrganizationSync } from '../classy/run-organization-sync.js';
import { addSyncOptions, resourceArgument, type SyncOptions } from '../classy/sync-options.js';
import { withSession } from '../session.js';

/** `steward sync`. */
export function registerSync(program: Command): void {
  const command = program
    .command('sync')
    .addArgument(resourceArgument())
    .description('read Classy organizations into Postgres: what changed, or everything')
    .option('--organization <id>', 'this one alone; without it all of them, side by side');
  addSyncOptions(command).action(
    (
      resource: ResourceScope,
      mode: OrganizationSyncMode,
      { organization, ...options }: SyncOptions & { organization?: string },
    ) => withSession((session) => runOrganizationSync(session, { resource, mode, organization }, options)),
  );
}
