import { shiftDecimal } from './amount.js';

/** Which amount of a transaction is what was given: all of it, or without the value of tickets. */
export const AMOUNT_FIELDS = ['total_gross_amount', 'donation_gross_amount'] as const;
/** What happens at the destination to a contact that Steward added and that no longer has consent. */
export const ON_OPT_OUT = ['unsubscribe', 'archive', 'leave'] as const;
/** Merge fields that are sent only when asked for, with their types (vendors' notes on donor segments). */
export const OPTIONAL_DONOR_FIELDS = {
  FIRSTGIFT: 'date',
  LASTGIFT: 'date',
  LASTAMT: 'number',
  LARGEGIFT: 'number',
  DONORLEVEL: 'text',
  ENGAGEMENT: 'text',
  FREQUENCY: 'text',
  CLASSYID: 'text',
} as const;

/** A merge field that is sent only when asked for. */
export type OptionalDonorField = keyof typeof OPTIONAL_DONOR_FIELDS;

/** By what was given in all: the highest tier reached, `small` below the lowest one, `prospect` without a gift. */
export interface ValueRules {
  tiers: readonly { name: string; atLeast: number }[];
  small: string;
  prospect: string;
}
/** By the days since the last gift: the first tier that is wide enough, else `older`. */
export interface RecencyRules {
  tiers: readonly { name: string; withinDays: number }[];
  older: string;
}
/** By the number of gifts: the first tier that is wide enough, else `more`. */
export interface FrequencyRules {
  tiers: readonly { name: string; atMost: number }[];
  more: string;
}
/** By the recurring plans; names built from `monthlyLimits` are `$100+ Monthly`. */
export interface RecurringRules {
  recurring: string;
  monthly: string;
  atRisk: string;
  paused: string;
  former: string;
  monthlyLimits: readonly number[];
}
/** By the (fiscal) years in which there were gifts. */
export interface LifecycleRules {
  new: string;
  retained: string;
  reactivated: string;
  lybunt: string;
  sybunt: string;
}

/** How one organization's supporters are sorted into segments, every default filled in; `false` is a family switched off. */
export interface SegmentRules {
  /** Stands before every tag name. */
  prefix: string;
  value: ValueRules | false;
  /** Limits of what was given in all; their names are built: 1000 gives `$1K+ Lifetime`. */
  lifetime: readonly number[] | false;
  recency: RecencyRules | false;
  frequency: FrequencyRules | false;
  recurring: RecurringRules | false;
  lifecycle: LifecycleRules | false;
  /** Statuses of transactions that are gifts. */
  countedStatuses: readonly string[];
  amountField: (typeof AMOUNT_FIELDS)[number];
  /** Whether each charge of a plan counts as a gift; else a plan counts once. */
  countInstallments: boolean;
  /** Month with which a year begins, 1 to 12. */
  fiscalYearStartMonth: number;
  onOptOut: (typeof ON_OPT_OUT)[number];
  /** Merge fields to send beside the six core ones. */
  fields: readonly OptionalDonorField[];
}

/** The rules of all organizations: those in general, and those that differ by organization id. */
export interface Segments {
  general: SegmentRules;
  organizations: ReadonlyMap<string, SegmentRules>;
}

/** The rules of one organization. */
export const segmentRulesOf = ({ general, organizations }: Segments, organization: string): SegmentRules =>
  organizations.get(organization) ?? general;

