import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type DonorInputs,
  type DonorTagFamily,
  donorTags,
  MONTHLY_TWELFTHS,
  planClassOf,
  yearStart,
} from '../../src/domain/donor-segments.js';
import {
  catalogueOf,
  defaultSegmentRules,
  type SegmentRules,
  standardFamilies,
} from '../../src/domain/segment-rules.js';
import { donor, gifts } from './donors.js';

const asOf = '2025-06-30';
const tagsOf = (inputs: DonorInputs, rules: SegmentRules = defaultSegmentRules, day = asOf): string[] =>
  donorTags(inputs, rules, day).map(({ name }) => name.slice(rules.prefix.length));
const tagOf = (family: DonorTagFamily, inputs: DonorInputs, rules = defaultSegmentRules, day = asOf): string[] =>
  donorTags(inputs, rules, day)
    .filter((tag) => tag.family === family)
    .map(({ name }) => name.slice(rules.prefix.length));

describe('the check cases of the notes', () => {
  const cases: [name: string, inputs: DonorInputs, tags: string[]][] = [
    ['one gift of 999.99 today', gifts([999.99, asOf]), ['Mid-Level Donor', 'Recent Donor', 'One-Time Donor']],
    [
      '600 and 400 a year ago',
      gifts([600, '2024-06-30'], [400, '2024-06-30']),
      ['Major Donor', '$1K+ Lifetime', 'Cooling Donor', 'Repeat Donor'],
    ],
    [
      '5000 two years ago, a later gift refunded',
      gifts([5000, '2023-06-30']),
      ['Principal Donor', '$1K+ Lifetime', '$5K+ Lifetime', 'Dormant Donor', 'One-Time Donor'],
    ],
    [
      '25 a month for a year, the plan active',
      {
        ...gifts(...Array.from({ length: 12 }, (): [number, string] => [25, '2025-06-15'])),
        activePlans: 1,
        monthlyPlans: 1,
        monthlyRecurringAmount: 25,
      },
      ['Regular Donor', 'Recent Donor', 'Loyal Donor', 'Recurring Donor', 'Monthly Recurring'],
    ],
    [
      'a weekly plan of 25 without a charge yet',
      donor({ activePlans: 1, monthlyRecurringAmount: (25 * MONTHLY_TWELFTHS['weekly']!) / 12 }),
      ['Prospect', 'Recurring Donor', '$100+ Monthly'],
    ],
    ['a free ticket, the plan canceled', donor({ formerPlans: 1 }), ['Prospect', 'Former Recurring']],
  ];
  test.each(cases)('%s', (_name, inputs, tags) => {
    expect(tagsOf(inputs)).toEqual(tags);
  });
});

describe('value, and each limit of it', () => {
  const cases: [amount: number, tag: string, lifetime: number][] = [
    [0, 'Prospect', 0],
    [0.01, 'Small Donor', 0],
    [99.99, 'Small Donor', 0],
    [99.995, 'Small Donor', 0],
    [100, 'Regular Donor', 0],
    [100.01, 'Regular Donor', 0],
    [499.99, 'Regular Donor', 0],
    [500, 'Mid-Level Donor', 0],
    [500.01, 'Mid-Level Donor', 0],
    [999.99, 'Mid-Level Donor', 0],
    [999.995, 'Mid-Level Donor', 0],
    [1000, 'Major Donor', 1],
    [1000.01, 'Major Donor', 1],
    [4999.99, 'Major Donor', 1],
    [5000, 'Principal Donor', 2],
    [5000.01, 'Principal Donor', 2],
    [9999.99, 'Principal Donor', 2],
    [10_000, 'Transformational', 3],
    [10_000.01, 'Transformational', 3],
    [12_345_678.9, 'Transformational', 3],
  ];
  test.each(cases)('%d in all is %s and reaches %i lifetime limits', (lifetimeAmount, tag, reached) => {
    const inputs = donor({ lifetimeAmount });
    expect(tagOf('value', inputs)).toEqual([tag]);
    expect(tagOf('lifetime', inputs)).toEqual(['$1K+ Lifetime', '$5K+ Lifetime', '$10K+ Lifetime'].slice(0, reached));
  });

  test('without tiers every giver is a small one', () => {
    const rules = { ...defaultSegmentRules, value: { ...standardFamilies.value, tiers: [] } };
    expect(tagOf('value', donor({ lifetimeAmount: 5000 }), rules)).toEqual(['Small Donor']);
  });
});

