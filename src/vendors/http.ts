import { Agent, fetch, type Response } from 'undici';
import { VendorError, type VendorErrorDetails } from './errors.js';
import { keepLongNumbers, parseStorable } from './storable-json.js';

/** Told of every request, for metrics. `status` is the HTTP status, or `error` when no answer came. */
export type RequestObserver = (request: { vendor: string; operation: string; status: string; seconds: number }) => void;

/** What every vendor client is made with. */
export interface HttpOptions {
  timeoutMs: number;
  observe?: RequestObserver | undefined;
  /** Waits for the credential's limits; gives what releases its connection. */
  admit?: (() => Promise<() => Promise<void>>) | undefined;
}

/** One request. */
export interface HttpRequest {
  operation: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** An answer with its parsed body. */
export interface HttpAnswer {
  status: number;
  headers: Response['headers'];
  /** Undefined where the body is empty. */
  json: unknown;
}

/** What the words of an answer 429 or 5xx add to, or change in, what its status says. */
export type FailureReader = (headers: Response['headers'], text: string) => Partial<VendorErrorDetails>;

// connections are kept; undici's own time-outs must not end a call before ours does
const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 }, keepAliveTimeout: 30_000 });

/** A function that sends requests to one vendor and turns everything but an answer in JSON into a `VendorError`. */
export function createHttp(
  vendor: string,
  { timeoutMs, observe, admit }: HttpOptions,
  readFailure: FailureReader = () => ({}),
) {
  return async ({ operation, method, url, headers, body, signal }: HttpRequest): Promise<HttpAnswer> => {
    const fail = (details: Partial<VendorErrorDetails>): VendorError =>
      new VendorError({ vendor, operation, kind: 'down', call: 'answered', ...details });
    // waiting for the credential's turn counts: nothing leaves later than the time-out after it was asked for
    const deadline = AbortSignal.timeout(timeoutMs);
    const release = await admit?.();
    const begun = performance.now();
    const finish = (status: string): void =>
      observe?.({ vendor, operation, status, seconds: (performance.now() - begun) / 1000 });
    try {
      if (deadline.aborted) throw fail({ call: 'not-sent' });
      const response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
        // a redirect could carry the key to another host
        redirect: 'manual',
        dispatcher: agent,
      });
      const { status } = response;
      const text = await response.text();
      finish(String(status));
      if (status >= 300 && status < 400) throw fail({ status });
      if (status >= 500 || status === 408)
        throw fail({
          status,
          call: mayStillRun(status, method, text) ? 'unknown' : 'answered',
          ...readFailure(response.headers, text),
        });
      if (status === 429)
        throw fail({
          kind: 'rate-limited',
          status,
          retryAfterMs: retryAfterMs(response.headers) ?? retryAfterIn(text),
          ...readFailure(response.headers, text),
        });
      // a page of HTML in place of an answer comes from whatever stands in front of the vendor
      const code = /html/i.test(response.headers.get('content-type') ?? '') ? 'HTML' : 'NOT_JSON';
      return {
        status,
        headers: response.headers,
        json: text === '' ? undefined : parse(text, () => fail({ status, code })),
      };
    } catch (error) {
      if (error instanceof VendorError) throw error;
      finish('error');
      // we gave up, not the vendor
      signal?.throwIfAborted();
      throw fail({ call: wasSent(error) ? 'unknown' : 'not-sent', cause: error });
    } finally {
      await release?.();
    }
  };
}

/** A gateway that gave up says nothing of the call behind it; only the vendor's own words do. */
const mayStillRun = (status: number, method: string, text: string): boolean =>
  status === 504 ||
  status === 408 ||
  (method !== 'GET' && (status === 502 || status === 503) && !text.trimStart().startsWith('{'));

function parse(text: string, failure: () => VendorError): unknown {
  try {
    const exact = keepLongNumbers(text);
    // most answers hold nothing odd, and a reviver costs
    return ODD_ESCAPE.test(exact) ? parseStorable(exact) : JSON.parse(exact);
  } catch {
    throw failure();
  }
}

/** NUL and surrogates are written as escapes in JSON. */
const ODD_ESCAPE = /\\u(0000|d[89a-f])/i;

/** Errors before the request left: the vendor cannot have acted on it. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function wasSent(error: unknown): boolean {
  const { code } = (error as { cause?: { code?: unknown } }).cause ?? {};
  return !NOT_SENT.has(String(code));
}

/** Seconds that the body of a 429 names, where no header does. */
function retryAfterIn(text: string): number | undefined {
  const [, seconds] = /"retry_after"\s*:\s*(\d{1,6})\b/.exec(text) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Beyond this seconds are no pause but a time since 1970. */
const UNIX_SECONDS = 1_000_000_000;

/** `Retry-After` in seconds or as a date, or `X-RateLimit-Reset` in seconds or as a time since 1970. */
function retryAfterMs(headers: Response['headers']): number | undefined {
  const value = headers.get('retry-after') ?? headers.get('x-ratelimit-reset');
  if (value === null) return undefined;
  const seconds = Number(value);
  const isPointInTime = !Number.isFinite(seconds) || seconds > UNIX_SECONDS;
  const at = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value);
  const ms = isPointInTime ? at - Date.now() : seconds * 1000;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 60 * 60 * 1000) : undefined;
}
