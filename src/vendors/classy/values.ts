import { z } from 'zod';

// Classy's types drift: amounts as numbers or text, flags as 0 and 1, dates with either offset (vendors' notes, section 1)

/** `numeric(18,4)` holds 14; the last one is left for what rounding adds. */
const MOST_DIGITS_BEFORE_POINT = 13;

/** A positive id as text; numbers and text are accepted. */
export const id = z.union([z.number(), z.string()]).transform((value, context) => {
  const text = String(value).trim();
  if (/^[1-9]\d{0,17}$/.test(text)) return text;
  context.addIssue({ code: 'custom', message: 'is not an id' });
  return z.NEVER;
});

/** An id of something else, or null; `0` and nothing mean none. */
export const reference = z
  .union([z.number(), z.string(), z.null(), z.undefined()])
  .transform((value, context): string | null => {
    const text = String(value ?? '').trim();
    if (text === '' || text === '0') return null;
    if (/^[1-9]\d{0,17}$/.test(text)) return text;
    context.addIssue({ code: 'custom', message: 'is not an id' });
    return null;
  });

/** An amount as the decimal text that was sent, or null. Never goes through arithmetic. */
export const amount = z
  .union([z.number(), z.string(), z.null(), z.undefined()])
  .transform((value, context): string | null => {
    if (value === null || value === undefined) return null;
    const text = String(value).trim();
    if (text === '') return null;
    const [, whole, power] = /^[+-]?(\d+)(?:\.\d*)?(?:e([+-]?\d{1,3}))?$/i.exec(text) ?? [];
    const digits = (whole?.replace(/^0+/, '').length ?? 0) + Math.max(0, Number(power ?? 0));
    if (whole !== undefined && digits <= MOST_DIGITS_BEFORE_POINT) return text;
    context.addIssue({ code: 'custom', message: whole === undefined ? 'is not an amount' : 'is too large an amount' });
    return null;
  });

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?\s*(Z|[+-]\d{2}:?\d{2})?$/;

/** A date-time with `Z`, an offset or none (then UTC), with or without fractions, as ISO 8601 in UTC; undefined when it is none. */
function toUtc(text: string): string | undefined {
  const [, day, time, fraction = '', zone = 'Z'] = DATE_TIME.exec(text.trim()) ?? [];
  if (day === undefined || time === undefined) return undefined;
  const offset = zone === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const date = new Date(`${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${offset}`);
  // JavaScript lets 31 February pass as 3 March
  const isReal = !Number.isNaN(date.getTime()) && isCalendarDay(day) && isStorableYear(date.getUTCFullYear());
  return isReal ? date.toISOString() : undefined;
}

/** Postgres has no year 0, and this form no year of five digits. */
const isStorableYear = (year: number): boolean => year >= 1 && year <= 9999;

function isCalendarDay(day: string): boolean {
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && isStorableYear(date.getUTCFullYear()) && date.toISOString().startsWith(day);
}

/** A moment that must be there. */
export const moment = z.string().transform((text, context): string => {
  const utc = toUtc(text);
  if (utc === undefined) context.addIssue({ code: 'custom', message: 'is not a date-time' });
  return utc ?? '';
});

/** A moment, or null; what cannot be read (as `0000-00-00 00:00:00`) is null as well. */
export const momentOrNull = z
  .unknown()
  .transform((value) => (typeof value === 'string' ? (toUtc(value) ?? null) : null));

/** A calendar day `YYYY-MM-DD`, or null; of a date-time its day. */
export const dayOrNull = z.unknown().transform((value) => {
  const [, day] = typeof value === 'string' ? (/^(\d{4}-\d{2}-\d{2})/.exec(value.trim()) ?? []) : [];
  return day !== undefined && isCalendarDay(day) ? day : null;
});

/** Text, or null; numbers and flags become text. */
export const text = z
  .unknown()
  .transform((value) =>
    typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : null,
  );

/** A flag that may be written as 0, 1 or text, or null. */
export const flag = z.unknown().transform((value) => {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  return value === false || value === 0 || value === '0' || value === 'false' ? false : null;
});

/** Consent: an exact `true`, nothing that merely looks like it; null where nothing is said. */
export const consent = z
  .unknown()
  .transform((value) => (value === null || value === undefined ? null : value === true));

/** A whole number, or null. */
export const count = z.unknown().transform((value) => {
  const number = value === null || value === '' ? Number.NaN : Number(value);
  return Number.isInteger(number) && Math.abs(number) < 2 ** 31 ? number : null;
});
