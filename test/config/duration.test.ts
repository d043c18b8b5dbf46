import { expect, test } from '@jest/globals';
import { parseDurationMs } from '../../src/config/duration.js';

const cases: [value: string | number, ms: number | undefined][] = [
  ['15m', 900_000],
  ['1h 30m', 5_400_000],
  ['1d 2h 3m 4s 5ms', 93_784_005],
  ['1.5h', 5_400_000],
  [' 10s ', 10_000],
  ['250', 250],
  [250, 250],
  [0, 0],
  ['0s', 0],
  ['', undefined],
  ['soon', undefined],
  ['15', 15],
  ['15 m', undefined],
  ['15M', undefined],
  ['15m x', undefined],
  ['-5m', undefined],
  [-1, undefined],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
];
test.each(cases)('%p is %p ms', (value, ms) => {
  expect(parseDurationMs(value)).toBe(ms);
});