/** The families of tags as they are unless configured (vendors' notes on donor segments). */
export const standardFamilies = {
  value: {
    tiers: [
      { name: 'Regular Donor', atLeast: 100 },
      { name: 'Mid-Level Donor', atLeast: 500 },
      { name: 'Major Donor', atLeast: 1000 },
      { name: 'Principal Donor', atLeast: 5000 },
      { name: 'Transformational', atLeast: 10_000 },
    ],
    small: 'Small Donor',
    prospect: 'Prospect',
  },
  lifetime: [1000, 5000, 10_000],
  recency: {
    tiers: [
      { name: 'Recent Donor', withinDays: 30 },
      { name: 'Active Donor', withinDays: 90 },
      { name: 'Warm Donor', withinDays: 180 },
      { name: 'Cooling Donor', withinDays: 365 },
      { name: 'Lapsed Donor', withinDays: 730 },
    ],
    older: 'Dormant Donor',
  },
  frequency: {
    tiers: [
      { name: 'One-Time Donor', atMost: 1 },
      { name: 'Repeat Donor', atMost: 3 },
      { name: 'Frequent Donor', atMost: 10 },
      { name: 'Loyal Donor', atMost: 25 },
    ],
    more: 'Champion Donor',
  },
  recurring: {
    recurring: 'Recurring Donor',
    monthly: 'Monthly Recurring',
    atRisk: 'Recurring At Risk',
    paused: 'Recurring Paused',
    former: 'Former Recurring',
    monthlyLimits: [100],
  },
  lifecycle: {
    new: 'New Donor',
    retained: 'Retained Donor',
    reactivated: 'Reactivated Donor',
    lybunt: 'LYBUNT',
    sybunt: 'SYBUNT',
  },
} satisfies Pick<SegmentRules, 'value' | 'lifetime' | 'recency' | 'frequency' | 'recurring' | 'lifecycle'>;

/** The prefix with which two names are fixed, `Classy-Major Donor` and `Classy-$1K+ Lifetime`. */
export const DEFAULT_PREFIX = 'Classy-';

/** The rules of an organization for which nothing is configured. */
export const defaultSegmentRules: SegmentRules = {
  prefix: DEFAULT_PREFIX,
  ...standardFamilies,
  lifecycle: false,
  countedStatuses: ['success'],
  amountField: 'total_gross_amount',
  countInstallments: true,
  fiscalYearStartMonth: 1,
  onOptOut: 'unsubscribe',
  fields: [],
};

/** Name of the tag of a limit of what was given in all: `$2.5K+ Lifetime`. */
export const lifetimeName = (limit: number): string => `$${short(limit)}+ Lifetime`;

/** Name of the tag of a limit of what is given each month: `$100+ Monthly`. */
export const monthlyName = (limit: number): string => `$${short(limit)}+ Monthly`;

function short(limit: number): string {
  if (limit >= 1_000_000) return `${shiftDecimal(limit, -6)}M`;
  return limit >= 1000 ? `${shiftDecimal(limit, -3)}K` : String(limit);
}

/** Every tag name, with prefix, that these rules can give: the tags that Steward may add and take away. */
export const catalogueOf = (rules: SegmentRules): string[] => namesOf(rules).map(({ name }) => rules.prefix + name);

/** A name without prefix, and the key at which it is configured. */
export interface ConfiguredName {
  key: string;
  name: string;
}

/** Every name that these rules can give, in the order of the families. */
export function namesOf({ value, lifetime, recency, frequency, recurring, lifecycle }: SegmentRules): ConfiguredName[] {
  return [
    ...(value ? [...tierNames('value', value.tiers), ...plainNames('value', value, ['small', 'prospect'])] : []),
    ...limitNames('lifetime', lifetime || [], lifetimeName),
    ...(recency ? [...tierNames('recency', recency.tiers), ...plainNames('recency', recency, ['older'])] : []),
    ...(frequency ? [...tierNames('frequency', frequency.tiers), ...plainNames('frequency', frequency, ['more'])] : []),
    ...(recurring
      ? [
          ...plainNames('recurring', recurring, ['recurring', 'monthly', 'atRisk', 'paused', 'former']),
          ...limitNames('recurring.monthlyLimits', recurring.monthlyLimits, monthlyName),
        ]
      : []),
    ...(lifecycle ? plainNames('lifecycle', lifecycle, ['new', 'retained', 'reactivated', 'lybunt', 'sybunt']) : []),
  ];
}

const tierNames = (family: string, tiers: readonly { name: string }[]): ConfiguredName[] =>
  tiers.map(({ name }, index) => ({ key: `${family}.tiers[${index}].name`, name }));

const plainNames = <K extends string>(family: string, rules: Record<K, string>, keys: readonly K[]): ConfiguredName[] =>
  keys.map((key) => ({ key: `${family}.${key}`, name: rules[key] }));

const limitNames = (key: string, limits: readonly number[], nameOf: (limit: number) => string): ConfiguredName[] =>
  limits.map((limit, index) => ({ key: `${key}[${index}]`, name: nameOf(limit) }));
