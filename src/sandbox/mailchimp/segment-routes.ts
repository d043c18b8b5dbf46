import type { Answer } from '../stand-in.js';
import type { AudienceState } from './audience.js';
import { mostItems, tooMany } from './batch-routes.js';
import { bodies, bodyOf } from './bodies.js';
import { invalid, jsonAnswer, notFound } from './errors.js';
import { audienceNamed, type Exchange, type Route } from './exchange.js';
import type { SandboxMember } from './member.js';
import { pageOf } from './pages.js';
import { selected } from './select.js';
import { segmentMemberShape, segmentShape, selfLink } from './shapes.js';
import type { SandboxTag } from './tags.js';
import { record } from './write.js';

const all = /^\/lists\/([^/]+)\/segments$/;
const one = /^\/lists\/([^/]+)\/segments\/([^/]+)$/;

/** Tags as segments: whole tags, and many people into and out of one. */
export const segmentRoutes: Route[] = [
  ['GET', all, 'segments.list', listSegments],
  ['POST', all, 'segments.create', createSegment],
  ['GET', one, 'segments.get', getSegment],
  ['POST', one, 'segments.members', changeSegment],
  ['DELETE', one, 'segments.delete', deleteSegment],
  ['GET', /^\/lists\/([^/]+)\/segments\/([^/]+)\/members$/, 'segments.members.list', listHolders],
];

function listSegments(exchange: Exchange): Answer {
  const { query, url } = exchange;
  const audience = audienceNamed(exchange);
  const type = query.get('type');
  const tags = [...audience.tags.byId.values()].filter(({ kind }) => !type || kind === type);
  const segments = pageOf(tags, query).map((tag) => segmentShape(audience, tag, url()));
  const _links = selfLink(`${url()}/lists/${audience.id}/segments`);
  return jsonAnswer(200, selected({ segments, list_id: audience.id, total_items: tags.length, _links }, query));
}

function createSegment(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const { name, static_segment, options } = bodyOf(bodies.segmentCreate, exchange.call.body);
  if (!static_segment === !options) throw invalid('Must provide either an "options" field or a "static_segment" field');
  const emails = noted(exchange, static_segment ?? []);
  const { takeId, changed } = audience.surroundings;
  const tag = audience.tags.add(takeId(), name, audience.second(), options ? 'saved' : 'static');
  for (const email of emails) {
    const member = present(audience, email);
    if (member) set(exchange, audience, member, tag, true);
  }
  changed();
  return jsonAnswer(200, segmentShape(audience, tag, exchange.url()));
}

function getSegment(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const segment = segmentShape(audience, tagNamed(exchange, audience), exchange.url());
  return jsonAnswer(200, selected(segment, exchange.query));
}

function changeSegment(exchange: Exchange): Answer {
  const { call, query, url, quirks } = exchange;
  const audience = audienceNamed(exchange);
  const tag = tagNamed(exchange, audience);
  const body = bodyOf(bodies.segmentMembers, call.body);
  if (tag.kind !== 'static') throw invalid('People can be put into static segments only.');
  const adding = noted(exchange, body.members_to_add ?? []);
  const removing = noted(exchange, body.members_to_remove ?? []);
  const strangers: string[] = [];
  const refused: string[] = [];
  const apply = (emails: string[], isHeld: boolean) => {
    const done: object[] = [];
    for (const email of emails) {
      const member = present(audience, email);
      if (!member) strangers.push(email);
      else if (quirks.segmentsNeedSubscribed && member.status !== 'subscribed') refused.push(email);
      else {
        set(exchange, audience, member, tag, isHeld);
        done.push(segmentMemberShape(audience, member));
      }
    }
    return done;
  };
  const [members_added, members_removed] = [apply(adding, true), apply(removing, false)];
  const errors = [
    ...(strangers.length > 0 && quirks.segmentStrangers === 'reported'
      ? [{ email_addresses: strangers, error: 'Email addresses do not exist in this audience.' }]
      : []),
    ...(refused.length > 0 ? [{ email_addresses: refused, error: 'Email addresses are not subscribed.' }] : []),
  ];
  const counts = { total_added: members_added.length, total_removed: members_removed.length };
  const error_count = errors.reduce((sum, { email_addresses }) => sum + email_addresses.length, 0);
  const _links = selfLink(`${url()}/lists/${audience.id}/segments/${tag.id}`);
  return jsonAnswer(200, selected({ members_added, members_removed, errors, ...counts, error_count, _links }, query));
}

function deleteSegment(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  audience.removeTag(tagNamed(exchange, audience));
  return jsonAnswer(204);
}

function listHolders(exchange: Exchange): Answer {
  const { query, url } = exchange;
  const audience = audienceNamed(exchange);
  const tag = tagNamed(exchange, audience);
  const holders = [...audience.byHash.values()].filter(
    ({ status, tags }) => status !== 'archived' && tags.some((held) => held.tag === tag),
  );
  const members = pageOf(holders, query).map((member) => segmentMemberShape(audience, member));
  const _links = selfLink(`${url()}/lists/${audience.id}/segments/${tag.id}/members`);
  return jsonAnswer(200, selected({ members, total_items: holders.length, _links }, query));
}

function tagNamed({ params }: Exchange, audience: AudienceState): SandboxTag {
  const tag = audience.tags.byId.get(Number(params[1]));
  if (!tag) throw notFound();
  return tag;
}

/** Whoever segment calls can reach: not the archived. */
function present(audience: AudienceState, email: string): SandboxMember | undefined {
  const member = audience.at(email);
  return member?.status === 'archived' ? undefined : member;
}

function set(
  { call }: Exchange,
  audience: AudienceState,
  member: SandboxMember,
  tag: SandboxTag,
  isHeld: boolean,
): void {
  const changed = audience.setTag(member, tag, isHeld, call.operation);
  const effect = changed ? { [isHeld ? 'tagsAdded' : 'tagsRemoved']: [tag.name] } : {};
  record(audience, member, { via: call.operation }, new Map(), { ...effect, changed });
}

/** The addresses of a call, 500 at most, in the call log. */
function noted({ call }: Exchange, emails: string[]): string[] {
  if (emails.length > mostItems) throw tooMany();
  for (const email of emails) call.addresses.push(email.trim().toLowerCase());
  return emails;
}
