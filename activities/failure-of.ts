import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { safeError } from '../src/observe/log.js';
import { VendorError, type VendorErrorKind } from '../src/vendors/errors.js';

const typeOf: Record<VendorErrorKind, string> = {
  down: 'VendorDown',
  'rate-limited': 'VendorRateLimited',
  refused: 'VendorRefused',
  rejected: 'VendorRejected',
};

/**
 * The one place that decides what Temporal is told of an error: everything heals by waiting or is decided by the activity
 * itself, so everything is retried; a vendor's trouble is benign, since it is shown as a pause. No personal data leaves.
 */
export function failureOf(error: unknown): ApplicationFailure | CancelledFailure {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof VendorError) {
    const { kind, retryAfterMs } = error.details;
    return ApplicationFailure.create({
      type: typeOf[kind],
      message: error.message,
      category: ApplicationFailureCategory.BENIGN,
      ...(retryAfterMs === undefined ? {} : { nextRetryDelay: Math.max(retryAfterMs, 1000) }),
    });
  }
  const { type, message } = safeError(error);
  return ApplicationFailure.create({ type, message });
}
