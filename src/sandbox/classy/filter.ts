import type { Entry, Row } from './collection.js';
import { invalidParameter } from './errors.js';
import type { FieldType } from './fields.js';
import { filterTimeOf, noTime, timeOf } from './times.js';

/** How a filter compares. */
export type Operator = '=' | '!=' | '<>' | '>' | '>=' | '<' | '<=';

/** One comparison; `field` and `value` tell a list that is sorted by the field where to begin. */
export interface Condition {
  field: string;
  operator: Operator;
  value: number | string | boolean;
  test(entry: Entry): boolean;
}

/** What a filter may ask about: the fields of the resource and of the associations that came along. */
export interface Askable {
  fields: ReadonlyMap<string, FieldType>;
  associations: Record<string, { fields: ReadonlyMap<string, FieldType>; rows(row: Row): Row[] }>;
}

/** The comparisons of a filter, all of which must hold; what cannot be read and what is unknown is a 400. */
export function parseFilter(text: string | null, askable: Askable): Condition[] {
  if (text === null) return [];
  return text.split(',').map((part) => parseCondition(part, askable));
}

function parseCondition(text: string, { fields, associations }: Askable): Condition {
  const [, association, name = '', sign, given = ''] =
    /^(?:([a-z_]+)\.)?([a-z_0-9]+)(>=|<=|<>|!=|=|>|<)(\S.*)$/.exec(text) ?? [];
  const joined = association === undefined ? undefined : associations[association];
  const type = (association === undefined ? fields : joined?.fields)?.get(name);
  if (!type || type === 'json') throw invalidParameter('filter');
  const operator = sign as Operator;
  const value = comparedValueOf(type, operator, given);
  const compare = comparison(operator, value);
  const read = readerOf(type, name);
  if (joined)
    return { field: text, operator, value, test: ({ row }) => joined.rows(row).some((one) => compare(read(one))) };
  const test = special(name, compare) ?? (({ row }: Entry) => compare(read(row)));
  return { field: name, operator, value, test };
}

/** Id and `updated_at` are compared as the collection keeps them. */
function special(name: string, compare: Comparison): ((entry: Entry) => boolean) | undefined {
  if (name === 'id') return ({ id }) => compare(id);
  if (name === 'updated_at') return ({ at }) => compare(at === noTime ? null : at);
  return undefined;
}

type Comparable = number | string | boolean | null;
type Comparison = (stored: Comparable) => boolean;

function comparedValueOf(type: FieldType, operator: Operator, given: string): number | string | boolean {
  if (type === 'text') return given;
  if (type === 'boolean') return booleanOf(operator, given);
  const time = type === 'time' || type === 'date' ? filterTimeOf(given) : undefined;
  const pattern = type === 'integer' ? /^-?\d+$/ : type === 'amount' ? /^-?\d+(\.\d+)?$/ : undefined;
  const value = pattern ? (pattern.test(given) ? Number(given) : undefined) : time;
  if (value === undefined) throw invalidParameter('filter');
  return value;
}

function booleanOf(operator: Operator, given: string): boolean {
  const isKnown = ['true', '1', 'false', '0'].includes(given) && ['=', '!=', '<>'].includes(operator);
  if (!isKnown) throw invalidParameter('filter');
  return given === 'true' || given === '1';
}

/** How a stored value of a type is read, whatever a test put there; null is what does not fit. */
export function readerOf(type: FieldType, name: string): (row: Row) => Comparable {
  if (type === 'text') return (row) => (row[name] === null || row[name] === undefined ? null : String(row[name]));
  if (type === 'boolean') return (row) => (typeof row[name] === 'boolean' ? row[name] : null);
  if (type === 'time' || type === 'date') {
    return (row) => {
      const time = timeOf(row[name]);
      return time === noTime ? null : time;
    };
  }
  return (row) => {
    const value = row[name] === null || row[name] === undefined ? Number.NaN : Number(row[name]);
    return Number.isNaN(value) ? null : value;
  };
}

/** As in SQL, no comparison holds for a null. */
function comparison(operator: Operator, value: number | string | boolean): Comparison {
  switch (operator) {
    case '=':
      return (stored) => stored === value;
    case '>':
      return (stored) => stored !== null && stored > value;
    case '>=':
      return (stored) => stored !== null && stored >= value;
    case '<':
      return (stored) => stored !== null && stored < value;
    case '<=':
      return (stored) => stored !== null && stored <= value;
    default:
      return (stored) => stored !== null && stored !== value;
  }
}
