import type { TestSupporter } from './mailchimp-bed.js';

/**
 * What an audience should hold of the supporters at one address, written from vendors/donor-segmentation.md alone; amounts are
 * whole cents, days whole days.
 */
export interface ModelContact {
  fields: Record<string, string | number>;
  /** In alphabetical order. */
  tags: string[];
}

const DAY_MS = 86_400_000;
const dayNumber = (day: string): number => Math.floor(Date.parse(`${day.slice(0, 10)}T00:00:00Z`) / DAY_MS);
const cents = (amount: number): number => Math.round(amount * 100);

/** Where the ledger would file an e-mail address. */
export const filed = (email: string): string => email.trim().toLowerCase();

/** How much of an amount falls on a month, in twelfths. */
const SHARE: Record<string, number> = {
  daily: 365,
  weekly: 52,
  'bi-weekly': 26,
  monthly: 12,
  'bi-monthly': 6,
  quarterly: 4,
  'semi-annual': 2,
  yearly: 1,
};

/** Those who live at an address. */
export const livingAt = (all: Iterable<TestSupporter>, address: string): TestSupporter[] =>
  [...all].filter(({ email, missing }) => email != null && !missing && filed(email) === address);

/** Whether every one of them said yes. */
export const allAgree = (people: readonly TestSupporter[]): boolean =>
  people.length > 0 && people.every(({ optIn = true }) => optIn === true);

/** The tags that ever may be ours under the standard rules with lifecycle, with prefix. */
export const OUR_TAGS: ReadonlySet<string> = new Set(
  [
    ...[
      'Transformational',
      'Principal Donor',
      'Major Donor',
      'Mid-Level Donor',
      'Regular Donor',
      'Small Donor',
      'Prospect',
    ],
    ...['$1K+ Lifetime', '$5K+ Lifetime', '$10K+ Lifetime'],
    ...['Recent Donor', 'Active Donor', 'Warm Donor', 'Cooling Donor', 'Lapsed Donor', 'Dormant Donor'],
    ...['One-Time Donor', 'Repeat Donor', 'Frequent Donor', 'Loyal Donor', 'Champion Donor'],
    ...[
      'Recurring Donor',
      'Monthly Recurring',
      '$100+ Monthly',
      'Recurring At Risk',
      'Recurring Paused',
      'Former Recurring',
    ],
    ...['New Donor', 'Retained Donor', 'Reactivated Donor', 'LYBUNT', 'SYBUNT'],
  ].map((name) => `Classy-${name}`),
);

