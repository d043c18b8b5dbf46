import { basename } from 'node:path';
import type { Contact, FieldTypes, FieldValue } from '../domain/contact.js';
import type { ListState } from '../domain/plan-contact.js';
import { tagKey } from '../domain/tag-change.js';
import { createCsvFileAccess } from './csv-file.js';
import { joinTags, observed, tagsOf, viewOf } from './csv-person.js';
import { addressKey, type CsvPerson, type CsvTable } from './csv-table.js';
import type { AudienceCheck, Capabilities, Destination, PersonTags, PushOutcome, TagCall } from './destination.js';

/** What one file is made with. */
export interface CsvOptions {
  /** Path of the file; a relative one is under `csv` in `folder`. */
  file: string;
  folder: string;
  /** Its key in the ledger. */
  audience: string;
  /** The fields of its contacts, one a column. */
  fields: FieldTypes;
  now?: () => Date;
}

/** Each call writes the whole file, so calls are large. */
const BATCH_SIZE = 10_000;

/** People in a page of a reading back, or a few more. */
const PAGE_SIZE = 5_000;

/** Reading and writing take a second or two at 100,000 people. */
const TIMEOUT_MS = 60_000;

/** What a file can do. */
export const csvCapabilities: Capabilities = {
  tags: true,
  tagsStartAutomations: false,
  moves: true,
  resubscribes: false,
  removedState: 'Deleted',
};

/** A CSV file as a destination: a line a person, a column a field. Nobody in another state than Active is written to. */
export function createCsvFile({ file, folder, audience, fields, now = () => new Date() }: CsvOptions): Destination {
  const names = Object.keys(fields);
  const access = createCsvFileAccess({ file, folder, fields: names });

  const setState = (table: CsvTable, person: CsvPerson, state: ListState): void => {
    table.set(person, 'state', state);
    table.set(person, 'state_date', now().toISOString());
  };
  const setContact = (table: CsvTable, person: CsvPerson, contact: Contact): void => {
    table.set(person, 'name', wellFormed(contact.name));
    for (const [name, value] of Object.entries(storedFields(contact))) table.set(person, name, value);
  };
  const storedFields = (contact: Contact): Record<string, string> =>
    Object.fromEntries(names.flatMap((name) => (contact.fields[name] ? [[name, toText(contact.fields[name])]] : [])));

  const pushOne = (table: CsvTable, contact: Contact): PushOutcome => {
    if (!isAddress(contact.email)) return { kind: 'refused', reason: 'invalid-address' };
    const found = table.find(contact.email);
    const state = found ? viewOf(table, found).state : 'Active';
    if (state !== 'Active') return { kind: 'respected', state };
    const person = found ?? table.add(contact.email.trim());
    if (!found) setState(table, person, 'Active');
    setContact(table, person, contact);
    return { kind: 'stored', created: found === undefined, tags: tagsOf(table, person) };
  };

  const changeTags = (table: CsvTable, { email, add, remove }: PersonTags): PushOutcome => {
    const person = table.find(email);
    if (!person) return { kind: 'unknown' };
    const { state } = viewOf(table, person);
    if (state !== 'Active') return { kind: 'respected', state };
    const taken = new Set(remove.map(tagKey));
    const left = tagsOf(table, person).filter((name) => !taken.has(tagKey(name)));
    const had = new Set(left.map(tagKey));
    const tags = [...left, ...add.filter((name) => !had.has(tagKey(name)))];
    table.set(person, 'tags', joinTags(tags));
    return { kind: 'stored', tags };
  };

  return {
    audience,
    limits: {
      batchSize: BATCH_SIZE,
      pageSize: BATCH_SIZE,
      callsAtOnce: 1,
      timeoutMs: TIMEOUT_MS,
      busyPausesMs: [],
      isBusyWithCall: false,
    },
    capabilities: csvCapabilities,
    readsChanges: false,

    tagging: {
      calls(changes: readonly PersonTags[]): TagCall[] {
        if (changes.length === 0) return [];
        const send = () => access.change('tags', (table) => changes.map((one) => changeTags(table, one)));
        return [{ people: changes.map((_, index) => index), send }];
      },
    },

    check: (looksOnly = false): Promise<AudienceCheck> =>
      access[looksOnly ? 'read' : 'change']('check', (table) => {
        const everybody = [...table.everybody()];
        const active = everybody.filter((person) => viewOf(table, person).state === 'Active');
        const twice = everybody.filter((person) => person.length > 1).length;
        const problems =
          twice === 0 ? [] : [`${twice} addresses are on more than one line: the strictest state counts.`];
        return { title: basename(file), activeSubscribers: active.length, doubleOptIn: false, problems };
      }),

    probe: () => access.read('probe', () => ({ doubleOptIn: false })),

    push: (contacts: readonly Contact[]) =>
      access.change('push', (table) => contacts.map((contact) => pushOne(table, contact))),

    read: (address: string) =>
      access.read('read', (table) => {
        const person = table.find(address);
        return person && viewOf(table, person);
      }),

    async readBack(cursor: string | undefined) {
      const from = toPlace(cursor);
      return access.read('read-back', (table) => {
        const { people, next } = table.page(from, PAGE_SIZE);
        const subscribers = people.map((person) => observed(table, person, names));
        return next === undefined ? { subscribers } : { subscribers, next: String(next) };
      });
    },

    storedFields(contact: Contact) {
      const name = wellFormed(contact.name);
      return name === contact.name ? storedFields(contact) : { ...storedFields(contact), name };
    },

    move: (from: string, contact: Contact) =>
      access.change('move', (table) => {
        const person = table.find(from);
        if (!person) return { kind: 'absent' } as const;
        if (!isAddress(contact.email)) return { kind: 'refused', reason: 'invalid-address' } as const;
        const isElsewhere = addressKey(contact.email) !== addressKey(from);
        if (isElsewhere && table.find(contact.email)) return { kind: 'taken' } as const;
        table.rename(person, contact.email.trim());
        setContact(table, person, contact);
        return { kind: 'stored' } as const;
      }),

    remove: (address: string) =>
      access.change('remove', (table) => {
        const person = table.find(address);
        // whoever left by themselves stays in that state
        if (person && viewOf(table, person).state === 'Active') setState(table, person, 'Deleted');
      }),
  };
}

/** Something in front of an @ and behind it, and nothing that parts addresses. */
const isAddress = (email: string): boolean => /^[^\s@,;<>"]+@[^\s@,;<>"]+$/.test(email.trim());

/** Half of an emoji cannot be written in UTF-8. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

function toText(field: FieldValue): string {
  if (field.type === 'date') return field.value.toISOString().replace(/T.*/, '');
  return wellFormed(String(field.value));
}

function toPlace(cursor = '0'): number {
  if (!/^\d{1,10}$/.test(cursor)) throw new RangeError(`not a cursor of ours: ${cursor}`);
  return Number(cursor);
}
