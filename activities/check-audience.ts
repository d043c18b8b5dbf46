import type { Destination } from '../src/audiences/destination.js';
import type { Ledger } from '../src/ledger/ledger.js';
import type { Logger } from '../src/observe/log.js';
import type { Writing } from './audience-push.js';

/** Looks at the list's settings and fields once an hour, after a start and after a pause; tells what becomes of additions. */
export async function checkAudience(
  { ledger, log }: { ledger: Ledger; log: Logger },
  { destination }: { destination: Destination },
): Promise<Pick<Writing, 'doubleOptIn' | 'holdAdditions'>> {
  const { audience } = destination;
  const known = await ledger.audiences.state(audience);
  const optIn = (doubleOptIn: boolean) => ({ doubleOptIn, holdAdditions: doubleOptIn && !known.optInConfirmed });
  if (!known.checkDue && !known.paused) return optIn(known.doubleOptIn);
  const facts = await destination.check();
  const resumed = await ledger.audiences.checked(audience, facts);
  if (resumed) log.info({ audience }, 'audience answers again: its pause is over');
  for (const problem of facts.problems) log.warn({ audience, problem }, 'list needs attention');
  return optIn(facts.doubleOptIn);
}
