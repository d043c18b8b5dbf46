import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RateLimit } from '../ledger/rate-limits.js';
import type { Ledger } from '../ledger/ledger.js';

const SLOT_POLL_MS = 100;

/** What a vendor client awaits before each request: its credential's turn and connection; undefined where nothing is limited. */
export function createAdmission(ledger: Ledger, vendor: string, key: string, limit: RateLimit | undefined): (() => Promise<() => Promise<void>>) | undefined {
  if (!limit || (limit.perMinute === undefined && limit.connections === undefined)) return undefined;
  const credential = `${vendor}:${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
  return async () => {
    const holder = randomUUID();
    let slot = await ledger.rateLimits.takeSlot(credential, limit, holder);
    while (slot === undefined) {
      await sleep(SLOT_POLL_MS);
      slot = await ledger.rateLimits.takeSlot(credential, limit, holder);
    }
    const taken = slot;
    const waitMs = await ledger.rateLimits.book(credential, limit);
    if (waitMs > 0) await sleep(waitMs);
    return () => (limit.connections === undefined ? Promise.resolve() : ledger.rateLimits.freeSlot(credential, taken, holder));
  };
}
