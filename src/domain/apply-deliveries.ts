import { type MemberFacts, sameFacts } from './member.js';
import {
  type FoundBy,
  lastTransition,
  mergeStatusHistory,
  type StatusFact,
  type StatusTransition,
} from './status-history.js';

/** The kinds of member webhooks; `member.updated` is another name for `member.edited`. */
export type MemberEvent = 'member.added' | 'member.edited' | 'member.deleted';

/** One waiting delivery, as far as the rules need it. */
export interface WaitingDelivery {
  id: string;
  event: MemberEvent;
  /** Ghost's clock. */
  signedAt: Date;
  /** The database's clock. */
  receivedAt: Date;
  /** The member after the change; for a deletion the member as it was, if the payload says enough. */
  facts?: MemberFacts | undefined;
  /** `previous.status` of the payload. */
  statusBefore?: string | undefined;
}

/** What the ledger holds of one member id. */
export interface MemberState {
  facts?: MemberFacts | undefined;
  deletedAt?: Date | undefined;
  /** Time of the newest observation of either kind: a read older than this is refused. */
  observedAt?: Date | undefined;
  /** Time of the newest read applied: a payload received before it is refused. */
  readAt?: Date | undefined;
  /** Largest `t` applied: payloads among themselves are ordered by it. */
  signedAt?: Date | undefined;
  changedAt?: Date | undefined;
  addedAt?: Date | undefined;
  suspectedGoneAt?: Date | undefined;
  history: readonly StatusTransition[];
}

/** What reading the source said; `asOf` is the database's time taken before the request. */
export interface MemberRead {
  asOf: Date;
  /** Undefined when the source answered that there is no such member. */
  facts?: MemberFacts | undefined;
  foundBy: FoundBy;
}

/** What became of one delivery. */
export type DeliveryOutcome = 'applied' | 'unchanged' | 'superseded';

/** The member's next state, each delivery's outcome, and whether anything that we sync changed. */
export interface Applied {
  state: MemberState;
  outcomes: { id: string; outcome: DeliveryOutcome }[];
  changed: boolean;
}

/**
 * Applies all that waits for one member, and a read of the source where there is one (house decisions 5 and 6): payloads
 * in the order of their signature's time, nothing older than what is known, a deletion for good, every status on the way
 * recorded. With a read, payloads only tell the statuses between; the read tells the state.
 */
export function applyDeliveries(
  before: MemberState,
  deliveries: readonly WaitingDelivery[],
  read?: MemberRead,
): Applied {
  const inOrder = deliveries.toSorted((a, b) => a.signedAt.getTime() - b.signedAt.getTime());
  const outcomes: Applied['outcomes'] = [];
  let state = before;
  for (const delivery of inOrder) {
    const next = applyOne(state, delivery);
    outcomes.push({ id: delivery.id, outcome: outcomeOf(state, next) });
    if (next) state = next;
  }
  if (read) state = applyRead(state, read);
  state = { ...state, history: historyOf(before, state, inOrder, read) };
  const changed = contentChanged(before, state);
  if (changed) state = { ...state, changedAt: changeTime(before, state, inOrder, read) };
  return { state, outcomes, changed };
}

/** The state after one delivery, or undefined when it tells nothing newer. */
function applyOne(state: MemberState, delivery: WaitingDelivery): MemberState | undefined {
  const { signedAt, receivedAt, event, facts } = delivery;
  const addedAt = event === 'member.added' ? earlier(state.addedAt, receivedAt) : state.addedAt;
  if (state.deletedAt) return undefined;
  if (event === 'member.deleted') {
    const observedAt = later(state.observedAt, receivedAt);
    return {
      ...state,
      facts: facts ?? state.facts,
      deletedAt: signedAt,
      signedAt,
      observedAt,
      suspectedGoneAt: undefined,
    };
  }
  const stale = (state.signedAt && signedAt < state.signedAt) || (state.readAt && receivedAt < state.readAt);
  if (stale || !facts) return addedAt === state.addedAt ? undefined : { ...state, addedAt };
  // what only the Admin API tells stays as it was last read
  const suppressed = facts.suppressed ?? state.facts?.suppressed;
  const observedAt = later(state.observedAt, receivedAt);
  return { ...state, facts: { ...facts, suppressed }, signedAt, observedAt, addedAt };
}

