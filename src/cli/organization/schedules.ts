import { ensureOrganizationSchedules } from '../../temporal/schedules.js';
import type { Registry } from './registry.js';

const PATIENCE_MS = 20_000;

/** Sets the schedules of the organizations that are configured now and pauses those of others; false where the next start does so. */
export async function setSchedules({ client, ledger, config }: Registry): Promise<boolean> {
  if (!client) return false;
  const organizations = (await ledger.organizations.list()).map(({ id }) => id);
  try {
    await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      ensureOrganizationSchedules(client, organizations, config.schedules),
    );
    return true;
  } catch {
    process.stderr.write('Temporal does not let us set the schedules now: the next start of Steward does.\n');
    return false;
  }
}
