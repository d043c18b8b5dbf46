import type { Faults } from '../faults.js';
import type { Answer, Call, Request } from '../stand-in.js';
import type { AudienceState } from './audience.js';
import type { Credentials } from './credentials.js';
import { notFound } from './errors.js';
import type { SandboxMember } from './member.js';
import type { Quirks } from './quirks.js';
import { type Manner, memberOf } from './write.js';

/** An account: the audiences that its keys open. */
export interface Account {
  audiences: AudienceState[];
}

/** What the routes need besides the request. */
export interface Context {
  credentials: Credentials<Account>;
  faults: Faults;
  quirks: Quirks;
  url(): string;
}

/** One request on its way through a route. */
export interface Exchange extends Context {
  account: Account;
  request: Request;
  call: Call;
  query: URLSearchParams;
  /** The parts of the path that the route's pattern captured. */
  params: string[];
}

/** A method, a pattern below the base path, a name for the call log, and what answers. */
export type Route = [method: string, pattern: RegExp, operation: string, answer: (exchange: Exchange) => Answer];

/** The audience a path names; 404 when the account has none of that id. */
export function audienceNamed({ account, faults, params }: Exchange): AudienceState {
  const audience = faults.gone ? undefined : account.audiences.find(({ id }) => id === params[0]);
  if (!audience) throw notFound();
  return audience;
}

/** The member a path names; the address goes to the call log. */
export function memberNamed({ params, call }: Exchange, audience: AudienceState): SandboxMember {
  const member = memberOf(audience, params[1] ?? '');
  call.addresses.push(member.email.toLowerCase());
  return member;
}

/** How a write of this request is done. */
export function mannerOf({ call, quirks, faults, query }: Exchange): Manner {
  return {
    ...{ via: call.operation, quirks, tagsOfExisting: 'ignored' },
    refused: new Set(faults.refuseAddresses.map((address) => address.toLowerCase())),
    skipMergeValidation: query.get('skip_merge_validation') === 'true',
  };
}
