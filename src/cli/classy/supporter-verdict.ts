import type { FieldChange, LeaveReason } from '../../domain/compare-contact.js';
import { type DeclineReason, nextStep } from '../../domain/decline-reason.js';
import { showTime } from '../output.js';
import { toldChanges } from '../sync/people.js';
import type { AudienceEvidence } from './audience-evidence.js';

/** How a supporter stands in the audience. */
export type SupporterVerdict =
  | 'true'
  | 'on the way'
  | 'waits for the first sync'
  | 'no consent'
  | 'cannot be mailed'
  | 'opted out there'
  | 'declined'
  | 'held'
  | 'taken off'
  | 'gone'
  | 'differs'
  | 'no audience';

/** A verdict, and why it is not simply `true`. */
export interface SupporterJudgement {
  verdict: SupporterVerdict;
  why: string | null;
}

/** What is judged beside what the audience's own evidence tells. */
export interface Judged {
  evidence: AudienceEvidence;
  /** Supporters at the address who are at Classy still, and those of them who did not say yes. */
  living: readonly string[];
  denying: readonly string[];
  /** Whether the address is one that can be mailed. */
  isMailable: boolean;
  /** What has changed since supporters were last added up. */
  pending: readonly FieldChange[];
}

/** Judges the supporters at one address by what the next sync would do about them. */
export function supporterVerdict(judged: Judged): SupporterJudgement {
  const { evidence, living, denying } = judged;
  const { one, holds, contact } = evidence;
  const held = holds.find(({ releasedAt }) => releasedAt === null);
  if (held)
    return say(
      'held',
      `${held.kind}, ${wordsOf(held.reason)}, since ${showTime(held.since)}: an operator decides, see steward held list`,
    );
  if (one.waits)
    return onTheWay(evidence, contact?.dueAt ? `its push is due${triesOf(contact.tries)}` : 'a call is under way');
  if (living.length === 0) return judgeLeaving(evidence, 'gone', 'not at Classy any more');
  if (denying.length > 0) return judgeLeaving(evidence, 'no consent', `opt_in is not true for ${nameThem(denying)}`);
  if (!judged.isMailable)
    return say(
      'cannot be mailed',
      'the address is not valid, or has letters that MailChimp does not take: correct it at Classy',
    );
  return judgeWanted(judged);
}

const say = (verdict: SupporterVerdict, why: string | null): SupporterJudgement => ({ verdict, why });

function onTheWay({ place }: AudienceEvidence, why: string): SupporterJudgement {
  const pause = place?.pausedSince ? `; the audience is paused: ${place.pausedMessage ?? ''}` : '';
  return say('on the way', `${why}${pause}`);
}

const triesOf = (tries: number): string => (tries > 0 ? `, tried ${tries === 1 ? 'once' : `${tries} times`}` : '');

