import type { Answer } from '../stand-in.js';
import type { AudienceState } from './audience.js';
import { bodies, bodyOf, type MemberBody } from './bodies.js';
import { jsonAnswer, notAllowed } from './errors.js';
import { audienceNamed, type Exchange, mannerOf, memberNamed, type Route } from './exchange.js';
import type { SandboxMember } from './member.js';
import { membersAsked, pageOf } from './pages.js';
import { selected } from './select.js';
import { memberShape, selfLink } from './shapes.js';
import { postMember, record, updateMember, upsertMember } from './write.js';

const one = /^\/lists\/([^/]+)\/members\/([^/]+)$/;

/** Members one by one, and pages of them. */
export const memberRoutes: Route[] = [
  ['GET', /^\/lists\/([^/]+)\/members$/, 'members.list', listMembers],
  ['POST', /^\/lists\/([^/]+)\/members$/, 'members.post', post],
  ['GET', one, 'members.get', get],
  ['PUT', one, 'members.put', put],
  ['PATCH', one, 'members.patch', patch],
  ['DELETE', one, 'members.archive', archive],
  ['POST', /^\/lists\/([^/]+)\/members\/([^/]+)\/actions\/delete-permanent$/, 'members.forget', forget],
];

function listMembers(exchange: Exchange): Answer {
  const { query, url } = exchange;
  const audience = audienceNamed(exchange);
  const asked = membersAsked(audience, query);
  const members = pageOf(asked, query).map((member) => memberShape(audience, member, url()));
  const _links = selfLink(`${url()}/lists/${audience.id}/members`);
  return jsonAnswer(200, selected({ members, list_id: audience.id, total_items: asked.length, _links }, query));
}

function get(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  return shown(exchange, audience, memberNamed(exchange, audience));
}

function post(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const body = noted(exchange, bodyOf(bodies.memberCreate, exchange.call.body));
  return shown(exchange, audience, postMember(audience, body, mannerOf(exchange)));
}

function put(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const body = noted(exchange, bodyOf(bodies.memberUpsert, exchange.call.body));
  const key = exchange.params[1] ?? '';
  const hash = key.includes('@') ? memberNamed(exchange, audience).hash : key.toLowerCase();
  return shown(exchange, audience, upsertMember(audience, hash, body, mannerOf(exchange)));
}

function patch(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const member = memberNamed(exchange, audience);
  const body = noted(exchange, bodyOf(bodies.memberPatch, exchange.call.body));
  return shown(exchange, audience, updateMember(audience, member, body, mannerOf(exchange)));
}

function archive(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const member = memberNamed(exchange, audience);
  const stays = member.status === 'archived' || member.status === 'cleaned' || member.status === 'pending';
  if (stays) throw notAllowed('This list member cannot be removed.', 'GET, PUT, PATCH');
  audience.setStatus(member, 'archived', { by: 'api', via: exchange.call.operation });
  record(audience, member, mannerOf(exchange), new Map(), { changed: true });
  return jsonAnswer(204);
}

function forget(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const member = memberNamed(exchange, audience);
  audience.forget(member, { by: 'api', via: exchange.call.operation });
  record(audience, member, mannerOf(exchange), new Map(), { changed: true });
  return jsonAnswer(204);
}

function shown({ query, url }: Exchange, audience: AudienceState, member: SandboxMember): Answer {
  return jsonAnswer(200, selected(memberShape(audience, member, url()), query));
}

/** The same body, its address in the call log. */
function noted<Body extends MemberBody>({ call }: Exchange, body: Body): Body {
  if (body.email_address) call.addresses.push(body.email_address.trim().toLowerCase());
  return body;
}
