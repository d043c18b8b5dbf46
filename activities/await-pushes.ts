import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncStep } from '../src/contract/site-sync.js';
import type { Ledger } from '../src/ledger/ledger.js';
import type { Beating } from './beating.js';

const POLL_MS = 200;
const MOST_POLL_MS = 1_000;

/** Waits until all that a run made due has its outcome; `partly` while the audience is paused or only failing people are left. */
export async function waitForOutcomes(
  { ledger }: { ledger: Ledger },
  beating: Pick<Beating<unknown>, 'check'>,
  run: string,
  audience: string,
): Promise<SyncStep> {
  for (;;) {
    const { due, retrying, audiencePaused } = await ledger.runs.pending(run, audience);
    if (due === 0) return {};
    if (audiencePaused)
      return {
        result: 'partly',
        isPaused: true,
        message: `the list is paused: ${due} wait and are pushed by themselves once it answers`,
      };
    if (due === retrying) return { result: 'partly', message: `${due} failed so far and are tried again` };
    // the more there is, the less often it needs to be counted
    await sleep(Math.min(MOST_POLL_MS, Math.max(POLL_MS, due / 20)));
    beating.check();
  }
}
