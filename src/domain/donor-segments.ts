import { writeAmount, writeLimit } from './amount.js';
import { lifetimeName, monthlyName, type SegmentRules } from './segment-rules.js';

/**
 * What all supporters at one address have given, up to one instant; days are `YYYY-MM-DD` in the organization's time
 * zone, amounts in its currency.
 */
export interface DonorInputs {
  lifetimeAmount: number;
  donationCount: number;
  firstGiftOn?: string | undefined;
  lastGiftOn?: string | undefined;
  lastGiftAmount: number;
  largestGift: number;
  /** Day of the last gift before the present (fiscal) year began. */
  lastGiftBeforeYearOn?: string | undefined;
  activePlans: number;
  /** Active ones that are charged monthly. */
  monthlyPlans: number;
  atRiskPlans: number;
  pausedPlans: number;
  formerPlans: number;
  monthlyRecurringAmount: number;
}

/** The families of tags. */
export type DonorTagFamily = 'value' | 'lifetime' | 'recency' | 'frequency' | 'recurring' | 'lifecycle';

/** A tag of a donor, and why. */
export interface DonorTag {
  /** With prefix. */
  name: string;
  family: DonorTagFamily;
  /** For an editor to read; amounts, numbers and days only. */
  because: string;
}

/** The tags of a donor on a day (vendors' notes on donor segments), in the order of the families. */
export function donorTags(inputs: DonorInputs, rules: SegmentRules, asOfDay: string): DonorTag[] {
  const found: Record<DonorTagFamily, Reason[]> = {
    value: valueTags(inputs, rules),
    lifetime: lifetimeTags(inputs, rules),
    recency: recencyTags(inputs, rules, asOfDay),
    frequency: frequencyTags(inputs, rules),
    recurring: recurringTags(inputs, rules),
    lifecycle: lifecycleTags(inputs, rules, asOfDay),
  };
  return (Object.keys(found) as DonorTagFamily[]).flatMap((family) =>
    found[family].map(([name, because]) => ({
      name: rules.prefix + name,
      family,
      // written when somebody asks: most are only pushed
      get because() {
        return because();
      },
    })),
  );
}

/** A name without prefix, and why. */
type Reason = readonly [name: string, because: () => string];

function valueTags({ lifetimeAmount }: DonorInputs, { value }: SegmentRules): Reason[] {
  if (!value) return [];
  if (lifetimeAmount <= 0) return [[value.prospect, () => 'no counted gift']];
  const given = (): string => `${writeAmount(lifetimeAmount)} given in all`;
  const tier = value.tiers.findLast(({ atLeast }) => lifetimeAmount >= atLeast);
  if (tier) return [[tier.name, () => `${given()}, at least ${writeLimit(tier.atLeast)}`]];
  const lowest = value.tiers[0];
  return [[value.small, () => (lowest ? `${given()}, less than ${writeLimit(lowest.atLeast)}` : given())]];
}

const lifetimeTags = ({ lifetimeAmount }: DonorInputs, { lifetime }: SegmentRules): Reason[] =>
  (lifetime || [])
    .filter((limit) => lifetimeAmount >= limit)
    .map((limit) => [
      lifetimeName(limit),
      () => `${writeAmount(lifetimeAmount)} given in all, at least ${writeLimit(limit)}`,
    ]);

function recencyTags({ lastGiftOn }: DonorInputs, { recency }: SegmentRules, asOfDay: string): Reason[] {
  if (!recency || lastGiftOn === undefined) return [];
  const days = Math.max(0, daysBetween(lastGiftOn, asOfDay));
  const gift = (): string => `last gift on ${lastGiftOn}, ${plural(days, 'day')} ago`;
  const tier = recency.tiers.find(({ withinDays }) => days <= withinDays);
  return [
    tier
      ? [tier.name, () => `${gift()}, at most ${writeLimit(tier.withinDays)}`]
      : [recency.older, () => beyond(gift(), recency.tiers.at(-1)?.withinDays)],
  ];
}

function frequencyTags({ donationCount }: DonorInputs, { frequency }: SegmentRules): Reason[] {
  if (!frequency || donationCount <= 0) return [];
  const gifts = (): string => plural(donationCount, 'gift');
  const tier = frequency.tiers.find(({ atMost }) => donationCount <= atMost);
  return [
    tier
      ? [tier.name, () => `${gifts()}, at most ${writeLimit(tier.atMost)}`]
      : [frequency.more, () => beyond(gifts(), frequency.tiers.at(-1)?.atMost)],
  ];
}

