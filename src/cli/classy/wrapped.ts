import { print } from '../output.js';

/** What an editor's window shows of a line. */
const COLUMNS = 80;
const KEY = 16;
/** Even beside wide columns there is room for a word or two. */
const NARROWEST = 20;

/** Prints a fact: its name, and its value over as many lines as it needs. */
export function printFact(key: string, value: string): void {
  const [first = '', ...more] = wrap(value, COLUMNS - KEY);
  print(`${key.padEnd(KEY)}${first}`.trimEnd());
  for (const line of more) print(`${' '.repeat(KEY)}${line}`);
}

/** Prints rows under headings; what is in the last column goes on below itself. */
export function printWrapped(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const last = headings.length - 1;
  const widths = headings.map((heading, index) =>
    Math.max(heading.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const indent = widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0);
  for (const row of [headings, ...rows]) {
    const before = row.slice(0, last).map((cell, index) => cell.padEnd(widths[index]! + 2));
    const [first = '', ...more] = wrap(row[last] ?? '', Math.max(NARROWEST, COLUMNS - indent));
    print(`${before.join('')}${first}`.trimEnd());
    for (const line of more) print(`${' '.repeat(indent)}${line}`);
  }
}

/** Cuts a text that would make a column too wide. */
export const shorten = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;

/** Breaks a text between words; a word that is too long stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
