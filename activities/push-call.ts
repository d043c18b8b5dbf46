import { setTimeout as sleep } from 'node:timers/promises';
import type { TakenContact } from '../src/ledger/contacts.js';
import { WriterSuperseded } from '../src/ledger/writer.js';
import { VendorError } from '../src/vendors/errors.js';
import type { Writing } from './audience-push.js';
import type { Planned } from './push-page.js';
import { FIRST_RETRY_MS, isLastTry as isLast, postpone, retryOrRefuse, retryPauseMs } from './retry-later.js';

/** How long after our time-out a destination may still carry a call out. */
const LANDS_LATE_MS = 30_000;
/** A process that stood still this long between booking a call and sending it must look again. */
const STOOD_STILL_MS = 5_000;
/** Pause of one person who alone is answered with 429. */
const PERSON_BUSY_MS = 30_000;

/** A contact that a call is about, and the hash that it would settle. */
type Called = Pick<Planned, 'taken'> & { plan: { hash: string; addition?: boolean } };

/**
 * Books the contacts as under way, makes the call, and deals with its failure: those contacts are then tried again later,
 * in smaller company, or parked, and the result is undefined. `alsoBooked`: further addresses that the call is about. @throws VendorError when the whole audience is concerned
 */
export async function withCall<T>(
  writing: Writing,
  called: readonly Called[],
  send: () => Promise<T>,
  alsoBooked: readonly string[] = [],
): Promise<T | undefined> {
  const { ledger, audience, generation, destination } = writing;
  const addresses = [...called.map(({ taken }) => taken.address), ...alsoBooked];
  const added = called
    .filter(({ taken, plan }) => plan.addition && !taken.addingSince)
    .map(({ taken }) => taken.address);
  for (let attempt = 0; ; attempt += 1) {
    const booked = performance.now();
    await ledger.writer.beginCall(audience, generation, addresses, destination.limits.timeoutMs + LANDS_LATE_MS, added);
    if (performance.now() - booked > STOOD_STILL_MS) throw new WriterSuperseded('stood still before a call');
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof VendorError)) throw error;
      const pauseMs =
        error.details.kind === 'rate-limited' && error.details.retryAfterMs === undefined
          ? destination.limits.busyPausesMs[attempt]
          : undefined;
      if (pauseMs === undefined) {
        if (error.details.call !== 'unknown') await ledger.writer.release(audience, generation, addresses, added);
        await callFailed(writing, called, alsoBooked, error);
        return undefined;
      }
      // whoever else was turned away at the same time does not come back at the same time
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }
}

async function callFailed(
  writing: Writing,
  called: readonly Called[],
  alsoBooked: readonly string[],
  error: VendorError,
): Promise<void> {
  const taken = called.map((one) => one.taken);
  const { destination } = writing;
  const { kind, call, code, retryAfterMs } = error.details;
  const isLastTry = taken.length === 1 && isLast(taken[0]!);
  if (call === 'unknown') await postponeUnknown(writing, taken, alsoBooked);
  // the vendor's own code says that the key or the list is wrong; without one it may be a firewall that dislikes one person
  if ((kind === 'refused' && code !== undefined) || retryAfterMs !== undefined) throw error;
  if (kind === 'rate-limited' && !destination.limits.isBusyWithCall) throw error;
  // an outage concerns everybody, a poisonous contact only its call: asking something harmless tells which it is
  if (kind === 'down' || kind === 'refused') await destination.probe();
  if (call === 'unknown' && !isLastTry) return;
  // what never left says nothing of those in it
  if (call === 'not-sent') return postpone(writing, taken, { afterMs: FIRST_RETRY_MS, counts: false });
  if (taken.length > 1) await postpone(writing, taken, { afterMs: 0, counts: false, batchLimit: half(taken) });
  else if (kind === 'rate-limited') await postpone(writing, taken, { afterMs: PERSON_BUSY_MS, counts: false });
  else await retryOrRefuse(writing, [{ taken: taken[0]!, hash: called[0]!.plan.hash, code }], error.message);
}

/** After a time-out all whom the call was about wait until the vendor cannot be working on them any more (house decision 11). */
function postponeUnknown(
  { ledger, audience, generation, destination }: Writing,
  taken: readonly TakenContact[],
  alsoBooked: readonly string[],
): Promise<void> {
  const landsMs = Math.min(destination.limits.timeoutMs, LANDS_LATE_MS);
  const company = taken.length > 1 ? { batchLimit: half(taken) } : {};
  return ledger.writer.postpone(audience, generation, [
    ...taken.map(({ address, tries }) => ({
      address,
      afterMs: Math.max(retryPauseMs(tries), landsMs),
      counts: taken.length === 1,
      mayStillLand: true,
      ...company,
    })),
    ...alsoBooked.map((address) => ({ address, afterMs: landsMs, counts: false, mayStillLand: true })),
  ]);
}

const half = (taken: readonly TakenContact[]): number => Math.ceil(taken.length / 2);