/** A read older than what is known is refused; a 404 without a signed deletion is a suspicion, not a fact. */
function applyRead(state: MemberState, read: MemberRead): MemberState {
  if (state.observedAt && read.asOf < state.observedAt) return state;
  // only a signed deletion is final: one that walks concluded is taken back by whoever sees the member
  const isFinal = state.deletedAt && state.deletedAt.getTime() === state.signedAt?.getTime();
  if (isFinal || (state.deletedAt && !read.facts)) return state;
  if (!read.facts) return { ...state, observedAt: read.asOf, suspectedGoneAt: state.suspectedGoneAt ?? read.asOf };
  return {
    ...state,
    facts: read.facts,
    observedAt: read.asOf,
    readAt: read.asOf,
    suspectedGoneAt: undefined,
    deletedAt: undefined,
  };
}

function outcomeOf(state: MemberState, next: MemberState | undefined): DeliveryOutcome {
  if (!next || next.signedAt === state.signedAt) return 'superseded';
  return contentChanged(state, next) ? 'applied' : 'unchanged';
}

function contentChanged(before: MemberState, after: MemberState): boolean {
  if (before.deletedAt?.getTime() !== after.deletedAt?.getTime()) return true;
  // a signed sign-up may allow what a change alone did not
  if (before.addedAt === undefined && after.addedAt !== undefined) return true;
  if (!before.facts || !after.facts) return before.facts !== after.facts;
  if (!sameFacts(before.facts, after.facts)) return true;
  return transitionKey(before.history) !== transitionKey(after.history);
}

const transitionKey = (history: readonly StatusTransition[]): string => {
  const last = lastTransition(history);
  return last ? `${last.from} ${last.at.getTime()}` : '';
};

function historyOf(
  before: MemberState,
  after: MemberState,
  deliveries: readonly WaitingDelivery[],
  read: MemberRead | undefined,
): readonly StatusTransition[] {
  const told = deliveries
    .filter(({ event, facts }) => event !== 'member.deleted' && facts)
    .map(({ facts, signedAt, statusBefore }): StatusFact => {
      const changedHere = statusBefore !== undefined && statusBefore !== facts!.status;
      return {
        status: facts!.status,
        at: signedAt,
        foundBy: 'webhook',
        before: changedHere ? statusBefore : undefined,
      };
    });
  // what was known before anchors facts that arrive late
  if (before.facts) told.push({ status: before.facts.status, at: lastSeen(before), foundBy: 'webhook' });
  if (read?.facts && after.facts === read.facts)
    told.push({ status: read.facts.status, at: readTime(read, deliveries), foundBy: foundBy(read, deliveries) });
  return mergeStatusHistory(before.history, told);
}

const lastSeen = ({ signedAt, readAt, facts }: MemberState): Date =>
  readAt ? later(signedAt, readAt) : (signedAt ?? facts!.signedUpAt);

/** Deliveries brought this read about, so what it finds is found by webhook; it comes after the last of them. */
const foundBy = (read: MemberRead, deliveries: readonly WaitingDelivery[]): FoundBy =>
  deliveries.length > 0 ? 'webhook' : read.foundBy;
const readTime = (read: MemberRead, deliveries: readonly WaitingDelivery[]): Date =>
  later(deliveries.at(-1)?.signedAt, read.asOf);

/** When what we sync last changed, as its source tells; a late delivery corrects only what was before. */
function changeTime(
  before: MemberState,
  after: MemberState,
  deliveries: readonly WaitingDelivery[],
  read: MemberRead | undefined,
): Date | undefined {
  const changedBy = after.signedAt === before.signedAt ? (read?.asOf ?? deliveries.at(-1)?.signedAt) : after.signedAt;
  return changedBy ? later(before.changedAt, changedBy) : before.changedAt;
}

const later = (a: Date | undefined, b: Date): Date => (a && a > b ? a : b);
const earlier = (a: Date | undefined, b: Date): Date => (a && a < b ? a : b);
