import type { Answer } from '../stand-in.js';
import { bodies, bodyOf } from './bodies.js';
import { jsonAnswer } from './errors.js';
import { audienceNamed, type Exchange, memberNamed, type Route } from './exchange.js';
import { pageOf } from './pages.js';
import { selected } from './select.js';
import { selfLink } from './shapes.js';
import { checkTagNames } from './tags.js';
import { stampOf } from './times.js';
import { record } from './write.js';

const ofMember = /^\/lists\/([^/]+)\/members\/([^/]+)\/tags$/;

/** Tags of one member, and the search for tags. */
export const tagRoutes: Route[] = [
  ['GET', ofMember, 'members.tags.list', listTags],
  ['POST', ofMember, 'members.tags', setTags],
  ['GET', /^\/lists\/([^/]+)\/tag-search$/, 'tags.search', searchTags],
];

function listTags(exchange: Exchange): Answer {
  const { query, url } = exchange;
  const audience = audienceNamed(exchange);
  const member = memberNamed(exchange, audience);
  const tags = pageOf(member.tags, query).map(({ tag, at }) => ({
    id: tag.id,
    name: tag.name,
    date_added: stampOf(at),
  }));
  const _links = selfLink(`${url()}/lists/${audience.id}/members/${member.hash}/tags`);
  return jsonAnswer(200, selected({ tags, total_items: member.tags.length, _links }, query));
}

function setTags(exchange: Exchange): Answer {
  const { call } = exchange;
  const audience = audienceNamed(exchange);
  const member = memberNamed(exchange, audience);
  const body = bodyOf(bodies.memberTags, call.body);
  checkTagNames(body.tags.map(({ name }) => name));
  const [tagsAdded, tagsRemoved]: [string[], string[]] = [[], []];
  for (const { name, status } of body.tags) {
    const isHeld = status === 'active';
    const tag = isHeld ? audience.tagNamed(name) : audience.tags.named(name);
    if (!tag || !audience.setTag(member, tag, isHeld, call.operation, body.is_syncing)) continue;
    (isHeld ? tagsAdded : tagsRemoved).push(tag.name);
  }
  const changed = tagsAdded.length + tagsRemoved.length > 0;
  record(audience, member, { via: call.operation }, new Map(), { tagsAdded, tagsRemoved, changed });
  return jsonAnswer(204);
}

function searchTags(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const prefix = (exchange.query.get('name') ?? '').toLowerCase();
  const found = [...audience.tags.byId.values()].filter(
    ({ kind, name }) => kind === 'static' && name.toLowerCase().startsWith(prefix),
  );
  const tags = found.map(({ id, name }) => ({ id, name }));
  return jsonAnswer(200, selected({ tags, total_items: tags.length }, exchange.query));
}