/** What they should look like together on that day, in UTC and USD, all optional fields and the lifecycle switched on. */
export function modelContact(people: readonly TestSupporter[], today: string): ModelContact {
  const now = dayNumber(today);
  const gifts = people
    .flatMap(({ id, gifts: given = [] }) => given.map((gift, place) => ({ ...gift, id: gift.id ?? id * 1000 + place })))
    .filter(({ status = 'success', currency = 'USD' }) => status === 'success' && currency === 'USD')
    .map(({ id, amount, at }) => ({ id, cents: cents(amount), day: dayNumber(at) }))
    .filter((gift) => gift.cents > 0 && gift.day <= now)
    .toSorted((a, b) => a.day - b.day || a.id - b.id);
  const total = gifts.reduce((sum, gift) => sum + gift.cents, 0);
  const [first, last] = [gifts[0], gifts.at(-1)];
  const plans = people.flatMap(({ plans: of = [] }) => of);
  const classes = plans.map((plan) => {
    if (plan.isPaused || plan.status === 'paused') return 'paused';
    if (plan.status === 'active') return 'active';
    if (['attempted', 'failing'].includes(plan.status)) return 'risk';
    return ['canceled', 'ended', 'failed'].includes(plan.status) ? 'former' : 'none';
  });
  const active = plans.filter((_, place) => classes[place] === 'active');
  const twelfths = active.reduce((sum, { amount, frequency }) => sum + cents(amount) * (SHARE[frequency] ?? 0), 0);
  const monthly = Math.floor((2 * twelfths + 12) / 24);

  const level = levelOf(total);
  const recency = last && recencyOf(now - last.day);
  const frequency = frequencyOf(gifts.length);
  const tags = [
    level,
    ...[1, 5, 10].filter((limit) => total >= limit * 100_000).map((limit) => `$${limit}K+ Lifetime`),
    ...(recency ? [recency] : []),
    ...(frequency ? [frequency] : []),
    ...(active.length > 0 ? ['Recurring Donor'] : []),
    ...(active.some((plan) => plan.frequency === 'monthly') ? ['Monthly Recurring'] : []),
    ...(monthly >= 10_000 ? ['$100+ Monthly'] : []),
    ...(classes.includes('risk') ? ['Recurring At Risk'] : []),
    ...(classes.includes('paused') ? ['Recurring Paused'] : []),
    ...(classes.includes('former') && !classes.some((one) => ['active', 'risk', 'paused'].includes(one))
      ? ['Former Recurring']
      : []),
    ...lifecycleOf(
      gifts.map(({ day }) => new Date(day * DAY_MS).getUTCFullYear()),
      Number(today.slice(0, 4)),
    ),
  ];
  const speaker = people.toSorted(
    (a, b) => Date.parse(b.updatedAt ?? '') - Date.parse(a.updatedAt ?? '') || b.id - a.id,
  )[0]!;
  const day = (gift: { day: number } | undefined): string =>
    gift ? new Date(gift.day * DAY_MS).toISOString().slice(0, 10) : '';
  return {
    fields: {
      FNAME: speaker.first?.trim() ?? '',
      LNAME: speaker.last?.trim() ?? '',
      TOTALAMT: total / 100,
      DONCNT: gifts.length,
      RECAMT: monthly / 100,
      ACTIVESUB: active.length > 0 ? 'Yes' : 'No',
      FIRSTGIFT: day(first),
      LASTGIFT: day(last),
      LASTAMT: (last?.cents ?? 0) / 100,
      LARGEGIFT: Math.max(0, ...gifts.map((gift) => gift.cents)) / 100,
      DONORLEVEL: level,
      ENGAGEMENT: recency ?? '',
      FREQUENCY: frequency ?? '',
      CLASSYID: String(speaker.id),
    },
    tags: tags.map((name) => `Classy-${name}`).sort(),
  };
}

function levelOf(total: number): string {
  if (total <= 0) return 'Prospect';
  if (total >= 1_000_000) return 'Transformational';
  if (total >= 500_000) return 'Principal Donor';
  if (total >= 100_000) return 'Major Donor';
  if (total >= 50_000) return 'Mid-Level Donor';
  return total >= 10_000 ? 'Regular Donor' : 'Small Donor';
}

function recencyOf(days: number): string {
  if (days <= 30) return 'Recent Donor';
  if (days <= 90) return 'Active Donor';
  if (days <= 180) return 'Warm Donor';
  if (days <= 365) return 'Cooling Donor';
  return days <= 730 ? 'Lapsed Donor' : 'Dormant Donor';
}

function frequencyOf(count: number): string | undefined {
  if (count === 0) return undefined;
  if (count === 1) return 'One-Time Donor';
  if (count <= 3) return 'Repeat Donor';
  if (count <= 10) return 'Frequent Donor';
  return count <= 25 ? 'Loyal Donor' : 'Champion Donor';
}

function lifecycleOf(years: readonly number[], thisYear: number): string[] {
  const [now, before] = [years.includes(thisYear), years.includes(thisYear - 1)];
  const earlier = years.some((year) => year < thisYear - 1);
  if (now && before) return ['Retained Donor'];
  if (now) return [earlier ? 'Reactivated Donor' : 'New Donor'];
  if (before) return ['LYBUNT'];
  return earlier ? ['SYBUNT'] : [];
}
