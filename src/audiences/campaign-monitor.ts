import { type Contact, type FieldValue, memberFieldTypes } from '../domain/contact.js';
import type { ListState } from '../domain/plan-contact.js';
import type { ConsentToTrack } from '../domain/site.js';
import { type CampaignMonitorClient, Code } from '../vendors/campaign-monitor/client.js';
import type { ImportSubscriber } from '../vendors/campaign-monitor/schema.js';
import { VendorError } from '../vendors/errors.js';
import type { AudienceCheck, Destination, PushFlags, PushOutcome } from './destination.js';

/** What one Campaign Monitor list is made with. */
export interface CampaignMonitorListOptions {
  client: CampaignMonitorClient;
  listId: string;
  consentToTrack: ConsentToTrack;
  /** Time-out of a call, in milliseconds; the client's own. */
  timeoutMs: number;
}

/** Most subscribers in one import. */
const BATCH_SIZE = 1000;

const dataTypes = { text: 'Text', date: 'Date' } as const;

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

/** A Campaign Monitor list as a destination. */
export function createCampaignMonitorList({
  client,
  listId,
  consentToTrack,
  timeoutMs,
}: CampaignMonitorListOptions): Destination {
  const subscriberOf = (contact: Contact): ImportSubscriber => toSubscriber(contact, consentToTrack);

  return {
    audience: listId,
    limits: { batchSize: BATCH_SIZE, timeoutMs },

    async check(): Promise<AudienceCheck> {
      const list = await client.readList(listId);
      const problems = await ensureFields(client, listId);
      const { TotalActiveSubscribers } = await client.readStats(listId);
      return {
        title: list.Title,
        activeSubscribers: TotalActiveSubscribers,
        doubleOptIn: list.ConfirmedOptIn,
        problems,
      };
    },

    async probe(): Promise<void> {
      await client.readList(listId);
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
async function ensureFields(client: CampaignMonitorClient, listId: string): Promise<string[]> {
  const types = new Map((await client.readCustomFields(listId)).map(({ Key, DataType }) => [fieldKey(Key), DataType]));
  const problems: string[] = [];
  for (const [name, type] of Object.entries(memberFieldTypes)) {
    const found = types.get(fieldKey(name));
    if (found === undefined) await createField(client, listId, name, dataTypes[type]);
    else if (found !== dataTypes[type]) {
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
  type: 'Text' | 'Date',
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

/** Keys are read with or without brackets, and even as display names with spaces. */
const fieldKey = (key: string): string => key.replace(/[[\]\s]/g, '').toLowerCase();

function toSubscriber({ email, name, fields }: Contact, consentToTrack: ConsentToTrack): ImportSubscriber {
  const customFields = Object.entries(fields).map(([key, field]) => {
    const value = format(field);
    return value === '' ? { Key: key, Value: '', Clear: true as const } : { Key: key, Value: value };
  });
  return { EmailAddress: email, Name: name, ConsentToTrack: consentToTrack, CustomFields: customFields };
}

/** Dates as `yyyy/mm/dd` in UTC, the one order that the vendor never misreads. */
const format = (field: FieldValue): string =>
  field.type === 'text' ? field.value : field.value.toISOString().slice(0, 10).replaceAll('-', '/');

function outcomeOf(code: number): PushOutcome {
  const state = stateOfCode.get(code);
  if (state) return { kind: 'respected', state, code };
  return { kind: REFUSED_FOR_EVER.has(code) ? 'refused' : 'unknown', code };
}

const LIST_STATES: readonly ListState[] = ['Active', 'Unsubscribed', 'Bounced', 'Deleted', 'Unconfirmed', 'Suppressed'];

/** A state that we do not know is treated like an opt-out: nobody is written to by mistake. */
const listStateOf = (state: string): ListState => LIST_STATES.find((known) => known === state) ?? 'Suppressed';
