/** Lets so many pieces of work run at a time. */
export interface Slots {
  /** Starts work as soon as a slot is free; settles when it has started, not when it is done. */
  start(work: () => Promise<void>): Promise<void>;
  /** Settles when nothing runs any more. */
  idle(): Promise<void>;
}

/** Slots for `limit` pieces of work; the work itself must not throw. */
export function createSlots(limit: number): Slots {
  const running = new Set<Promise<void>>();
  return {
    async start(work) {
      while (running.size >= limit) await Promise.race(running);
      const run = work().finally(() => running.delete(run));
      running.add(run);
    },
    async idle() {
      while (running.size > 0) await Promise.race(running);
    },
  };
}
