import { binds, type ContactPlan, type ListState, type SettledOutcome } from '../src/domain/plan-contact.js';
import type { SubscriberView } from '../src/domain/subscriber.js';
import { tagChange } from '../src/domain/tag-change.js';
import type { TakenContact } from '../src/ledger/contacts.js';
import type { Settlement } from '../src/ledger/writer.js';
import { VendorError } from '../src/vendors/errors.js';
import type { Writing } from './audience-push.js';
import { withCall } from './push-call.js';
import { pushImports } from './push-imports.js';
import type { ImportPlan, Planned } from './push-page.js';
import { pushTags } from './push-tags.js';
import { WAIT_MS } from './retry-later.js';
import { settle, settled } from './settle.js';
import { cameWithCall, settleOutcomes } from './settle-outcomes.js';

/** Plans that concern one person and begin by reading the list. */
export type PersonPlan = Exclude<ContactPlan, { do: 'nothing' | 'wait' | 'skip' }>;
type PlanOf<D extends PersonPlan['do']> = Extract<PersonPlan, { do: D }>;

/** Carries out what one person needs, after reading the list. @throws VendorError when the whole audience is concerned */
export async function pushPerson(writing: Writing, { taken, plan }: Planned<PersonPlan>): Promise<void> {
  switch (plan.do) {
    case 'import':
      return addOrHold(writing, { taken, plan });
    case 'recheck':
      return recheck(writing, { taken, plan });
    case 'move':
      return move(writing, { taken, plan });
    case 'look-back':
      return lookBack(writing, { taken, plan });
    case 'return':
      return comeBack(writing, { taken, plan });
    case 'remove':
      return remove(writing, { taken, plan });
  }
}

/** Reads one subscriber; undefined when the read failed and the person waits. `Absent` where the list has no such address. */
async function look(
  writing: Writing,
  one: Planned<PersonPlan>,
  address = one.taken.address,
): Promise<SubscriberView | undefined> {
  const read = await withCall(writing, [one], async () => ({ found: await writing.destination.read(address) }));
  return read && (read.found ?? { state: 'Absent', stateDate: '' });
}

/** On a list that mails everybody added, an address is looked at before it is added. */
async function addOrHold(writing: Writing, one: Planned<ImportPlan>): Promise<void> {
  const there = await look(writing, one);
  if (there) await importRead(writing, one, there.state, one.plan.automations);
}

/** Imports somebody whose state at the list was read; where adding them would mail them, they wait for an operator's word. */
async function importRead(
  writing: Writing,
  { taken, plan }: Planned<Exclude<PersonPlan, { do: 'remove' }>>,
  state: ListState,
  automations: boolean,
): Promise<void> {
  const addition = state === 'Absent';
  const { contact, hash } = plan;
  if (!addition || !writing.holdAdditions || taken.hold?.released) {
    return pushImports(writing, [[{ taken, plan: { do: 'import', contact, hash, addition, automations } }]]);
  }
  const reason = 'double opt-in list: adding this person sends a confirmation mail';
  await writing.ledger.holds.holdAddition(writing.audience, taken.address, taken.holder!.memberId, reason);
  await finish(writing, { taken, plan }, { outcome: 'held', hash, listState: 'Absent' });
}

/** Somebody who opted out, or whom we perhaps removed: only an Active subscriber is written to. */
async function recheck(writing: Writing, one: Planned<PlanOf<'recheck'>>): Promise<void> {
  const { taken, plan } = one;
  const there = await look(writing, one);
  if (!there) return;
  const { removedState } = writing.destination.capabilities;
  if (there.state === removedState && taken.removalOpen) {
    await writing.ledger.removals.complete(writing.audience, taken.address, there.stateDate, removedState);
    return finish(
      writing,
      one,
      { outcome: 'removed', hash: 'removed', listState: removedState, operation: 'remove' },
      true,
    );
  }
  if (taken.removalOpen) await writing.ledger.removals.void(writing.audience, taken.address);
  if (there.state === 'Active' || (there.state === 'Absent' && !taken.optedOut)) {
    return importRead(writing, one, there.state, false);
  }
  await finish(writing, one, { outcome: 'opted-out', hash: plan.hash, listState: there.state });
}