describe('recency, and each limit of it', () => {
  const cases: [days: number, tag: string][] = [
    [-1, 'Recent Donor'],
    [0, 'Recent Donor'],
    [29, 'Recent Donor'],
    [30, 'Recent Donor'],
    [31, 'Active Donor'],
    [89, 'Active Donor'],
    [90, 'Active Donor'],
    [91, 'Warm Donor'],
    [179, 'Warm Donor'],
    [180, 'Warm Donor'],
    [181, 'Cooling Donor'],
    [364, 'Cooling Donor'],
    [365, 'Cooling Donor'],
    [366, 'Lapsed Donor'],
    [729, 'Lapsed Donor'],
    [730, 'Lapsed Donor'],
    [731, 'Dormant Donor'],
    [20_000, 'Dormant Donor'],
  ];
  test.each(cases)('a last gift %i days ago is a %s', (days, tag) => {
    const day = new Date(Date.parse(asOf) - days * 86_400_000).toISOString().slice(0, 10);
    expect(tagOf('recency', gifts([1, day]))).toEqual([tag]);
  });

  test('nobody who has given nothing has one', () => {
    expect(tagOf('recency', donor())).toEqual([]);
  });

  test('a leap day is a day like another', () => {
    expect(tagOf('recency', gifts([1, '2024-02-28']), defaultSegmentRules, '2024-03-30')).toEqual(['Active Donor']);
    expect(tagOf('recency', gifts([1, '2024-02-29']), defaultSegmentRules, '2024-03-30')).toEqual(['Recent Donor']);
  });
});

describe('frequency, and each limit of it', () => {
  const cases: [count: number, tags: string[]][] = [
    [0, []],
    [1, ['One-Time Donor']],
    [2, ['Repeat Donor']],
    [3, ['Repeat Donor']],
    [4, ['Frequent Donor']],
    [10, ['Frequent Donor']],
    [11, ['Loyal Donor']],
    [25, ['Loyal Donor']],
    [26, ['Champion Donor']],
    [1000, ['Champion Donor']],
  ];
  test.each(cases)('%i gifts: %j', (donationCount, tags) => {
    expect(tagOf('frequency', donor({ donationCount, lastGiftOn: asOf }))).toEqual(tags);
  });
});

describe('recurring', () => {
  const cases: [name: string, inputs: Partial<DonorInputs>, tags: string[]][] = [
    ['no plan', {}, []],
    ['an active plan', { activePlans: 1 }, ['Recurring Donor']],
    ['an active monthly plan', { activePlans: 2, monthlyPlans: 1 }, ['Recurring Donor', 'Monthly Recurring']],
    ['a cent less than 100 a month', { activePlans: 1, monthlyRecurringAmount: 99.99 }, ['Recurring Donor']],
    ['less than a cent less', { activePlans: 1, monthlyRecurringAmount: 99.995 }, ['Recurring Donor']],
    ['100 a month', { activePlans: 1, monthlyRecurringAmount: 100 }, ['Recurring Donor', '$100+ Monthly']],
    ['a cent more', { activePlans: 1, monthlyRecurringAmount: 100.01 }, ['Recurring Donor', '$100+ Monthly']],
    ['a plan at risk', { atRiskPlans: 1 }, ['Recurring At Risk']],
    ['a paused plan', { pausedPlans: 1 }, ['Recurring Paused']],
    ['a former plan', { formerPlans: 2 }, ['Former Recurring']],
    ['a former plan beside an active one', { formerPlans: 1, activePlans: 1 }, ['Recurring Donor']],
    ['a former plan beside one at risk', { formerPlans: 1, atRiskPlans: 1 }, ['Recurring At Risk']],
    ['a former plan beside a paused one', { formerPlans: 1, pausedPlans: 1 }, ['Recurring Paused']],
    [
      'a plan of every kind',
      { activePlans: 1, atRiskPlans: 1, pausedPlans: 1, formerPlans: 1 },
      ['Recurring Donor', 'Recurring At Risk', 'Recurring Paused'],
    ],
  ];
  test.each(cases)('%s', (_name, inputs, tags) => {
    expect(tagOf('recurring', donor(inputs))).toEqual(tags);
  });

  test('every monthly limit that is reached gives its tag', () => {
    const rules = {
      ...defaultSegmentRules,
      recurring: { ...standardFamilies.recurring, monthlyLimits: [50, 100, 1000] },
    };
    expect(tagOf('recurring', donor({ monthlyRecurringAmount: 100 }), rules)).toEqual([
      '$50+ Monthly',
      '$100+ Monthly',
    ]);
  });
});

