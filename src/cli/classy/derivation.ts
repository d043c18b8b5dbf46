import { type DonorInputs, type DonorTag, donorTags } from '../../domain/donor-segments.js';
import type { Holder } from '../../domain/plan-contact.js';
import type { SegmentRules } from '../../domain/segment-rules.js';
import type { AddedUp } from '../../ledger/classy/donor-standing.js';
import type { DonorColumns, Reckoning } from '../../ledger/classy/donors.js';
import { type SupportersOptions, supportersOf } from '../../ledger/classy/supporters-as-people.js';
import { addUp } from './add-up.js';
import type { ShownSupporter } from './supporter-reading.js';

/** What the tags and fields of those at one address come from, as of one instant. */
export interface Derivation extends Reckoning {
  /** The supporter whose names and id it has. */
  namesFrom: string;
  inputs: DonorInputs;
  tags: DonorTag[];
  /** As the writer would take it. */
  holder: Holder;
}

/** By whose rules it is derived, and for what audience. */
export type Deriving = Omit<SupportersOptions, 'asOfDay'>;

/** What follows from sums as of an instant. */
export function derive(added: AddedUp, consent: boolean | null, reckoning: Reckoning, by: Deriving): Derivation {
  const { asOf, asOfDay } = reckoning;
  const { supporterId, inputs } = added;
  const { toHolder } = supportersOf({ ...by, asOfDay });
  return {
    ...{ asOf, asOfDay, namesFrom: supporterId, inputs },
    tags: donorTags(inputs, by.rules, asOfDay),
    holder: toHolder({ ...toRow(added, consent) }),
  };
}

/** What adding up at this moment would give; undefined: none of them is at Classy any more. */
export function addUpNow(
  supporters: readonly ShownSupporter[],
  rules: SegmentRules,
  asOfDay: string,
): AddedUp | undefined {
  const living = supporters.filter(({ missingSince }) => missingSince === null);
  const [speaker] = living.toSorted(
    (a, b) => b.updatedAt.getTime() - a.updatedAt.getTime() || Number(BigInt(b.id) - BigInt(a.id)),
  );
  if (!speaker?.address) return undefined;
  const gifts = supporters.flatMap((one) => one.gifts);
  const plans = supporters.flatMap((one) => one.plans);
  return {
    supporterId: speaker.id,
    email: speaker.emailAddress?.trim() ?? '',
    firstName: speaker.firstName ?? '',
    lastName: speaker.lastName ?? '',
    inputs: addUp(gifts, plans, rules, asOfDay),
  };
}

/** Whether everybody at the address who is at Classy says yes; null: nobody is. */
export function consentOf(supporters: readonly Pick<ShownSupporter, 'missingSince' | 'isConsent'>[]): boolean | null {
  const living = supporters.filter(({ missingSince }) => missingSince === null);
  return living.length === 0 ? null : living.every(({ isConsent }) => isConsent);
}

function toRow({ supporterId, email, firstName, lastName, inputs }: AddedUp, consent: boolean | null): DonorColumns {
  return {
    ...{ member_id: supporterId, email, first_name: firstName, last_name: lastName, consent },
    lifetime_amount: String(inputs.lifetimeAmount),
    donation_count: inputs.donationCount,
    first_gift_on: inputs.firstGiftOn ?? null,
    last_gift_on: inputs.lastGiftOn ?? null,
    last_gift_amount: String(inputs.lastGiftAmount),
    largest_gift: String(inputs.largestGift),
    last_gift_before_year_on: inputs.lastGiftBeforeYearOn ?? null,
    active_plans: inputs.activePlans,
    monthly_plans: inputs.monthlyPlans,
    at_risk_plans: inputs.atRiskPlans,
    paused_plans: inputs.pausedPlans,
    former_plans: inputs.formerPlans,
    monthly_recurring_amount: String(inputs.monthlyRecurringAmount),
  };
}
