import { ensureOrganizationSchedules } from '../../temporal/schedules.js';
import { organizationAudiences, toScheduled } from '../processes/organization-audiences.js';
import type { Registry } from './registry.js';

const PATIENCE_MS = 20_000;

/** Sets the schedules of the organizations that are configured now and pauses those of others; false where the next start does so. */
export async function setSchedules({ client, ledger, config, ring }: Registry): Promise<boolean> {
  if (!client) return false;
  const organizations = (await ledger.organizations.list()).map(({ id }) => id);
  const { audiences } = await organizationAudiences({ config, ledger, ring });
  try {
    await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      ensureOrganizationSchedules(client, { organizations, audiences: audiences.map(toScheduled) }, config.schedules),
    );
    return true;
  } catch {
    process.stderr.write('Temporal does not let us set the schedules now: the next start of Steward does.\n');
    return false;
  }
}
