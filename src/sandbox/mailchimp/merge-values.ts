import { type FieldError, invalid } from './errors.js';
import type { SandboxMergeField } from './merge-fields.js';

/** A value of a merge field; an address is an object. */
export type MergeValue = string | number | Record<string, string>;

const longestText = 255;

/** What is stored of the sent values, an empty text where one is cleared; unknown tags are dropped, wrong values are 400. */
export function checkedValues(
  fields: readonly SandboxMergeField[],
  current: ReadonlyMap<string, MergeValue>,
  sent: Record<string, unknown>,
  skipRequired: boolean,
): Map<string, MergeValue> {
  const errors: FieldError[] = [];
  const next = new Map<string, MergeValue>();
  for (const field of fields) {
    const { tag, required } = field;
    const value = sent[tag] === undefined ? undefined : storedValue(field, sent[tag]);
    if (value instanceof Error) errors.push({ field: tag, message: value.message });
    else if (required && !skipRequired && isEmpty(value ?? current.get(tag)))
      errors.push({ field: tag, message: 'Please enter a value' });
    else if (value !== undefined) next.set(tag, value);
  }
  if (errors.length > 0) throw invalid('Your merge fields were invalid.', errors);
  return next;
}

/** Every field of the audience as it reads back; what is not set is an empty text. */
export function readValues(
  fields: readonly SandboxMergeField[],
  values: ReadonlyMap<string, MergeValue>,
): Record<string, MergeValue> {
  return Object.fromEntries(fields.map(({ tag }) => [tag, values.get(tag) ?? '']));
}

function isEmpty(value: MergeValue | undefined): boolean {
  return value === undefined || value === '';
}

function storedValue({ type, options }: SandboxMergeField, value: unknown): MergeValue | Error {
  if (value === '') return '';
  if (type === 'address') return storedAddress(value);
  if (type === 'number') return typeof value === 'number' ? value : new Error('Please enter a number');
  if (typeof value !== 'string' && typeof value !== 'number') return new Error('Please enter a value');
  const text = String(value);
  // What the vendor does with longer values is not known; refusing loudly finds a client that does not cut.
  if (Buffer.byteLength(text) > longestText) return new Error(`Please enter less than ${longestText + 1} bytes`);
  if (type === 'date') return isDay(text) ? text : new Error('Please enter a valid date');
  if (type === 'birthday')
    return isDay(`2000-${text.replace('/', '-')}`) ? text : new Error('Please enter a month and day');
  if (type === 'url' || type === 'imageurl') return URL.canParse(text) ? text : new Error('Please enter a valid URL');
  const choices = options['choices'];
  if (Array.isArray(choices) && !choices.includes(text)) return new Error('Please enter one of the choices');
  return text;
}

function storedAddress(value: unknown): MergeValue | Error {
  const address = { addr2: '', country: 'US', ...(typeof value === 'object' ? (value as Record<string, string>) : {}) };
  const { addr1, addr2, city, state, zip, country } = address as Record<string, string>;
  if (!addr1 || !city || !state || !zip) return new Error('Please enter a complete address');
  return { addr1, addr2: addr2 ?? '', city, state, zip, country: country ?? 'US' };
}

function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}
