import { type Collection, type Entry, firstIndex, type Row } from './collection.js';
import { invalidParameter } from './errors.js';
import type { FieldType } from './fields.js';
import { type Condition, readerOf } from './filter.js';

/** How a list is sorted by one field. */
export interface SortKey {
  field: string;
  type: FieldType;
  isDescending: boolean;
}

/** What a list holds: how many rows, and any stretch of them. */
export interface Selection {
  total: number;
  slice(from: number, to: number): Row[];
}

/** The fields to sort by; an unknown one is a 400. */
export function parseSort(text: string | null, fields: ReadonlyMap<string, FieldType>): SortKey[] {
  if (text === null) return [];
  return text.split(',').map((part) => {
    const [, field = '', direction] = /^([a-z_0-9]+)(?::(asc|desc))?$/.exec(part) ?? [];
    const type = fields.get(field);
    if (!type || type === 'json') throw invalidParameter('sort');
    return { field, type, isDescending: direction === 'desc' };
  });
}

/** The rows that meet all conditions, in the order asked for; without one, in an order that means nothing. */
export function select(collection: Collection, conditions: Condition[], sort: SortKey[]): Selection {
  const [first, second] = sort;
  if (!first) return filtered(collection.inNoOrder, conditions, false);
  if (first.field === 'id') return byId(collection, conditions, first.isDescending);
  if (first.field === 'updated_at' && second?.field === 'id' && second.isDescending === first.isDescending) {
    const { interval, rest } = intervalOf(conditions, 'updated_at');
    return filtered(cut(collection.inTimeOrder, timeKey, interval), rest, first.isDescending);
  }
  return window(sorted(collection.inNoOrder.filter(meetsAll(conditions)), sort), false);
}

/** By id, walking whichever is shorter by far: the stretch of ids, or the stretch of times, which then is sorted. */
function byId(collection: Collection, conditions: Condition[], isDescending: boolean): Selection {
  const { interval: ids, rest: others } = intervalOf(conditions, 'id');
  const { interval: times, rest } = intervalOf(others, 'updated_at');
  const inIdOrder = cut(collection.inIdOrder, idKey, ids);
  if (!times) return filtered(inIdOrder, rest, isDescending);
  const inTimeOrder = cut(collection.inTimeOrder, timeKey, times);
  if (inTimeOrder.length * 8 > inIdOrder.length) {
    return filtered(within(inIdOrder, timeKey, times), rest, isDescending);
  }
  const entries = ids ? within(inTimeOrder, idKey, ids) : inTimeOrder.slice();
  return filtered(
    entries.sort((a, b) => a.id - b.id),
    rest,
    isDescending,
  );
}

function filtered(entries: readonly Entry[], conditions: Condition[], isDescending: boolean): Selection {
  return window(conditions.length === 0 ? entries : entries.filter(meetsAll(conditions)), isDescending);
}

function window(entries: readonly Entry[], isDescending: boolean): Selection {
  const total = entries.length;
  const slice = (from: number, to: number) => {
    const end = Math.min(to, total);
    const stretch = isDescending
      ? entries.slice(Math.max(0, total - end), Math.max(0, total - from)).reverse()
      : entries.slice(from, end);
    return stretch.map(({ row }) => row);
  };
  return { total, slice };
}

/** Whole numbers, both ends included. */
interface Interval {
  from: number;
  to: number;
}
type KeyOf = (entry: Entry) => number;
const idKey: KeyOf = ({ id }) => id;
const timeKey: KeyOf = ({ at }) => at;

/** What the conditions on an id or a time allow, if there are any, and the conditions that are left. */
function intervalOf(conditions: Condition[], field: 'id' | 'updated_at'): { interval?: Interval; rest: Condition[] } {
  const interval = { from: -Number.MAX_VALUE, to: Number.MAX_VALUE };
  const rest = conditions.filter((one) => {
    if (one.field !== field || one.operator === '!=' || one.operator === '<>') return true;
    const value = Number(one.value);
    if (one.operator.startsWith('>') || one.operator === '=') {
      interval.from = Math.max(interval.from, one.operator === '>' ? value + 1 : value);
    }
    if (one.operator.startsWith('<') || one.operator === '=') {
      interval.to = Math.min(interval.to, one.operator === '<' ? value - 1 : value);
    }
    return false;
  });
  return rest.length === conditions.length ? { rest } : { interval, rest };
}

/** The stretch of entries, sorted by the key, that is in the interval; no time at all is in none. */
function cut(entries: readonly Entry[], keyOf: KeyOf, interval: Interval | undefined): readonly Entry[] {
  if (!interval) return entries;
  const start = firstIndex(entries, (entry) => keyOf(entry) >= interval.from);
  const end = firstIndex(entries, (entry) => keyOf(entry) > interval.to);
  return entries.slice(start, Math.max(start, end));
}

/** The entries in the interval, whatever their order. */
function within(entries: readonly Entry[], keyOf: KeyOf, { from, to }: Interval): Entry[] {
  return entries.filter((entry) => {
    const key = keyOf(entry);
    return key >= from && key <= to;
  });
}

function meetsAll(conditions: Condition[]): (entry: Entry) => boolean {
  const [only, ...more] = conditions;
  if (only && more.length === 0) return only.test;
  return (entry) => conditions.every((one) => one.test(entry));
}

/** Rows that are alike in all keys stay in the order that means nothing; nulls come first, as in MySQL. */
function sorted(entries: Entry[], sort: SortKey[]): Entry[] {
  const readers = sort.map(({ type, field }) => readerOf(type, field));
  const keyed = entries.map((entry) => ({ entry, keys: readers.map((read) => read(entry.row)) }));
  keyed.sort((a, b) => {
    for (const [index, { isDescending }] of sort.entries()) {
      const order = compared(a.keys[index] ?? null, b.keys[index] ?? null);
      if (order !== 0) return isDescending ? -order : order;
    }
    return 0;
  });
  return keyed.map(({ entry }) => entry);
}

type Key = number | string | boolean | null;

function compared(a: Key, b: Key): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}
