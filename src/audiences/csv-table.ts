import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

/** Columns in front of those of the fields, and the one behind them. */
const FIRST_COLUMNS = ['email', 'name', 'state', 'state_date'] as const;
const LAST_COLUMN = 'tags';

/** A file that cannot be read as a table; the message is a code that says what to do, without a word of the file. */
export class UnreadableCsv extends Error {}

/** All lines of one address, most often one; cells are as they are written. */
export type CsvPerson = readonly string[][];

/** The lines of a file. Columns and cells that nobody sets are written as they were read. */
export type CsvTable = ReturnType<typeof createCsvTable>;

/** Reads the text of a file; missing columns are added behind the others. @throws UnreadableCsv */
export function createCsvTable(text: string, fields: readonly string[]) {
  const bom = text.startsWith('\uFEFF');
  const [header = [], ...lines] = recordsOf(text);
  const places = new Map<string, number>();
  for (const [place, title] of header.entries()) {
    const name = nameOf(title);
    if (name !== '' && places.has(name)) throw new UnreadableCsv('NAME_EACH_COLUMN_ONCE');
    places.set(name, place);
  }
  if (header.length > 0 && !places.has('email')) throw new UnreadableCsv('BEGIN_WITH_A_LINE_THAT_NAMES_COLUMN_email');
  let isChanged = false;
  for (const column of [...FIRST_COLUMNS, ...fields, LAST_COLUMN]) {
    if (places.has(nameOf(column))) continue;
    places.set(nameOf(column), header.push(column) - 1);
    isChanged = true;
  }
  const placeOf = (column: string): number => places.get(nameOf(column))!;
  const emailOf = (line: readonly string[]): string => shown(line[placeOf('email')]);

  const people = new Map<string, string[][]>();
  let order: { place: number; person: CsvPerson }[] | undefined;
  const file = (line: string[]): string[][] => {
    const key = addressKey(emailOf(line));
    const person = people.get(key) ?? [];
    person.push(line);
    people.set(key, person);
    order = undefined;
    return person;
  };
  for (const line of lines) if (emailOf(line).trim() !== '') file(line);

  /** Every line of a person gets the value. */
  const set = (person: CsvPerson, column: string, value: string): void => {
    const place = placeOf(column);
    for (const line of person) {
      if (shown(line[place]) === value) continue;
      while (line.length < place) line.push('');
      line[place] = harmless(value);
      isChanged = true;
    }
  };

  return {
    /** Everybody, each once. */
    everybody: (): Iterable<CsvPerson> => people.values(),
    find: (address: string): CsvPerson | undefined => people.get(addressKey(address)),
    get: (line: readonly string[], column: string): string => shown(line[placeOf(column)]),
    set,

    /** A new line at the end. */
    add(email: string): CsvPerson {
      const line = header.map(() => '');
      line[placeOf('email')] = harmless(email);
      lines.push(line);
      isChanged = true;
      return file(line);
    },

    /** Gives a person an address that nobody else has. */
    rename(person: CsvPerson, email: string): void {
      people.delete(addressKey(emailOf(person[0]!)));
      order = undefined;
      set(person, 'email', email);
      for (const line of person) file(line);
    },

    /** People from a place on, `count` or a few more; `next`: the place to go on from. Lines that come and go move nobody else. */
    page(from: number, count: number): { people: CsvPerson[]; next?: number } {
      order ??= [...people]
        .map(([key, person]) => ({ place: placeInOrder(key), person }))
        .sort((a, b) => a.place - b.place);
      const start = order.findIndex(({ place }) => place >= from);
      if (start < 0) return { people: [] };
      let end = Math.min(start + count, order.length);
      while (end < order.length && order[end]!.place === order[end - 1]!.place) end += 1;
      const page = order.slice(start, end).map(({ person }) => person);
      return end < order.length ? { people: page, next: order[end]!.place } : { people: page };
    },

    isChanged: (): boolean => isChanged,

    /** The text of the file; what it says counts as unchanged from now on. */
    write(): string {
      for (const line of lines) while (line.length < header.length) line.push('');
      isChanged = false;
      return stringify([header, ...lines], { bom });
    },
  };
}

/** An address as it is looked for. */
export const addressKey = (address: string): string => address.trim().toLowerCase();

const nameOf = (title: string): string => title.trim().toLowerCase();

/** From an address alone, and no address to be read from it: cursors are stored where people are not. */
const placeInOrder = (key: string): number => createHash('md5').update(key).digest().readUIntBE(0, 4);

function recordsOf(text: string): string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, relax_column_count_less: true });
  } catch (error) {
    // the error itself holds the line
    const { lines } = error as { lines?: number };
    throw new UnreadableCsv(lines === undefined ? 'MEND_THE_FILE' : `MEND_LINE_${lines}`);
  }
}

/** What spreadsheets take for a formula (OWASP, CSV injection), but for plain numbers; an apostrophe in front makes it a text. */
const FORMULA = /^'*[=+\-@\t\r＝＋－＠]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

const harmless = (value: string): string => (FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value);

/** A cell as it was before it was made harmless. */
const shown = (cell = ''): string => (cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell);
