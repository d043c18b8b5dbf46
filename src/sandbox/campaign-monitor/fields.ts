import type { SentField } from './body.js';
import { Refusal } from './errors.js';

const selects = ['MultiSelectOne', 'MultiSelectMany'];
const plainTypes = ['Text', 'Number', 'Date', 'Country', 'USState'];
const optionSeparator = '||';

/** A custom field of a list; `key` is without brackets. */
export interface CustomField {
  name: string;
  key: string;
  type: string;
  options: string[];
  visible: boolean;
}

/** Makes a field from what a client sent; its key is the name without spaces, its case kept. */
export function defineField(fields: CustomField[], sent: Omit<CustomField, 'key'>): CustomField {
  if (!sent.name.trim() || /[[\]]/.test(sent.name)) throw new Refusal(254);
  if (![...selects, ...plainTypes].includes(sent.type)) throw new Refusal(259);
  if (selects.includes(sent.type) && sent.options.length === 0) throw new Refusal(257);
  if (!selects.includes(sent.type) && sent.options.length > 0) throw new Refusal(256);
  const field = { ...sent, key: freeKey(fields, sent.name) };
  fields.push(field);
  return field;
}

/** Renames a field, which changes its key, and says the old key so that values can be moved. */
export function renameField(fields: CustomField[], field: CustomField, name: string): string {
  const others = fields.filter((other) => other !== field);
  const oldKey = field.key;
  field.key = freeKey(others, name);
  field.name = name;
  return oldKey;
}

/** Puts sent values into a subscriber's; what the vendor loses silently (unknown keys, dates out of range) is lost here too. */
export function applyValues(
  fields: CustomField[],
  values: Map<string, string>,
  sent: SentField[],
): Record<string, string> {
  const applied: Record<string, string> = {};
  const replaced = new Set<string>();
  for (const one of sent) {
    const field = fields.find((known) => known.key === bareKey(one.key));
    if (!field) continue;
    const next = nextValue(field, one, values.get(field.key), replaced);
    if (next === undefined) continue;
    if (next === '') values.delete(field.key);
    else values.set(field.key, next);
    applied[field.key] = next;
  }
  return applied;
}

/** The values as the vendor reads them back: a select of many once per option, nothing for an empty field. */
export function readValues(
  fields: CustomField[],
  values: Map<string, string>,
  keyStyle: 'plain' | 'bracketed' | 'name',
): { Key: string; Value: string }[] {
  const read: { Key: string; Value: string }[] = [];
  for (const field of fields) {
    const value = values.get(field.key);
    if (value === undefined) continue;
    const Key = keyStyle === 'name' ? field.name : keyStyle === 'bracketed' ? `[${field.key}]` : field.key;
    const parts = field.type === 'MultiSelectMany' ? value.split(optionSeparator) : [value];
    for (const Value of parts) read.push({ Key, Value });
  }
  return read;
}

/** A key without its brackets; its case matters. */
function bareKey(key: string): string {
  return key.replace(/^\[(.*)\]$/, '$1');
}

function freeKey(fields: CustomField[], name: string): string {
  const key = name.replace(/\s+/g, '');
  if (fields.some((field) => field.key.toLowerCase() === key.toLowerCase())) throw new Refusal(255);
  return key;
}

/** The stored text after this value; `undefined` leaves it as it is, an empty text clears it. */
function nextValue(
  field: CustomField,
  sent: SentField,
  current: string | undefined,
  replaced: Set<string>,
): string | undefined {
  if (field.type === 'MultiSelectMany') return nextOptions(field, sent, current, replaced);
  if (sent.value === '') return sent.clear ? '' : undefined;
  if (field.type === 'Date') return dateValue(sent.value);
  if (field.type === 'MultiSelectOne' && !field.options.includes(sent.value)) return undefined;
  return sent.value;
}

function nextOptions(field: CustomField, sent: SentField, current: string | undefined, replaced: Set<string>) {
  const before = current ? current.split(optionSeparator) : [];
  if (sent.clear)
    return sent.value === '' ? '' : before.filter((option) => option !== sent.value).join(optionSeparator);
  if (!field.options.includes(sent.value)) return undefined;
  const kept = replaced.has(field.key) ? before : [];
  replaced.add(field.key);
  return [...kept.filter((option) => option !== sent.value), sent.value].join(optionSeparator);
}

function dateValue(text: string): string | undefined {
  const [, year, month, day] = /^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$/.exec(text) ?? [];
  if (!year || !month || !day) return undefined;
  if (`${year}${month}${day}` === '00000000') return '';
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  const date = new Date(`${iso}T00:00:00Z`);
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso);
  return exists && iso >= '1900-01-01' && iso <= '2076-06-06' ? iso : undefined;
}
