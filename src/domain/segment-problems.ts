import { type ConfiguredName, DEFAULT_PREFIX, lifetimeName, namesOf, type SegmentRules } from './segment-rules.js';

/** Everything that is wrong with the rules, a sentence each: the key, what is wrong and what to do. */
export const problemsOf = (rules: SegmentRules): string[] => [
  ...prefixProblems(rules.prefix),
  ...fixedNameProblems(rules),
  ...limitProblems(rules),
  ...namesOf(rules).flatMap((configured) => nameProblems(rules.prefix, configured)),
  ...repeatedNames(namesOf(rules)),
  ...countingProblems(rules),
];

function prefixProblems(prefix: string): string[] {
  if (prefix.trim() === '') return ['prefix is empty: give one, it tells these tags from everybody else’s'];
  return prefix === prefix.trimStart() ? [] : ['prefix begins with a space: take it away'];
}

/** Others rely on two names of the default prefix; the limit of the first may change, the names may not. */
function fixedNameProblems({ prefix, value, lifetime }: SegmentRules): string[] {
  if (prefix !== DEFAULT_PREFIX) return [];
  const tiers = value ? value.tiers : [];
  const limits = lifetime || [];
  return [
    ...(tiers.some(({ name }) => name === MAJOR)
      ? []
      : [`the tag ${prefix}${MAJOR} is fixed: keep a tier named "${MAJOR}" in value.tiers, with any limit`]),
    ...(limits.includes(THOUSAND)
      ? []
      : [`the tag ${prefix}${lifetimeName(THOUSAND)} is fixed: keep the limit ${THOUSAND} in lifetime`]),
  ];
}

const MAJOR = 'Major Donor';
const THOUSAND = 1000;

function limitProblems({
  value,
  lifetime,
  recency,
  frequency,
  recurring,
  fiscalYearStartMonth,
}: SegmentRules): string[] {
  const month = Number.isInteger(fiscalYearStartMonth) && fiscalYearStartMonth >= 1 && fiscalYearStartMonth <= 12;
  return [
    ...orderProblems('value.tiers', value ? value.tiers.map(({ atLeast }) => atLeast) : []),
    ...orderProblems('lifetime', lifetime || []),
    ...orderProblems('recency.tiers', recency ? recency.tiers.map(({ withinDays }) => withinDays) : []),
    ...orderProblems('frequency.tiers', frequency ? frequency.tiers.map(({ atMost }) => atMost) : []),
    ...orderProblems('recurring.monthlyLimits', recurring ? recurring.monthlyLimits : []),
    ...(month ? [] : [`fiscalYearStartMonth is ${fiscalYearStartMonth}: give a month, 1 to 12`]),
  ];
}

/** Limits must rise, the first one from above nothing. */
const orderProblems = (key: string, limits: readonly number[]): string[] =>
  limits.flatMap((limit, index) => {
    const before = limits[index - 1];
    if (before === undefined) return limit > 0 ? [] : [`${key} begins with ${limit}: give limits above 0`];
    return limit > before
      ? []
      : [`${key} has ${limit} after ${before}: order the limits from the lowest to the highest`];
  });

/** What MailChimp's own screens let somebody type. */
const TAG_LENGTH = 100;

function nameProblems(prefix: string, { key, name }: ConfiguredName): string[] {
  const { length } = prefix + name;
  if (name.trim() === '') return [`${key} is empty: give a name, or switch the whole family off with false`];
  if (name !== name.trim()) return [`${key} is "${name}": take away the spaces around it`];
  if (length > TAG_LENGTH)
    return [
      `${key} makes a tag of ${length} characters: shorten it, MailChimp takes at most ${TAG_LENGTH} with the prefix`,
    ];
  return [];
}

/** MailChimp compares tag names without regard to case. */
const repeatedNames = (names: readonly ConfiguredName[]): string[] =>
  names.flatMap(({ key, name }, index) => {
    const first = names.slice(0, index).find((other) => other.name.toLowerCase() === name.toLowerCase());
    return first && name.trim() !== '' ? [`${key} is "${name}" as is ${first.key}: give each its own name`] : [];
  });

/** Money that was not received, or not kept, is never given (vendors' notes on donor segments). */
const NEVER_COUNTED = ['refunded', 'cb_initiated', 'cb_lost', 'pending', 'test'];

function countingProblems({ countedStatuses, fields }: SegmentRules): string[] {
  const twice = fields.filter((field, index) => fields.indexOf(field) !== index);
  return [
    ...(countedStatuses.length > 0 ? [] : ['countedStatuses is empty: name at least one, such as success']),
    ...countedStatuses
      .filter((status) => NEVER_COUNTED.includes(status))
      .map((status) => `countedStatuses has "${status}": take it out, such a transaction is no gift`),
    ...twice.map((field) => `fields has ${field} twice: take one of them out`),
  ];
}
