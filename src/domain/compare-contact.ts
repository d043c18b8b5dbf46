import type { Contact } from './contact.js';
import { memberHolder } from './member-holder.js';
import {
  type AudienceRules,
  binds,
  type ContactPlan,
  type DueContact,
  type Holder,
  type ListState,
  ON_LIST_OUTCOMES,
  planContact,
  type SettledOutcome,
} from './plan-contact.js';
import type { Site } from './site.js';
import type { StatusTransition } from './status-history.js';
import { tagChange } from './tag-change.js';

/** What a list was seen to hold of one address. */
export interface Observation {
  state: ListState;
  /** The list's own date of that state, as it wrote it. */
  stateDate: string;
  name: string;
  /** Values by our own field names. */
  fields: Readonly<Record<string, string>>;
  /** Names of its tags, also of those that are not ours; undefined where the destination has none. */
  tags?: readonly string[] | undefined;
  /** Time before the request. */
  observedAt: Date;
}

/** One address as the ledger knows it and, after a reading back, as the list was seen to hold it. */
export interface ComparedContact extends DueContact {
  /** Whether the ledger has a contact for it, so that it is ours. */
  known: boolean;
  /** Due already, or under way: what becomes of it is not known yet. */
  waits: boolean;
  settledAt?: Date | undefined;
  settledOutcome?: SettledOutcome | undefined;
  /** What differed when it was last sent because of a difference, and how often that was sent. */
  differsKey?: string | undefined;
  /** Undefined where the list has no such address, or was not read back. */
  observation?: Observation | undefined;
}

/** A field that differs: what the list holds, and what it should. */
export interface FieldChange {
  field: string;
  from: string;
  to: string;
}

/** Why nothing is done about an address. */
export type LeaveReason =
  | 'no-change'
  | 'on-the-way'
  | 'not-a-member'
  | 'not-on-list'
  | 'opted-out'
  | 'bounced'
  | 'suppressed'
  | 'deleted-there'
  | 'unconfirmed'
  | 'withheld'
  | 'kept'
  | 'held'
  | 'parked'
  | 'declined'
  | 'discarded'
  | 'returned-unsigned'
  | 'not-kept-by-list';

/** What comparing one address found: what to do about it, or why it is left alone and how it stands settled then. */
export type Finding =
  | { do: 'add' | 'update'; hash: string; memberId: string; changes: FieldChange[]; differsKey?: string }
  | { do: 'move'; hash: string; memberId: string; from: string }
  | { do: 'remove'; hash: string; memberId: string | undefined; why: string }
  | { do: 'leave'; why: LeaveReason; memberId: string | undefined; settle?: Seen };

/** How a contact was seen to be settled. */
interface Seen {
  outcome: SettledOutcome;
  hash: string;
  listState?: ListState | undefined;
}

/**
 * What the fields of an earlier tool tell of a holder whose history we do not know: the contact with that history, and the
 * transition to be kept (house decision 18).
 */
export function adoptHistory(
  one: ComparedContact,
  site: Site,
): { one: ComparedContact; transition?: StatusTransition } {
  const { holder, observation } = one;
  const member = holder?.member;
  const {
    ghost_previous_status: from = '',
    ghost_status_changed_at: changed = '',
    ghost_status = '',
  } = observation?.fields ?? {};
  const at = new Date(changed);
  if (!member || member.lastTransition || from === '' || Number.isNaN(at.getTime())) return { one };
  const status = ghost_status === '' ? member.facts.status : ghost_status;
  if (from === status) return { one };
  const transition: StatusTransition = { from, before: from, status, at, foundBy: 'list' };
  // a change since then that nobody saw happen: it was found when the member was read
  const isPresent = status === member.facts.status;
  const lastTransition = isPresent ? { from, at } : { from: status, at: member.changedAt };
  const adopted = memberHolder(holder.memberId, { ...member, lastTransition }, site, holder.addedAt);
  return { one: { ...one, holder: adopted }, transition };
}

/** How contacts are compared: the rules of the audience, and how its destination stores a contact. */
export interface Comparing {
  rules: AudienceRules;
  /** Tag names that are ours to give and to take, in lower case; others are nobody's business here. */
  managedTags: ReadonlySet<string>;
  now: Date;
  hashOf: (text: string) => string;
  storedFields: (contact: Contact) => Record<string, string>;
  /** When the list began to be read back; undefined: it was not, and the ledger alone is looked at. */
  readFrom: Date | undefined;
}

