import type { Faults } from '../faults.js';
import type { Answer, Call, Request } from '../stand-in.js';
import { Refusal } from './errors.js';
import type { CampaignMonitorState, SandboxList, Subscriber } from './state.js';
import { isAddress } from './write.js';

/** What the routes need besides the request. */
export interface Context {
  state: CampaignMonitorState;
  faults: Faults;
  clientId: string;
  clientName: string;
  keyStyle: 'plain' | 'bracketed' | 'name';
  unsubscribedCode: 204 | 206;
  /** Stores a single add later, as the vendor's queue does. */
  later(work: () => void): void;
}

/** One request on its way through a route. */
export interface Exchange extends Context {
  request: Request;
  call: Call;
  query: URLSearchParams;
  /** The parts of the path that the route's pattern captured. */
  params: string[];
}

/** A method, a pattern below the base path without `.json`, a name for the call log, and what answers. */
export type Route = [method: string, pattern: RegExp, operation: string, answer: (exchange: Exchange) => Answer];

/** The list a path names, or code 101. */
export function listNamed(exchange: Exchange): SandboxList {
  const list = exchange.faults.gone ? undefined : exchange.state.lists.get(exchange.params[0] ?? '');
  if (!list) throw new Refusal(101);
  return list;
}

/** The subscriber that `?email=` names, or code 203; the address goes to the call log. */
export function subscriberNamed(
  exchange: Exchange,
  list: SandboxList,
  email = exchange.query.get('email'),
): Subscriber {
  const address = (email ?? '').toLowerCase();
  exchange.call.addresses.push(address);
  if (!isAddress(address)) throw new Refusal(1);
  const subscriber = list.subscribers.get(address);
  if (!subscriber) throw new Refusal(203);
  return subscriber;
}
