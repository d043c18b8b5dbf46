import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { failureOf } from '../../activities/failure-of.js';
import type { Logger } from '../observe/log.js';

/** Turns whatever an activity throws into what Temporal may know, and logs what is not a vendor's passing trouble. */
export const failureInterceptor =
  (log: Logger): ActivityInterceptorsFactory =>
  ({ info }) => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const failure = failureOf(error);
          const { activityType, workflowExecution, attempt } = info;
          const level = 'category' in failure && failure.category === 'BENIGN' ? 'debug' : 'warn';
          log[level](
            { activity: activityType, workflowId: workflowExecution?.workflowId, attempt, err: error },
            'activity failed and is retried',
          );
          throw failure;
        }
      },
    },
  });
