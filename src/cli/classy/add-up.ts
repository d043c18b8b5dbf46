import {
  type DonorInputs,
  MONTHLY_TWELFTHS,
  type PlanClass,
  planClassOf,
  yearStart,
} from '../../domain/donor-segments.js';
import type { SegmentRules } from '../../domain/segment-rules.js';
import type { Gift, Plan } from '../../ledger/classy/supporters.js';

/** A plan with what it is to its donor. */
export interface ClassifiedPlan extends Plan {
  /** Null where it counts as none: a draft, or one that is not at Classy any more. */
  planClass: PlanClass | null;
  /** What it adds to what is given a month; a decimal as text, exact to four places. */
  monthly: string;
}

/** A plan as it is added up; `isLiving`: its supporter is at Classy still. */
export function classifyPlan(plan: Plan, isLiving: boolean): ClassifiedPlan {
  const { status, isPaused, missingSince } = plan;
  const planClass = (isLiving && !missingSince && planClassOf(status, isPaused)) || null;
  return { ...plan, planClass, monthly: toText(divided(twelfthsOf({ ...plan, planClass }), 12n)) };
}

/**
 * The sums behind a donor's tags, from the gifts and plans that are shown. What is pushed goes by the ledger's own adding up,
 * in one statement for everybody; this one is for the eye, and a test holds the two together.
 */
export function addUp(
  gifts: readonly Gift[],
  plans: readonly ClassifiedPlan[],
  { countInstallments, fiscalYearStartMonth }: Pick<SegmentRules, 'countInstallments' | 'fiscalYearStartMonth'>,
  asOfDay: string,
): DonorInputs {
  const counted = gifts
    .filter((gift) => gift.counted)
    .toSorted((a, b) => a.at!.getTime() - b.at!.getTime() || Number(BigInt(a.id) - BigInt(b.id)));
  const amounts = counted.map(({ amount }) => toUnits(amount!));
  const days = counted.map(({ day }) => day!);
  const paid = new Set(counted.flatMap(({ planId }) => (planId === null ? [] : [planId])));
  const single = counted.filter(({ planId }) => planId === null).length;
  const thisYear = yearStart(asOfDay, fiscalYearStartMonth);
  const countOf = (wanted: PlanClass): number => plans.filter(({ planClass }) => planClass === wanted).length;
  const isMonthly = ({ planClass, frequency }: ClassifiedPlan): boolean =>
    planClass === 'active' && frequency?.toLowerCase() === 'monthly';
  return {
    lifetimeAmount: toNumber(sum(amounts)),
    donationCount: countInstallments ? counted.length : single + paid.size,
    firstGiftOn: days[0],
    lastGiftOn: days.at(-1),
    lastGiftAmount: toNumber(amounts.at(-1) ?? 0n),
    largestGift: toNumber(amounts.reduce((most, one) => (one > most ? one : most), 0n)),
    lastGiftBeforeYearOn: days.findLast((day) => day < thisYear),
    activePlans: countOf('active'),
    monthlyPlans: plans.filter(isMonthly).length,
    atRiskPlans: countOf('atRisk'),
    pausedPlans: countOf('paused'),
    formerPlans: countOf('former'),
    monthlyRecurringAmount: Number(divided(sum(plans.map(twelfthsOf)), 12n * UNITS_A_CENT)) / 100,
  };
}

/** Amounts are counted in ten-thousandths, the ledger's own precision. */
const PLACES = 4;
const UNITS_A_CENT = 100n;

/** Of an active plan twelve times what it adds a month. */
function twelfthsOf({
  planClass,
  amount,
  frequency,
}: Pick<ClassifiedPlan, 'planClass' | 'amount' | 'frequency'>): bigint {
  const twelfths = MONTHLY_TWELFTHS[frequency?.toLowerCase() ?? ''] ?? 0;
  return planClass === 'active' && amount !== null ? toUnits(amount) * BigInt(twelfths) : 0n;
}

function toUnits(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(PLACES, '0').slice(0, PLACES));
}

function toText(units: bigint): string {
  const digits = String(units).padStart(PLACES + 1, '0');
  return `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}

const toNumber = (units: bigint): number => Number(toText(units));
const sum = (units: readonly bigint[]): bigint => units.reduce((all, one) => all + one, 0n);
/** Half up. */
const divided = (dividend: bigint, divisor: bigint): bigint => (2n * dividend + divisor) / (2n * divisor);
