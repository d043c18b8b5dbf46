import { RESOURCES, type Resource } from '../contract/organization-sync.js';
import type { Organization } from '../ledger/classy/organizations.js';
import type { Ledger } from '../ledger/ledger.js';
import type { ComponentHealth } from './health.js';

/** How often each resource is read, in milliseconds. */
export type ReadingIntervals = Readonly<
  Record<'supporters' | 'transactions' | 'campaigns' | 'recurringPlans' | 'organizationFull', number>
>;

/** A little later than twice its interval is late: jitter and the reading itself take their time. */
const GRACE_MS = 10 * 60_000;

/** The health of each configured organization, by its id. */
export async function readOrganizationHealth(
  { organizations, organizationRuns }: Ledger,
  intervals: ReadingIntervals,
): Promise<Record<string, ComponentHealth>> {
  const [configured, ended, successes, fulls, setAside] = await Promise.all([
    organizations.list(),
    organizationRuns.lastEnded(),
    organizationRuns.lastSuccesses(),
    organizationRuns.lastFull(),
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
    const failed = new Map<string, string[]>();
    for (const resource of RESOURCES) {
      const ofThis = <T extends { organization: string; resource: string }>(all: readonly T[]): T[] =>
        all.filter((one) => one.organization === id && one.resource === resource);
      for (const { mode, result, message } of ofThis(ended))
        if (result === 'failed' || result === 'refused') {
          const words = `${result}: ${message}`;
          failed.set(words, [...(failed.get(words) ?? []), `${mode} ${resource}`]);
        }
      const lastOf = (all: readonly { organization: string; resource: string; at: Date }[]): number =>
        Math.max(0, ...ofThis(all).map(({ at }) => at.getTime()));
      const [read, full] = [lastOf(successes), lastOf(fulls)];
      if (read > 0) lastRead[resource] = new Date(read);
      const isLate = (last: number, everyMs: number): boolean =>
        Date.now() > Math.max(addedAt.getTime(), last) + 2 * everyMs + GRACE_MS;
      const everyMs = intervals[resource === 'recurring-plans' ? 'recurringPlans' : resource];
      if (isLate(read, everyMs))
        messages.push(`${resource} have not been read ${read > 0 ? 'in time' : 'yet'}: see steward daemon schedule`);
      else if (isLate(full, intervals.organizationFull))
        messages.push(`not all ${resource} have been read anew in time: see steward daemon schedule`);
    }
    for (const [words, runs] of failed) messages.push(`sync of ${runs.join(', ')} ${words}`);
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
