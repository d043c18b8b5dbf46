import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Ledger } from '../../src/ledger/ledger.js';
import { createAdmission } from '../../src/temporal/limiter.js';
import { type OpenLedger, openLedger } from './open-ledger.js';

let open: OpenLedger;
let callers: Ledger[];
beforeAll(async () => {
  open = await openLedger('ledger_rate_limits_test');
  callers = [open.ledger, open.another()];
  await Promise.all(callers.map((one) => one.ping()));
}, 60_000);
beforeEach(() => open.clear());
afterAll(() => open?.close());

/** Waits below this come from the rounding to milliseconds. */
const noticeableMs = 5;

describe('the rate of a credential', () => {
  type Limit = { perMinute: number; burst?: number };
  /** When each of `each` requests of every caller may go, in milliseconds from the first, and how long booking took at most. */
  async function book(limit: Limit, each: number): Promise<{ turns: number[]; slowestMs: number }> {
    const turns: number[] = [];
    let slowestMs = 0;
    await Promise.all(
      callers.map(async ({ rateLimits }) => {
        for (let index = 0; index < each; index += 1) {
          const asked = performance.now();
          const waitMs = await rateLimits.book('key', limit);
          turns.push(asked + waitMs);
          slowestMs = Math.max(slowestMs, performance.now() - asked);
        }
      }),
    );
    const sorted = turns.toSorted((a, b) => a - b);
    return { turns: sorted.map((turn) => turn - sorted[0]!), slowestMs };
  }

  const cases: [name: string, limit: Limit, intervalMs: number][] = [
    ['one at a time', { perMinute: 60 }, 1000],
    ['with a burst', { perMinute: 600, burst: 5 }, 100],
    ['fast', { perMinute: 6000, burst: 10 }, 10],
  ];
  test.each(cases)('is kept by two callers at once: %s', async (_name, limit, intervalMs) => {
    const { burst = 1 } = limit;
    const { turns, slowestMs } = await book(limit, 20);
    // the database counts from when it was reached, we from when we asked
    const slackMs = slowestMs + noticeableMs;
    // in any stretch of time no more than the burst and what the rate lets through
    for (const [index, turn] of turns.entries()) {
      const earlier = turns[index - burst];
      if (earlier !== undefined) expect(turn - earlier).toBeGreaterThan(intervalMs - slackMs);
    }
    expect(turns.at(-1)).toBeGreaterThan((40 - burst) * intervalMs - slackMs);
  });

  test('two keys do not share it, and no limit is no wait', async () => {
    const { rateLimits } = open.ledger;
    expect(await rateLimits.book('one', { perMinute: 1 })).toBeLessThan(noticeableMs);
    expect(await rateLimits.book('two', { perMinute: 1 })).toBeLessThan(noticeableMs);
    expect(await rateLimits.book('one', { perMinute: 1 })).toBeGreaterThan(59_000);
    expect(await rateLimits.book('one', {})).toBe(0);
  });

  test('a rest gives back a burst and no more', async () => {
    const { rateLimits } = open.ledger;
    const limit = { perMinute: 1, burst: 3 };
    await open.prisma
      .$executeRaw`INSERT INTO rate_limits (credential, next_at) VALUES ('key', now() - interval '10 days')`;
    const waits = [];
    for (let index = 0; index < 4; index += 1) waits.push(await rateLimits.book('key', limit));
    expect(waits.map((wait) => wait > noticeableMs)).toEqual([false, false, false, true]);
  });
});

describe('the connections of a credential', () => {
  const limit = { connections: 3 };

  test('are taken by one holder each, whoever asks at once', async () => {
    await open.ledger.rateLimits
      .takeSlot('key', limit, 'warm up')
      .then((slot) => open.ledger.rateLimits.freeSlot('key', slot!, 'warm up'));
    const taken = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        callers[index % 2]!.rateLimits.takeSlot('key', limit, `holder ${index}`),
      ),
    );
    const slots = taken.filter((slot) => slot !== undefined);
    expect(slots.toSorted()).toEqual([0, 1, 2]);
    expect(await open.ledger.rateLimits.takeSlot('key', limit, 'late')).toBeUndefined();
  });

  test('are free again when given back, by their holder only', async () => {
    const { rateLimits } = open.ledger;
    const only = { connections: 1 };
    expect(await rateLimits.takeSlot('key', only, 'one')).toBe(0);
    await rateLimits.freeSlot('key', 0, 'two');
    expect(await rateLimits.takeSlot('key', only, 'two')).toBeUndefined();
    await rateLimits.freeSlot('key', 0, 'one');
    expect(await rateLimits.takeSlot('key', only, 'two')).toBe(0);
  });

  test('come back after a dead holder', async () => {
    const { rateLimits } = open.ledger;
    const only = { connections: 1 };
    await rateLimits.takeSlot('key', only, 'dead');
    const [row] = await open.prisma.$queryRaw<
      [{ seconds: number }]
    >`SELECT extract(epoch FROM held_until - now())::float AS seconds FROM connection_slots`;
    expect(row.seconds).toBeGreaterThan(20);
    expect(row.seconds).toBeLessThan(40);
    await rateLimits.keepSlot('key', 0, 'somebody else');
    await rateLimits.keepSlot('key', 0, 'dead');
    await open.prisma.connectionSlot.updateMany({ data: { heldUntil: new Date(Date.now() - 1000) } });
    expect(await rateLimits.takeSlot('key', only, 'next')).toBe(0);
    await rateLimits.freeSlot('key', 0, 'dead');
    expect(await rateLimits.takeSlot('key', only, 'third')).toBeUndefined();
  });

  test('are as many as configured at the moment, more or fewer than before', async () => {
    const { rateLimits } = open.ledger;
    expect(await rateLimits.takeSlot('key', { connections: 1 }, 'a')).toBe(0);
    expect(await rateLimits.takeSlot('key', { connections: 2 }, 'b')).toBe(1);
    expect(await rateLimits.takeSlot('key', { connections: 1 }, 'c')).toBeUndefined();
  });
});

test('admission lets through as many calls at a time as there are connections, and all in the end', async () => {
  let [now, most] = [0, 0];
  const admissions = callers.map((ledger) => createAdmission(ledger, 'vendor', 'key', { connections: 2 })!);
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const release = await admissions[index % 2]!();
      now += 1;
      most = Math.max(most, now);
      await open.ledger.ping();
      now -= 1;
      await release();
    }),
  );
  expect([now, most <= 2]).toEqual([0, true]);
});
