import { ActivityFailure, rootCause } from '@temporalio/workflow';

/** What failed and why; our failures hold no personal data. */
export const failureText = (error: unknown): string =>
  error instanceof ActivityFailure ? `${error.activityType} failed: ${rootCause(error)}` : 'it failed';
