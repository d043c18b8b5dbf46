import { setTimeout as sleep } from 'node:timers/promises';
import type { PushOutcome } from '../src/audiences/destination.js';
import type { Contact } from '../src/domain/contact.js';
import type { ListState } from '../src/domain/plan-contact.js';
import { type TagChange, tagChange } from '../src/domain/tag-change.js';
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
/** Pause of one person who alone is answered with 429. */
const PERSON_BUSY_MS = 30_000;

/**
 * Pushes contacts in one call and settles each by its own outcome; gives those whose tags are still to be changed. @throws
 * VendorError when the whole audience is concerned
 */
export async function pushTogether(writing: Writing, taken: readonly Planned<ImportPlan>[]): Promise<Tagged[]> {
  const { destination, managedTags } = writing;
  const call = await stillWanted(writing, taken);
  if (call.length === 0) return [];
  const contacts = call.map(({ plan }) => plan.contact);
  const automations = call[0]?.plan.automations ?? false;
  const outcomes = await withCall(writing, call, () => destination.push(contacts, { automations, resubscribe: false }));
  if (!outcomes) return [];
  const all = call.map(({ taken, plan }, index): Tagged => {
    const outcome = outcomes[index]!;
    const had = outcome.kind === 'stored' && destination.tagging ? outcome.tags : undefined;
    const change = tagChange(had, plan.contact.tags, managedTags);
    const storedState = writing.doubleOptIn && plan.addition ? 'Unconfirmed' : 'Active';
    const { contact, hash, addition } = plan;
    return { taken, contact, hash, operation: 'import', outcome, added: addition, storedState, change };
  });
  const needsTags = ({ change: { add, remove } }: Tagged): boolean => add.length + remove.length > 0;
  await settleOutcomes(
    writing,
    all.filter((one) => !needsTags(one)),
  );
  return all.filter(needsTags);
}

/** A page may have taken minutes: who said no meanwhile is planned anew. */
async function stillWanted(writing: Writing, call: readonly Planned<ImportPlan>[]): Promise<Planned<ImportPlan>[]> {
  const addresses = call.map(({ taken }) => taken.address);
  const withdrawn = await writing.ledger.writer.withdrawn(writing.people, addresses);
  const saidNo = call.filter(({ taken }) => withdrawn.has(taken.address));
  if (saidNo.length > 0)
    await postpone(
      writing,
      saidNo.map(({ taken }) => taken),
      { afterMs: 0, counts: false },
    );
  return call.filter(({ taken }) => !withdrawn.has(taken.address));
}

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
        await callFailed(writing, called, error);
        return undefined;
      }
      // whoever else was turned away at the same time does not come back at the same time
      await sleep(pauseMs * (0.5 + Math.random()));
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
  if (kind === 'rate-limited' && !destination.limits.isBusyWithCall) throw error;
  // an outage concerns everybody, a poisonous contact only its call: asking something harmless tells which it is
  if (kind === 'down' || kind === 'refused') await destination.probe();
  if (call === 'unknown' && !isLastTry) return;
  if (taken.length > 1) await postpone(writing, taken, { afterMs: 0, counts: false, batchLimit: half(taken) });
  else if (kind === 'rate-limited') await postpone(writing, taken, { afterMs: PERSON_BUSY_MS, counts: false });
  else await retryOrRefuse(writing, taken[0]!, called[0]!.plan.hash, error.details.code, error.message);
}

/** A contact that is stored and whose tags are still to be changed. */
export interface Tagged extends CallOutcome {
  contact: Contact;
  change: TagChange;
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
  const base = {
    ...settled(taken),
    operation: 'import' as const,
    hash,
    code: typeof code === 'number' ? code : undefined,
  };
  const settlement: Settlement = writing.people.parks
    ? { ...base, outcome: 'refused', refusal }
    : { ...base, outcome: 'declined', reason: 'destination-fails' };
  await settle(writing, [settlement], [taken]);
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
      known.map((one) => toSettlement(one, writing.people.parks)),
      known.map(({ taken }) => taken),
    );
  for (const { taken, hash, outcome } of outcomes) {
    if (outcome.kind === 'unknown')
      await retryOrRefuse(
        writing,
        taken,
        hash,
        outcome.code,
        `${writing.audience} answered with unknown code ${outcome.code}`,
      );
  }
}

function toSettlement(
  { taken, hash, operation, outcome, added = false, storedState = 'Active' }: CallOutcome,
  parks: boolean,
): Settlement {
  const base = { ...settled(taken), operation, hash };
  switch (outcome.kind) {
    case 'stored': {
      const isNew =
        outcome.created === true || (added && (outcome.created === undefined || cameWithCall(outcome, taken)));
      const stored = storedOutcome(operation, storedState);
      return { ...base, outcome: stored, listState: storedState, added: isNew, isOurs: isNew };
    }
    case 'respected':
      return {
        ...base,
        outcome: outcome.state === 'Unconfirmed' ? 'unconfirmed' : 'opted-out',
        listState: outcome.state,
        code: outcome.code,
        reason: outcome.reason,
      };
    default: {
      const { code, kind: _ } = outcome;
      if (!parks && outcome.kind === 'refused') {
        // what is refused for now only has a hash of its own, so that the next sync tries again
        const { reason = 'invalid-address', isForNow } = outcome;
        return { ...base, outcome: 'declined', hash: isForNow ? `${hash} later` : hash, code, reason };
      }
      const message = `the destination refuses this address (code ${code}); correct it at the source, or discard.`;
      return { ...base, outcome: 'refused', code, refusal: { type: 'AddressRefused', message } };
    }
  }
}

/** A destination's clock may differ from ours by so much. */
const CLOCKS_MS = 5 * 60_000;

/** Created by an earlier call of ours whose answer never came, and not by somebody long before. */
const cameWithCall = (
  { since }: { since?: string | undefined },
  { addingSince }: Pick<TakenContact, 'addingSince'>,
): boolean => addingSince !== undefined && Date.parse(since ?? '') > addingSince.getTime() - CLOCKS_MS;

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
  const { ledger, audience, people, generation, metrics, log } = writing;
  await ledger.writer.settle(audience, people, generation, settlements);
  for (const { outcome, memberId, refusal } of settlements) {
    metrics.pushes.inc({ audience, outcome });
    if (refusal)
      log.warn(
        { site: people.scope, memberId, step: 'pushContact', type: refusal.type },
        'member is parked; see steward parked list',
      );
  }
  const now = Date.now();
  for (const { deliveredAt } of taken) {
    if (deliveredAt)
      metrics.deliveryToDestination.observe({ site: people.scope }, (now - deliveredAt.getTime()) / 1000);
  }
}
