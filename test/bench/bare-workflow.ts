import { defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({
  taskQueue: 'bare-activities',
  startToCloseTimeout: '1 minute',
});

/** The least that an event can cost: one workflow with one empty activity. */
export async function bare(): Promise<void> {
  setHandler(defineSignal('wake'), () => undefined);
  await nothing();
}