describe('lifecycle', () => {
  const { lifecycle } = standardFamilies;
  type Case = [name: string, last: string | undefined, before: string | undefined, day: string, tags: string[]];
  const calendar: Case[] = [
    ['no gift', undefined, undefined, asOf, []],
    ['the first gift on the first day of the year', '2025-01-01', undefined, asOf, ['New Donor']],
    ['gifts this year and on the last day of last year', asOf, '2024-12-31', asOf, ['Retained Donor']],
    ['gifts this year and on the first day of last year', asOf, '2024-01-01', asOf, ['Retained Donor']],
    ['gifts this year and the day before last year', asOf, '2023-12-31', asOf, ['Reactivated Donor']],
    ['a gift on the last day of last year', '2024-12-31', '2024-12-31', asOf, ['LYBUNT']],
    ['a gift on the first day of last year', '2024-01-01', '2024-01-01', asOf, ['LYBUNT']],
    ['a gift the day before last year', '2023-12-31', '2023-12-31', asOf, ['SYBUNT']],
  ];
  test.each(calendar)('%s', (_name, lastGiftOn, lastGiftBeforeYearOn, day, tags) => {
    const inputs = donor({ lastGiftOn, lastGiftBeforeYearOn });
    expect(tagOf('lifecycle', inputs, { ...defaultSegmentRules, lifecycle }, day)).toEqual(tags);
  });

  const fromJuly: Case[] = [
    ['on the last day of the year a gift on its first', '2024-07-01', undefined, '2025-06-30', ['New Donor']],
    ['a day later it is one of last year', '2024-07-01', '2024-07-01', '2025-07-01', ['LYBUNT']],
    ['a gift the day before is one of the year before', '2024-06-30', '2024-06-30', '2025-07-01', ['SYBUNT']],
    ['gifts on either side of the turn', '2025-07-01', '2025-06-30', '2025-07-01', ['Retained Donor']],
    ['gifts with a year between', '2025-07-01', '2024-06-30', '2025-07-01', ['Reactivated Donor']],
  ];
  test.each(fromJuly)('with years from July on, %s', (_name, lastGiftOn, lastGiftBeforeYearOn, day, tags) => {
    const inputs = donor({ lastGiftOn, lastGiftBeforeYearOn });
    expect(tagOf('lifecycle', inputs, { ...defaultSegmentRules, lifecycle, fiscalYearStartMonth: 7 }, day)).toEqual(
      tags,
    );
  });

  test('is off unless switched on', () => {
    expect(tagOf('lifecycle', gifts([10, asOf]))).toEqual([]);
  });
});

