/** How the fault `dates` writes date-times: `…+0000`, `…Z`, or with milliseconds as `….000+0000`. */
export type DateStyle = 'offset' | 'z' | 'millis';

/** What sorts as no time at all: before every other one, as a null does. */
export const noTime = Number.NEGATIVE_INFINITY;

/** A date-time as Classy writes it: UTC, whole seconds, `+0000`. */
export function stampOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}+0000`;
}

/** The milliseconds of a stored date-time or date, at the precision it is stored with; `noTime` for anything else. */
export function timeOf(value: unknown): number {
  if (typeof value !== 'string') return noTime;
  const iso = value.endsWith('+0000') ? `${value.slice(0, -5)}Z` : value.replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  const time = Date.parse(iso);
  return Number.isNaN(time) ? noTime : time;
}

/** The milliseconds of a date in a filter; undefined for every form but the three that are known to be taken. */
export function filterTimeOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\+0000|Z))?$/.test(text)) return undefined;
  const time = timeOf(text);
  const isOnCalendar = time !== noTime && new Date(time).toISOString().startsWith(text.slice(0, 10));
  return isOnCalendar ? time : undefined;
}

/** The same date-time in another style; what is not a date-time stays. */
export function restyled(value: unknown, style: DateStyle): unknown {
  const time = typeof value === 'string' && value.includes('T') ? timeOf(value) : noTime;
  if (time === noTime) return value;
  const iso = new Date(time).toISOString();
  if (style === 'millis') return iso.replace('Z', '+0000');
  return `${iso.slice(0, 19)}${style === 'z' ? 'Z' : '+0000'}`;
}
