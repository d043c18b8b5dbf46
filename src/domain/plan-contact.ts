import { type Contact, contactKey, type MemberContactInput } from './contact.js';

/** State of a subscriber at a destination, in one vocabulary for all. `Absent`: not on the list at all. */
export type ListState = 'Active' | 'Unsubscribed' | 'Bounced' | 'Deleted' | 'Unconfirmed' | 'Suppressed' | 'Absent';

/**
 * How somebody stands to the audience: belongs in it; is brought up to date there but not added; is not written to at all; or is
 * to be taken off it.
 */
export type Standing = 'wanted' | 'not-added' | 'not-written' | { leaves: string };

/** The living person who holds an address: a member, or those supporters who share it. */
export interface Holder {
  /** Id of the member, or of the supporter who speaks for those at the address. */
  memberId: string;
  contact: Contact;
  standing: Standing;
  /** Receipt of the signed `member.added`. */
  addedAt?: Date | undefined;
  /** What a Ghost member's contact was made of. */
  member?: MemberContactInput | undefined;
}

/** What the source and the destination of an audience ask for. */
export interface AudienceRules {
  /** Those who are gone in the source stay in the audience. */
  keepsDeleted: boolean;
  /** Who may be taken off: anybody who should not be there, or only those whom we added. */
  takesOff: 'anybody' | 'ours';
  /** Whether somebody who was taken off, or said no, may ever be subscribed again by us. */
  comesBack: boolean;
  /** Whether a subscriber can be given another address; else the new one is added and the old one taken off. */
  moves: boolean;
}

/** All that the ledger knows of a due contact when the writer takes it. */
export interface DueContact {
  address: string;
  version: number;
  settledHash?: string | undefined;
  settledMemberId?: string | undefined;
  listState?: ListState | undefined;
  holder?: Holder | undefined;
  /** Where the list last had this holder, if nobody living holds that address now. */
  formerAddress?: string | undefined;
  /** A call about that former address may still land. */
  formerUnderWay: boolean;
  /** Where the list last had this holder, Active as far as we know, if somebody else holds that address now. */
  formerHeld?: string | undefined;
  /** Whether the member last settled here was deleted in the source. */
  settledMemberDeleted: boolean;
  /** Whether the source ever told of that member. */
  settledMemberKnown: boolean;
  /**
   * Set when the member last settled here lives at another address now; `due` while that one waits itself. `saysNo`: at the source,
   * or at the destination for that address.
   */
  successor?: { due: boolean; onList: boolean; saysNo: boolean } | undefined;
  /** The holder or the address said no at the destination. */
  optedOut: boolean;
  /** The address did: then nobody is moved there either. */
  addressOptedOut: boolean;
  /** We meant to remove it and do not know whether that was done. */
  removalOpen: boolean;
  /** Our last removal of this address that was carried out; `since` is when it was asked for, by whatever asked first. */
  removal?: { since: Date; listDate?: string | undefined } | undefined;
  /** An operator's word on a held removal or addition. */
  hold?: { kind: 'removal' | 'addition'; released: boolean } | undefined;
  /** Found by a walk as a fresh sign-up. */
  welcome: boolean;
  /** Set by an applied plan: what it meant this contact to become. */
  planHash?: string | undefined;
  /** Its removal was approved with a plan. */
  approved: boolean;
  /** The destination told that our own call created it. */
  isOurs: boolean;
  /** When a call was made that would create it, and what came of that is not known. */
  addingSince?: Date | undefined;
}

/** What the writer does with one due contact. */
export type ContactPlan =
  | { do: 'nothing'; outcome: SettledOutcome; hash: string }
  /** The move of its former holder settles it. */
  | { do: 'wait' }
  /** Marked by a plan that no longer holds for it. */
  | { do: 'skip' }
  | { do: 'import'; contact: Contact; hash: string; addition: boolean; automations: boolean }
  /** Opted out, or perhaps removed by us, as far as we know: the list is asked first. */
  | { do: 'recheck'; contact: Contact; hash: string }
  | { do: 'move'; from: string; contact: Contact; hash: string }
  /** Added only if the holder did not say no at the address that somebody else has taken. */
  | { do: 'look-back'; former: string; contact: Contact; hash: string; automations: boolean }
  | { do: 'return'; contact: Contact; hash: string; listDate: string | undefined; automations: boolean }
  | { do: 'remove'; reason: string; hash: string; released: boolean };

/**
 * How a contact was settled. `refused` parks its member; `declined` is the same where people do not park; every other one is a
 * calm end.
 */
export type SettledOutcome =
  | 'confirmed'
  | 'moved'
  | 'removed'
  | 'unchanged'
  | 'kept'
  | 'withheld'
  | 'opted-out'
  | 'unconfirmed'
  | 'absent'
  | 'held'
  | 'returned-unsigned'
  | 'refused'
  | 'declined'
  | 'discarded';

/** States in which a person must not be added again. */
export const BINDING: readonly ListState[] = ['Unsubscribed', 'Bounced', 'Deleted', 'Suppressed'];

/** True for the states that bind the address and the person. */
export const binds = (state: ListState | undefined): boolean => state !== undefined && BINDING.includes(state);

/** Outcomes after which a subscriber is on the list as it should be. */
export const ON_LIST_OUTCOMES: readonly SettledOutcome[] = ['confirmed', 'moved', 'unchanged'];

/** Hash of a contact that should not be on the list. */
export const ABSENT = 'absent';

