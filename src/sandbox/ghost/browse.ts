import { badFilter, invalid } from './errors.js';
import { compileFilter, type FieldReader } from './nql.js';
import { newslettersOf } from './shapes.js';
import type { GhostStore, MemberRow } from './store.js';

const defaultLimit = 15;
const largestLimit = 100;

/** A page of rows and Ghost's `meta.pagination`. */
export interface Page<Row> {
  rows: readonly Row[];
  pagination: { page: number; limit: number; pages: number; total: number; next: number | null; prev: number | null };
}

/** Cuts the page that `limit` and `page` ask for: 15 by default, silently 100 at most, counting on past the end. */
export function pageOf<Row>(rows: readonly Row[], query: URLSearchParams): Page<Row> {
  const limit = limitOf(query.get('limit'));
  const page = Math.max(1, Number.parseInt(query.get('page') ?? '1', 10) || 1);
  const total = rows.length;
  const pages = Math.max(1, Math.ceil(total / limit));
  const [next, prev] = [page === pages ? null : page + 1, page === 1 ? null : page - 1];
  return { rows: rows.slice((page - 1) * limit, page * limit), pagination: { page, limit, pages, total, next, prev } };
}

/** The members that a filter takes, in the order asked for. */
export function membersOf(store: GhostStore, query: URLSearchParams): readonly MemberRow[] {
  const order = orderOf(query.get('order'));
  if (query.get('filter')) return sorted(filtered(store, query.get('filter')), order);
  const name = order.map(({ key, sign }) => `${key} ${sign}`).join();
  let known = orders.get(store);
  if (known?.version !== store.version) {
    known = { version: store.version, byName: new Map() };
    orders.set(store, known);
  }
  const rows = known.byName.get(name) ?? sorted(store.rows, order);
  known.byName.set(name, rows);
  return rows;
}

/** Orders of all members, good until the next change: a walk by pages sorts once. */
const orders = new WeakMap<GhostStore, { version: number; byName: Map<string, readonly MemberRow[]> }>();

function sorted(rows: readonly MemberRow[], order: Order): readonly MemberRow[] {
  if (order.length === 1 && order[0]?.key === 'id' && order[0].sign === 1) return rows.slice();
  return order.reduceRight((result, { key, sign }) => {
    const keyed = result.map((row) => ({ row, value: row[key] ?? '' }));
    keyed.sort((a, b) => (a.value === b.value ? 0 : a.value < b.value ? -sign : sign));
    return keyed.map(({ row }) => row);
  }, rows.slice());
}

function filtered(store: GhostStore, text: string | null): readonly MemberRow[] {
  if (!text) return store.rows;
  const filter = compileFilter(text, fieldsOf(store));
  const rows = filter.idAbove ? store.rows.slice(store.indexAbove(filter.idAbove)) : store.rows;
  return filter.rest ? rows.filter(filter.rest) : rows;
}

function fieldsOf(store: GhostStore): Record<string, FieldReader<MemberRow>> {
  const labels: FieldReader<MemberRow> = (row) => row.labels.flatMap((id) => store.labels.get(id)?.slug ?? []);
  const tiers: FieldReader<MemberRow> = (row) => row.tiers.flatMap((id) => store.tiers.get(id)?.slug ?? []);
  return {
    id: (row) => row.id,
    uuid: (row) => row.uuid,
    email: (row) => row.email,
    name: (row) => row.name,
    note: (row) => row.note,
    status: (row) => row.status,
    created_at: (row) => sqlTime(row.created_at),
    updated_at: (row) => sqlTime(row.updated_at),
    last_seen_at: (row) => row.last_seen_at && sqlTime(row.last_seen_at),
    subscribed: (row) => String(newslettersOf(store, row).length > 0),
    label: labels,
    labels,
    newsletters: (row) => row.newsletters.flatMap((id) => store.newsletters.get(id)?.slug ?? []),
    'newsletters.id': (row) => row.newsletters,
    tier: tiers,
    tiers,
  };
}

/** Times are compared as text in this form, as on SQLite; a filter with an ISO text gets wrong rows and no error. */
function sqlTime(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

type OrderKey = 'id' | 'email' | 'name' | 'status' | 'created_at' | 'updated_at' | 'last_seen_at';
const orderKeys: OrderKey[] = ['id', 'email', 'name', 'status', 'created_at', 'updated_at', 'last_seen_at'];
type Order = { key: OrderKey; sign: 1 | -1 }[];
const newestFirst: Order = [
  { key: 'created_at', sign: -1 },
  { key: 'id', sign: -1 },
];

function orderOf(text: string | null): Order {
  const asked = (text ?? '').split(',').flatMap((part) => {
    const [name, direction] = part.trim().split(/\s+/);
    const key = orderKeys.find((known) => known === name);
    return key ? [{ key, sign: direction?.toLowerCase() === 'desc' ? (-1 as const) : (1 as const) }] : [];
  });
  return asked.length > 0 ? asked : newestFirst;
}

function limitOf(text: string | null): number {
  if (text === null) return defaultLimit;
  if (/^-\d+$/.test(text)) throw invalid('Validation (matches) failed for limit');
  const limit = /^\d+$/.test(text) ? Number(text) : largestLimit;
  return Math.min(limit || defaultLimit, largestLimit);
}

/** Refuses a bulk call without a filter. */
export function requireFilter(query: URLSearchParams): void {
  if (!query.get('filter') && query.get('all') !== 'true') throw badFilter('a bulk call needs a filter');
}
