import type { Contact, FieldTypes, FieldValue } from '../domain/contact.js';
import type { ListState } from '../domain/plan-contact.js';
import type { ConsentToTrack } from '../domain/site.js';
import { type CampaignMonitorClient, Code } from '../vendors/campaign-monitor/client.js';
import type { ImportSubscriber } from '../vendors/campaign-monitor/schema.js';
import { VendorError } from '../vendors/errors.js';
import { fieldKey, listStateOf, readBack } from './campaign-monitor-reading.js';
import type { AudienceCheck, Capabilities, Destination, PushFlags, PushOutcome } from './destination.js';

/** What one Campaign Monitor list is made with. */
export interface CampaignMonitorListOptions {
  client: CampaignMonitorClient;
  listId: string;
  consentToTrack: ConsentToTrack;
  /** The fields of its contacts. */
  fields: FieldTypes;
  /** Time-out of a call, in milliseconds; the client's own. */
  timeoutMs: number;
}

/** Most subscribers in one import. */
const BATCH_SIZE = 1000;

/** After a 429 that names no time, in milliseconds. */
const BUSY_PAUSES_MS = [1_000, 2_000];

/** Longest text of a field, in UTF-16 units. */
const TEXT_LIMIT = 250;

/** Days that a date field takes; others are dropped in silence. */
const [FIRST_DAY, LAST_DAY] = ['1900-01-01', '2076-06-06'];

const dataTypes = { text: 'Text', date: 'Date', number: 'Number' } as const;

/** States in which the vendor leaves a subscriber alone, by the code it says so with. */
const stateOfCode: ReadonlyMap<number, ListState> = new Map([
  [Code.Suppressed, 'Suppressed'],
  [Code.Deleted, 'Deleted'],
  [Code.Unsubscribed, 'Unsubscribed'],
  [Code.Bounced, 'Bounced'],
  [Code.Unconfirmed, 'Unconfirmed'],
]);

/** Invalid address, invalid new address, invalid mobile number or both. */
const REFUSED_FOR_EVER: ReadonlySet<number> = new Set([Code.InvalidEmail, Code.InvalidNewEmail, 220, 221]);

/** What Campaign Monitor can do. */
export const campaignMonitorCapabilities: Capabilities = {
  tags: false,
  tagsStartAutomations: false,
  moves: true,
  resubscribes: true,
  removedState: 'Deleted',
};

/** A Campaign Monitor list as a destination. */
export function createCampaignMonitorList({
  client,
  listId,
  consentToTrack,
  fields,
  timeoutMs,
}: CampaignMonitorListOptions): Destination {
  const subscriberOf = (contact: Contact): ImportSubscriber => toSubscriber(contact, consentToTrack);

  return {
    audience: listId,
    limits: {
      batchSize: BATCH_SIZE,
      pageSize: BATCH_SIZE,
      callsAtOnce: 1,
      timeoutMs,
      busyPausesMs: BUSY_PAUSES_MS,
      isBusyWithCall: true,
    },
    capabilities: campaignMonitorCapabilities,
    readsChanges: false,

    async check(looksOnly = false): Promise<AudienceCheck> {
      const list = await client.readList(listId);
      const problems = await ensureFields(client, listId, fields, looksOnly);
      const { TotalActiveSubscribers } = await client.readStats(listId);
      return {
        title: list.Title,
        activeSubscribers: TotalActiveSubscribers,
        doubleOptIn: list.ConfirmedOptIn,
        problems,
      };
    },

    async probe() {
      return { doubleOptIn: (await client.readList(listId)).ConfirmedOptIn };
    },

    async push(contacts: readonly Contact[], { automations, resubscribe }: PushFlags): Promise<PushOutcome[]> {
      const flags = { queueAutoresponders: automations, resubscribe };
      const { FailureDetails } = await client.importSubscribers(listId, contacts.map(subscriberOf), flags);
      const codes = new Map(FailureDetails.map(({ EmailAddress, Code: code }) => [EmailAddress.toLowerCase(), code]));
      return contacts.map(({ email }) => {
        const code = codes.get(email.toLowerCase());
        return code === undefined ? { kind: 'stored' } : outcomeOf(code);
      });
    },

    async read(address: string) {
      const subscriber = await client.readSubscriber(listId, address);
      return subscriber && { state: listStateOf(subscriber.State), stateDate: subscriber.Date };
    },

    readBack: (cursor: string | undefined) => readBack(client, listId, fields, cursor),

    storedFields: (contact: Contact) =>
      Object.fromEntries(storableFields(contact).map(([key, { stored }]) => [key, stored])),

    async move(from: string, contact: Contact) {
      try {
        await client.updateSubscriber(listId, from, subscriberOf(contact));
        return { kind: 'stored' };
      } catch (error) {
        if (!(error instanceof VendorError) || error.details.kind !== 'rejected') throw error;
        const { code } = error.details;
        if (code === Code.NewAddressTaken) return { kind: 'taken' };
        if (code === Code.NotInList) return { kind: 'absent' };
        // the new address was never tried when the former one cannot be on the list
        if (code === Code.InvalidEmail && !isPlainAddress(from)) return { kind: 'absent' };
        return outcomeOf(Number(code));
      }
    },

    remove: (address: string) => client.deleteSubscriber(listId, address),
  };
}

