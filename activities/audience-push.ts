import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { AudiencePushActivities } from '../src/contract/audience-push.js';
import type { Ledger } from '../src/ledger/ledger.js';
import type { People } from '../src/ledger/people.js';
import type { RemovalBudget } from '../src/ledger/removals.js';
import { WriterSuperseded } from '../src/ledger/writer.js';
import type { Logger } from '../src/observe/log.js';
import type { Metrics } from '../src/observe/metrics.js';
import { VendorError } from '../src/vendors/errors.js';
import { AudienceMisconfigured, type AudienceOf, type AudienceTarget } from './audience-target.js';
import { checkAudience } from './check-audience.js';
import { pushPage } from './push-page.js';

/** What the writers work with. */
export interface PushActivityDeps {
  ledger: Ledger;
  audienceOf: AudienceOf;
  budget: RemovalBudget;
  /** Wakes a waiting writer when something becomes due. */
  due: DueWaiter;
  /** Aborted when the process stops: a writer ends after its present call. */
  stopping: AbortSignal;
  log: Logger;
  metrics: Metrics;
}

/** Waits until contacts of an audience are marked due, or the time is over. */
export interface DueWaiter {
  wait(audience: string, timeoutMs: number): Promise<void>;
}

/** What one stretch of work of one writer has at hand. */
export interface Writing extends PushActivityDeps, Pick<AudienceTarget, 'destination'> {
  audience: string;
  /** Whose people they are, as they are reckoned with for this page. */
  people: People;
  /** Tag names that are ours to give and to take here, in lower case. */
  managedTags: ReadonlySet<string>;
  /** Aborted when this writer should end: no further call is begun. */
  ended: AbortSignal;
  generation: number;
  /** Whether everybody added is mailed, and subscribed only once they confirm. */
  doubleOptIn: boolean;
  /** Whether additions wait for an operator's word because of that. */
  holdAdditions: boolean;
}

/** Length of one stretch; the workflow starts the next. */
const STRETCH_MS = 4 * 60 * 1000;
/** A writer without work stays this long, so that the next change needs no start. */
const LINGER_MS = 30_000;
const POLL_MS = 1_000;
const ALIVE_MS = 3_000;

/** Activities of the writers: one at a time for each audience (house decision 10). */
export function createPushActivities(deps: PushActivityDeps): AudiencePushActivities {
  const { ledger } = deps;

  return {
    async pushDue({ audience }): Promise<{ idle: boolean }> {
      const target = await configured(deps, audience);
      // no longer configured, or wrongly: what is due waits until it is
      if (!target) return { idle: true };
      const generation = await ledger.writer.begin(audience);
      const alive = stayAlive(ledger, audience, generation);
      try {
        const optIn = await checkAudience(deps, target);
        const ended = AbortSignal.any([deps.stopping, alive.superseded, cancellationSignal()]);
        return await work({ ...deps, ...optIn, destination: target.destination, audience, generation, ended }, target);
      } catch (error) {
        if (error instanceof WriterSuperseded) return { idle: true };
        if (error instanceof VendorError) await pauseAudience(deps, audience, error);
        throw error;
      } finally {
        alive.stop();
      }
    },
  };
}

/** Notes that a list or its key refuses or is down; its next writer begins with a check. */
export async function pauseAudience(
  { ledger, log }: Pick<PushActivityDeps, 'ledger' | 'log'>,
  audience: string,
  error: VendorError,
): Promise<void> {
  const type = {
    refused: 'DestinationRefused',
    'rate-limited': 'RateLimited',
    down: 'DestinationDown',
    rejected: 'DestinationRefused',
  }[error.details.kind];
  const isNews = await ledger.audiences.pause(audience, type, error.message);
  if (isNews)
    log.warn(
      { audience, type, reason: error.message },
      'audience is paused: contacts wait and are pushed by themselves',
    );
}

async function configured(
  { audienceOf, log }: PushActivityDeps,
  audience: string,
): Promise<AudienceTarget | undefined> {
  try {
    return await audienceOf(audience);
  } catch (error) {
    if (!(error instanceof AudienceMisconfigured)) throw error;
    log.error({ audience, reason: error.message }, 'audience is not written to: its configuration is wrong');
    return undefined;
  }
}

/** Takes pages of due contacts until nothing is due for a while or the stretch is over. */
async function work(
  writing: Omit<Writing, 'people' | 'managedTags'>,
  target: AudienceTarget,
): Promise<{ idle: boolean }> {
  const { ledger, audience, generation, destination, due, ended } = writing;
  const end = Date.now() + STRETCH_MS;
  let idleSince = Date.now();
  while (Date.now() < end && !ended.aborted) {
    const people = await target.people();
    const page = await ledger.writer.take(audience, people, destination.limits.pageSize);
    if (page.length > 0) {
      const managedTags = await ledger.audiences.manageTags(audience, people.catalogue);
      await pushPage(await withPresentWord({ ...writing, people, managedTags }), page);
      idleSince = Date.now();
    } else if (Date.now() - idleSince >= LINGER_MS) {
      await ledger.writer.end(audience, generation);
      return { idle: true };
    } else {
      const soonest = (await ledger.writer.nextDueMs(audience)) ?? POLL_MS;
      await due.wait(audience, Math.min(POLL_MS, Math.max(soonest, 5)));
    }
  }
  await ledger.writer.end(audience, generation);
  return { idle: false };
}

/** On a double opt-in list somebody may have said meanwhile that its mails may go out. */
async function withPresentWord(writing: Writing): Promise<Writing> {
  if (!writing.holdAdditions) return writing;
  const { optInConfirmed } = await writing.ledger.audiences.state(writing.audience);
  return { ...writing, holdAdditions: !optInConfirmed };
}

/** Heartbeats to Temporal and to the ledger; tells when another writer has taken over. */
function stayAlive(ledger: Ledger, audience: string, generation: number) {
  const superseded = new AbortController();
  const beat = async (): Promise<void> => {
    heartbeat();
    try {
      await ledger.writer.seen(audience, generation);
    } catch (error) {
      if (error instanceof WriterSuperseded) superseded.abort();
    }
  };
  const timer = setInterval(() => void beat(), ALIVE_MS);
  return { superseded: superseded.signal, stop: () => clearInterval(timer) };
}
