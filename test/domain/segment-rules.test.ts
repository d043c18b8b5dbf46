import { describe, expect, test } from '@jest/globals';
import {
  catalogueOf,
  defaultSegmentRules,
  lifetimeName,
  monthlyName,
  OPTIONAL_DONOR_FIELDS,
  segmentRulesOf,
  standardFamilies,
} from '../../src/domain/segment-rules.js';

describe('the catalogue', () => {
  test('has every tag of the notes, with prefix', () => {
    expect(catalogueOf(defaultSegmentRules).toSorted()).toEqual(
      [
        ...['Transformational', 'Principal Donor', 'Major Donor', 'Mid-Level Donor', 'Regular Donor', 'Small Donor'],
        ...['Prospect', '$1K+ Lifetime', '$5K+ Lifetime', '$10K+ Lifetime'],
        ...['Recent Donor', 'Active Donor', 'Warm Donor', 'Cooling Donor', 'Lapsed Donor', 'Dormant Donor'],
        ...['One-Time Donor', 'Repeat Donor', 'Frequent Donor', 'Loyal Donor', 'Champion Donor'],
        ...['Recurring Donor', 'Monthly Recurring', '$100+ Monthly', 'Recurring At Risk', 'Recurring Paused'],
        'Former Recurring',
      ]
        .map((name) => `Classy-${name}`)
        .toSorted(),
    );
  });

  test('has the lifecycle once it is switched on', () => {
    const { lifecycle } = standardFamilies;
    const added = catalogueOf({ ...defaultSegmentRules, lifecycle }).slice(catalogueOf(defaultSegmentRules).length);
    expect(added).toEqual(
      ['New Donor', 'Retained Donor', 'Reactivated Donor', 'LYBUNT', 'SYBUNT'].map((name) => `Classy-${name}`),
    );
  });

  test('has nothing of a family that is switched off', () => {
    const off = { value: false, lifetime: false, recency: false, frequency: false, recurring: false } as const;
    expect(catalogueOf({ ...defaultSegmentRules, ...off })).toEqual([]);
    expect(catalogueOf({ ...defaultSegmentRules, ...off, prefix: 'X ', lifetime: [500] })).toEqual([
      'X $500+ Lifetime',
    ]);
  });
});

describe('a name built from a limit', () => {
  const cases: [limit: number, amount: string][] = [
    [0.5, '$0.5+'],
    [100, '$100+'],
    [500, '$500+'],
    [999.99, '$999.99+'],
    [1000, '$1K+'],
    [1234.56, '$1.23456K+'],
    [2500, '$2.5K+'],
    [10_000, '$10K+'],
    [999_999, '$999.999K+'],
    [1_000_000, '$1M+'],
    [2_500_000, '$2.5M+'],
  ];
  test.each(cases)('%d is %s', (limit, amount) => {
    expect(lifetimeName(limit)).toBe(`${amount} Lifetime`);
    expect(monthlyName(limit)).toBe(`${amount} Monthly`);
  });
});

test('an organization has its own rules where there are some, else the general ones', () => {
  const own = { ...defaultSegmentRules, prefix: 'Seven-' };
  const segments = { general: defaultSegmentRules, organizations: new Map([['7', own]]) };
  expect(segmentRulesOf(segments, '7')).toBe(own);
  expect(segmentRulesOf(segments, '8')).toBe(defaultSegmentRules);
});

test('every optional field has a tag that MailChimp takes', () => {
  for (const field of Object.keys(OPTIONAL_DONOR_FIELDS)) expect(field).toMatch(/^[A-Z][A-Z0-9_]{0,9}$/);
});
