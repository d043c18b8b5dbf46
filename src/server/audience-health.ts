import { NOTE } from '../audiences/destination.js';
import type { Ledger } from '../ledger/ledger.js';

/** An organization's audience as it is configured, or why it cannot be written to. */
export interface KnownAudience {
  organization: string;
  audience: string | undefined;
  destination: string | undefined;
  /** What is wrong with its configuration, and what to do. */
  misconfigured?: string | undefined;
}

/** How an organization's audience stands. */
export interface AudienceHealth {
  /** What is wrong, each with what to do. */
  messages: string[];
  pausedSince: Date | undefined;
  figures: Record<string, unknown>;
}

/** A little later than twice its interval is late: jitter and the sync itself take their time. */
const GRACE_MS = 10 * 60_000;

/** The health of the audiences of organizations, by organization. A first sync that waits for a person is no illness. */
export async function readAudienceHealth(
  ledger: Ledger,
  known: readonly KnownAudience[],
  everyMs: number,
): Promise<Map<string, AudienceHealth>> {
  if (known.length === 0) return new Map();
  const [rows, queues, successes, plans] = await Promise.all([
    ledger.audiences.list(),
    ledger.status.audiences(),
    ledger.runs.lastSuccesses(),
    ledger.runs.stoppedByGuard(),
  ]);
  const healthOf = ({ organization, audience, destination, misconfigured }: KnownAudience): AudienceHealth => {
    const row = rows.find((one) => one.audience === audience);
    const queue = queues.find((one) => one.audience === audience);
    const scope = `organization/${organization}`;
    const plan = plans.get(scope);
    const times = successes.filter((one) => one.scope === scope).map(({ at }) => at.getTime());
    const lastSync = times.length === 0 ? null : new Date(Math.max(...times));
    const isLate =
      row?.adoptedAt &&
      Date.now() > Math.max(row.adoptedAt.getTime(), lastSync?.getTime() ?? 0) + 2 * everyMs + GRACE_MS;
    const messages = [
      misconfigured,
      row?.pausedSince && `audience is paused (${row.pausedType}): ${row.pausedMessage}`,
      plan && `removals were stopped by the guard: see steward audience plan ${plan}`,
      queue && queue.held > 0 && `${queue.held} held: see steward held list`,
      misconfigured === undefined &&
        isLate &&
        `audience ${audience} has not been synced in time: see steward daemon schedule and steward audience runs ${audience}`,
      ...(row?.problems ?? []).filter(isIllness),
    ];
    return {
      messages: messages.filter((message): message is string => Boolean(message)),
      pausedSince: row?.pausedSince ?? undefined,
      figures: {
        audience: audience ?? null,
        destination: destination ?? null,
        title: row?.title ?? null,
        due: queue?.due ?? 0,
        held: queue?.held ?? 0,
        paused: Boolean(row?.pausedSince),
        lastSync,
        // nobody is on it by our doing until then
        firstSync: row?.adoptedAt
          ? 'done'
          : misconfigured === undefined
            ? `waits for: steward audience sync ${audience} --dry-run`
            : null,
      },
    };
  };
  return new Map(known.map((one) => [one.organization, healthOf(one)]));
}

const isIllness = (problem: string): boolean => !problem.startsWith(NOTE);
