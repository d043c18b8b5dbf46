import type { Faults } from '../faults.js';
import { type Answer, type Call, htmlAnswer, type Request } from '../stand-in.js';
import { membersOf, pageOf, requireFilter } from './browse.js';
import { GhostError, invalid, jsonAnswer, notFound } from './errors.js';
import { checkToken } from './jwt.js';
import type { MemberInput } from './member-input.js';
import type { GhostMembers } from './members.js';
import { browseShape, type MemberJson } from './shapes.js';
import type { GhostStore, MemberRow } from './store.js';
import type { GhostVersion, Traits } from './version.js';
import type { GhostWebhooks } from './webhooks.js';

/** What the Admin API needs besides the request. */
export interface Context {
  store: GhostStore;
  members: GhostMembers;
  webhooks: GhostWebhooks;
  faults: Faults;
  traits: Traits;
  version: GhostVersion;
  adminApiKey: string;
  keyIsKnown(): boolean;
  siteUrl(): string;
}

type Handler = (context: Context, request: Request, call: Call, id: string) => Answer;
type Route = [method: string, pattern: RegExp, operation: string, answer: Handler];

const root = '/ghost/api/admin';
const forbidden = /^\/(users|settings|integrations|invites|roles|notifications|emails|db|config|authentication)\//;

const routes: Route[] = [
  ['GET', /^\/members\/$/, 'members.browse', browseMembers],
  ['POST', /^\/members\/$/, 'members.add', addMember],
  ['PUT', /^\/members\/bulk\/$/, 'members.bulk-edit', bulkEdit],
  ['DELETE', /^\/members\/$/, 'members.bulk-delete', bulkDelete],
  ['GET', /^\/members\/([^/]+)\/$/, 'members.read', readMember],
  ['PUT', /^\/members\/([^/]+)\/$/, 'members.edit', editMember],
  ['DELETE', /^\/members\/([^/]+)\/$/, 'members.delete', deleteMember],
  [
    'GET',
    /^\/labels\/$/,
    'labels.browse',
    ({ store }, request) => paged('labels', [...store.labels.values()], request),
  ],
  ['POST', /^\/labels\/$/, 'labels.add', addLabel],
  ['GET', /^\/newsletters\/$/, 'newsletters.browse', browseNewsletters],
  ['GET', /^\/tiers\/$/, 'tiers.browse', ({ store }, request) => paged('tiers', [...store.tiers.values()], request)],
  ['POST', /^\/webhooks\/$/, 'webhooks.add', addWebhook],
  ['PUT', /^\/webhooks\/([^/]+)\/$/, 'webhooks.edit', editWebhook],
  ['DELETE', /^\/webhooks\/([^/]+)\/$/, 'webhooks.delete', deleteWebhook],
];

/** Answers one request as Ghost's Admin API. */
export function answerGhost(context: Context, request: Request, call: Call): Answer {
  if (context.faults.gone || !request.path.startsWith(`${root}/`)) return htmlAnswer(404, 'Not Found');
  let answer: Answer;
  try {
    answer = routed(context, request, call);
  } catch (error) {
    if (!(error instanceof GhostError)) throw error;
    answer = error.answer();
  }
  return { ...answer, headers: { ...answer.headers, 'content-version': context.traits.contentVersion } };
}

function routed(context: Context, request: Request, call: Call): Answer {
  const path = request.path.slice(root.length);
  if (request.method === 'GET' && !path.endsWith('/')) {
    const search = request.query.size > 0 ? `?${call.path.split('?')[1]}` : '';
    return { status: 301, headers: { location: `${request.path}/${search}` } };
  }
  if (path === '/site/' && request.method === 'GET') return site(context, call);
  const route = routes.find(([method, pattern]) => method === request.method && pattern.test(path));
  if (!route && !forbidden.test(path)) {
    const message = 'Request could not be served, the endpoint was not found.';
    throw new GhostError(406, 'RequestNotAcceptableError', message, { code: 'UPDATE_CLIENT' });
  }
  call.operation = route?.[2] ?? 'forbidden';
  checkToken(request.headers.authorization, context.adminApiKey, context.keyIsKnown());
  if (!route) {
    throw new GhostError(403, 'NoPermissionError', 'API tokens do not have permission to access this endpoint');
  }
  call.body = request.body === '' ? undefined : parse(request.body);
  return route[3](context, request, call, route[1].exec(path)?.[1] ?? '');
}

function site({ store, version, siteUrl }: Context, call: Call): Answer {
  call.operation = 'site.read';
  const { title } = store;
  const rest = { description: '', logo: null, icon: null, accent_color: '#FF1A75', locale: 'en' };
  return jsonAnswer(200, { site: { title, ...rest, url: `${siteUrl()}/`, version, allow_external_signup: true } });
}

function browseMembers(context: Context, { query }: Request): Answer {
  const { rows, pagination } = pageOf(membersOf(context.store, query), query);
  const tiers = (query.get('include') ?? '').split(',').includes('tiers');
  const fields = query.get('fields')?.split(',');
  const members = rows.map((row) => {
    const member = render(context, row, { tiers, attribution: false });
    return fields ? Object.fromEntries(Object.entries(member).filter(([key]) => fields.includes(key))) : member;
  });
  return jsonAnswer(200, { members, meta: { pagination } });
}

