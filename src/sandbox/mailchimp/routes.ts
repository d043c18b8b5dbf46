import { type Answer, type Call, htmlAnswer, type Request } from '../stand-in.js';
import { audienceRoutes } from './audience-routes.js';
import { batchRoutes } from './batch-routes.js';
import { MailchimpError, notAllowed, notFound } from './errors.js';
import type { Context, Route } from './exchange.js';
import { memberRoutes } from './member-routes.js';
import { mergeFieldRoutes } from './merge-field-routes.js';
import { segmentRoutes } from './segment-routes.js';
import { tagRoutes } from './tag-routes.js';

/** The root of every path. */
export const basePath = '/3.0';

const routes: Route[] = [
  ...[...audienceRoutes, ...batchRoutes, ...memberRoutes],
  ...[...tagRoutes, ...segmentRoutes, ...mergeFieldRoutes],
];

/** Answers one request as MailChimp: the edge first, then the key, the route, and only then the rules. */
export function answerMailchimp(context: Context, request: Request, call: Call): Answer {
  try {
    return routed(context, request, call);
  } catch (error) {
    if (!(error instanceof MailchimpError)) throw error;
    return error.answer();
  }
}

function routed(context: Context, request: Request, call: Call): Answer {
  const path = request.path.startsWith(`${basePath}/`) ? request.path.slice(basePath.length) : '';
  const known = routes.filter(([, pattern]) => pattern.test(path));
  const route = known.find(([method]) => method === request.method);
  call.operation = route?.[2] ?? 'unknown';
  if (context.faults.edgeForbidden) return htmlAnswer(403, 'Forbidden');
  const account = context.credentials.accountOf(request.headers, context.faults.unauthorized);
  if (!route && known.length === 0) throw notFound();
  if (!route) throw notAllowed('The requested method cannot be used here.', known.map(([method]) => method).join(', '));
  call.body = parse(request.body);
  const params = (route[1].exec(path) ?? []).slice(1).map(decode);
  return route[3]({ ...context, account, request, call, query: request.query, params });
}

function parse(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw new MailchimpError(400, 'JSONParseError', 'We encountered an unspecified JSON parsing error.');
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notFound();
  }
}