export const nameThem = (ids: readonly string[]): string => `supporter${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;

/** Somebody who should not be in the audience. */
function judgeLeaving(evidence: AudienceEvidence, verdict: 'gone' | 'no consent', why: string): SupporterJudgement {
  const { finding, contact, found } = evidence;
  const removed = lastRemoval(evidence);
  if (finding.do === 'remove')
    return onTheWay(evidence, `${why}: the next sync takes them off, within the removal budget`);
  if (stateOf(evidence) === 'Active') {
    const keeps = contact?.addedByUs && found.rules.onOptOut === 'leave';
    const stays = keeps
      ? 'they stay there as configured (onOptOut: leave)'
      : 'others put them there, so they are left as they are';
    return say(verdict, `${why}; in the audience all the same: ${stays}`);
  }
  if (removed) return say('taken off', removalWords(removed));
  return say(verdict, `not in the audience: ${why}`);
}

/** Somebody who said yes and can be mailed. */
function judgeWanted({ evidence, pending }: Judged): SupporterJudgement {
  const { finding, seen, contact, place, found } = evidence;
  const isFirst = !place?.adoptedAt && contact?.settledHash == null;
  if (finding.do === 'leave') return judgeLeft(evidence, finding.why, pending);
  if (finding.do === 'remove') return onTheWay(evidence, 'the next sync takes the address off');
  if (contact?.settledReason === 'too-many-sign-ups') return say('declined', declinedWords(contact.settledReason));
  // whoever is added is given everything, so there is nothing that differs
  const changes = finding.do === 'update' ? finding.changes : [];
  const action =
    finding.do === 'add'
      ? 'adds them'
      : finding.do === 'move'
        ? `moves them there from ${finding.from}`
        : 'sends what changed';
  if (isFirst)
    return say(
      'waits for the first sync',
      `a person starts it: steward audience sync ${found.audience} --dry-run, then without. It ${action}${changes.length > 0 ? `: ${changesInWords(changes)}` : ''}`,
    );
  if (changes.length > 0) return say('differs', `${changesInWords(changes)} (as read on ${showTime(seen?.at)})`);
  return onTheWay(evidence, `the next sync ${action}`);
}

function judgeLeft(evidence: AudienceEvidence, why: LeaveReason, pending: readonly FieldChange[]): SupporterJudgement {
  const { contact, seen } = evidence;
  switch (why) {
    case 'no-change':
      if (pending.length === 0) return say('true', null);
      return onTheWay(evidence, `it changed since it was added up: ${changesInWords(pending)}; the next sync sends it`);
    case 'opted-out':
    case 'bounced':
    case 'suppressed':
    case 'deleted-there':
      return judgeOptedOut(evidence);
    case 'declined':
      return say('declined', declinedWords(contact?.settledReason));
    case 'unconfirmed':
      return say('differs', 'the person has not confirmed the subscription yet');
    case 'discarded':
      return say('differs', 'left as it is by an operator');
    case 'not-kept-by-list':
      return say('differs', `the audience does not keep what it is sent (as read on ${showTime(seen?.at)})`);
    case 'on-the-way':
      return onTheWay(evidence, 'its turn comes with another address');
    default:
      return say('differs', `left alone: ${wordsOf(why)}`);
  }
}

function judgeOptedOut(evidence: AudienceEvidence): SupporterJudgement {
  const { contact, optOuts, one } = evidence;
  const removed = lastRemoval(evidence);
  if (removed) return say('taken off', `${removalWords(removed)}; they must sign up again through the form`);
  const reason = contact?.settledReason;
  if (reason === 'compliance' || reason === 'forgotten') return say('opted out there', nextStep[reason]);
  const optOut = optOuts.findLast(({ address }) => address === one.address) ?? optOuts.at(-1);
  const state = stateOf(evidence);
  const elsewhere = optOut && optOut.address !== one.address ? ` as ${optOut.address}` : '';
  const when = optOut
    ? ` ${optOut.listDate ? `on ${optOut.listDate.slice(0, 10)}` : `before ${showTime(optOut.at)}`}`
    : '';
  return say(
    'opted out there',
    `${stateWords(elsewhere ? optOut?.state : state)}${elsewhere}${when}: must sign up again through the form`,
  );
}

/** What each state means in MailChimp's own words. */
function stateWords(state: string | undefined): string {
  if (state === 'Bounced') return 'mail bounced (cleaned)';
  if (state === 'Deleted') return 'archived or deleted there';
  return state === 'Suppressed' ? 'not mailed there' : 'unsubscribed';
}

/** The state by whoever saw it last. */
export function stateOf({ isSeenLast, seen, contact }: AudienceEvidence): string | undefined {
  return (isSeenLast ? seen?.state : contact?.listState) ?? undefined;
}

type Removal = AudienceEvidence['removals'][number];

/** Our own removal, if it is the last thing that became of the address. */
function lastRemoval(evidence: AudienceEvidence): Removal | undefined {
  const { removals, optOuts, one } = evidence;
  const removed = removals.findLast(({ doneAt }) => doneAt !== null);
  const isOver = optOuts.some(({ address, at }) => address === one.address && removed?.doneAt && at > removed.doneAt);
  return isOver || stateOf(evidence) === 'Active' ? undefined : removed;
}

const removalReasons: Readonly<Record<string, string>> = {
  'consent-withdrawn': 'consent was withdrawn',
  deleted: 'nobody at Classy has the address any more',
  moved: 'the person has another address',
};

export const removalWords = ({ doneAt, reason }: Removal): string =>
  `by Steward on ${showTime(doneAt)} since ${removalReasons[reason] ?? wordsOf(reason)}`;

export const declinedWords = (reason: string | null | undefined): string =>
  reason && reason in nextStep
    ? `${wordsOf(reason)}: ${nextStep[reason as DeclineReason]}`
    : 'the destination does not take them';

const wordsOf = (word: string): string => word.replaceAll('-', ' ');

/** Changes in one line: `TOTALAMT 10 → 20, tag Classy-Major Donor missing`. */
export const changesInWords = (changes: readonly FieldChange[]): string =>
  toldChanges(changes)
    .map(({ field, from, to }) => {
      if (field !== 'tag') return `${field} ${from || 'empty'} → ${to || 'empty'}`;
      return from === '' ? `tag ${to} missing` : `tag ${from} too many`;
    })
    .join(', ');