type Leave = (why: LeaveReason, settle?: Omit<Seen, 'listState'>) => Finding;

/** Never worth a push by itself. */
const SILENT_FIELD = 'ghost_last_updated';

/** Compares one address with what should be (house decisions 6, 8, 9, 16 to 18). */
export function compareContact(asLoaded: ComparedContact, comparing: Comparing): Finding {
  const one = withoutStaleReading(asLoaded, comparing);
  const { holder, observation, hold } = one;
  const memberId = holder?.memberId ?? one.settledMemberId;
  const leave: Leave = (why, settle) => ({
    do: 'leave',
    why,
    memberId,
    ...(settle && isNews(one, settle) ? { settle: { ...settle, listState: observation?.state ?? one.listState } } : {}),
  });
  if (!holder && !one.known) return leave('not-a-member');
  // somebody who never said yes, and of whom nothing was ever written, leaves no trace
  if (holder && !one.known && isNeverWritten(holder, comparing.rules)) return leave('withheld');
  if (one.waits) return leave('on-the-way');
  if (hold && !hold.released) return leave('held');

  const plan = planContact(asSeen(one), comparing.rules, comparing.now, comparing.hashOf);
  if ('hash' in plan && plan.hash === one.settledHash) {
    if (one.settledOutcome === 'discarded') return leave('discarded');
    if (one.settledOutcome === 'refused') return leave('parked');
    if (one.settledOutcome === 'declined') return leave('declined');
  }
  switch (plan.do) {
    case 'skip':
    case 'wait':
      return leave('on-the-way');
    case 'nothing':
      // taken off once: whoever is there now was put there by others
      if (plan.outcome === 'unchanged') return leave(observation?.state === 'Active' ? 'not-a-member' : 'not-on-list');
      if (plan.outcome === 'opted-out')
        return leave(stateReason(observation?.state ?? one.listState), { outcome: 'opted-out', hash: plan.hash });
      return leave(reasonOf(plan.outcome), { outcome: plan.outcome, hash: plan.hash });
    case 'remove':
      if (observation && observation.state !== 'Active')
        return leave(stateReason(observation.state), { outcome: 'opted-out', hash: plan.hash });
      return { do: 'remove', hash: plan.hash, memberId, why: plan.reason };
    case 'move':
      if (observation?.state === 'Active') return { do: 'update', hash: plan.hash, memberId: memberId!, changes: [] };
      // the new address is there already, in a state that we respect
      if (observation && (observation.state !== 'Deleted' || one.optedOut))
        return leave(stateReason(observation.state), { outcome: 'opted-out', hash: plan.hash });
      return { do: 'move', hash: plan.hash, memberId: memberId!, from: plan.from };
    case 'return':
    case 'look-back':
      return { do: 'add', hash: plan.hash, memberId: memberId!, changes: [] };
    case 'recheck':
      if (one.removalOpen) return { do: 'update', hash: plan.hash, memberId: memberId!, changes: [] };
      return leave(stateReason(observation?.state ?? one.listState), { outcome: 'opted-out', hash: plan.hash });
    case 'import':
      return compareImport(one, plan, comparing, leave);
  }
}

/** Whether the list was read after the contact was settled: what is older says nothing of it any more (house decision 6). */
function withoutStaleReading(one: ComparedContact, { readFrom }: Comparing): ComparedContact & { isRead: boolean } {
  const seenAt = one.observation?.observedAt ?? readFrom;
  const isRead = seenAt !== undefined && (one.settledAt === undefined || seenAt > one.settledAt);
  return { ...one, isRead, observation: isRead ? one.observation : undefined };
}

