import { writeAmount } from '../../domain/amount.js';
import type { FieldValue } from '../../domain/contact.js';
import type { DonorInputs } from '../../domain/donor-segments.js';
import { print, showTime } from '../output.js';
import type { ShownSupporters } from './supporter-reading.js';
import { seenWords } from './supporter-timeline.js';
import { changesInWords, declinedWords } from './supporter-verdict.js';
import { printFact, printWrapped } from './wrapped.js';

/** Prints the sums, and every tag and field with what it comes from. */
export function printDerivation(shown: ShownSupporters): void {
  const { donor, now, organization, observed } = shown;
  if (donor) {
    printFact('Added up', `${showTime(donor.asOf)}, as of ${donor.asOfDay} in ${organization.timeZone}`);
    printInputs(donor.inputs, organization.currency);
  }
  if (now) {
    printFact(
      donor ? 'Changed since' : 'Not added up',
      `${donor ? '' : 'yet: the next sync does so. '}As of now, ${now.asOfDay}:`,
    );
    printInputs(now.inputs, organization.currency);
    if (now.changes.length > 0) printFact('', `so ${changesInWords(now.changes)}`);
  }
  const derived = donor ?? now;
  if (!derived) return;
  print();
  if (shown.audience && !shown.expected) print('Were they in the audience, it would hold:\n');
  printWrapped(
    ['TAG', 'SINCE'],
    derived.tags.map(({ name, because }) => [name, because]),
  );
  print();
  const there = observed && isReadLast(observed) ? observed.reading?.fields : undefined;
  printWrapped(
    ['FIELD', ...(there ? ['AS READ THERE'] : []), 'VALUE'],
    Object.entries(derived.fields).map(([field, value]) => [
      field,
      ...(there ? [there[field] ?? ''] : []),
      fieldWords(value),
    ]),
  );
  print();
}

/** What was read before the last call says little of what is there now. */
function isReadLast({ reading, settledAt }: NonNullable<ShownSupporters['observed']>): boolean {
  return reading !== null && reading.state !== 'Absent' && (settledAt === null || reading.at > settledAt);
}

const fieldWords = ({ value }: FieldValue): string =>
  value instanceof Date ? value.toISOString().slice(0, 10) : String(value);

function printInputs(inputs: DonorInputs, currency: string | null): void {
  const { lifetimeAmount, donationCount, firstGiftOn, lastGiftOn, lastGiftAmount, largestGift } = inputs;
  const money = (amount: number): string => `${writeAmount(amount)}${currency === null ? '' : ` ${currency}`}`;
  printFact(
    '',
    donationCount === 0
      ? 'no gift that counts'
      : `${money(lifetimeAmount)} by ${donationCount === 1 ? 'one gift' : `${donationCount} gifts`}, first on ${firstGiftOn}, last on ${lastGiftOn}; last ${money(lastGiftAmount)}, largest ${money(largestGift)}`,
  );
  const { activePlans, monthlyPlans, atRiskPlans, pausedPlans, formerPlans, monthlyRecurringAmount } = inputs;
  const counts = [
    [activePlans, `active${monthlyPlans > 0 ? ` (${monthlyPlans} monthly)` : ''}`],
    [atRiskPlans, 'at risk'],
    [pausedPlans, 'paused'],
    [formerPlans, 'former'],
  ] as const;
  const plans = counts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  printFact(
    '',
    plans.length === 0 ? 'no plans' : `plans: ${plans.join(', ')}; ${money(monthlyRecurringAmount)} a month`,
  );
}

/** Prints what the audience was last known to hold. */
export function printObserved({ observed }: ShownSupporters): void {
  printFact('Was seen', observed ? stateWords(observed) : 'never');
  if (!observed) return;
  const { outcome, settledAt, reason, addedBySteward, reading } = observed;
  if (outcome !== null)
    printFact(
      'Last outcome',
      `${outcome}${settledAt ? ` at ${showTime(settledAt)}` : ''}${reason === null ? '' : `: ${declinedWords(reason)}`}`,
    );
  if (addedBySteward) printFact('', 'added there by Steward');
  if (!reading) printFact('Last reading', 'no sync has read it yet');
  if (!reading) return;
  printFact(
    'Last reading',
    `${showTime(reading.at)}: ${seenWords(reading)} (run ${reading.run})${reading.stateDate === '' ? '' : `; changed there ${reading.stateDate}`}`,
  );
  if (reading.state === 'Absent') return;
  printFact(
    isReadLast(observed) ? 'Tags there' : 'Tags then',
    [...reading.tags.ours].sort().join(', ') || 'none of ours',
  );
  if (reading.tags.foreign.length > 0)
    printFact('Tags of others', `${[...reading.tags.foreign].sort().join(', ')} (left alone)`);
}

function stateWords({ state, at, by }: NonNullable<ShownSupporters['observed']>): string {
  return `${state ?? 'nothing is known of it there'}${at ? ` at ${showTime(at)}` : ''}${by ? ` by a ${by}` : ''}`;
}
