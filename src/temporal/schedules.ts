import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { SiteName } from '../contract/search-attributes.js';
import type { TickInput } from '../contract/site-sync.js';
import { TaskQueue } from '../contract/task-queues.js';

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
}

/** Note on a schedule whose site is not configured any more; such a pause ends by itself when it is again. */
export const NOT_CONFIGURED = 'not configured any more';
const PREFIXES = ['site-walk/', 'site-full/'];

/** Schedule id of a site's walk or full sync. */
export const scheduleId = (mode: TickInput['mode'], site: string): string => `site-${mode}/${site}`;

/**
 * Creates or updates the schedules of the configured sites and pauses those of others. A pause by hand survives, as does
 * everything else that an operator changed in a schedule's state.
 */
export async function ensureSchedules(client: Client, sites: readonly ScheduledSite[], rhythm: Rhythm): Promise<void> {
  const wanted = sites.flatMap(({ name, canWalk }) => [
    ...(canWalk ? [scheduleOf({ site: name, mode: 'walk' }, rhythm.siteWalk)] : []),
    scheduleOf({ site: name, mode: 'full' }, rhythm.siteFull),
  ]);
  for (const options of wanted) await ensure(client, options);
  const ids = new Set(wanted.map((options) => options.scheduleId));
  for await (const { scheduleId: id, state } of client.schedule.list()) {
    const isForgotten = PREFIXES.some((prefix) => id.startsWith(prefix)) && !ids.has(id);
    if (isForgotten && !state.paused) await client.schedule.getHandle(id).pause(NOT_CONFIGURED);
  }
}

type TickAction = ScheduleOptionsStartWorkflowAction<(input: TickInput) => Promise<void>>;
type TickSchedule = Required<Pick<ScheduleOptions<TickAction>, 'scheduleId' | 'spec' | 'policies' | 'action'>>;

function scheduleOf({ site, mode }: TickInput, everyMs: number): TickSchedule {
  return {
    scheduleId: scheduleId(mode, site),
    spec: { intervals: [{ every: everyMs }], jitter: everyMs / 20 },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10 minutes' },
    action: {
      type: 'startWorkflow',
      workflowType: 'tick',
      workflowId: `tick/${mode}/${site}`,
      taskQueue: TaskQueue.Steward,
      args: [{ site, mode }],
      typedSearchAttributes: [{ key: SiteName, value: site }],
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
