import type { Command } from 'commander';
import { registerOrganizationAdd } from './organization-add.js';
import { registerOrganizationList } from './organization-list.js';
import { registerOrganizationRemove } from './organization-remove.js';
import { registerOrganizationRuns } from './organization-runs.js';
import { registerOrganizationSetAside } from './organization-set-aside.js';
import { registerOrganizationShow } from './organization-show.js';
import { registerOrganizationSync } from './organization-sync.js';
import { registerOrganizationUpdate } from './organization-update.js';

/** `steward organization add|list|show|update|remove|runs|set-aside|sync`, or `org`. */
export function registerOrganization(program: Command): void {
  const organization = program
    .command('organization')
    .alias('org')
    .description('Classy organizations: their credentials, and how far they are read');
  registerOrganizationAdd(organization);
  registerOrganizationList(organization);
  registerOrganizationShow(organization);
  registerOrganizationUpdate(organization);
  registerOrganizationRemove(organization);
  registerOrganizationRuns(organization);
  registerOrganizationSetAside(organization);
  registerOrganizationSync(organization);
}
