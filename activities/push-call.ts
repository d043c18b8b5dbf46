import { setTimeout as sleep } from 'node:timers/promises';
import type { PushOutcome } from '../src/audiences/destination.js';
import type { ListState } from '../src/domain/plan-contact.js';
import type { TakenContact } from '../src/ledger/contacts.js';
import { type Postponement, type Settlement, WriterSuperseded } from '../src/ledger/writer.js';
import { VendorError } from '../src/vendors/errors.js';
import type { Writing } from './audience-push.js';
import type { ImportPlan, Planned } from './push-page.js';

/** Tries of one person that the destination fails on, while it answers others, before the person parks. */
const MOST_TRIES = 10;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60 * 1000;
/** How long after our time-out a destination may still carry a call out. */
const LANDS_LATE_MS = 30_000;
/** A process that stood still this long between booking a call and sending it must look again. */
const STOOD_STILL_MS = 5_000;
/** Pauses in place after a 429 that names no time. */
const BUSY_PAUSES_MS = [1_000, 2_000];
/** Pause of one person who alone is answered with 429. */
const PERSON_BUSY_MS = 30_000;

/** Pushes contacts in one call and settles each by its own outcome. @throws VendorError when the whole audience is concerned */
export async function pushTogether(writing: Writing, call: readonly Planned<ImportPlan>[]): Promise<void> {
  const contacts = call.map(({ plan }) => plan.contact);
  const automations = call[0]?.plan.automations ?? false;
  const outcomes = await withCall(writing, call, () =>
    writing.destination.push(contacts, { automations, resubscribe: false }),
  );
  if (!outcomes) return;
  await settleOutcomes(
    writing,
    call.map(({ taken: one, plan }, index) => ({
      taken: one,
      hash: plan.hash,
      operation: 'import' as const,
      outcome: outcomes[index]!,
      added: plan.addition,
      storedState: writing.doubleOptIn && plan.addition ? ('Unconfirmed' as const) : ('Active' as const),
    })),
  );
}

/** A contact that a call is about, and the hash that it would settle. */
type Called = Pick<Planned, 'taken'> & { plan: { hash: string } };

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
  for (let attempt = 0; ; attempt += 1) {
    const booked = performance.now();
    await ledger.writer.beginCall(audience, generation, addresses, destination.limits.timeoutMs + LANDS_LATE_MS);
    if (performance.now() - booked > STOOD_STILL_MS) throw new WriterSuperseded('stood still before a call');
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof VendorError)) throw error;
      const pauseMs =
        error.details.kind === 'rate-limited' && error.details.retryAfterMs === undefined
          ? BUSY_PAUSES_MS[attempt]
          : undefined;
      if (pauseMs === undefined) {
        if (error.details.call !== 'unknown') await ledger.writer.release(audience, generation, addresses);
        await callFailed(writing, called, error);
        return undefined;
      }
      await sleep(pauseMs);
    }
  }
}

async function callFailed(writing: Writing, called: readonly Called[], error: VendorError): Promise<void> {
  const taken = called.map((one) => one.taken);
  const { destination } = writing;
  const { kind, call, code, retryAfterMs } = error.details;
  const isLastTry = taken.length === 1 && taken[0]!.tries + 1 >= MOST_TRIES;
  if (call === 'unknown') await postponeUnknown(writing, taken);
  // the vendor's own code says that the key or the list is wrong; without one it may be a firewall that dislikes one person
  if ((kind === 'refused' && code !== undefined) || retryAfterMs !== undefined) throw error;
  // an outage concerns everybody, a poisonous contact only its call: asking something harmless tells which it is
  if (kind === 'down' || kind === 'refused') await destination.probe();
  if (call === 'unknown' && !isLastTry) return;
  if (taken.length > 1) await postpone(writing, taken, { afterMs: 0, counts: false, batchLimit: half(taken) });
  else if (kind === 'rate-limited') await postpone(writing, taken, { afterMs: PERSON_BUSY_MS, counts: false });
  else await retryOrRefuse(writing, taken[0]!, called[0]!.plan.hash, error.details.code, error.message);
}

/** After a time-out the contacts wait until the vendor cannot be working on them any more (house decision 11). */
const postponeUnknown = (
  { ledger, audience, generation, destination }: Writing,
  taken: readonly TakenContact[],
): Promise<void> =>
  ledger.writer.postpone(
    audience,
    generation,
    taken.map(({ address, tries }) => ({
      address,
      afterMs: Math.max(retryPauseMs(tries), Math.min(destination.limits.timeoutMs, LANDS_LATE_MS)),
      counts: taken.length === 1,
      mayStillLand: true,
      ...(taken.length > 1 ? { batchLimit: half(taken) } : {}),
    })),
  );

