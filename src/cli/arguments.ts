import { InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../config/duration.js';

/** A time as `2026-11-22T10:00Z`, or how long ago, such as `2h`. */
export function parseTime(value: string): Date {
  const agoMs = /^\d+$/.test(value) ? undefined : parseDurationMs(value);
  const time = agoMs === undefined ? new Date(value) : new Date(Date.now() - agoMs);
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('a time is 2026-11-22T10:00Z, or a duration before now such as 2h');
  return time;
}

/** A whole number above 0. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return count;
}
