import type { TakenContact } from '../src/ledger/contacts.js';
import type { Postponement } from '../src/ledger/writer.js';
import type { Writing } from './audience-push.js';
import { settle, settled } from './settle.js';

/** Tries of one person that the destination fails on, while it answers others, before the person parks. */
const MOST_TRIES = 10;
/** The first pause, in milliseconds; each next one is twice as long. */
export const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60 * 1000;
/** A contact whose turn comes with another's. */
export const WAIT_MS = 2_000;

/** Pause before the next try, in milliseconds. */
export const retryPauseMs = (tries: number): number => Math.min(FIRST_RETRY_MS * 2 ** tries, LONGEST_RETRY_MS);

/** Leaves contacts due, for later. */
export const postpone = (
  { ledger, audience, generation }: Writing,
  taken: readonly TakenContact[],
  how: Omit<Postponement, 'address' | 'mayStillLand'>,
): Promise<void> =>
  ledger.writer.postpone(
    audience,
    generation,
    taken.map(({ address }) => ({ address, mayStillLand: false, ...how })),
  );

/** Whether nobody tries again after the next failure. */
export const isLastTry = ({ tries }: Pick<TakenContact, 'tries'>): boolean => tries + 1 >= MOST_TRIES;

/** Somebody on whom the destination failed. */
export interface FailedOn {
  taken: TakenContact;
  hash: string;
  code?: string | number | undefined;
}

/** People on whom the destination fails for a reason that we do not know: ten tries, further and further apart, then parked. */
export async function retryOrRefuse(writing: Writing, failed: readonly FailedOn[], reason: string): Promise<void> {
  const { ledger, audience, generation, people } = writing;
  const again = failed.filter(({ taken }) => !isLastTry(taken));
  if (again.length > 0)
    await ledger.writer.postpone(
      audience,
      generation,
      again.map(({ taken: { address, tries } }) => ({
        address,
        afterMs: retryPauseMs(tries),
        counts: true,
        mayStillLand: false,
      })),
    );
  const last = failed.filter(({ taken }) => isLastTry(taken));
  if (last.length === 0) return;
  const message = `${reason}; ${MOST_TRIES} tries. Retry once the cause is mended, or discard.`;
  const end = people.parks
    ? { outcome: 'refused' as const, refusal: { type: 'ContactFails', message } }
    : { outcome: 'declined' as const, reason: 'destination-fails' };
  await settle(
    writing,
    last.map(({ taken, hash, code }) => ({
      ...settled(taken),
      operation: 'import' as const,
      hash,
      code: typeof code === 'number' ? code : undefined,
      ...end,
    })),
    last.map(({ taken }) => taken),
  );
}