const retryPauseMs = (tries: number): number => Math.min(FIRST_RETRY_MS * 2 ** tries, LONGEST_RETRY_MS);

const half = (taken: readonly TakenContact[]): number => Math.ceil(taken.length / 2);

const postpone = (
  { ledger, audience, generation }: Writing,
  taken: readonly TakenContact[],
  how: Omit<Postponement, 'address' | 'mayStillLand'>,
): Promise<void> =>
  ledger.writer.postpone(
    audience,
    generation,
    taken.map(({ address }) => ({ address, mayStillLand: false, ...how })),
  );

/** One person on whom the destination fails for a reason that we do not know: ten tries, further and further apart, then parked. */
async function retryOrRefuse(
  writing: Writing,
  taken: TakenContact,
  hash: string,
  code: string | number | undefined,
  reason: string,
): Promise<void> {
  if (taken.tries + 1 < MOST_TRIES) {
    const afterMs = retryPauseMs(taken.tries);
    await postpone(writing, [taken], { afterMs, counts: true });
    return;
  }
  const refusal = {
    type: 'ContactFails',
    message: `${reason}; ${MOST_TRIES} tries. Retry once the cause is mended, or discard.`,
  };
  await settle(
    writing,
    [
      {
        ...settled(taken),
        operation: 'import',
        outcome: 'refused',
        hash,
        code: typeof code === 'number' ? code : undefined,
        refusal,
      },
    ],
    [taken],
  );
}

/** One contact's outcome of a call. */
export interface CallOutcome {
  taken: TakenContact;
  hash: string;
  operation: Settlement['operation'];
  outcome: PushOutcome;
  /** Whether the address was not on the list before, as far as we knew. */
  added?: boolean;
  /** State at the list where the outcome is `stored`. */
  storedState?: ListState;
}

/** Settles contacts by what the destination answered for each. */
export async function settleOutcomes(writing: Writing, outcomes: readonly CallOutcome[]): Promise<void> {
  const known = outcomes.filter(({ outcome }) => outcome.kind !== 'unknown');
  if (known.length > 0)
    await settle(
      writing,
      known.map(toSettlement),
      known.map(({ taken }) => taken),
    );
  for (const { taken, hash, outcome } of outcomes) {
    if (outcome.kind === 'unknown')
      await retryOrRefuse(
        writing,
        taken,
        hash,
        outcome.code,
        `${writing.site.audience} answered with unknown code ${outcome.code}`,
      );
  }
}

function toSettlement({
  taken,
  hash,
  operation,
  outcome,
  added = false,
  storedState = 'Active',
}: CallOutcome): Settlement {
  const base = { ...settled(taken), operation, hash, added: added && outcome.kind === 'stored' };
  switch (outcome.kind) {
    case 'stored':
      return { ...base, outcome: storedOutcome(operation, storedState), listState: storedState };
    case 'respected':
      return {
        ...base,
        outcome: outcome.state === 'Unconfirmed' ? 'unconfirmed' : 'opted-out',
        listState: outcome.state,
        code: outcome.code,
      };
    default: {
      const message = `the destination refuses this address (code ${outcome.code}); correct it at the source, or discard.`;
      return { ...base, outcome: 'refused', code: outcome.code, refusal: { type: 'AddressRefused', message } };
    }
  }
}

function storedOutcome(operation: Settlement['operation'], state: ListState): Settlement['outcome'] {
  if (operation === 'move') return 'moved';
  return state === 'Unconfirmed' ? 'unconfirmed' : 'confirmed';
}

/** The part of a settlement that comes from the contact as it was taken. */
export const settled = ({
  address,
  version,
  holder,
  settledMemberId,
}: TakenContact): Pick<Settlement, 'address' | 'version' | 'memberId'> => ({
  address,
  version,
  memberId: holder?.memberId ?? settledMemberId,
});

/** Writes settlements and counts them. */
export async function settle(
  writing: Writing,
  settlements: readonly Settlement[],
  taken: readonly TakenContact[],
): Promise<void> {
  const { ledger, audience, site, generation, metrics, log } = writing;
  await ledger.writer.settle(audience, site.name, generation, settlements);
  for (const { outcome, memberId, refusal } of settlements) {
    metrics.pushes.inc({ audience, outcome });
    if (refusal)
      log.warn(
        { site: site.name, memberId, step: 'pushContact', type: refusal.type },
        'member is parked; see steward parked list',
      );
  }
  const now = Date.now();
  for (const { deliveredAt } of taken) {
    if (deliveredAt) metrics.deliveryToDestination.observe({ site: site.name }, (now - deliveredAt.getTime()) / 1000);
  }
}
