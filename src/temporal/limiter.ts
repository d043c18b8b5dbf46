import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../ledger/ledger.js';
import type { RateLimit } from '../ledger/rate-limits.js';

const SLOT_POLL_MS = 100;
/** A connection whose holder says nothing for thirty seconds is free again. */
const KEEP_SLOT_MS = 10_000;

/** What a vendor client awaits before each request: its credential's turn and connection; undefined where nothing is limited. */
export function createAdmission(
  ledger: Ledger,
  vendor: string,
  key: string,
  limit: RateLimit | undefined,
): (() => Promise<() => Promise<void>>) | undefined {
  if (!limit || (limit.perMinute == null && limit.connections === undefined)) return undefined;
  const credential = `${vendor}:${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
  return async () => {
    // the turn first: a connection is not held while waiting for it
    const waitMs = await ledger.rateLimits.book(credential, limit);
    if (waitMs > 0) await sleep(waitMs);
    if (limit.connections === undefined) return async () => undefined;
    const holder = randomUUID();
    let slot = await ledger.rateLimits.takeSlot(credential, limit, holder);
    while (slot === undefined) {
      await sleep(SLOT_POLL_MS);
      slot = await ledger.rateLimits.takeSlot(credential, limit, holder);
    }
    const taken = slot;
    const keep = (): Promise<void> => ledger.rateLimits.keepSlot(credential, taken, holder).catch(() => undefined);
    const keeping = setInterval(() => void keep(), KEEP_SLOT_MS);
    return async () => {
      clearInterval(keeping);
      // a slot that cannot be given back comes free by itself; the answer of the vendor counts all the same
      await ledger.rateLimits.freeSlot(credential, taken, holder).catch(() => undefined);
    };
  };
}
