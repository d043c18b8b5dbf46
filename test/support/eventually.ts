import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `check` gives something truthy or stops throwing; fails with the last error or value. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs = 30_000, everyMs = 25 } = {},
): Promise<NonNullable<T>> {
  const end = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      if (last instanceof Error) throw last;
      throw new Error(`condition not met within ${withinMs} ms; last: ${JSON.stringify(last)}`);
    }
    await sleep(everyMs);
  }
}
