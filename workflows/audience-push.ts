import { continueAsNew, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { AudiencePushActivities, AudiencePushInput } from '../src/contract/audience-push.js';
import { pushStatus, wake } from '../src/contract/signals.js';
import { TaskQueue } from '../src/contract/task-queues.js';

/**
 * The one writer of an audience. Its activity pushes what is due for some minutes at a time and returns idle when nothing
 * was due for a while; an outage of the destination is this activity, retrying. Ends when idle and not woken meanwhile.
 */
export async function audiencePush(input: AudiencePushInput): Promise<void> {
  const { pushDue } = proxyActivities<AudiencePushActivities>({
    taskQueue: input.queue ?? TaskQueue.CampaignMonitor,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '10 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
  });
  let woken = false;
  let stretches = 0;
  setHandler(wake, () => {
    woken = true;
  });
  setHandler(pushStatus, () => ({ stretches }));

  for (let idle = false; !idle || woken; ) {
    woken = false;
    ({ idle } = await pushDue(input));
    stretches += 1;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof audiencePush>(input);
  }
}