const beyond = (what: string, limit: number | undefined): string =>
  limit === undefined ? what : `${what}, more than ${writeLimit(limit)}`;

function recurringTags(inputs: DonorInputs, { recurring }: SegmentRules): Reason[] {
  if (!recurring) return [];
  const { activePlans, monthlyPlans, atRiskPlans, pausedPlans, formerPlans, monthlyRecurringAmount } = inputs;
  const given = (): string => `${writeAmount(monthlyRecurringAmount)} a month`;
  const tags: Reason[] = [];
  if (activePlans > 0) tags.push([recurring.recurring, () => plural(activePlans, 'active plan')]);
  if (monthlyPlans > 0) tags.push([recurring.monthly, () => `${plural(monthlyPlans, 'active plan')} charged monthly`]);
  for (const limit of recurring.monthlyLimits)
    if (monthlyRecurringAmount >= limit)
      tags.push([monthlyName(limit), () => `${given()}, at least ${writeLimit(limit)}`]);
  if (atRiskPlans > 0) tags.push([recurring.atRisk, () => `${plural(atRiskPlans, 'plan')} whose charges fail`]);
  if (pausedPlans > 0) tags.push([recurring.paused, () => plural(pausedPlans, 'paused plan')]);
  if (formerPlans > 0 && activePlans + atRiskPlans + pausedPlans === 0)
    tags.push([recurring.former, () => `${plural(formerPlans, 'former plan')} and no other`]);
  return tags;
}

function lifecycleTags(
  { lastGiftOn, lastGiftBeforeYearOn }: DonorInputs,
  { lifecycle, fiscalYearStartMonth }: SegmentRules,
  asOfDay: string,
): Reason[] {
  if (!lifecycle || lastGiftOn === undefined) return [];
  const thisYear = yearStart(asOfDay, fiscalYearStartMonth);
  const lastYear = yearBefore(thisYear);
  const gave = `last gift on ${lastGiftOn}`;
  if (lastGiftOn < lastYear) return [[lifecycle.sybunt, () => `${gave}, before last year began on ${lastYear}`]];
  if (lastGiftOn < thisYear) return [[lifecycle.lybunt, () => `${gave}, none since this year began on ${thisYear}`]];
  const since = `${gave}, since this year began on ${thisYear}`;
  if (lastGiftBeforeYearOn === undefined) return [[lifecycle.new, () => `${since}; none earlier`]];
  const earlier = `${since}; before that on ${lastGiftBeforeYearOn}`;
  return lastGiftBeforeYearOn < lastYear
    ? [[lifecycle.reactivated, () => `${earlier}, none last year`]]
    : [[lifecycle.retained, () => `${earlier}, last year`]];
}

/** First day of the (fiscal) year in which a day lies. */
export function yearStart(asOfDay: string, startMonth: number): string {
  const [year, month] = asOfDay.split('-').map(Number);
  return dayOf(month! < startMonth ? year! - 1 : year!, startMonth);
}

function yearBefore(firstDay: string): string {
  const [year, month] = firstDay.split('-').map(Number);
  return dayOf(year! - 1, month!);
}

const dayOf = (year: number, month: number): string =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-01`;

const DAY_MS = 86_400_000;
const daysBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / DAY_MS;

const plural = (count: number, noun: string): string => `${writeLimit(count)} ${noun}${count === 1 ? '' : 's'}`;

/** How much of a plan's amount falls on a month, by its frequency, in twelfths; a frequency not here counts as nothing. */
export const MONTHLY_TWELFTHS: Readonly<Record<string, number>> = {
  daily: 365,
  weekly: 52,
  'bi-weekly': 26,
  monthly: 12,
  // read as every two months; Classy does not say
  'bi-monthly': 6,
  quarterly: 4,
  'semi-annual': 2,
  'semi-annually': 2,
  yearly: 1,
  'one-time': 0,
};

/** What a recurring plan is to its donor. */
export type PlanClass = 'active' | 'atRisk' | 'paused' | 'former';

const classOfStatus: ReadonlyMap<string | null, PlanClass> = new Map([
  ['active', 'active'],
  ['attempted', 'atRisk'],
  ['failing', 'atRisk'],
  ['canceled', 'former'],
  ['ended', 'former'],
  ['failed', 'former'],
]);

/** The class of a plan; a paused one is paused whatever its status, undefined where it counts as none (a draft). */
export const planClassOf = (status: string | null, isPaused: boolean | null): PlanClass | undefined =>
  isPaused || status === 'paused' ? 'paused' : classOfStatus.get(status);
