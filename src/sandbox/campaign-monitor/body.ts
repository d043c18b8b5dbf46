import { Refusal } from './errors.js';

const longestValue = 250;

/** One value of a custom field as a client sent it. */
export interface SentField {
  key: string;
  value: string;
  clear: boolean;
}

/** One subscriber as a client sent it: an import element, or the body of an add or update. */
export interface Sent {
  email: string;
  name: string | undefined;
  consent: 'Yes' | 'No' | 'Unchanged';
  fields: SentField[];
  mobileNumber: string | undefined;
  consentToSendSms: string | undefined;
}

/** The parsed body as an object with property names of any case; code 400 when it is none. */
export function objectBody(body: unknown): Record<string, unknown> {
  return isObject(body) ? body : deserialisationFails('the body is not an object');
}

/** Reads one subscriber; a wrong JSON type is code 400, a missing or odd consent 214 or 215. */
export function readSent(value: unknown): Sent {
  if (!isObject(value)) return deserialisationFails('a subscriber is not an object');
  return {
    email: text(value, 'EmailAddress') ?? '',
    name: text(value, 'Name'),
    consent: consentOf(property(value, 'ConsentToTrack')),
    fields: (list(value, 'CustomFields') ?? []).map(readField),
    mobileNumber: text(value, 'MobileNumber'),
    consentToSendSms: text(value, 'ConsentToSendSms'),
  };
}

/** A property by its name in any case; null counts as absent. */
function property(object: Record<string, unknown>, name: string): unknown {
  const exact = object[name];
  if (exact !== undefined) return exact ?? undefined;
  const lower = name.toLowerCase();
  for (const key in object) if (key.toLowerCase() === lower) return object[key] ?? undefined;
  return undefined;
}

/** A text property, or undefined when absent; code 400 for another type. */
export function text(object: Record<string, unknown>, name: string): string | undefined {
  const value = property(object, name);
  if (value === undefined || typeof value === 'string') return value;
  return deserialisationFails(`${name} is not a string`);
}

/** A true or false property, false when absent; code 400 for another type. */
export function flag(object: Record<string, unknown>, name: string): boolean {
  const value = property(object, name) ?? false;
  return typeof value === 'boolean' ? value : deserialisationFails(`${name} is not a boolean`);
}

/** An array property, or undefined when absent; code 400 for another type. */
export function list(object: Record<string, unknown>, name: string): unknown[] | undefined {
  const value = property(object, name);
  if (value === undefined || Array.isArray(value)) return value;
  return deserialisationFails(`${name} is not an array`);
}

function readField(value: unknown): SentField {
  if (!isObject(value)) return deserialisationFails('a custom field is not an object');
  const field = { key: text(value, 'Key') ?? '', value: text(value, 'Value') ?? '', clear: flag(value, 'Clear') };
  // What the vendor does with longer values is not known; refusing loudly finds a client that does not truncate.
  if (field.value.length > longestValue)
    deserialisationFails(`the value of ${field.key} is longer than ${longestValue}`);
  return field;
}

function consentOf(value: unknown): Sent['consent'] {
  if (value === undefined || value === '') throw new Refusal(214);
  if (typeof value !== 'string') return deserialisationFails('ConsentToTrack is not a string');
  const known = (['Yes', 'No', 'Unchanged'] as const).find((one) => one.toLowerCase() === value.toLowerCase());
  if (!known) throw new Refusal(215);
  return known;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deserialisationFails(detail: string): never {
  throw new Refusal(400, detail);
}