function readMember(context: Context, _request: Request, call: Call, id: string): Answer {
  const row = memberNamed(context, call, id, 'read');
  return jsonAnswer(200, { members: [render(context, row, { tiers: true, attribution: true })] });
}

function addMember(context: Context, _request: Request, call: Call): Answer {
  const { email, name, note, labels, newsletters, tiers, subscribed } = rootKey(call, 'members') as MemberInput;
  if (email) call.addresses.push(String(email).toLowerCase());
  const input = defined({ email, name, note, labels, newsletters, tiers, subscribed });
  return jsonAnswer(201, { members: [context.members.add(input)] });
}

function editMember(context: Context, _request: Request, call: Call, id: string): Answer {
  const row = memberNamed(context, call, id, 'edit');
  const { email, name, note, labels, newsletters, tiers, subscribed } = rootKey(call, 'members') as MemberInput;
  const patch = defined({ email, name, note, labels, newsletters, tiers, subscribed });
  return jsonAnswer(200, { members: [context.members.edit(row.id, patch)] });
}

function deleteMember(context: Context, _request: Request, call: Call, id: string): Answer {
  context.members.remove(memberNamed(context, call, id, 'delete').id);
  return { status: 204 };
}

function bulkEdit({ store, members }: Context, { query }: Request, call: Call): Answer {
  requireFilter(query);
  const { bulk } = (call.body ?? {}) as { bulk?: { action?: string; meta?: { label?: { id?: string } } } };
  const ids = membersOf(store, query).map(({ id }) => id);
  const label = store.labels.get(bulk?.meta?.label?.id ?? '');
  if (bulk?.action === 'addLabel' && label) members.bulkAddLabel(ids, label.name);
  else if (bulk?.action === 'removeLabel' && label) members.bulkRemoveLabel(ids, label.name);
  else if (bulk?.action === 'unsubscribe') members.bulkUnsubscribe(ids);
  else throw invalid('Validation error, cannot edit members.');
  return jsonAnswer(200, { bulk: { meta: bulkMeta(ids.length) } });
}

function bulkDelete({ store, members }: Context, { query }: Request): Answer {
  requireFilter(query);
  const ids = membersOf(store, query).map(({ id }) => id);
  members.bulkDelete(ids);
  return jsonAnswer(200, { meta: bulkMeta(ids.length) });
}

function bulkMeta(successful: number) {
  return { stats: { successful, unsuccessful: 0 }, errors: [], unsuccessfulData: [] };
}

function addLabel({ store }: Context, _request: Request, call: Call): Answer {
  return jsonAnswer(201, { labels: [store.labelNamed(String(rootKey(call, 'labels')['name'] ?? ''))] });
}

function browseNewsletters({ store }: Context, request: Request): Answer {
  return paged('newsletters', [...store.newsletters.values()], request);
}

function addWebhook({ webhooks }: Context, _request: Request, call: Call): Answer {
  const { event, target_url, secret, name } = rootKey(call, 'webhooks') as Record<string, string | undefined>;
  if (!event || !target_url)
    throw invalid('Validation error, cannot save webhook.', 'event and target_url are required');
  return jsonAnswer(201, { webhooks: [webhooks.add({ event, targetUrl: target_url, secret, name })] });
}

function editWebhook({ webhooks }: Context, _request: Request, call: Call, id: string): Answer {
  const webhook = webhooks.list.find((one) => one.id === id);
  if (!webhook) throw notFound('edit', 'webhook');
  const { event, target_url, secret, name } = rootKey(call, 'webhooks');
  Object.assign(webhook, defined({ event, target_url, secret, name }));
  return jsonAnswer(200, { webhooks: [webhook] });
}

function deleteWebhook({ webhooks }: Context, _request: Request, _call: Call, id: string): Answer {
  if (!webhooks.remove(id)) throw notFound('delete', 'webhook');
  return { status: 204 };
}

function paged(name: string, rows: unknown[], { query }: Request): Answer {
  const page = pageOf(rows, query);
  return jsonAnswer(200, { [name]: page.rows, meta: { pagination: page.pagination } });
}

function memberNamed({ store }: Context, call: Call, id: string, verb: string): MemberRow {
  if (!/^[0-9a-f]{24}$/.test(id)) throw invalid('Validation (matches) failed for id');
  const row = store.byId(id);
  if (!row) throw notFound(verb);
  call.addresses.push(row.email.toLowerCase());
  return row;
}

function render(context: Context, row: MemberRow, extra: { tiers: boolean; attribution: boolean }): MemberJson {
  return browseShape(context.store, context.traits, row, context.siteUrl(), extra);
}

/** The first object below the root key, or a 400. */
function rootKey(call: Call, name: string): Record<string, unknown> {
  const list = (call.body as Record<string, unknown> | undefined)?.[name];
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  if (typeof first === 'object' && first !== null) return first as Record<string, unknown>;
  throw new GhostError(400, 'BadRequestError', 'Request not understood error, cannot save.', {
    context: `No root key ('${name}') provided.`,
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new GhostError(400, 'BadRequestError', 'Request not understood error, the body is not JSON.');
  }
}

/** The same object without its undefined keys. */
function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
