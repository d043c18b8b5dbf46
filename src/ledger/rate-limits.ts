import type { Database } from './database.js';

/** Limits of one credential; absent: no limit. */
export interface RateLimit {
  /** Requests a minute on average. */
  perMinute?: number | null | undefined;
  /** Requests that may go at once. */
  burst?: number | undefined;
  /** Calls that may be open at a time. */
  connections?: number | undefined;
}

/** A slot is free again after this long without a word of its holder, in seconds. */
const SLOT_SECONDS = 30;

/** Limits that belong to a credential, shared by every process (house decision 13). */
export function createRateLimits({ sql }: Database) {
  return {
    /** Books the next request (GCRA: never doubles at a window's edge); gives the milliseconds to wait before it. */
    async book(credential: string, { perMinute, burst = 1 }: RateLimit): Promise<number> {
      if (perMinute == null) return 0;
      const interval = 60 / perMinute;
      const [row] = await sql.query<[{ wait: number }]>`
        INSERT INTO rate_limits (credential, next_at) VALUES (${credential}, now() + make_interval(secs => ${interval}))
        ON CONFLICT (credential) DO UPDATE SET next_at = greatest(rate_limits.next_at, now()) + make_interval(secs => ${interval})
        RETURNING extract(epoch FROM next_at - make_interval(secs => ${interval * burst}) - now())::float * 1000 AS wait`;
      return Math.max(0, row.wait);
    },

    /** Takes one of the credential's connections; undefined when all are in use. */
    async takeSlot(credential: string, { connections }: RateLimit, holder: string): Promise<number | undefined> {
      if (connections === undefined) return 0;
      const taken = () => sql.query<{ slot: number }[]>`
        UPDATE connection_slots SET holder = ${holder}, held_until = now() + make_interval(secs => ${SLOT_SECONDS})
        WHERE (credential, slot) IN (
          SELECT credential, slot FROM connection_slots
          WHERE credential = ${credential} AND slot < ${connections} AND (held_until IS NULL OR held_until < now())
          ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING slot`;
      const [row] = await taken();
      if (row) return row.slot;
      const added = await sql.execute`
        INSERT INTO connection_slots (credential, slot) SELECT ${credential}, generate_series(0, ${connections}::int - 1) ON CONFLICT DO NOTHING`;
      return added > 0 ? (await taken())[0]?.slot : undefined;
    },

    /** Says that the holder of a connection lives: three times while it would be free again. */
    async keepSlot(credential: string, slot: number, holder: string): Promise<void> {
      await sql.execute`
        UPDATE connection_slots SET held_until = now() + make_interval(secs => ${SLOT_SECONDS})
        WHERE credential = ${credential} AND slot = ${slot} AND holder = ${holder}`;
    },

    /** Gives a connection back. */
    async freeSlot(credential: string, slot: number, holder: string): Promise<void> {
      await sql.execute`
        UPDATE connection_slots SET held_until = NULL, holder = NULL
        WHERE credential = ${credential} AND slot = ${slot} AND holder = ${holder}`;
    },
  };
}
