import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { roundHalfUp, shiftDecimal, writeAmount, writeLimit } from '../../src/domain/amount.js';

describe('rounding half up', () => {
  const cases: [amount: number, cents: number][] = [
    [0, 0],
    [1.005, 1.01],
    [1.004999, 1],
    [0.145, 0.15],
    [8.345, 8.35],
    [10.075, 10.08],
    [108.33333333333333, 108.33],
    [999.995, 1000],
    [0.0000001, 0],
    [123456789012.345, 123456789012.35],
  ];
  test.each(cases)('%d is %d in cents', (amount, cents) => {
    expect(roundHalfUp(amount, 2)).toBe(cents);
  });

  test('leaves whole cents as they are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (cents) => {
        expect(roundHalfUp(cents / 100, 2)).toBe(cents / 100);
      }),
    );
  });

  test('takes any half cent up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (cents) => {
        expect(roundHalfUp(Number(`${cents}5e-3`), 2)).toBe(Number(`${cents + 1}e-2`));
      }),
    );
  });
});

test.each([
  [1.23, 2, 123],
  [1234.56, -3, 1.23456],
  [1e21, -3, 1e18],
  [1e-7, 2, 1e-5],
])('%d by %d places is %d', (amount, places, shifted) => {
  expect(shiftDecimal(amount, places)).toBe(shifted);
});

test.each([
  [0, '0.00'],
  [12.5, '12.50'],
  [999.99, '999.99'],
  [999.995, '999.995'],
  [1250, '1,250.00'],
  [1234567.8, '1,234,567.80'],
  [108.33333333333333, '108.3333'],
])('the amount %d is written %s', (amount, written) => {
  expect(writeAmount(amount)).toBe(written);
});

test.each([
  [100, '100'],
  [1000, '1,000'],
  [12345.678, '12,345.678'],
  [1000000, '1,000,000'],
])('the limit %d is written %s', (limit, written) => {
  expect(writeLimit(limit)).toBe(written);
});
