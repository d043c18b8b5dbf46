import type { Faults } from '../faults.js';
import type { ClassyBooks } from './books.js';
import type { Row } from './collection.js';
import { invalidParameter } from './errors.js';
import { fieldsOf, type Resource } from './fields.js';
import type { Association } from './resources.js';
import { restyled } from './times.js';

/** The fields a request limits its rows to, if it does; an unknown one is a 400. */
export function wantedFields(resource: Resource, text: string | null): string[] | undefined {
  const wanted = text?.split(',');
  if (wanted?.some((name) => !fieldsOf[resource].has(name))) throw invalidParameter('fields');
  return wanted;
}

/** A row as it is sent: the fields asked for, what comes along, and whatever the faults do to amounts and dates. */
export function shapeOf(
  books: ClassyBooks,
  faults: Faults,
  row: Row,
  { resource, along, fields }: { resource: Resource; along: Association[]; fields?: string[] | undefined },
): Record<string, unknown> {
  const chosen = fields ? Object.fromEntries(fields.map((name) => [name, row[name]])) : row;
  const shaped = written(chosen, resource, faults);
  for (const one of along) {
    const rows = one.rows(books, row).map((other) => written(other, one.resource, faults));
    shaped[one.name] = one.isMany ? rows : (rows[0] ?? null);
  }
  return shaped;
}

/** A copy with amounts and dates written as the faults say; a transaction's items are there only when asked for. */
function written(row: Record<string, unknown>, resource: Resource, { amountsAsText, dates }: Faults) {
  const copy: Record<string, unknown> = resource === 'transactions' ? { ...row, items: undefined } : { ...row };
  if (!amountsAsText && !dates) return copy;
  for (const [name, type] of fieldsOf[resource]) {
    const value = copy[name];
    if (amountsAsText && type === 'amount' && typeof value === 'number') copy[name] = amountText(value);
    if (dates && type === 'time') copy[name] = value === undefined ? value : restyled(value, dates);
  }
  return copy;
}

/** At least two places: `52.5` becomes `52.50`. */
function amountText(value: number): string {
  return Math.round(value * 100) / 100 === value ? value.toFixed(2) : String(value);
}
