import { RESOURCES, type Resource } from '../contract/organization-sync.js';
import type { Organization } from '../ledger/classy/organizations.js';
import type { Ledger } from '../ledger/ledger.js';
import { type KnownAudience, readAudienceHealth } from './audience-health.js';
import type { ComponentHealth } from './health.js';

/** How often each resource is read and each audience is synced, in milliseconds. */
export type ReadingIntervals = Readonly<
  Record<'supporters' | 'transactions' | 'campaigns' | 'recurringPlans' | 'organizationFull' | 'audience', number>
>;

/** A little later than twice its interval is late: jitter and the reading itself take their time. */
const GRACE_MS = 10 * 60_000;

/** The health of each configured organization with its audience, by its id. */
export async function readOrganizationHealth(
  ledger: Ledger,
  intervals: ReadingIntervals,
  audiences: readonly KnownAudience[] = [],
): Promise<Record<string, ComponentHealth>> {
  const { organizations, organizationRuns } = ledger;
  const [ofAudiences, configured, ended, successes, fulls, setAside] = await Promise.all([
    readAudienceHealth(ledger, audiences, intervals.audience),
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
    const audience = ofAudiences.get(id);
    messages.push(...(audience?.messages ?? []));
    const since = pause?.since ?? audience?.pausedSince;
    const told = messages.filter((message): message is string => typeof message === 'string');
    return {
      status: told.length > 0 ? 'degraded' : 'ok',
      ...(since ? { since } : {}),
      ...(told.length > 0 ? { message: told.join('; ') } : {}),
      name,
      paused: pause !== undefined,
      setAside: aside,
      lastRead,
      audience: audience?.figures ?? null,
    };
  };
  return Object.fromEntries(configured.map((organization) => [organization.id, healthOf(organization)]));
}
