const monthsOf: Record<string, number> = { 'bi-monthly': 2, quarterly: 3, 'semi-annually': 6, yearly: 12 };
const daysOf: Record<string, number> = { daily: 1, weekly: 7, 'bi-weekly': 14 };

/** The day (`YYYY-MM-DD`) of the next charge, counted from a day; months without that day end with it. */
export function dayAfter(day: string, frequency: unknown): string | null {
  const date = new Date(`${day.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return null;
  const days = daysOf[String(frequency)];
  if (days !== undefined) date.setUTCDate(date.getUTCDate() + days);
  else {
    const wanted = date.getUTCDate();
    date.setUTCMonth(date.getUTCMonth() + (monthsOf[String(frequency)] ?? 1));
    if (date.getUTCDate() !== wanted) date.setUTCDate(0);
  }
  return date.toISOString().slice(0, 10);
}
