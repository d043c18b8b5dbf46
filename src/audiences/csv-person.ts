import type { ListState } from '../domain/plan-contact.js';
import type { ObservedSubscriber, SubscriberView } from '../domain/subscriber.js';
import type { CsvPerson, CsvTable } from './csv-table.js';

const LIST_STATES: readonly ListState[] = ['Active', 'Unsubscribed', 'Bounced', 'Deleted', 'Unconfirmed', 'Suppressed'];

/** Who typed in a line without a state means somebody who belongs there; a word that we do not know is treated like an opt-out. */
function stateOf(cell: string): ListState {
  const word = cell.trim().toLowerCase();
  return word === '' ? 'Active' : (LIST_STATES.find((state) => state.toLowerCase() === word) ?? 'Suppressed');
}

/** Of several lines with one address the one that says no. */
const lineThatCounts = (table: CsvTable, person: CsvPerson): readonly string[] =>
  person.find((line) => stateOf(table.get(line, 'state')) !== 'Active') ?? person[0]!;

/** Where somebody stands. */
export function viewOf(table: CsvTable, person: CsvPerson): SubscriberView {
  const line = lineThatCounts(table, person);
  return { state: stateOf(table.get(line, 'state')), stateDate: table.get(line, 'state_date') };
}

/** Names of somebody's tags, those of other people's making too. */
export const tagsOf = (table: CsvTable, person: CsvPerson): string[] =>
  splitTags(table.get(lineThatCounts(table, person), 'tags'));

/** Somebody as a reading back tells it. */
export function observed(table: CsvTable, person: CsvPerson, fields: readonly string[]): ObservedSubscriber {
  const line = lineThatCounts(table, person);
  const values = fields.map((field) => [field, table.get(line, field)]).filter(([, value]) => value !== '');
  return {
    email: table.get(line, 'email').trim(),
    name: table.get(line, 'name'),
    ...viewOf(table, person),
    fields: Object.fromEntries(values),
    tags: tagsOf(table, person),
  };
}

/** A cell of tags: parted by semicolons, a backslash in front of one that belongs to a name. */
export const joinTags = (names: readonly string[]): string =>
  names.map((name) => name.trim().replace(/[\\;]/g, '\\$&')).join(';');

const splitTags = (cell: string): string[] =>
  (cell.match(/(?:\\[\\;]|[^;])+/g) ?? [])
    .map((name) => name.replace(/\\([\\;])/g, '$1').trim())
    .filter((name) => name !== '');