/** The subscriber moves with its state; where the new address is on the list already, that one gets the fields. */
async function move(writing: Writing, one: Planned<PlanOf<'move'>>): Promise<void> {
  const { taken, plan } = one;
  const { ledger, audience, generation } = writing;
  const source = await look(writing, one, plan.from);
  const target = source && (await look(writing, one));
  if (!source || !target) return;
  const memberId = taken.holder!.memberId;
  await ledger.contacts.bind(audience, plan.from, memberId, source.state);
  if (source.state === 'Active' && !taken.optedOut && isOurRemoval(taken, target)) return moveOntoRemoved(writing, one);
  if (source.state === 'Absent' || target.state !== 'Absent') {
    // nothing to move, or no place to move to: the former address is judged on its own
    // moved by a call of ours whose answer never came: the same subscriber is at the new address
    const heir = taken.addingSince ? taken.address : undefined;
    await ledger.contacts.leaveAddress(audience, generation, plan.from, source.state, heir);
    if (target.state === 'Absent' && taken.optedOut) {
      return finish(writing, one, { outcome: 'opted-out', hash: plan.hash, listState: 'Absent' });
    }
    return importRead(writing, one, target.state, false);
  }
  const booked = { taken, plan: { ...plan, addition: true } };
  const send = () => writing.destination.move(plan.from, plan.contact);
  const outcome = await withCall(writing, [booked], send, [plan.from]);
  if (!outcome) return;
  if (outcome.kind === 'stored')
    await ledger.contacts.leaveAddress(audience, generation, plan.from, 'Absent', taken.address);
  else await ledger.writer.release(audience, generation, [plan.from]);
  // the list changed between reading and moving: planned anew
  if (outcome.kind === 'taken' || outcome.kind === 'absent') return again(writing, one);
  const had = outcome.kind === 'stored' && source.state === 'Active' ? outcome.tags : undefined;
  const change = tagChange(had, plan.contact.tags, writing.managedTags);
  const moved = { taken, hash: plan.hash, operation: 'move', outcome, storedState: source.state } as const;
  if (change.add.length + change.remove.length === 0) return settleOutcomes(writing, [moved]);
  await pushTags(writing, [{ ...moved, contact: plan.contact, change }]);
}

/** The removal of this address was ours, and nothing has happened there since. */
const isOurRemoval = ({ removal }: Planned['taken'], there: SubscriberView): boolean =>
  there.state === 'Deleted' && removal?.listDate !== undefined && removal.listDate === there.stateDate;

/** Who is Active at the former address moves to one that we took off when its former holder left: a subscription kept, not a new one. */
async function moveOntoRemoved(writing: Writing, { taken, plan }: Planned<PlanOf<'move'>>): Promise<void> {
  const { ledger, audience, generation, destination } = writing;
  const flags = { automations: false, resubscribe: true };
  const send = () => destination.push([plan.contact], flags);
  const outcomes = await withCall(writing, [{ taken, plan }], send, [plan.from]);
  if (!outcomes) return;
  await ledger.contacts.leaveAddress(audience, generation, plan.from, 'Active');
  await settleOutcomes(writing, [{ taken, hash: plan.hash, operation: 'resubscribe', outcome: outcomes[0]! }]);
}

/** Somebody else took the address at which the list had this person: what the list says there may be this person's own no. */
async function lookBack(writing: Writing, one: Planned<PlanOf<'look-back'>>): Promise<void> {
  const { taken, plan } = one;
  const there = await look(writing, one, plan.former);
  if (!there) return;
  if (!binds(there.state)) return importRead(writing, one, taken.listState ?? 'Absent', plan.automations);
  await writing.ledger.contacts.bind(writing.audience, plan.former, taken.holder!.memberId, there.state);
  await finish(writing, one, { outcome: 'opted-out', hash: plan.hash, listState: taken.listState ?? 'Absent' });
}

