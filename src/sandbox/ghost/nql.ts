import { badFilter } from './errors.js';

/** One comparison of a filter. */
interface Clause {
  field: string;
  operator: '=' | '-' | '>' | '>=' | '<' | '<=' | '~' | '-~' | '~^' | '~$';
  values: (string | null)[];
}
type Node = { all: Node[] } | { any: Node[] } | { clause: Clause };

/** Reads a field of a row: one value, or the values of a list. */
export type FieldReader<Row> = (row: Row) => string | null | string[];

/** A filter ready to use; `idAbove` is set when it says `id:>'…'`, and `rest` is then what remains of it, if anything. */
export interface Filter<Row> {
  idAbove?: string;
  rest?: (row: Row) => boolean;
}

/** Compiles the subset of NQL that the notes list; anything else, and a field the reader does not know, is a 400. */
export function compileFilter<Row>(text: string, fields: Record<string, FieldReader<Row>>): Filter<Row> {
  const root = parseFilter(text);
  const all = 'all' in root ? root.all : [root];
  const above = all.find((node) => 'clause' in node && node.clause.field === 'id' && node.clause.operator === '>');
  const idAbove = above && 'clause' in above ? above.clause.values[0] : undefined;
  const others = idAbove ? all.filter((node) => node !== above) : all;
  return {
    ...(idAbove && { idAbove }),
    ...(others.length > 0 && { rest: compile({ all: others }, fields) }),
  };
}

function compile<Row>(node: Node, fields: Record<string, FieldReader<Row>>): (row: Row) => boolean {
  if ('clause' in node) return compileClause(node.clause, fields);
  const children = ('all' in node ? node.all : node.any).map((child) => compile(child, fields));
  if ('all' in node) return (row) => children.every((child) => child(row));
  return (row) => children.some((child) => child(row));
}

function compileClause<Row>(clause: Clause, fields: Record<string, FieldReader<Row>>): (row: Row) => boolean {
  const read = Object.hasOwn(fields, clause.field) ? fields[clause.field] : undefined;
  if (!read) throw badFilter(`unknown field ${clause.field}`);
  const negated = clause.operator.startsWith('-');
  const matches = matcher(clause);
  return (row) => {
    const value = read(row);
    if (Array.isArray(value)) return value.some(matches) !== negated;
    // As in SQL, "not this" does not hold for a null, unless null is what it must not be.
    if (negated && value === null && !clause.values.includes(null)) return false;
    return matches(value) !== negated;
  };
}

function matcher({ field, operator, values }: Clause): (value: string | null) => boolean {
  // The collation of MySQL and MariaDB: addresses are compared without regard to case.
  const fold = (text: string | null) => (field === 'email' ? (text?.toLowerCase() ?? null) : text);
  const wanted = values.map(fold);
  const first = wanted[0] ?? '';
  const part = first.toLowerCase();
  switch (operator) {
    case '=':
    case '-':
      return (value) => wanted.includes(fold(value));
    case '>':
      return (value) => value !== null && value > first;
    case '>=':
      return (value) => value !== null && value >= first;
    case '<':
      return (value) => value !== null && value < first;
    case '<=':
      return (value) => value !== null && value <= first;
    case '~^':
      return (value) => value?.toLowerCase().startsWith(part) ?? false;
    case '~$':
      return (value) => value?.toLowerCase().endsWith(part) ?? false;
    default:
      return (value) => value?.toLowerCase().includes(part) ?? false;
  }
}

function parseFilter(text: string): Node {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = at;
    const found = sticky.exec(text) ?? undefined;
    if (found) at = sticky.lastIndex;
    return found;
  };
  const fail = (): never => {
    throw badFilter(`cannot read the filter at ${at}: ${text}`);
  };
  const any = (): Node => {
    const nodes = [all()];
    while (take(/,/)) nodes.push(all());
    return nodes.length === 1 && nodes[0] ? nodes[0] : { any: nodes };
  };
  const all = (): Node => {
    const nodes = [one()];
    while (take(/\+/)) nodes.push(one());
    return nodes.length === 1 && nodes[0] ? nodes[0] : { all: nodes };
  };
  const one = (): Node => {
    if (take(/\(/)) {
      const inner = any();
      return take(/\)/) ? inner : fail();
    }
    const field = take(/([a-z_]+(?:\.[a-z_]+)?):/)?.[1] ?? fail();
    const operator = (take(/>=|<=|>|<|~\^|~\$|~|-~|-/)?.[0] ?? '=') as Clause['operator'];
    return { clause: { field, operator, values: take(/\[/) ? many() : [value()] } };
  };
  const many = (): (string | null)[] => {
    const values = [value()];
    while (take(/,/)) values.push(value());
    return take(/\]/) ? values : fail();
  };
  const value = (): string | null => {
    const quoted = take(/'((?:[^'\\]|\\.)*)'/);
    if (quoted) return (quoted[1] ?? '').replace(/\\(['"])/g, '$1');
    const bare = take(/[^\s'"+,()[\]:<>=~]+/)?.[0] ?? fail();
    return bare === 'null' ? null : bare;
  };
  const root = any();
  return at === text.length ? root : fail();
}
