import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { SyncActivities, SyncInput, SyncOutcome, SyncResult, SyncStep } from '../src/contract/site-sync.js';
import { failureText } from './failure-text.js';

/** Does the work of a run that has begun, and writes its end whatever becomes of it. */
export async function runToEnd<B extends { go: true }>(
  input: SyncInput,
  begun: B | { go: false; result: SyncResult; message: string },
  work: (begun: B) => Promise<SyncStep>,
  endSync: SyncActivities['endSync'],
): Promise<SyncOutcome> {
  if (!begun.go) return { run: input.run, result: begun.result, message: begun.message };
  try {
    const { result = 'done', message } = await work(begun);
    const ended = await endSync({ ...input, result, message });
    return { run: input.run, message, ...ended };
  } catch (error) {
    const message = isCancellation(error) ? 'it was cancelled' : failureText(error);
    await CancellationScope.nonCancellable(() => endSync({ ...input, result: 'failed', message }));
    throw error;
  }
}