/** Hash of a contact that is left as it is, whatever the source says of the person. */
const NOT_WRITTEN = 'not-written';
/** Automations start only for additions whose webhook is younger than this (house decision 18). */
const AUTOMATIONS_WINDOW_MS = 48 * 60 * 60 * 1000;

/** Decides what a due contact needs (house decisions 8, 9, 16 to 18). `hashOf` shortens the text of a contact. */
export function planContact(
  due: DueContact,
  rules: AudienceRules,
  now: Date,
  hashOf: (text: string) => string,
): ContactPlan {
  const plan = planFreely(due, rules, now, hashOf);
  const isOfPlan = due.planHash === undefined || !('hash' in plan) || plan.hash === due.planHash;
  return isOfPlan ? plan : { do: 'skip' };
}

function planFreely(due: DueContact, rules: AudienceRules, now: Date, hashOf: (text: string) => string): ContactPlan {
  const { holder } = due;
  if (!holder) return planWithoutHolder(due, rules);
  const { contact, standing } = holder;
  if (typeof standing === 'object') return planLeaving(due, rules, standing.leaves);
  if (standing === 'not-written') return { do: 'nothing', outcome: 'withheld', hash: NOT_WRITTEN };
  const mayNotAdd = standing === 'not-added';
  const hash = hashOf(`${contactKey(contact)}${mayNotAdd ? ' withheld' : ''}`);
  const plan = { contact, hash };
  const onList = due.listState === 'Active';
  const automations = !onList && (due.welcome || isFresh(holder, now));
  if (hash === due.settledHash && !due.hold?.released) return { do: 'nothing', outcome: 'unchanged', hash };
  if (due.removalOpen) return { do: 'recheck', ...plan };
  // perhaps the move whose answer never came: then the former address is free
  if (onList && rules.moves && due.addingSince !== undefined && due.formerAddress !== undefined)
    return { do: 'move', from: due.formerAddress, ...plan };
  if (onList) return { do: 'import', ...plan, addition: false, automations };
  if (mayNotAdd) return { do: 'nothing', outcome: 'withheld', hash };
  if (!rules.comesBack && binds(due.listState)) return { do: 'nothing', outcome: 'opted-out', hash };
  // the subscription that somebody has goes with them, also to an address that we took off: nobody said no
  const mayMove = rules.moves && due.formerAddress !== undefined && !due.addressOptedOut;
  if (mayMove && due.formerUnderWay) return { do: 'wait' };
  if (mayMove && due.formerAddress !== undefined) return { do: 'move', from: due.formerAddress, ...plan };
  if (due.removal && due.listState === 'Deleted' && !due.optedOut) {
    // acted on only when the person signed up again after our removal, by a signed webhook
    const signed = holder.addedAt !== undefined && holder.addedAt > due.removal.since;
    // a hash of its own: a signed sign-up that comes later is looked at
    if (!signed) return { do: 'nothing', outcome: 'returned-unsigned', hash: `${hash} unsigned` };
    return { do: 'return', ...plan, listDate: due.removal.listDate, automations };
  }
  if (due.optedOut) return { do: 'recheck', ...plan };
  if (due.formerHeld !== undefined) return { do: 'look-back', former: due.formerHeld, ...plan, automations };
  return { do: 'import', ...plan, addition: true, automations };
}

function planWithoutHolder(due: DueContact, rules: AudienceRules): ContactPlan {
  if (due.listState === 'Absent') return { do: 'nothing', outcome: 'absent', hash: ABSENT };
  if (due.successor?.due) return { do: 'wait' };
  if (due.settledMemberDeleted && rules.keepsDeleted) return { do: 'nothing', outcome: 'kept', hash: ABSENT };
  // put there for an organization that had the audience before
  if (rules.takesOff === 'ours' && !due.settledMemberKnown) return { do: 'nothing', outcome: 'kept', hash: ABSENT };
  // who cannot be taken off for a while is not taken off for an address that is mistyped, or not taken
  const isNowhere = due.successor !== undefined && !due.successor.onList && !due.successor.saysNo;
  if (!rules.comesBack && isNowhere) return { do: 'nothing', outcome: 'kept', hash: NOT_WRITTEN };
  return planLeaving(due, rules, due.successor ? 'moved' : 'deleted');
}

/** Somebody who should not be there; where only our own additions are taken back, others are left as they are. */
function planLeaving(due: DueContact, rules: AudienceRules, reason: string): ContactPlan {
  // perhaps ours is looked at before it is taken off
  const mayTakeOff = rules.takesOff === 'anybody' || due.isOurs || due.addingSince !== undefined;
  if (mayTakeOff) return planRemoval(due, reason);
  return { do: 'nothing', outcome: binds(due.listState) ? 'opted-out' : 'kept', hash: ABSENT };
}

function planRemoval({ settledHash, listState, hold, approved }: DueContact, reason: string): ContactPlan {
  const released = approved || (hold?.kind === 'removal' && hold.released);
  if (listState === 'Absent') return { do: 'nothing', outcome: 'absent', hash: ABSENT };
  if (hold?.kind === 'removal' && !released) return { do: 'nothing', outcome: 'held', hash: ABSENT };
  // approved or not, nobody is taken off twice
  if (settledHash === ABSENT && (!released || listState === 'Deleted'))
    return { do: 'nothing', outcome: 'unchanged', hash: ABSENT };
  return { do: 'remove', reason, hash: ABSENT, released };
}

const isFresh = ({ addedAt }: Holder, now: Date): boolean =>
  addedAt !== undefined && now.getTime() - addedAt.getTime() < AUTOMATIONS_WINDOW_MS;
