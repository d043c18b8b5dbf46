import { z } from 'zod';

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration: `15m`, `1h 30m`, or a number of milliseconds; undefined when it is none. */
export function parseDurationMs(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (/^\d+$/.test(value.trim())) return Number(value);
  if (value.trim() === '') return undefined;
  const parts = value.trim().split(/\s+/);
  let total = 0;
  for (const part of parts) {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(part) ?? [];
    if (amount === undefined || unit === undefined) return undefined;
    total += Number(amount) * UNIT_MS[unit]!;
  }
  return total;
}

/** A duration in a configuration, as milliseconds. */
export const durationSchema = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = parseDurationMs(value);
  if (ms === undefined)
    context.addIssue({ code: 'custom', message: 'must be a duration like 15m, 1h 30m or a number of milliseconds' });
  return ms ?? 0;
});
