import type { Client } from '@temporalio/client';
import type { Ledger } from '../ledger/ledger.js';
import type { KnownAudience } from './audience-health.js';
import { type ReadingIntervals, readOrganizationHealth } from './organization-health.js';
import { within } from './within.js';

/** One component's state, with what shows it. */
export interface ComponentHealth {
  status: 'ok' | 'degraded' | 'down';
  since?: Date;
  message?: string;
  [figure: string]: unknown;
}

/** The answer of `/health`. */
export interface Health {
  status: ComponentHealth['status'];
  oldestWaitingSeconds: number;
  components: Record<string, ComponentHealth>;
  sites: Record<string, ComponentHealth>;
  organizations: Record<string, ComponentHealth>;
}

/** What health is read from. */
export interface HealthDeps {
  ledger: Ledger;
  client: Client;
  /** Configured sites and their audiences. */
  sites: readonly { name: string; audience: string }[];
  /** Audiences of organizations as they are configured at this moment. */
  audiences: () => Promise<readonly KnownAudience[]>;
  /** How often organizations are read, and their audiences synced. */
  intervals: ReadingIntervals;
  isSpooling: () => boolean;
}

const PATIENCE_MS = 2_000;
/** A delivery that waited longer than this says that something does not move. */
const SLOW_SECONDS = 300;

/** Reads the health of everything that this path has; never throws. */
export async function readHealth({
  ledger,
  client,
  sites,
  audiences: readAudiences,
  intervals,
  isSpooling,
}: HealthDeps): Promise<Health> {
  const [postgres, temporal] = await Promise.all([
    component(() => ledger.ping()),
    component(() => client.withDeadline(Date.now() + PATIENCE_MS, () => client.workflowService.getSystemInfo({}))),
  ]);
  const components: Health['components'] = { postgres, temporal };
  if (isSpooling())
    components['spool'] = {
      status: 'degraded',
      message: 'deliveries go to the spool because Postgres does not answer',
    };
  const siteHealth: Health['sites'] = {};
  let organizations: Health['organizations'] = {};
  let oldestWaitingSeconds = 0;
  if (postgres.status === 'ok') {
    organizations = await readOrganizationHealth(ledger, intervals, await readAudiences().catch(() => []));
    const [queues, audienceQueues, audiences, pauses, plans, silent] = await Promise.all([
      ledger.status.sites(),
      ledger.status.audiences(),
      ledger.audiences.list(),
      ledger.sites.pauses(),
      ledger.runs.stoppedByGuard(),
      ledger.proof.silentWebhooks(sites.map(({ name }) => name)),
    ]);
    oldestWaitingSeconds = Math.round(Math.max(0, ...queues.map(({ oldestSeconds }) => oldestSeconds)));
    for (const { name, audience } of sites) {
      const queue = queues.find((one) => one.site === name);
      const list = audiences.find((one) => one.audience === audience);
      const push = audienceQueues.find((one) => one.audience === audience);
      const pause = pauses.get(name);
      const plan = plans.get(name);
      const silentKinds = silent.filter(({ site }) => site === name).map(({ kind }) => kind);
      const messages = [
        pause && `Ghost is paused (${pause.type}): ${pause.message}`,
        list?.pausedSince && `audience is paused (${list.pausedType}): ${list.pausedMessage}`,
        queue && queue.parked > 0 && `${queue.parked} parked: see steward parked list`,
        plan && `removals were stopped by the guard: see steward site plan ${plan}`,
        silentKinds.length > 0 &&
          `no webhook tells of members ${silentKinds.join(', ')} though walks find such changes: look at the webhooks in Ghost`,
        push && push.held > 0 && `${push.held} held: see steward held list`,
        queue && queue.oldestSeconds > SLOW_SECONDS && `a delivery has waited for ${Math.round(queue.oldestSeconds)} s`,
        ...(list?.problems ?? []),
      ].filter((message): message is string => Boolean(message));
      const since = pause?.since ?? list?.pausedSince;
      siteHealth[name] = {
        status: messages.length > 0 ? 'degraded' : 'ok',
        ...(since ? { since } : {}),
        ...(messages.length > 0 ? { message: messages.join('; ') } : {}),
        audience,
        waiting: queue?.waiting ?? 0,
        oldestWaitingSeconds: Math.round(queue?.oldestSeconds ?? 0),
        parked: queue?.parked ?? 0,
        due: push?.due ?? 0,
        held: push?.held ?? 0,
        paused: Boolean(since),
        // not an illness, but nobody who was there before is on the list by our doing until then
        firstFullSync: list?.adoptedAt ? 'done' : `waits for: steward site sync ${name} --full`,
      };
    }
  }
  const parts = [components, siteHealth, organizations].flatMap((part) => Object.values(part));
  const all = parts.map(({ status }) => status);
  const status = all.includes('down') ? 'down' : all.includes('degraded') ? 'degraded' : 'ok';
  return { status, oldestWaitingSeconds, components, sites: siteHealth, organizations };
}

async function component(probe: () => Promise<unknown>): Promise<ComponentHealth> {
  try {
    await within(PATIENCE_MS, probe());
    return { status: 'ok' };
  } catch {
    return { status: 'down', message: 'does not answer' };
  }
}
