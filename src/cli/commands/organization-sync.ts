import type { Command } from 'commander';
import type { OrganizationSyncMode } from '../../contract/organization-sync.js';
import { runOrganizationSync } from '../classy/run-organization-sync.js';
import { addSyncOptions, type SyncOptions } from '../classy/sync-options.js';
import { parseOrganizationId } from '../organization/entry.js';
import { withSession } from '../session.js';

/** `steward organization sync`. */
export function registerOrganizationSync(organization: Command): void {
  const command = organization
    .command('sync')
    .argument('<id>', "Classy's id of the organization", parseOrganizationId)
    .description('read everything of one organization into Postgres: what changed, or all of it');
  addSyncOptions(command).action((id: string, mode: OrganizationSyncMode, options: SyncOptions) =>
    withSession((session) => runOrganizationSync(session, { resource: 'all', mode, organization: id }, options)),
  );
}
