import type { PushOutcome } from '../src/audiences/destination.js';
import type { ListState } from '../src/domain/plan-contact.js';
import type { TakenContact } from '../src/ledger/contacts.js';
import type { Settlement } from '../src/ledger/writer.js';
import type { Writing } from './audience-push.js';
import { retryOrRefuse } from './retry-later.js';
import { settle, settled } from './settle.js';

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
  const unknown = outcomes.flatMap(({ taken, hash, outcome }) =>
    outcome.kind === 'unknown' ? [{ taken, hash, code: outcome.code }] : [],
  );
  const codes = [...new Set(unknown.map(({ code }) => code ?? 'none'))].join(', ');
  if (unknown.length > 0)
    await retryOrRefuse(writing, unknown, `${writing.audience} did not confirm it, with unknown code ${codes}`);
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
      // a hash of its own, so that the next sync looks at the rest
      if (outcome.isPartial) base.hash = `${hash} partly`;
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
export const cameWithCall = (
  { since }: { since?: string | undefined },
  { addingSince }: Pick<TakenContact, 'addingSince'>,
): boolean => addingSince !== undefined && Date.parse(since ?? '') > addingSince.getTime() - CLOCKS_MS;

function storedOutcome(operation: Settlement['operation'], state: ListState): Settlement['outcome'] {
  if (operation === 'move') return 'moved';
  return state === 'Unconfirmed' ? 'unconfirmed' : 'confirmed';
}
