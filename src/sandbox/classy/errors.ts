import type { Answer } from '../stand-in.js';

/** Ends a request with an error of Classy's; without a body the answer is empty. */
export class ClassyError extends Error {
  constructor(
    readonly status: number,
    readonly body?: unknown,
    readonly headers: Record<string, string> = {},
  ) {
    super(`Classy answers ${status}`);
  }

  answer(): Answer {
    const answer = this.body === undefined ? { status: this.status } : jsonAnswer(this.status, this.body);
    return { ...answer, headers: { ...answer.headers, ...this.headers } };
  }
}

/** A JSON answer. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** 400 of a list whose filter, sort, fields, with or page cannot be taken; `what` names the parameter. */
export function invalidParameter(what: string): ClassyError {
  return new ClassyError(400, { error: `Invalid ${what}.` });
}

/** 404 of a record that is gone or never was. */
export function notFound(): ClassyError {
  return new ClassyError(404, { error: 'The resource cannot be found' });
}

/** 403 of what belongs to another organization. */
export function forbidden(entity: string): ClassyError {
  return new ClassyError(403, { error: 'This action is unauthorized.', permissions: [{ action: 'fetch', entity }] });
}

/** 401 of a token that is missing, unknown, void or expired. */
export function unauthorized(kind: 'invalid_token' | 'invalid_request'): ClassyError {
  const why = kind === 'invalid_token' ? 'is invalid or has expired' : 'is missing';
  const description = `The access token ${why}`;
  return new ClassyError(
    401,
    { error: kind, error_description: description },
    { 'www-authenticate': `Bearer realm="service" error="${kind}" error_description="${description}"` },
  );
}

/** 429 of an application that asked too often, or the 503 of before 2026. */
export function tooMany(retryAfter: number, resetAt: number, isUnavailable: boolean): ClassyError {
  if (isUnavailable) return new ClassyError(503, { message: 'Service Unavailable' });
  return new ClassyError(
    429,
    { message: 'Too Many Attempts.', retry_after: retryAfter },
    { 'retry-after': String(retryAfter), 'x-ratelimit-reset': String(resetAt) },
  );
}

/** What the fault `failEvery` answers: an empty 500, a 429 that asks for a second, a 503. */
export function failureAnswer(status: 500 | 429 | 503): Answer {
  if (status === 500) return { status };
  return tooMany(1, Math.ceil(Date.now() / 1000) + 1, status === 503).answer();
}
