import type { Answer, Call, Request } from '../stand-in.js';
import { asXml, Refusal } from './errors.js';
import type { Context, Route } from './exchange.js';
import { fieldRoutes } from './field-routes.js';
import { readRoutes } from './read-routes.js';
import { writeRoutes } from './write-routes.js';

/** The root of every path. */
export const basePath = '/api/v3.3';

const routes: Route[] = [...writeRoutes, ...readRoutes, ...fieldRoutes];

/** Answers one request as Campaign Monitor: the key first, then the route, then the rules. */
export function answerCampaignMonitor(context: Context, request: Request, call: Call): Answer {
  const wantsJson = request.path.endsWith('.json') || (request.headers.accept ?? '').includes('application/json');
  let answer: Answer;
  try {
    answer = routed(context, request, call);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer = error.answer();
  }
  return wantsJson ? answer : asXml(answer);
}

function routed(context: Context, request: Request, call: Call): Answer {
  const path = request.path.startsWith(`${basePath}/`)
    ? request.path.slice(basePath.length).replace(/\.json$/, '')
    : '';
  const route = routes.find(([method, pattern]) => method === request.method && pattern.test(path));
  call.operation = route?.[2] ?? 'unknown';
  authenticate(context, request);
  if (!route) throw new Refusal(404);
  call.body = parse(request.body);
  const params = (route[1].exec(path) ?? []).slice(1).map((part) => decode(part));
  return route[3]({ ...context, request, call, query: request.query, params });
}

function authenticate({ state, faults }: Context, request: Request): void {
  const [scheme, credential] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer') throw new Refusal(120);
  const key =
    Buffer.from(credential ?? '', 'base64')
      .toString('utf8')
      .split(':')[0] ?? '';
  if (scheme?.toLowerCase() !== 'basic' || faults.unauthorized || !state.accepts(key)) throw new Refusal(100);
}

function parse(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    throw new Refusal(400);
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal(404);
  }
}
