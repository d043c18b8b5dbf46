import { describe, expect, test } from '@jest/globals';
import { problemsOf } from '../../src/domain/segment-problems.js';
import { defaultSegmentRules, type SegmentRules, standardFamilies } from '../../src/domain/segment-rules.js';

const { value, recency, frequency, recurring, lifecycle } = standardFamilies;
const rules = (changed: Partial<SegmentRules> = {}): SegmentRules => ({ ...defaultSegmentRules, ...changed });
const small = (name: string): Partial<SegmentRules> => ({ value: { ...value, small: name } });
const major = { name: 'Major Donor', atLeast: 1000 };

describe('rules without a problem', () => {
  const cases: [name: string, changed: Partial<SegmentRules>][] = [
    ['the default ones', {}],
    ['those with the lifecycle', { lifecycle }],
    ['a major donor from another limit on', { value: { ...value, tiers: [{ ...major, atLeast: 250 }] } }],
    ['1000 among other limits', { lifetime: [500, 1000, 2500] }],
    ['the families without fixed names off', { recency: false, frequency: false, recurring: false }],
    ['every family off under another prefix', { prefix: 'X-', value: false, lifetime: false }],
    ['no tiers and no limits', { prefix: 'X-', value: { ...value, tiers: [] }, lifetime: [] }],
    ['a prefix that ends with a space', { prefix: 'Fund ' }],
    ['a tag of 100 characters', small('x'.repeat(93))],
    ['a name of a family that is off', { ...small('Recent Donor'), recency: false }],
    ['two statuses', { countedStatuses: ['success', 'settled'] }],
  ];
  test.each(cases)('%s', (_name, changed) => {
    expect(problemsOf(rules(changed))).toEqual([]);
  });
});

describe('what is wrong is told with what to do', () => {
  const cases: [name: string, changed: Partial<SegmentRules>, problems: string[]][] = [
    ['no prefix', { prefix: '' }, ['prefix is empty: give one, it tells these tags from everybody else’s']],
    ['a prefix of spaces', { prefix: '  ' }, ['prefix is empty: give one, it tells these tags from everybody else’s']],
    ['a prefix after a space', { prefix: ' X-' }, ['prefix begins with a space: take it away']],
    [
      'no major donors',
      { value: { ...value, tiers: [{ name: 'major donor', atLeast: 1000 }] } },
      ['the tag Classy-Major Donor is fixed: keep a tier named "Major Donor" in value.tiers, with any limit'],
    ],
    [
      'no value family',
      { value: false },
      ['the tag Classy-Major Donor is fixed: keep a tier named "Major Donor" in value.tiers, with any limit'],
    ],
    [
      'no limit of 1000',
      { lifetime: [5000] },
      ['the tag Classy-$1K+ Lifetime is fixed: keep the limit 1000 in lifetime'],
    ],
    [
      'no lifetime family',
      { lifetime: false },
      ['the tag Classy-$1K+ Lifetime is fixed: keep the limit 1000 in lifetime'],
    ],
    [
      'value tiers from the highest to the lowest',
      { value: { ...value, tiers: [major, { name: 'Regular Donor', atLeast: 100 }] } },
      ['value.tiers has 100 after 1000: order the limits from the lowest to the highest'],
    ],
    [
      'value tiers from nothing on',
      { value: { ...value, tiers: [{ ...major, atLeast: 0 }] } },
      ['value.tiers begins with 0: give limits above 0'],
    ],
    [
      'a lifetime limit twice',
      { lifetime: [1000, 1000] },
      [
        'lifetime has 1000 after 1000: order the limits from the lowest to the highest',
        'lifetime[1] is "$1K+ Lifetime" as is lifetime[0]: give each its own name',
      ],
    ],
    [
      'recency tiers that fall',
      { recency: { ...recency, tiers: recency.tiers.slice(1, 3).toReversed() } },
      ['recency.tiers has 90 after 180: order the limits from the lowest to the highest'],
    ],
    [
      'frequency tiers that stay',
      { frequency: { ...frequency, tiers: frequency.tiers.map((tier) => ({ ...tier, atMost: 1 })).slice(0, 2) } },
      ['frequency.tiers has 1 after 1: order the limits from the lowest to the highest'],
    ],
    [
      'monthly limits that fall',
      { recurring: { ...recurring, monthlyLimits: [100, 50] } },
      ['recurring.monthlyLimits has 50 after 100: order the limits from the lowest to the highest'],
    ],
    ['no name', small(' '), ['value.small is empty: give a name, or switch the whole family off with false']],
    ['spaces before a name', small(' Small'), ['value.small is " Small": take away the spaces around it']],
    ['spaces after a name', small('Small '), ['value.small is "Small ": take away the spaces around it']],
    [
      'a tag of 101 characters',
      small('x'.repeat(94)),
      ['value.small makes a tag of 101 characters: shorten it, MailChimp takes at most 100 with the prefix'],
    ],
    [
      'a name in two families, in another case',
      small('RECENT donor'),
      ['recency.tiers[0].name is "Recent Donor" as is value.small: give each its own name'],
    ],
    [
      'a name twice in one family',
      { lifecycle: { ...lifecycle, sybunt: 'LYBUNT' } },
      ['lifecycle.sybunt is "LYBUNT" as is lifecycle.lybunt: give each its own name'],
    ],
    [
      'a name that is built from a limit as well',
      small('$100+ monthly'),
      ['recurring.monthlyLimits[0] is "$100+ Monthly" as is value.small: give each its own name'],
    ],
    ['month 13', { fiscalYearStartMonth: 13 }, ['fiscalYearStartMonth is 13: give a month, 1 to 12']],
    ['month 1.5', { fiscalYearStartMonth: 1.5 }, ['fiscalYearStartMonth is 1.5: give a month, 1 to 12']],
    ['no status', { countedStatuses: [] }, ['countedStatuses is empty: name at least one, such as success']],
    [
      'money given back',
      { countedStatuses: ['success', 'refunded'] },
      ['countedStatuses has "refunded": take it out, such a transaction is no gift'],
    ],
    ['a field twice', { fields: ['CLASSYID', 'CLASSYID'] }, ['fields has CLASSYID twice: take one of them out']],
  ];
  test.each(cases)('%s', (_name, changed, problems) => {
    expect(problemsOf(rules(changed))).toEqual(problems);
  });

  test('everything at once', () => {
    const wrong = { ...small(''), prefix: 'Classy-', lifetime: false, fiscalYearStartMonth: 0 } as const;
    expect(problemsOf(rules(wrong))).toHaveLength(3);
  });
});
