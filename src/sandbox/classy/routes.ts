import { type Answer, type Call, htmlAnswer, type Request } from '../stand-in.js';
import type { ClassyBooks } from './books.js';
import type { Row } from './collection.js';
import type { Context } from './context.js';
import { ClassyError, forbidden, jsonAnswer, notFound } from './errors.js';
import { fieldsOf, type Resource } from './fields.js';
import { listAnswer, plainListAnswer } from './lists.js';
import { associationsOf, collectionOf, entityOf } from './resources.js';
import { shapeOf, wantedFields } from './shape.js';

/** The root of every path but the token's. */
export const basePath = '/2.0';
/** Where tokens are handed out. */
export const tokenPath = '/oauth2/auth';

interface Exchange {
  context: Context;
  request: Request;
  /** The application that asks. */
  clientId: string;
  /** The variable parts of the path, in order. */
  params: string[];
}
type Route = [pattern: RegExp, operation: (params: string[]) => string, answer: (exchange: Exchange) => Answer];

const lists = Object.keys(fieldsOf).join('|');
const singles = 'supporters|campaigns|transactions|recurring-donation-plans|designations|fundraising-(?:pages|teams)';
const routes: Route[] = [
  [/^\/apps\/([^/]+)\/organizations$/, () => 'organizations', organizations],
  [new RegExp(`^/organizations/([^/]+)/(${lists})$`), ([, resource]) => `${resource}.list`, list],
  [new RegExp(`^/(${singles})/([^/]+)$`), ([resource]) => `${resource}.read`, read],
  [
    /^\/recurring-donation-plans\/([^/]+)\/(transactions|history)$/,
    ([, what]) => `recurring-donation-plans.${what}`,
    ofPlan,
  ],
  [/^\/campaigns\/([^/]+)\/overview$/, () => 'campaigns.overview', overview],
];

/** Answers one request as Classy: tokens first, then the edge, the token, the limit, and only then the path. */
export function answerClassy(context: Context, request: Request, call: Call): Answer {
  let answer: Answer;
  try {
    answer = request.path === tokenPath ? tokenAnswer(context, request, call) : dataAnswer(context, request, call);
  } catch (error) {
    if (!(error instanceof ClassyError)) throw error;
    answer = error.answer();
  }
  return dated(context, answer);
}

/** The same answer with the `Date` of the stand-in's clock. */
export function dated({ now }: Context, answer: Answer): Answer {
  return { ...answer, headers: { ...answer.headers, date: now().toUTCString() } };
}

function tokenAnswer({ tokens }: Context, request: Request, call: Call): Answer {
  call.operation = 'token';
  if (request.method !== 'POST') throw new ClassyError(405);
  return tokens.issue(request, call);
}

function dataAnswer(context: Context, request: Request, call: Call): Answer {
  const { faults, tokens, limit } = context;
  const path = request.path.startsWith(`${basePath}/`) ? request.path.slice(basePath.length) : '';
  const route = routes.find(([pattern]) => pattern.test(path));
  const params = (route?.[0].exec(path) ?? []).slice(1);
  if (route) call.operation = route[1](params);
  if (faults.edgeForbidden) return edgeAnswer();
  let clientId: string | undefined;
  let answer: Answer;
  try {
    clientId = tokens.clientOf(request.headers.authorization, faults.unauthorized);
    limit.take(clientId, faults.unavailableInsteadOf429);
    if (!route || faults.gone) throw notFound();
    if (request.method !== 'GET') throw new ClassyError(405);
    answer = route[2]({ context, request, clientId, params });
  } catch (error) {
    if (!(error instanceof ClassyError)) throw error;
    answer = error.answer();
  }
  return { ...answer, headers: { ...answer.headers, ...limit.headers(clientId) } };
}

function edgeAnswer(): Answer {
  const answer = htmlAnswer(403, 'Forbidden');
  return { ...answer, headers: { ...answer.headers, server: 'cloudflare', 'cf-ray': '8f2a6c1d0b3e4a55-SEA' } };
}

function organizations({ context, request, clientId, params: [app = ''] }: Exchange): Answer {
  if (decoded(app) !== clientId) throw forbidden('app');
  const own = [...context.books.values()].filter(({ organization }) => organization.clientId === clientId);
  return plainListAnswer(context, request, own.map(organizationRow));
}

function organizationRow({ organization: { id, name, currency = 'USD', timeZone } }: ClassyBooks): Row {
  const created_at = '2015-01-01T08:00:00+0000';
  const zone = timeZone ?? 'America/Los_Angeles';
  const rest = { status: 'active', type: 'nonprofit', timezone_identifier: zone, created_at, updated_at: created_at };
  return { id, name, currency, currency_code: currency, ...rest };
}

function list({ context, request, clientId, params: [organization = '', resource] }: Exchange): Answer {
  const books = context.books.get(numberOf(organization));
  if (!books) throw notFound();
  if (books.organization.clientId !== clientId) throw forbidden(entityOf[resource as Resource]);
  return listAnswer(context, request, books, resource as Resource);
}

function read({ context, request: { query }, clientId, params: [name, id = ''] }: Exchange): Answer {
  const resource = name as Resource;
  const { books, row } = owned(context, clientId, resource, id);
  const along = associationsOf(resource, query.get('with'));
  const fields = wantedFields(resource, query.get('fields'));
  return jsonAnswer(200, shapeOf(books, context.faults, row, { resource, along, fields }));
}

function ofPlan({ context, request, clientId, params: [id = '', what] }: Exchange): Answer {
  const { books } = owned(context, clientId, 'recurring-donation-plans', id);
  const plan = numberOf(id);
  if (what === 'history') {
    return listAnswer(context, request, books, 'recurring-donation-history', { field: 'recurring_id', id: plan });
  }
  return listAnswer(context, request, books, 'transactions', { field: 'recurring_donation_plan_id', id: plan });
}

function overview({ context, clientId, params: [id = ''] }: Exchange): Answer {
  const { books, row } = owned(context, clientId, 'campaigns', id);
  const gifts = books.transactions.list().filter((one) => one['campaign_id'] === row.id && one['status'] === 'success');
  const sum = (field: string) => Math.round(gifts.reduce((all, one) => all + Number(one[field] ?? 0), 0) * 100) / 100;
  const gross = sum('total_gross_amount');
  return jsonAnswer(200, {
    gross_amount: sum('donation_gross_amount'),
    total_gross_amount: gross,
    net_amount: sum('donation_net_amount'),
    fees_amount: sum('fees_amount'),
    percent_to_goal: Math.round((gross / Number(row['goal'])) * 10_000) / 100 || 0,
  });
}

/** The record of an id wherever it is; 404 when nowhere, 403 when with an organization of another application. */
function owned(context: Context, clientId: string, resource: Resource, id: string): { books: ClassyBooks; row: Row } {
  for (const books of context.books.values()) {
    const row = collectionOf(books, resource).get(numberOf(id));
    if (!row) continue;
    if (books.organization.clientId !== clientId) throw forbidden(entityOf[resource]);
    return { books, row };
  }
  throw notFound();
}

function numberOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notFound();
  }
}
