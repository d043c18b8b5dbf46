import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { RESOURCES, type Resource } from '../contract/organization-sync.js';
import { OrganizationId, SiteName } from '../contract/search-attributes.js';
import { TaskQueue } from '../contract/task-queues.js';
import type { AudienceTick, TickInput } from '../contract/tick.js';

/** What a configured site runs by itself. */
export interface ScheduledSite {
  name: string;
  /** Whether its members can be read; without that only its list is. */
  canWalk: boolean;
}

/** Intervals in milliseconds. */
export interface Rhythm {
  siteWalk: number;
  siteFull: number;
  supporters: number;
  transactions: number;
  campaigns: number;
  recurringPlans: number;
  organizationFull: number;
  audience: number;
}

/** Who has schedules. */
export interface Scheduled {
  sites: readonly ScheduledSite[];
  /** Ids of Classy organizations. */
  organizations: readonly string[];
  /** Their audiences. */
  audiences: readonly ScheduledAudience[];
}

/** An organization's audience. */
export type ScheduledAudience = Omit<AudienceTick, 'mode'>;

/** Note on a schedule of whoever is not configured any more; such a pause ends by itself when they are again. */
export const NOT_CONFIGURED = 'not configured any more';

/** Schedule id of what a tick runs. */
export function scheduleId(tick: TickInput): string {
  if ('site' in tick) return `site-${tick.mode}/${tick.site}`;
  if ('audience' in tick) return `audience/${tick.audience}`;
  return tick.mode === 'full' ? `sync-full/${tick.organization}` : `sync/${tick.organization}/${tick.resource}`;
}

const MOST_JITTER_MS = 10 * 60_000;
const SITES = ['site-walk/', 'site-full/'];
const ORGANIZATIONS = ['sync/', 'sync-full/', 'audience/'];

/**
 * Creates or updates the schedules of those that are configured and pauses those of others. A pause by hand survives, as does
 * everything else that an operator changed in a schedule's state.
 */
export async function ensureSchedules(
  client: Client,
  { sites, ...ofOrganizations }: Scheduled,
  rhythm: Rhythm,
): Promise<void> {
  const ofSites = sites.flatMap(({ name, canWalk }) => [
    ...(canWalk ? [scheduleOf({ site: name, mode: 'walk' }, rhythm.siteWalk)] : []),
    scheduleOf({ site: name, mode: 'full' }, rhythm.siteFull),
  ]);
  await ensureAll(client, ofSites, SITES);
  await ensureOrganizationSchedules(client, ofOrganizations, rhythm);
}

/** The same for organizations alone: they come and go while Steward runs. */
export async function ensureOrganizationSchedules(
  client: Client,
  { organizations, audiences }: Omit<Scheduled, 'sites'>,
  rhythm: Rhythm,
): Promise<void> {
  const ofAudiences = audiences.map((one) => scheduleOf({ ...one, mode: 'incremental' }, rhythm.audience));
  const wanted = organizations.flatMap((organization) => [
    ...RESOURCES.map((resource) =>
      scheduleOf({ organization, resource, mode: 'incremental' }, everyMs(rhythm, resource)),
    ),
    scheduleOf({ organization, resource: 'all', mode: 'full' }, rhythm.organizationFull),
  ]);
  await ensureAll(client, [...wanted, ...ofAudiences], ORGANIZATIONS);
}

const everyMs = (rhythm: Rhythm, resource: Resource): number =>
  rhythm[resource === 'recurring-plans' ? 'recurringPlans' : resource];

async function ensureAll(client: Client, wanted: readonly TickSchedule[], prefixes: readonly string[]): Promise<void> {
  for (const options of wanted) await ensure(client, options);
  const ids = new Set(wanted.map((options) => options.scheduleId));
  for await (const { scheduleId: id, state } of client.schedule.list()) {
    const isForgotten = prefixes.some((prefix) => id.startsWith(prefix)) && !ids.has(id);
    if (isForgotten && !state.paused) await client.schedule.getHandle(id).pause(NOT_CONFIGURED);
  }
}

type TickAction = ScheduleOptionsStartWorkflowAction<(input: TickInput) => Promise<void>>;
type TickSchedule = Required<Pick<ScheduleOptions<TickAction>, 'scheduleId' | 'spec' | 'policies' | 'action'>>;

/** Where in its interval an organization begins: not all of them at the same time. Whole seconds. */
const offsetOf = (organization: string, every: number): number =>
  Number((BigInt(organization) * 7_919n) % BigInt(Math.floor(every / 1000))) * 1000;

/** Jitter is drawn by the schedule's id, so that an organization's resources do not start together. */
function scheduleOf(tick: TickInput, every: number): TickSchedule {
  const [workflowId, attribute] =
    'site' in tick
      ? [`tick/${tick.mode}/${tick.site}`, { key: SiteName, value: tick.site }]
      : [`tick/${scheduleId(tick)}`, { key: OrganizationId, value: tick.organization }];
  return {
    scheduleId: scheduleId(tick),
    spec: {
      intervals: [{ every, ...('site' in tick ? {} : { offset: offsetOf(tick.organization, every) }) }],
      jitter: 'site' in tick ? every / 20 : Math.min(every / 5, MOST_JITTER_MS),
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10 minutes' },
    action: {
      type: 'startWorkflow',
      workflowType: 'tick',
      workflowId,
      taskQueue: TaskQueue.Steward,
      args: [tick],
      typedSearchAttributes: [attribute],
    },
  };
}

async function ensure(client: Client, options: TickSchedule): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { spec, action, policies } = options;
    const handle = client.schedule.getHandle(options.scheduleId);
    await handle.update(({ state }) => ({ spec, action, policies, state }));
    const { state } = await handle.describe();
    if (state.paused && state.note === NOT_CONFIGURED) await handle.unpause('configured again');
  }
}
