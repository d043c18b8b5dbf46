import type { Command } from 'commander';
import { RESOURCES } from '../../contract/organization-sync.js';
import { organizationSyncWorkflowId } from '../../contract/workflow-ids.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import { CliError, ExitCode } from '../exit.js';
import { parseOrganizationId } from '../organization/entry.js';
import { type Registry, withRegistry } from '../organization/registry.js';
import { setSchedules } from '../organization/schedules.js';
import { confirm } from '../organization/terminal.js';
import { print, printJson } from '../output.js';

const PATIENCE_MS = 5_000;

interface Options {
  purge: boolean;
  yes: boolean;
  json: boolean;
}

/** `steward organization remove`. */
export function registerOrganizationRemove(organization: Command): void {
  organization
    .command('remove')
    .argument('<id>', "Classy's id", parseOrganizationId)
    .description('forget its credentials and stop its syncs; its records stay unless --purge')
    .option('--purge', 'delete every record of it as well', false)
    .option('--yes', 'do not ask', false)
    .option('--json', 'print JSON', false)
    .action((id: string, options: Options) =>
      withRegistry(async (registry) => {
        if (options.purge) await purge(registry, await registry.organization(id), options);
        else await remove(registry, await registry.configured(id), options);
      }),
    );
}

async function remove(registry: Registry, { id, name }: Organization, { yes, json }: Options): Promise<void> {
  await confirm(`Remove organization ${id} (${name})? Its credentials are forgotten, its records stay.`, 'yes', yes);
  await registry.ledger.organizations.remove(id);
  await setSchedules(registry);
  if (json) printJson({ organization: id, purged: false });
  else print(`Organization ${id} (${name}) is removed. Its records stay; steward organization add continues them.`);
}

async function purge(registry: Registry, { id, name }: Organization, { yes, json }: Options): Promise<void> {
  const { organizations } = registry.ledger;
  const { missing: _, ...counts } = await organizations.counts(id);
  const records = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const what = `${records} records (${counts.supporters} supporters, ${counts.campaigns} campaigns, ${counts.transactions} transactions, ${counts.recurringPlans} recurring plans)`;
  await confirm(`Delete organization ${id} (${name}) with its ${what}? Nothing brings them back.`, id, yes);
  await refuseWhileRunning(registry, id);
  // without credentials no new run reads anything
  await organizations.remove(id);
  await setSchedules(registry);
  await refuseWhileRunning(registry, id);
  await organizations.purge(id);
  if (json) printJson({ organization: id, purged: true, records: counts });
  else print(`Organization ${id} (${name}) is deleted with its ${what}.`);
}

/** A run that goes on would write records again. */
async function refuseWhileRunning({ client }: Registry, id: string): Promise<void> {
  if (!client) return;
  const running = await Promise.all(
    [...RESOURCES, 'all'].map(async (resource) => {
      const workflowId = organizationSyncWorkflowId(id, resource);
      const found = await client
        .withDeadline(Date.now() + PATIENCE_MS, () => client.workflow.getHandle(workflowId).describe())
        .catch(() => undefined);
      return found?.status.name === 'RUNNING' ? [workflowId] : [];
    }),
  );
  const [first] = running.flat();
  if (first !== undefined)
    throw new CliError(
      `Refused: ${first} runs and would write records again. Wait for it, or cancel it: temporal workflow cancel --workflow-id ${first}`,
      ExitCode.Refused,
    );
}
