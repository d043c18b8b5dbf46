import { randomUUID } from 'node:crypto';
import type { Answer } from '../stand-in.js';

interface Details {
  context?: string;
  code?: string;
  property?: string;
}

/** An error as Ghost's Admin API answers it: one entry, its empty keys kept as null. */
export class GhostError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    readonly details: Details = {},
  ) {
    super(message);
  }

  answer(): Answer {
    const { context = null, code = null, property = null } = this.details;
    const rest = { details: null, property, help: null, code, id: randomUUID(), ghostErrorCode: null };
    return jsonAnswer(this.status, { errors: [{ message: this.message, context, type: this.type, ...rest }] });
  }
}

/** A JSON answer of the Admin API. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(value) };
}

/** 422: a value that Ghost does not take. */
export function invalid(message: string, context?: string, property?: string): GhostError {
  return new GhostError(422, 'ValidationError', message, {
    ...(context && { context }),
    ...(property && { property }),
  });
}

/** 404 of a single resource; `verb` is read, edit or delete. */
export function notFound(verb: string, resource = 'member'): GhostError {
  const name = resource.charAt(0).toUpperCase() + resource.slice(1);
  const message = `Resource not found error, cannot ${verb} ${resource}.`;
  return new GhostError(404, 'NotFoundError', message, { context: `${name} not found.` });
}

/** 400 of a filter that cannot be read or names an unknown field. */
export function badFilter(context: string): GhostError {
  return new GhostError(400, 'BadRequestError', 'Request not understood error, cannot list members.', { context });
}
