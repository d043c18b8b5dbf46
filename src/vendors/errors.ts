/**
 * What a failed vendor call means, in one vocabulary for all vendors.
 *
 * - `down`: unreachable, slow, 5xx, or not answering as itself (HTML, broken JSON)
 * - `rate-limited`: 429
 * - `refused`: the key or what it opens is wrong: the whole list or source is concerned
 * - `rejected`: understood and declined: one record is concerned, `code` says why
 */
export type VendorErrorKind = 'down' | 'rate-limited' | 'refused' | 'rejected';

/** What is known of a call that failed: never sent, answered, or perhaps still being worked on. */
export type CallState = 'not-sent' | 'answered' | 'unknown';

/** Details of a `VendorError`. */
export interface VendorErrorDetails {
  vendor: string;
  operation: string;
  kind: VendorErrorKind;
  call: CallState;
  status?: number | undefined;
  /** The vendor's own code. */
  code?: number | string | undefined;
  /** The client's own word for why, where the vendor's code stands for several things. */
  reason?: string | undefined;
  /** Names of the fields that the vendor objects to; never their values. */
  fields?: readonly string[] | undefined;
  /** The vendor's own id of the request, for its support. */
  requestId?: string | undefined;
  /** How long the vendor asks us to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** Parsed body of a `rejected` answer. May hold personal data: never log it. */
  body?: unknown;
  cause?: unknown;
}

/** A vendor call that failed. Its message holds no personal data and no text of the vendor's. */
export class VendorError extends Error {
  override readonly name = 'VendorError';
  readonly details: Readonly<VendorErrorDetails>;

  constructor(details: VendorErrorDetails) {
    const { vendor, operation, kind, status, code, call, fields = [], requestId } = details;
    const facts = [
      status !== undefined && `HTTP ${status}`,
      code !== undefined && `code ${code}`,
      fields.length > 0 && `fields ${fields.join(' ')}`,
      requestId !== undefined && `request ${requestId}`,
      status === undefined && call === 'unknown' && 'no answer in time',
      status === undefined && call === 'not-sent' && 'not reachable',
    ].filter(Boolean);
    super(`${vendor} ${kind} at ${operation}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`, {
      cause: details.cause,
    });
    this.details = details;
  }
}

/** Whether a vendor understood and declined. */
export const isRejected = (error: unknown): error is VendorError =>
  error instanceof VendorError && error.details.kind === 'rejected';
