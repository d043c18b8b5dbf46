import type { AudienceState } from './audience.js';
import { notValidated } from './errors.js';
import type { MemberStatus, SandboxMember } from './member.js';

const defaultCount = 10;
const largestCount = 1000;

/** The part of a list that `count` (10 unless told, 1000 at most) and `offset` ask for. */
export function pageOf<Row>(rows: readonly Row[], query: URLSearchParams): Row[] {
  const offset = whole(query, 'offset', 0);
  return rows.slice(offset, offset + Math.min(largestCount, whole(query, 'count', defaultCount)));
}

/** The members that a list call asks for, in its order; archived ones only where the call names that status. */
export function membersAsked(audience: AudienceState, query: URLSearchParams): readonly SandboxMember[] {
  const status = oneOf(query, 'status', statuses);
  const field = oneOf(query, 'sort_field', ['last_changed', 'timestamp_opt', 'timestamp_signup'] as const);
  const direction = oneOf(query, 'sort_dir', ['ASC', 'DESC'] as const);
  const since = timeAsked(query, 'since_last_changed');
  const before = timeAsked(query, 'before_last_changed');
  let rows: readonly SandboxMember[] = ordered(audience, status, field ?? 'last_changed');
  if (since !== undefined) rows = rows.filter(({ changedAt }) => changedAt > since);
  if (before !== undefined) rows = rows.filter(({ changedAt }) => changedAt <= before);
  return direction === 'DESC' ? rows.toReversed() : rows;
}

const statuses = ['subscribed', 'unsubscribed', 'cleaned', 'pending', 'transactional', 'archived'] as const;
type SortField = 'last_changed' | 'timestamp_opt' | 'timestamp_signup';

/** Sorted members of an audience; a walk of many pages sorts once, unless the audience changes in between. */
const sorted = new WeakMap<AudienceState, { version: number; orders: Map<string, SandboxMember[]> }>();

function ordered(audience: AudienceState, status: MemberStatus | undefined, field: SortField): SandboxMember[] {
  let cache = sorted.get(audience);
  if (cache?.version !== audience.version) {
    cache = { version: audience.version, orders: new Map() };
    sorted.set(audience, cache);
  }
  const name = `${status} ${field}`;
  const known = cache.orders.get(name);
  if (known) return known;
  const rows: SandboxMember[] = [];
  for (const member of audience.byHash.values()) {
    if (status ? member.status === status : member.status !== 'archived') rows.push(member);
  }
  // members are kept in the order of their last change, so that this sort has little to do
  if (field === 'last_changed') rows.sort((a, b) => a.changedAt - b.changedAt);
  else rows.sort((a, b) => Number(a.details[field] > b.details[field]) - Number(a.details[field] < b.details[field]));
  cache.orders.set(name, rows);
  return rows;
}

/** A time of a query, to the second: UTC as `Z` or an offset with a colon. */
function timeAsked(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  const [, second, offset] = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  const ms = Date.parse(`${second}${offset}`);
  if (Number.isNaN(ms)) throw notValidated([{ field: name, message: 'Please enter a valid ISO 8601 date and time' }]);
  return ms;
}

function whole(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name) ?? String(fallback);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw notValidated([{ field: name, message: 'Schema describes integer, another type found instead' }]);
}

function oneOf<Value extends string>(
  query: URLSearchParams,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  const known = values.find((value) => value === text);
  if (known) return known;
  throw notValidated([{ field: name, message: `Value must be one of: ${values.join(', ')}` }]);
}
