import type { DonorInputs } from '../../src/domain/donor-segments.js';

/** Somebody who has given nothing, with what a case needs changed. */
export const donor = (changed: Partial<DonorInputs> = {}): DonorInputs => ({
  lifetimeAmount: 0,
  donationCount: 0,
  lastGiftAmount: 0,
  largestGift: 0,
  activePlans: 0,
  monthlyPlans: 0,
  atRiskPlans: 0,
  pausedPlans: 0,
  formerPlans: 0,
  monthlyRecurringAmount: 0,
  ...changed,
});

/** Somebody whose gifts are told as amount and day, the first one first. */
export function gifts(...given: readonly [amount: number, day: string][]): DonorInputs {
  const amounts = given.map(([amount]) => amount);
  return donor({
    lifetimeAmount: amounts.reduce((sum, amount) => sum + amount, 0),
    donationCount: given.length,
    firstGiftOn: given[0]?.[1],
    lastGiftOn: given.at(-1)?.[1],
    lastGiftAmount: amounts.at(-1) ?? 0,
    largestGift: Math.max(0, ...amounts),
  });
}
