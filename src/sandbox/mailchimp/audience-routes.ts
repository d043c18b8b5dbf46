import type { Answer } from '../stand-in.js';
import { jsonAnswer } from './errors.js';
import { audienceNamed, type Exchange, type Route } from './exchange.js';
import { pageOf } from './pages.js';
import { selected } from './select.js';
import { audienceShape, selfLink } from './shapes.js';

/** The account's health and its audiences. */
export const audienceRoutes: Route[] = [
  ['GET', /^\/ping$/, 'ping', ping],
  ['GET', /^\/lists$/, 'lists.list', listAudiences],
  ['GET', /^\/lists\/([^/]+)$/, 'lists.get', getAudience],
];

function ping({ query }: Exchange): Answer {
  return jsonAnswer(200, selected({ health_status: "Everything's Chimpy!" }, query));
}

function listAudiences({ account, query, url }: Exchange): Answer {
  const email = query.get('email');
  const all = account.audiences.filter((audience) => !email || audience.at(email));
  const lists = pageOf(all, query).map((audience) => audienceShape(audience, url()));
  return jsonAnswer(200, selected({ lists, total_items: all.length, _links: selfLink(`${url()}/lists`) }, query));
}

function getAudience(exchange: Exchange): Answer {
  return jsonAnswer(200, selected(audienceShape(audienceNamed(exchange), exchange.url()), exchange.query));
}
