import type { ErrorRequestHandler, Response } from 'express';
import type { Logger } from '../observe/log.js';

/** Every error's shape. */
export function sendError(response: Response, status: number, code: string, message: string): void {
  response.status(status).json({ error: { code, message } });
}

const bodyErrors: Record<string, [number, string, string]> = {
  'entity.too.large': [413, 'too-large', 'The body may have 1 MiB at most.'],
  'encoding.unsupported': [
    415,
    'unsupported-encoding',
    'Send the body without a content encoding, or gzip, deflate or br.',
  ],
  'request.aborted': [400, 'aborted', 'The request ended before its body.'],
  'request.size.invalid': [400, 'malformed', 'The body does not have the length it says.'],
};

const isClientError = (status: unknown): boolean => Number(status) >= 400 && Number(status) < 500;

/** What Express and its body reader throw. */
export const errorHandler =
  (log: Logger): ErrorRequestHandler =>
  (error, _request, response, _next) => {
    const type = typeof error?.type === 'string' ? error.type : '';
    const [status, code, message] =
      bodyErrors[type] ??
      (isClientError(error?.status)
        ? [error.status, 'malformed', 'The request cannot be read.']
        : [500, 'failed', 'The request failed.']);
    log[status >= 500 ? 'error' : 'warn']({ err: error, status, reason: type }, 'request failed');
    if (!response.headersSent) sendError(response, status, code, message);
  };
