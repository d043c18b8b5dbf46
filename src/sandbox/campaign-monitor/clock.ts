const minuteMs = 60_000;

/** The client's clock: Campaign Monitor says and reads times in the client's zone, without an offset. */
export class ClientClock {
  constructor(
    readonly now: () => Date,
    /** Minutes the client is ahead of UTC. */
    readonly offsetMinutes: number,
  ) {}

  /** `YYYY-MM-DD HH:MM:SS` in the client's zone. */
  format(date: Date): string {
    return this.#shifted(date).toISOString().slice(0, 19).replace('T', ' ');
  }

  /** The moment a day (`YYYY-MM-DD`) begins in the client's zone; undefined for anything else. */
  startOf(day: string): Date | undefined {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
    const utc = new Date(`${day}T00:00:00.000Z`);
    const isDay = !Number.isNaN(utc.getTime()) && utc.toISOString().startsWith(day);
    return isDay ? new Date(utc.getTime() - this.offsetMinutes * minuteMs) : undefined;
  }

  /** The days, weeks, months and years of the list statistics, as first days `[from, to)` in the client's zone. */
  periods(): Record<'Today' | 'Yesterday' | 'ThisWeek' | 'ThisMonth' | 'ThisYear', { from: Date; to: Date }> {
    const today = this.#shifted(this.now());
    const [year, month, day] = [today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()];
    const at = (...ymd: [number, number, number]) => new Date(Date.UTC(...ymd) - this.offsetMinutes * minuteMs);
    const to = at(year, month, day + 1);
    return {
      Today: { from: at(year, month, day), to },
      Yesterday: { from: at(year, month, day - 1), to: at(year, month, day) },
      ThisWeek: { from: at(year, month, day - ((today.getUTCDay() + 6) % 7)), to },
      ThisMonth: { from: at(year, month, 1), to },
      ThisYear: { from: at(year, 0, 1), to },
    };
  }

  #shifted(date: Date): Date {
    return new Date(date.getTime() + this.offsetMinutes * minuteMs);
  }
}
