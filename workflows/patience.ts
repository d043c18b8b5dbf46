import { ActivityCancellationType } from '@temporalio/workflow';

/** Long work that says by heartbeats that it lives, and is tried again for as long as it takes. */
export const patient = {
  // the next run must not begin while an activity of this one still writes
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes' },
} as const;

/** A word with the ledger. */
export const short = { ...patient, startToCloseTimeout: '1 minute', heartbeatTimeout: undefined } as const;
