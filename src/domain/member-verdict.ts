import type { FieldChange } from './compare-contact.js';
import { binds, type ListState, ON_LIST_OUTCOMES, type SettledOutcome } from './plan-contact.js';

/** Whether the list holds what it should; `unknown` only of a time of which the ledger knows nothing. */
export type Verdict = 'true' | 'on the way' | 'parked' | 'opted out there' | 'differs' | 'unknown';

/** What should become of an address: be on the list, be true there only if it is on it already, be off it, stay as it is. */
export type Wanted = 'on' | 'not added' | 'off' | 'left' | 'unknown';

/** How the last call or comparison ended. */
export interface Settled {
  outcome: SettledOutcome;
  /** Hash of what was settled; undefined where nobody knows. */
  hash: string | undefined;
  at: Date;
  /** State at the list as far as that told. */
  state: ListState | undefined;
}

/** All that a verdict goes by. */
export interface Evidence {
  wanted: Wanted;
  /** Hash of what should be. */
  hash: string;
  /** Why the member is parked. */
  parked?: string | undefined;
  /** What is waited for. */
  waits?: string | undefined;
  /** Walks do not find the member in the source any more. */
  isMissing?: boolean;
  /** What an operator has to decide. */
  held?: string | undefined;
  settled?: Settled | undefined;
  /** What a full reading saw of the address, and what differed there from what should be. */
  seen?: { state: ListState; at: Date; changes: readonly FieldChange[] } | undefined;
  /** The address or the member said no at the list. */
  optedOut: boolean;
  /** Former addresses that are on the list still. */
  leftBehind: readonly string[];
  /** Whether the first full sync of the list was completed. */
  adopted: boolean;
}

/** A verdict, and why it is not simply `true`. */
export interface Judgement {
  verdict: Verdict;
  why: string | null;
}

/** Judges one address of a list by what is known of it. */
export function memberVerdict(evidence: Evidence): Judgement {
  const { wanted, parked, waits, held, leftBehind } = evidence;
  if (parked !== undefined) return { verdict: 'parked', why: parked };
  if (waits !== undefined) return { verdict: 'on the way', why: waits };
  if (wanted === 'unknown') return { verdict: 'unknown', why: 'the ledger does not know what the member was then' };
  if (held !== undefined) return differs(`held: ${held}; an operator decides, see steward held list`);
  if (evidence.isMissing)
    return differs(
      'the last walk did not find the member in Ghost: taken off once two did, within the budget; see steward site show',
    );
  if (leftBehind.length > 0) return differs(`still on the list as ${leftBehind.join(', ')}`);
  return wanted === 'off' || wanted === 'left' ? judgeAbsent(evidence) : judgePresent(evidence);
}

const differs = (why: string): Judgement => ({ verdict: 'differs', why });
const isTrue = (why: string | null = null): Judgement => ({ verdict: 'true', why });

/** True when a full reading saw the address after its last outcome. */
export const isSeenLast = ({ seen, settled }: Pick<Evidence, 'seen' | 'settled'>): boolean =>
  seen !== undefined && (settled === undefined || seen.at > settled.at);

/** The state by whoever saw it last. */
function stateOf({ seen, settled }: Evidence): ListState | undefined {
  if (seen && isSeenLast({ seen, settled })) return seen.state;
  return settled?.state ?? (settled && ON_LIST_OUTCOMES.includes(settled.outcome) ? 'Active' : undefined);
}

function judgeAbsent(evidence: Evidence): Judgement {
  const { wanted, settled } = evidence;
  if (stateOf(evidence) !== 'Active') return isTrue();
  if (wanted === 'left' || settled?.outcome === 'kept')
    return isTrue('stays on the list: the site keeps who is deleted');
  if (settled?.outcome === 'discarded') return differs('on the list still: discarded by an operator');
  if (settled?.outcome === 'removed' || settled?.outcome === 'absent')
    return differs('others put the address on the list after we took it off: left alone');
  return differs('on the list still');
}

function judgePresent(evidence: Evidence): Judgement {
  const { wanted, settled, adopted } = evidence;
  const state = stateOf(evidence);
  if (state !== 'Active' && isOptOut(evidence, state))
    return { verdict: 'opted out there', why: `the list says ${state ?? 'that the person said no'}` };
  if (wanted === 'not added' && state !== 'Active' && settled?.outcome !== 'refused')
    return isTrue('not added: no newsletter, or suppressed in Ghost');
  if (settled === undefined && state !== 'Active')
    return differs(
      adopted
        ? 'nothing was pushed yet'
        : 'nothing was pushed yet: the first full sync of the list has not been made, see steward site sync --full',
    );
  return judgeOutcome(evidence, state);
}

/** Our own removal is nobody's opt-out. */
function isOptOut({ settled, optedOut }: Evidence, state: ListState | undefined): boolean {
  const isOurs = settled?.outcome === 'removed' || settled?.outcome === 'returned-unsigned';
  return settled?.outcome === 'opted-out' || optedOut || (binds(state) && !(state === 'Deleted' && isOurs));
}

function judgeOutcome({ hash, settled, seen, wanted }: Evidence, state: ListState | undefined): Judgement {
  switch (settled?.outcome) {
    case 'refused':
      return { verdict: 'parked', why: 'the list refused it at the last call' };
    case 'discarded':
      return differs('discarded by an operator');
    case 'returned-unsigned':
      return differs(
        'removed by us, and back without a signed sign-up: add by hand in Campaign Monitor if they asked for it',
      );
    default:
  }
  if (state === 'Unconfirmed') return differs('the person has not confirmed the subscription yet');
  if (state !== 'Active') return differs(`not on the list: it says ${state ?? 'nothing'}`);
  const isSeen = isSeenLast({ seen, settled });
  if (isSeen && seen!.changes.length > 0)
    return differs(`the list has other values: ${seen!.changes.map(({ field }) => field).join(', ')}`);
  if (!isSeen && settled!.hash !== hash) return differs('what was last sent is not what should be there');
  return isTrue(wanted === 'not added' ? 'on the list before, so kept true there; it would not be added' : null);
}