/** Creates what is missing; a field of another type is reported, since its values would be dropped in silence. */
async function ensureFields(
  client: CampaignMonitorClient,
  listId: string,
  fields: FieldTypes,
  looksOnly: boolean,
): Promise<string[]> {
  const types = new Map((await client.readCustomFields(listId)).map(({ Key, DataType }) => [fieldKey(Key), DataType]));
  const problems: string[] = [];
  for (const [name, type] of Object.entries(fields)) {
    const found = types.get(fieldKey(name));
    if (found === undefined && !looksOnly) await createField(client, listId, name, dataTypes[type]);
    else if (found !== undefined && found !== dataTypes[type]) {
      problems.push(
        `Field ${name} has type ${found} but must be ${dataTypes[type]}: delete it in the list's settings; it is created anew.`,
      );
    }
  }
  return problems;
}

async function createField(
  client: CampaignMonitorClient,
  listId: string,
  name: string,
  type: 'Text' | 'Date' | 'Number',
): Promise<void> {
  try {
    await client.createCustomField(listId, name, type);
  } catch (error) {
    // somebody else created it in between
    if (!(error instanceof VendorError) || error.details.code !== Code.FieldNameTaken) throw error;
  }
}

/** Campaign Monitor holds ASCII addresses only. */
const isPlainAddress = (address: string): boolean => /^[\x21-\x7e]+$/.test(address);

function toSubscriber(contact: Contact, consentToTrack: ConsentToTrack): ImportSubscriber {
  const { email, name } = contact;
  const customFields = storableFields(contact).map(([key, { sent }]) =>
    sent === '' ? { Key: key, Value: '', Clear: true as const } : { Key: key, Value: sent },
  );
  return { EmailAddress: email, Name: name, ConsentToTrack: consentToTrack, CustomFields: customFields };
}

/** A value as it is written, and as it reads back. */
interface Storable {
  sent: string;
  stored: string;
}

/** The fields that the vendor keeps. */
const storableFields = ({ fields }: Contact): [key: string, value: Storable][] =>
  Object.entries(fields).flatMap(([key, field]) => {
    const value = storable(field);
    return value ? [[key, value] as [string, Storable]] : [];
  });

/** Undefined for a date that the vendor would drop in silence. */
function storable(field: FieldValue): Storable | undefined {
  if (field.type === 'text') {
    const text = field.value.slice(0, TEXT_LIMIT);
    return { sent: text, stored: text };
  }
  if (field.type === 'number') return { sent: String(field.value), stored: String(field.value) };
  const day = field.value.toISOString().slice(0, 10);
  if (day < FIRST_DAY || day > LAST_DAY) return undefined;
  // the one order that the vendor never misreads
  return { sent: day.replaceAll('-', '/'), stored: day };
}

function outcomeOf(code: number): PushOutcome {
  const state = stateOfCode.get(code);
  if (state) return { kind: 'respected', state, code };
  return { kind: REFUSED_FOR_EVER.has(code) ? 'refused' : 'unknown', code };
}
