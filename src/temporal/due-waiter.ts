import type { DueWaiter } from '../../activities/audience-push.js';
import type { Ledger } from '../ledger/ledger.js';

/** Lets waiting writers of this process go on when contacts are marked due; one listening connection for all of them. */
export function createDueWaiter(ledger: Ledger): DueWaiter & { end(): Promise<void> } {
  const waiting = new Map<string, Set<() => void>>();
  const listening = ledger.onDue((audience) => {
    for (const resolve of waiting.get(audience) ?? []) resolve();
  });
  return {
    wait: (audience, timeoutMs) =>
      new Promise((resolve) => {
        const waiters = waiting.get(audience) ?? new Set();
        waiting.set(audience, waiters);
        const done = (): void => {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        waiters.add(done);
      }),
    end: () => listening.end(),
  };
}
