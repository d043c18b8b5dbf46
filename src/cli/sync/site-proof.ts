import { type Client, ScheduleNotFoundError } from '@temporalio/client';
import type { SiteConfig } from '../../config/site-variables.js';
import type { SiteTick } from '../../contract/tick.js';
import { scheduleId } from '../../temporal/schedules.js';
import type { Session } from '../session.js';

const PATIENCE_MS = 3_000;

/** What `site show` prints. */
export type SiteProof = Awaited<ReturnType<typeof readSiteProof>>;

/** How true a site's list is, and how we know. */
export async function readSiteProof(
  { ledger, client, config }: Session,
  { name, audience, onEmailDisabled }: SiteConfig,
) {
  const { proof } = ledger;
  const [counted, leaving, held, changesFound, silentWebhooks, last, adoptedAt, reading, walk, full] =
    await Promise.all([
      proof.verdicts({ site: name, audience, takesOffDisabled: onEmailDisabled === 'remove' }),
      proof.leaving(name, audience),
      ledger.holds.list({ audience }),
      proof.changesFound(name),
      proof.silentWebhooks([name]),
      proof.lastRuns(name),
      proof.adoptedAt(audience),
      ledger.runs.lastReading(name),
      nextOf(client, name, 'walk'),
      nextOf(client, name, 'full'),
    ]);
  const count = (verdict: string): number => counted.find((one) => one.verdict === verdict)?.count ?? 0;
  const living = counted.reduce((sum, one) => sum + one.count, 0);
  const verdicts = {
    true: count('true'),
    onTheWay: count('on the way'),
    parked: count('parked'),
    optedOutThere: count('opted out there'),
    differs: count('differs'),
  };
  const since = oldest([leaving.since, ...counted.map((one) => one.since)]);
  const { siteWalk, ghostShare } = config.schedules;
  const stretchedMs = reading ? reading.sourceMs / ghostShare : 0;
  return {
    site: name,
    audience,
    living,
    verdicts,
    share: living === 0 ? null : (verdicts.true + verdicts.optedOutThere) / living,
    oldestDifference: since && { since, seconds: Math.max(0, (Date.now() - since.getTime()) / 1000) },
    leaving: leaving.count,
    held: held.length,
    adoptedAt,
    last,
    next: { walk, full },
    stretchedSeconds: stretchedMs > siteWalk ? Math.round(stretchedMs / 1000) : null,
    changesFound,
    silentWebhooks: silentWebhooks.map(({ kind, since: from }) => ({ kind, since: from })),
  };
}

function oldest(times: readonly (Date | null)[]): Date | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : new Date(Math.min(...known.map((time) => time.getTime())));
}

/** When a site's schedule runs next; null where there is none, without a time where Temporal does not answer. */
async function nextOf(client: Client, site: string, mode: SiteTick['mode']) {
  try {
    const { info, state } = await client.withDeadline(Date.now() + PATIENCE_MS, () =>
      client.schedule.getHandle(scheduleId({ site, mode })).describe(),
    );
    return { at: info.nextActionTimes[0] ?? null, paused: state.paused, note: state.note ?? null };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    return { at: null, paused: false, note: null };
  }
}