function compareImport(
  one: ComparedContact & { isRead: boolean },
  plan: Extract<ContactPlan, { do: 'import' }>,
  comparing: Comparing,
  leave: Leave,
): Finding {
  const { observation } = one;
  const { hash } = plan;
  const memberId = one.holder!.memberId;
  if (observation?.state === 'Unconfirmed') return leave('unconfirmed', { outcome: 'unconfirmed', hash });
  if (!one.isRead && one.settledHash === hash) return leave('no-change');
  if (plan.addition) return { do: 'add', hash, memberId, changes: tagsOfNew(plan.contact) };
  if (!one.isRead) return { do: 'update', hash, memberId, changes: [] };
  // on the list as far as we knew, but not seen there while its pages shifted: the import itself will tell
  if (!observation) return { do: 'update', hash, memberId, changes: [] };
  const changes = changesOf(observation, plan.contact, comparing);
  if (changes.length === 0) return leave('no-change', { outcome: 'confirmed', hash });
  const key = comparing.hashOf(`${hash} ${JSON.stringify(changes)}`);
  const [before, times = '0'] = (one.differsKey ?? '').split(' ');
  const sent = before === key ? Number(times) : 0;
  // sent before because of just this, and the list holds it still: it does not keep what it is sent
  if (sent >= MOST_REPAIRS) return leave('not-kept-by-list');
  const differsKey = `${key} ${sent + 1}`;
  return { do: 'update', hash, memberId, changes, differsKey };
}

/** The contact with what was seen in place of what was known, and a living person's as if nothing were settled. */
function asSeen(one: ComparedContact & { isRead: boolean }): DueContact {
  const { observation, removal, isRead, ...due } = one;
  // not seen is not proof of absence where we knew it there: pages shift
  const listState = observation?.state ?? due.listState ?? 'Absent';
  const isOurs =
    listState === 'Deleted' && removal?.listDate !== undefined && removal.listDate === observation?.stateDate;
  const isNo = observation !== undefined && binds(listState) && !isOurs;
  // whoever was taken off is not taken off again for being seen by nobody
  const isSettledAnew = due.holder !== undefined && (isRead || typeof due.holder.standing !== 'object');
  return {
    ...due,
    removal,
    listState,
    optedOut: due.optedOut || isNo,
    addressOptedOut: due.addressOptedOut || isNo,
    settledHash: isSettledAnew ? undefined : due.settledHash,
  };
}

/** Field by field, what a list was seen to hold of a contact and what it should. */
export function changesOf(
  observation: Pick<Observation, 'name' | 'fields' | 'tags'>,
  contact: Contact,
  { storedFields, managedTags }: Pick<Comparing, 'storedFields' | 'managedTags'>,
): FieldChange[] {
  const expected = { name: contact.name, ...storedFields(contact) };
  const seen: Record<string, string> = { ...observation.fields, name: observation.name };
  const ofFields = Object.entries(expected).flatMap(([field, to]) => {
    const from = seen[field] ?? '';
    return field === SILENT_FIELD || from === to ? [] : [{ field, from, to }];
  });
  const { add, remove } = tagChange(observation.tags, contact.tags, managedTags);
  const toField = (from: string, to: string): FieldChange => ({ field: 'tag', from, to });
  return [...ofFields, ...remove.map((name) => toField(name, '')), ...add.map((name) => toField('', name))];
}

/** What somebody is given who is not there yet; the fields go without saying. */
const tagsOfNew = ({ tags = [] }: Contact): FieldChange[] => tags.map((name) => ({ field: 'tag', from: '', to: name }));

const isNeverWritten = ({ standing }: Holder, { takesOff }: AudienceRules): boolean =>
  standing === 'not-written' || (typeof standing === 'object' && takesOff === 'ours');

/** So often the same difference is repaired without the list having been seen right in between: staff may type it again. */
const MOST_REPAIRS = 3;

const isOnList = (outcome: SettledOutcome | undefined): boolean =>
  outcome !== undefined && ON_LIST_OUTCOMES.includes(outcome);

/** Whether what was seen says more than what was settled; a key that is void is forgotten with it. */
const isNews = (one: ComparedContact, { outcome, hash }: Seen): boolean =>
  one.differsKey !== undefined ||
  one.settledHash !== hash ||
  (one.settledOutcome !== outcome && !(isOnList(outcome) && isOnList(one.settledOutcome)));

function reasonOf(outcome: SettledOutcome): LeaveReason {
  switch (outcome) {
    case 'kept':
    case 'withheld':
    case 'held':
    case 'returned-unsigned':
      return outcome;
    case 'absent':
      return 'not-on-list';
    default:
      return 'no-change';
  }
}

function stateReason(state: ListState | undefined): LeaveReason {
  switch (state) {
    case 'Bounced':
      return 'bounced';
    case 'Suppressed':
      return 'suppressed';
    case 'Deleted':
      return 'deleted-there';
    case 'Unconfirmed':
      return 'unconfirmed';
    default:
      return 'opted-out';
  }
}
