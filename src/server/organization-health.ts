import { RESOURCES, type Resource } from '../contract/organization-sync.js';
import type { Organization } from '../ledger/classy/organizations.js';
import type { Ledger } from '../ledger/ledger.js';
import type { ComponentHealth } from './health.js';

/** How often each resource is read, in milliseconds. */
export type ReadingIntervals = Readonly<Record<'supporters' | 'transactions' | 'campaigns' | 'recurringPlans', number>>;

/** A little later than twice its interval is late: jitter and the reading itself take their time. */
const GRACE_MS = 10 * 60_000;

/** The health of each configured organization, by its id. */
export async function readOrganizationHealth(
  { organizations, organizationRuns }: Ledger,
  intervals: ReadingIntervals,
): Promise<Record<string, ComponentHealth>> {
  const [configured, ended, successes, setAside] = await Promise.all([
    organizations.list(),
    organizationRuns.lastEnded(),
    organizationRuns.lastSuccesses(),
    organizationRuns.setAsideCounts(),
  ]);
  const healthOf = (organization: Organization): ComponentHealth => {
    const { id, name, pause, addedAt } = organization;
    const aside = setAside.get(id) ?? 0;
    const messages = [
      pause && `Classy is paused (${pause.type}): ${pause.message}`,
      aside > 0 &&
        `${aside} record${aside === 1 ? '' : 's'} could not be stored: see steward organization set-aside ${id}`,
    ];
    const lastRead: Partial<Record<Resource, Date>> = {};
    for (const resource of RESOURCES) {
      const isThis = (one: { organization: string; resource: string }): boolean =>
        one.organization === id && one.resource === resource;
      const last = ended.find(isThis);
      if (last && (last.result === 'failed' || last.result === 'refused'))
        messages.push(`${resource} ${last.result}: ${last.message}`);
      const times = successes.filter(isThis).map(({ at }) => at.getTime());
      if (times.length > 0) lastRead[resource] = new Date(Math.max(...times));
      const everyMs = intervals[resource === 'recurring-plans' ? 'recurringPlans' : resource];
      const lateAt = Math.max(addedAt.getTime(), ...times) + 2 * everyMs + GRACE_MS;
      if (Date.now() > lateAt)
        messages.push(
          `${resource} have not been read ${times.length > 0 ? 'in time' : 'yet'}: see steward daemon schedule`,
        );
    }
    const told = messages.filter((message): message is string => typeof message === 'string');
    return {
      status: told.length > 0 ? 'degraded' : 'ok',
      ...(pause ? { since: pause.since } : {}),
      ...(told.length > 0 ? { message: told.join('; ') } : {}),
      name,
      paused: pause !== undefined,
      setAside: aside,
      lastRead,
    };
  };
  return Object.fromEntries(configured.map((organization) => [organization.id, healthOf(organization)]));
}
