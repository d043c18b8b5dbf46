import { proxyActivities, setHandler } from '@temporalio/workflow';
import type { CatchUpActivities, CatchUpInput } from '../src/contract/catch-up.js';
import { wake } from '../src/contract/signals.js';
import { TaskQueue } from '../src/contract/task-queues.js';

const { catchUp } = proxyActivities<CatchUpActivities>({
  taskQueue: TaskQueue.Ghost,
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
});

/** Applies a site's waiting deliveries in pages, by the same rules as `memberSync`, until few enough are left for live runs. */
export async function deliveryCatchUp(input: CatchUpInput): Promise<void> {
  let woken = true;
  setHandler(wake, () => {
    woken = true;
  });
  while (woken) {
    woken = false;
    await catchUp(input);
  }
}