describe('the first day of a year', () => {
  const cases: [day: string, month: number, first: string][] = [
    ['2025-01-01', 1, '2025-01-01'],
    ['2025-12-31', 1, '2025-01-01'],
    ['2025-06-30', 7, '2024-07-01'],
    ['2025-07-01', 7, '2025-07-01'],
    ['2025-01-15', 12, '2024-12-01'],
    ['2025-12-01', 12, '2025-12-01'],
    ['2024-02-29', 2, '2024-02-01'],
  ];
  test.each(cases)('of %s with years from month %i on is %s', (day, month, first) => {
    expect(yearStart(day, month)).toBe(first);
  });
});

describe('why a tag is given', () => {
  const { lifecycle } = standardFamilies;
  const cases: [name: string, inputs: Partial<DonorInputs>, because: string][] = [
    ['Prospect', {}, 'no counted gift'],
    ['Small Donor', { lifetimeAmount: 12.5 }, '12.50 given in all, less than 100'],
    ['Major Donor', { lifetimeAmount: 1250 }, '1,250.00 given in all, at least 1,000'],
    ['$1K+ Lifetime', { lifetimeAmount: 1250 }, '1,250.00 given in all, at least 1,000'],
    ['Recent Donor', { lastGiftOn: '2025-06-29' }, 'last gift on 2025-06-29, 1 day ago, at most 30'],
    ['Dormant Donor', { lastGiftOn: '2023-06-30' }, 'last gift on 2023-06-30, 731 days ago, more than 730'],
    ['One-Time Donor', { donationCount: 1 }, '1 gift, at most 1'],
    ['Champion Donor', { donationCount: 1200 }, '1,200 gifts, more than 25'],
    ['Recurring Donor', { activePlans: 2 }, '2 active plans'],
    ['Monthly Recurring', { activePlans: 2, monthlyPlans: 1 }, '1 active plan charged monthly'],
    ['$100+ Monthly', { monthlyRecurringAmount: 108.33 }, '108.33 a month, at least 100'],
    ['Recurring At Risk', { atRiskPlans: 1 }, '1 plan whose charges fail'],
    ['Recurring Paused', { pausedPlans: 1 }, '1 paused plan'],
    ['Former Recurring', { formerPlans: 1 }, '1 former plan and no other'],
    ['New Donor', { lastGiftOn: asOf }, 'last gift on 2025-06-30, since this year began on 2025-01-01; none earlier'],
    [
      'Retained Donor',
      { lastGiftOn: asOf, lastGiftBeforeYearOn: '2024-05-01' },
      'last gift on 2025-06-30, since this year began on 2025-01-01; before that on 2024-05-01, last year',
    ],
    [
      'Reactivated Donor',
      { lastGiftOn: asOf, lastGiftBeforeYearOn: '2020-05-01' },
      'last gift on 2025-06-30, since this year began on 2025-01-01; before that on 2020-05-01, none last year',
    ],
    ['LYBUNT', { lastGiftOn: '2024-05-01' }, 'last gift on 2024-05-01, none since this year began on 2025-01-01'],
    ['SYBUNT', { lastGiftOn: '2023-05-01' }, 'last gift on 2023-05-01, before last year began on 2024-01-01'],
  ];
  test.each(cases)('%s', (name, inputs, because) => {
    const found = donorTags(donor(inputs), { ...defaultSegmentRules, lifecycle }, asOf);
    expect(found.find((tag) => tag.name === `Classy-${name}`)?.because).toBe(because);
  });
});

describe('the class of a plan', () => {
  const cases: [status: string | null, isPaused: boolean | null, expected: ReturnType<typeof planClassOf>][] = [
    ['active', false, 'active'],
    ['active', null, 'active'],
    ['active', true, 'paused'],
    ['paused', false, 'paused'],
    ['paused', null, 'paused'],
    ['attempted', false, 'atRisk'],
    ['failing', false, 'atRisk'],
    ['failing', true, 'paused'],
    ['canceled', false, 'former'],
    ['canceled', true, 'paused'],
    ['ended', null, 'former'],
    ['failed', false, 'former'],
    ['draft', false, undefined],
    ['Active', false, undefined],
    [null, null, undefined],
    [null, true, 'paused'],
  ];
  test.each(cases)('of status %s, paused %s, is %s', (status, isPaused, expected) => {
    expect(planClassOf(status, isPaused)).toBe(expected);
  });
});

