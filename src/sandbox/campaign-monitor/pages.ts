import type { ClientClock } from './clock.js';
import { Refusal } from './errors.js';
import type { SandboxList, Subscriber, SubscriberState } from './state.js';

/** Which page of what order a client asks for. */
export interface PageQuery {
  page: number;
  pageSize: number;
  field: 'email' | 'name' | 'date';
  direction: 'asc' | 'desc';
}

/** Reads paging parameters by the vendor's rules: codes 800 to 803 for what it does not know. */
export function pageQuery(query: URLSearchParams, fields: readonly PageQuery['field'][]): PageQuery {
  const page = whole(query.get('page') ?? '1');
  if (page === undefined || page < 1) throw new Refusal(800);
  const pageSize = whole(query.get('pagesize') ?? '1000');
  if (pageSize === undefined || pageSize < 10 || pageSize > 1000) throw new Refusal(801);
  const fallback = fields.includes('date') ? 'date' : fields[0];
  const field = fields.find((known) => known === (query.get('orderfield') ?? fallback)?.toLowerCase());
  if (!field) throw new Refusal(802);
  const direction = (query.get('orderdirection') ?? 'asc').toLowerCase();
  if (direction !== 'asc' && direction !== 'desc') throw new Refusal(803);
  return { page, pageSize, field, direction };
}

/** Cuts a page out of rows that are in order already, in the vendor's envelope. */
export function pageOf<Row>(rows: Row[], asked: PageQuery, render: (row: Row) => unknown): unknown {
  const from = (asked.page - 1) * asked.pageSize;
  const results = rows.slice(from, from + asked.pageSize).map(render);
  return {
    Results: results,
    ResultsOrderedBy: asked.field,
    OrderDirection: asked.direction,
    PageNumber: asked.page,
    PageSize: asked.pageSize,
    RecordsOnThisPage: results.length,
    TotalNumberOfRecords: rows.length,
    NumberOfPages: Math.ceil(rows.length / asked.pageSize),
  };
}

/** The subscribers of one state in order, from the day on which they entered it; an odd day is code 5. */
export function subscribersOf(
  list: SandboxList,
  state: SubscriberState,
  asked: PageQuery,
  day: string | null,
  clock: ClientClock,
): Subscriber[] {
  const all = ordered(list, state, asked);
  if (!day) return all;
  const from = clock.startOf(day);
  if (!from) throw new Refusal(5);
  return all.filter((subscriber) => subscriber.date >= from);
}

/** Sorts anything by one text or time, ties by address. */
export function sortRows<Row>(rows: Row[], key: (row: Row) => string | number, tie: (row: Row) => string): Row[] {
  const keyed = rows.map((row) => ({ row, key: key(row), tie: tie(row) }));
  keyed.sort((a, b) => compare(a.key, b.key) || compare(a.tie, b.tie));
  return keyed.map(({ row }) => row);
}

/** Sorted states of a list; a walk of many pages sorts once, unless the list changes in between. */
const sorted = new WeakMap<SandboxList, { version: number; orders: Map<string, Subscriber[]> }>();

function ordered(list: SandboxList, state: SubscriberState, { field, direction }: PageQuery): Subscriber[] {
  let cache = sorted.get(list);
  if (cache?.version !== list.version) {
    cache = { version: list.version, orders: new Map() };
    sorted.set(list, cache);
  }
  const name = `${state} ${field} ${direction}`;
  const known = cache.orders.get(name);
  if (known) return known;
  const key = {
    email: (subscriber: Subscriber) => subscriber.email.toLowerCase(),
    name: (subscriber: Subscriber) => subscriber.name.toLowerCase(),
    date: (subscriber: Subscriber) => subscriber.date.getTime(),
  }[field];
  const members = [...list.subscribers.values()].filter((subscriber) => subscriber.state === state);
  const rows = sortRows(members, key, (subscriber) => subscriber.email.toLowerCase());
  if (direction === 'desc') rows.reverse();
  cache.orders.set(name, rows);
  return rows;
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function whole(text: string): number | undefined {
  return /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}
