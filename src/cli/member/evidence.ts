import { hashOf } from '../../../activities/contact-hash.js';
import type { SiteConfig } from '../../config/site-variables.js';
import { changesOf, type FieldChange } from '../../domain/compare-contact.js';
import { type Contact, contactKey, memberToContact } from '../../domain/contact.js';
import type { Settled, Wanted } from '../../domain/member-verdict.js';
import { ABSENT, type ListState, type SettledOutcome } from '../../domain/plan-contact.js';
import type { AddressPast, MemberPast } from '../../ledger/history.js';
import type { Standing } from './standing.js';

/** What should become of an address, and as what. */
export interface Expectation {
  wanted: Wanted;
  /** What the list should hold; null where it should hold nothing, or nobody knows. */
  contact: Contact | null;
  hash: string;
}

/** What should become of the address that this member holds; `gone`: nobody living holds it. */
export function expectationOf(
  site: Pick<SiteConfig, 'onDelete' | 'onEmailDisabled'>,
  { knowledge, facts, changedAt, deletedAt, lastTransition }: Standing,
): Expectation {
  const nothing = (wanted: Wanted): Expectation => ({ wanted, contact: null, hash: ABSENT });
  if (knowledge !== 'known') return nothing('unknown');
  if (deletedAt) return nothing(site.onDelete === 'keep' ? 'left' : 'off');
  if (!facts || (!facts.emailEnabled && site.onEmailDisabled === 'remove')) return nothing('off');
  const contact = memberToContact({
    facts,
    changedAt: changedAt ?? facts.signedUpAt,
    ...(lastTransition ? { lastTransition } : {}),
  });
  const mayNotAdd = facts.suppressed === true || (!facts.emailEnabled && site.onEmailDisabled === 'withhold');
  return {
    wanted: mayNotAdd ? 'not added' : 'on',
    contact,
    hash: hashOf(`${contactKey(contact)}${mayNotAdd ? ' withheld' : ''}`),
  };
}

/** How the address was settled last, now or at a time. */
export function settledOf(
  { contact, pushes }: Pick<AddressPast, 'contact' | 'pushes'>,
  address: string,
  at?: Date,
): Settled | undefined {
  const isPresent = contact?.settledOutcome && contact.settledAt;
  // settled before that time and never since: so it was then, also where no call was made for it
  if (isPresent && (at === undefined || (contact.settledAt! <= at && contact.settledHash !== null))) {
    const outcome = contact.settledOutcome as SettledOutcome;
    const isStateOfThen = at === undefined || (contact.listStateAt !== null && contact.listStateAt <= at);
    const state = isStateOfThen ? (contact.listState as ListState | null) : stateAfter.get(outcome);
    return { outcome, hash: contact.settledHash ?? undefined, at: contact.settledAt!, state: state ?? undefined };
  }
  if (at === undefined) return undefined;
  const push = pushes.findLast((one) => one.address === address && one.outcome !== 'skipped' && one.at <= at);
  if (!push) return undefined;
  const outcome = push.outcome as SettledOutcome;
  return { outcome, hash: push.hash ?? undefined, at: push.at, state: stateAfter.get(outcome) };
}

/** State at the list that an outcome tells. */
const stateAfter: ReadonlyMap<SettledOutcome, ListState> = new Map([
  ['confirmed', 'Active'],
  ['moved', 'Active'],
  ['removed', 'Deleted'],
  ['returned-unsigned', 'Deleted'],
  ['absent', 'Absent'],
  ['unconfirmed', 'Unconfirmed'],
]);

/** What a full reading saw, with what differed from what should be; of a time before it nobody knows. */
export function seenOf(
  { seen }: AddressPast,
  { contact }: Expectation,
  storedFields: (contact: Contact) => Record<string, string>,
  at?: Date,
): (NonNullable<AddressPast['seen']> & { changes: FieldChange[] }) | undefined {
  if (!seen || (at && seen.at > at)) return undefined;
  const changes =
    contact && seen.state === 'Active' ? changesOf(seen, contact, { storedFields, managedTags: new Set() }) : [];
  return { ...seen, changes };
}

/** What is waited for now; undefined where nothing is. */
export function waitsNow(
  { deliveries }: Pick<MemberPast, 'deliveries'>,
  { contact, leftBehind }: AddressPast,
  pauses: readonly string[],
): string | undefined {
  const waiting = deliveries.filter(({ state }) => state === 'waiting').length;
  const what = [
    ...(waiting > 0 ? [waiting === 1 ? 'a delivery waits' : `${waiting} deliveries wait`] : []),
    ...(contact?.dueAt ? [`its push is due${contact.tries > 0 ? `, tried ${contact.tries} times` : ''}`] : []),
    ...(!contact?.dueAt && contact?.underWayUntil && contact.underWayUntil > new Date() ? ['a call is under way'] : []),
    ...leftBehind.filter(({ due }) => due).map(({ address }) => `${address} is about to be looked at`),
  ];
  return what.length === 0 ? undefined : [what.join(', '), ...pauses].join('; ');
}

/** What was waited for at a time: deliveries and changes that had their outcome later, or have none yet. */
export function waitsAt(
  { deliveries, changes }: Pick<MemberPast, 'deliveries' | 'changes'>,
  { contact, pushes }: Pick<AddressPast, 'contact' | 'pushes'>,
  address: string,
  at: Date,
): string | undefined {
  const isPending = ({ receivedAt, state, outcomeAt, replayedAt }: MemberPast['deliveries'][number]): boolean =>
    // of one that was replayed later its first outcome is not known any more: it had one
    receivedAt <= at && (replayedAt === null || replayedAt <= at) && (state === 'waiting' || outcomeAt! > at);
  if (deliveries.some(isPending)) return 'a delivery waited';
  const changed = changes.findLast((change) => change.at <= at)?.at;
  if (!changed) return undefined;
  const settled = [...pushes.filter((one) => one.address === address).map((one) => one.at), contact?.settledAt]
    .filter((time): time is Date => time != null && time >= changed)
    .sort((a, b) => a.getTime() - b.getTime())[0];
  const isLate = settled ? settled > at : Boolean(contact?.dueAt);
  return isLate ? 'its push was due' : undefined;
}