/** Somebody whom we removed signed up again: `Resubscribe`, but only if our removal is still the last thing that happened. */
async function comeBack(writing: Writing, one: Planned<PlanOf<'return'>>): Promise<void> {
  const { taken, plan } = one;
  const there = await look(writing, one);
  if (!there) return;
  if (there.state === 'Active' || there.state === 'Absent') {
    return importRead(writing, one, there.state, plan.automations);
  }
  if (!isOurRemoval(taken, there))
    return finish(writing, one, { outcome: 'opted-out', hash: plan.hash, listState: there.state });
  const flags = { automations: plan.automations, resubscribe: true };
  const outcomes = await withCall(writing, [one], () => writing.destination.push([plan.contact], flags));
  if (outcomes)
    await settleOutcomes(writing, [
      { taken, hash: plan.hash, operation: 'resubscribe', outcome: outcomes[0]!, added: true },
    ]);
}

/** Reads that the person is Active, commits the intent within the budget, deletes, and reads the list's own date of it. */
async function remove(writing: Writing, one: Planned<PlanOf<'remove'>>): Promise<void> {
  const { taken, plan } = one;
  const { ledger, audience, generation, destination, log, people } = writing;
  const there = await look(writing, one);
  if (!there) return;
  const { removedState } = destination.capabilities;
  const done = { outcome: 'removed', hash: plan.hash, listState: removedState, operation: 'remove' } as const;
  if (there.state === removedState && (taken.removalOpen || there.stateDate === taken.removal?.listDate)) {
    await ledger.removals.complete(audience, taken.address, there.stateDate, removedState);
    return finish(writing, one, done);
  }
  if (await staysAfterAll(writing, taken, there)) {
    await ledger.removals.void(audience, taken.address);
    return finish(writing, one, { outcome: 'kept', hash: plan.hash, listState: there.state });
  }
  if (there.state !== 'Active') {
    await ledger.removals.void(audience, taken.address);
    return finish(writing, one, {
      outcome: there.state === 'Absent' ? 'absent' : 'opted-out',
      hash: plan.hash,
      listState: there.state,
    });
  }
  const { address, version, settledMemberId: memberId } = taken;
  const intent = { audience, generation, address, version, memberId, reason: plan.reason, released: plan.released };
  const allowed = await ledger.removals.intend(intent, writing.budget);
  if (allowed === 'stale') return again(writing, one);
  if (allowed === 'held') {
    log.warn(
      { audience, scope: people.scope, memberId },
      'removal is held: the budget of 24 hours is used up; see steward held list',
    );
    return finish(writing, one, { outcome: 'held', hash: plan.hash, listState: 'Active' });
  }
  const deleted = await withCall(writing, [one], async () => {
    await destination.remove(address);
    return true;
  });
  if (!deleted) return;
  await ledger.removals.complete(audience, address, await dateOfRemoval(writing, address), removedState);
  await finish(writing, one, done);
}

/** Somebody whom others added, or whose people came back or said yes since it was planned. */
async function staysAfterAll(
  { ledger, people }: Writing,
  taken: TakenContact,
  there: SubscriberView,
): Promise<boolean> {
  const isOurs = people.rules.takesOff === 'anybody' || taken.isOurs || cameWithCall(there, taken);
  return !isOurs || ledger.writer.mayStay(people, taken.address);
}

/** Without the date a later return cannot be told from a removal by staff, so it is then left to them. */
async function dateOfRemoval({ destination }: Writing, address: string): Promise<string | undefined> {
  try {
    return (await destination.read(address))?.stateDate;
  } catch (error) {
    if (error instanceof VendorError) return undefined;
    throw error;
  }
}

async function finish(
  writing: Writing,
  { taken }: Planned,
  how: { outcome: SettledOutcome; hash: string; listState: ListState; operation?: Settlement['operation'] },
  staysDue = false,
): Promise<void> {
  const settlement = { ...settled(taken), operation: 'none' as const, ...how };
  await settle(writing, [staysDue ? { ...settlement, version: -1 } : settlement], [taken]);
}

/** Planned anew at the next look. */
const again = ({ ledger, audience, generation }: Writing, { taken }: Planned): Promise<void> =>
  ledger.writer.postpone(audience, generation, [
    { address: taken.address, afterMs: WAIT_MS, counts: false, mayStillLand: false },
  ]);