describe('what a plan is a month', () => {
  const cases: [frequency: string, amount: number, monthly: number][] = [
    ['daily', 12, 365],
    ['weekly', 12, 52],
    ['bi-weekly', 12, 26],
    ['monthly', 25, 25],
    ['bi-monthly', 50, 25],
    ['quarterly', 75, 25],
    ['semi-annual', 150, 25],
    ['semi-annually', 150, 25],
    ['yearly', 1.74, 0.145],
    ['one-time', 1000, 0],
  ];
  test.each(cases)('%s, %d each: %d', (frequency, amount, monthly) => {
    expect((amount * MONTHLY_TWELFTHS[frequency]!) / 12).toBe(monthly);
  });

  test('is told for these frequencies and no other', () => {
    expect(Object.keys(MONTHLY_TWELFTHS)).toEqual(cases.map(([frequency]) => frequency));
  });
});

test('a family that is switched off gives no tag, the others stay', () => {
  const everything = { ...gifts([1000, asOf]), activePlans: 1 };
  const families = ['value', 'lifetime', 'recency', 'frequency', 'recurring'] as const;
  for (const off of families) {
    const found = donorTags(everything, { ...defaultSegmentRules, [off]: false }, asOf);
    expect(found.map(({ family }) => family)).toEqual(families.filter((family) => family !== off));
  }
});

describe('whatever a donor has given', () => {
  const rules = { ...defaultSegmentRules, lifecycle: standardFamilies.lifecycle };
  const cents = fc.oneof(
    fc.nat({ max: 2_000_000 }),
    fc.constantFrom(9_999, 10_000, 49_999, 50_000, 99_999, 100_000, 500_000, 1_000_000),
  );
  const amount = cents.map((value) => value / 100);
  const dayBefore = fc
    .nat({ max: 1500 })
    .map((days) => new Date(Date.parse(asOf) - days * 86_400_000).toISOString().slice(0, 10));
  const plans = fc.nat({ max: 2 });
  const anybody = fc
    .record({
      given: fc.array(
        fc.tuple(
          amount.filter((value) => value > 0),
          dayBefore,
        ),
        { maxLength: 30 },
      ),
      activePlans: plans,
      atRiskPlans: plans,
      pausedPlans: plans,
      formerPlans: plans,
      monthlyRecurringAmount: amount,
    })
    .map(({ given, ...rest }) => {
      const inOrder = given.toSorted(([, a], [, b]) => (a < b ? -1 : 1));
      const before = inOrder.findLast(([, day]) => day < yearStart(asOf, 1))?.[1];
      return { ...gifts(...inOrder), ...rest, lastGiftBeforeYearOn: before };
    });

  test('there is one value tag, one of recency and frequency for givers only, at most one of lifecycle', () => {
    fc.assert(
      fc.property(anybody, (inputs) => {
        const count = (family: DonorTagFamily): number => tagOf(family, inputs, rules).length;
        const gave = inputs.donationCount > 0 ? 1 : 0;
        expect([count('value'), count('recency'), count('frequency'), count('lifecycle')]).toEqual([
          1,
          gave,
          gave,
          gave,
        ]);
      }),
    );
  });

  test('tags are of the catalogue and each is given once', () => {
    const catalogue = catalogueOf(rules);
    fc.assert(
      fc.property(anybody, (inputs) => {
        const names = donorTags(inputs, rules, asOf).map(({ name }) => name);
        expect(names.filter((name) => !catalogue.includes(name))).toEqual([]);
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  test('more money never takes a lifetime tag away', () => {
    fc.assert(
      fc.property(amount, amount, (some, more) => {
        const before = tagOf('lifetime', donor({ lifetimeAmount: some }), rules);
        const after = tagOf('lifetime', donor({ lifetimeAmount: some + more }), rules);
        expect(after.slice(0, before.length)).toEqual(before);
      }),
    );
  });
});
