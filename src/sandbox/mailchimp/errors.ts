import { randomUUID } from 'node:crypto';
import type { Answer } from '../stand-in.js';

/** One field of a request that was refused, as it stands in `errors`. */
export interface FieldError {
  field: string;
  message: string;
}

const glossary = 'https://mailchimp.com/developer/marketing/docs/errors/';
const untyped = ['Member Exists', 'Member In Compliance State', 'Forgotten Email Not Subscribed'];

/** Ends a request with a problem of MailChimp's. */
export class MailchimpError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
    readonly headers: Record<string, string> = {},
  ) {
    super(`MailChimp answers ${status} ${title}`);
  }

  answer(): Answer {
    const { status, title, detail, errors } = this;
    const instance = randomUUID();
    const body = {
      ...(!untyped.includes(title) && { type: glossary }),
      ...{ title, status, detail, instance },
      ...(errors.length > 0 && { errors }),
    };
    const headers = { 'content-type': 'application/problem+json; charset=utf-8', 'x-request-id': instance };
    return { status, headers: { ...headers, ...this.headers }, body: JSON.stringify(body) };
  }
}

/** A JSON answer, or an empty one when there is no value. */
export function jsonAnswer(status: number, value?: unknown): Answer {
  const headers = { 'x-request-id': randomUUID() };
  if (value === undefined) return { status, headers };
  return {
    status,
    headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(value),
  };
}

/** 400 of one person or one thing, with the text by which it is told apart. */
export function invalid(detail: string, errors?: FieldError[]): MailchimpError {
  return new MailchimpError(400, 'Invalid Resource', detail, errors);
}

/** 400 of a body that breaks the schema. */
export function notValidated(errors: FieldError[]): MailchimpError {
  return invalid(
    "The resource submitted could not be validated. For field-specific details, see the 'errors' array.",
    errors,
  );
}

export function invalidEmail(): MailchimpError {
  return invalid('Please provide a valid email address.');
}

export function memberExists(email: string): MailchimpError {
  const detail = `${email} is already a list member. Use PUT to insert or update list members.`;
  return new MailchimpError(400, 'Member Exists', detail);
}

export function inCompliance(email: string): MailchimpError {
  const why = 'is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.';
  return new MailchimpError(400, 'Member In Compliance State', `${email} ${why}`);
}

export function forgotten(email: string): MailchimpError {
  const why =
    'was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.';
  return new MailchimpError(400, 'Forgotten Email Not Subscribed', `${email} ${why}`);
}

export function notFound(): MailchimpError {
  return new MailchimpError(404, 'Resource Not Found', 'The requested resource could not be found.');
}

/** 405 of a method that cannot be used here; `allow` names those that can. */
export function notAllowed(detail: string, allow: string): MailchimpError {
  return new MailchimpError(405, 'Method Not Allowed', detail, [], { allow });
}

export function tooManyConnections(limit: number): MailchimpError {
  return new MailchimpError(
    429,
    'TooManyRequests',
    `You have exceeded the limit of ${limit} simultaneous connections.`,
  );
}

/** What the fault `failEvery` answers. */
export function failureAnswer(status: 429 | 500 | 503, limit: number): Answer {
  if (status === 429) return tooManyConnections(limit).answer();
  const title = status === 500 ? 'InternalServerError' : 'Service Unavailable';
  return new MailchimpError(status, title, 'An unexpected internal error has occurred.').answer();
}
