/** `2026-11-21T10:00:00+00:00`, as every time of the API is written; nothing for no time. */
export function stampOf(ms: number | undefined): string {
  return ms === undefined ? '' : `${new Date(ms).toISOString().slice(0, 19)}+00:00`;
}

/** A time that a client wrote, `YYYY-MM-DD HH:MM:SS` being UTC; undefined for what is none. */
export function timeOf(text: string): number | undefined {
  const plain = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text);
  const ms = Date.parse(plain ? `${text.replace(' ', 'T')}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The second a time lies in; the API knows nothing finer. */
export function toSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
