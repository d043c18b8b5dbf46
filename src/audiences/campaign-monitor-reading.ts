import type { FieldTypes } from '../domain/contact.js';
import type { ListState } from '../domain/plan-contact.js';
import type { ObservedSubscriber } from '../domain/subscriber.js';
import type { CampaignMonitorClient, ListPageState } from '../vendors/campaign-monitor/client.js';
import type { Subscriber } from '../vendors/campaign-monitor/schema.js';
import { VendorError } from '../vendors/errors.js';
import type { ObservedPage } from './destination.js';

const PAGE_STATES: readonly ListPageState[] = ['active', 'unconfirmed', 'unsubscribed', 'bounced', 'deleted'];

/** Reads a list back state by state, then the suppression list of its client; the cursor is `state/page`. */
export async function readBack(
  client: CampaignMonitorClient,
  listId: string,
  fields: FieldTypes,
  cursor = `${PAGE_STATES[0]}/1`,
): Promise<ObservedPage> {
  const { place, page, clientId } = toPlace(cursor);
  if (place === 'suppressed') return readSuppressed(client, listId, page, clientId);
  const { Results, NumberOfPages } = await client.readListPage(listId, place, page);
  const following = PAGE_STATES[PAGE_STATES.indexOf(place) + 1] ?? 'suppressed';
  return {
    subscribers: Results.map((one) => toObserved(one, fields)),
    next: page < NumberOfPages ? `${place}/${page + 1}` : `${following}/1`,
  };
}

/** Suppressed people; none where the key may not see them, since an import tells them one by one all the same. */
async function readSuppressed(
  client: CampaignMonitorClient,
  listId: string,
  page: number,
  knownClientId: string | undefined,
): Promise<ObservedPage> {
  try {
    const clientId = knownClientId ?? (await client.findClientOf(listId));
    if (clientId === undefined) return { subscribers: [] };
    const { Results, NumberOfPages } = await client.readSuppressionPage(clientId, page);
    const subscribers = Results.map(({ EmailAddress, Date: stateDate, SuppressionReason }): ObservedSubscriber => {
      const reason = SuppressionReason ?? undefined;
      return { email: EmailAddress, name: '', fields: {}, state: 'Suppressed', stateDate, reason };
    });
    return page < NumberOfPages ? { subscribers, next: `suppressed/${page + 1}/${clientId}` } : { subscribers };
  } catch (error) {
    if (error instanceof VendorError && error.details.kind === 'refused') return { subscribers: [] };
    throw error;
  }
}

function toPlace(cursor: string): { place: ListPageState | 'suppressed'; page: number; clientId: string | undefined } {
  const [name, digits, clientId] = cursor.split('/');
  const place = [...PAGE_STATES, 'suppressed' as const].find((known) => known === name);
  const page = Number(digits);
  if (!place || !Number.isInteger(page) || page < 1) throw new RangeError(`not a cursor of ours: ${cursor}`);
  return { place, page, clientId };
}

const toObserved = (
  { EmailAddress, Name, State, Date: stateDate, CustomFields }: Subscriber,
  fields: FieldTypes,
): ObservedSubscriber => ({
  email: EmailAddress,
  name: Name ?? '',
  state: listStateOf(State),
  stateDate,
  fields: Object.fromEntries((CustomFields ?? []).flatMap(({ Key, Value }) => toField(Key, Value, fields))),
});

/** A value under our own name; nothing for a field that is not ours, or empty. */
function toField(key: string, value: unknown, fields: FieldTypes): [name: string, value: string][] {
  const name = Object.keys(fields).find((one) => fieldKey(one) === fieldKey(key));
  if (name === undefined || value === null || value === undefined || value === '') return [];
  // some dates are read with a time
  return [[name, fields[name] === 'date' ? String(value).slice(0, 10) : String(value)]];
}

/** Keys are read with or without brackets, and even as display names with spaces. */
export function fieldKey(key: string): string {
  return key.replace(/[[\]\s]/g, '').toLowerCase();
}

const LIST_STATES: readonly ListState[] = ['Active', 'Unsubscribed', 'Bounced', 'Deleted', 'Unconfirmed', 'Suppressed'];

/** A state that we do not know is treated like an opt-out: nobody is written to by mistake. */
export const listStateOf = (state: string): ListState => LIST_STATES.find((known) => known === state) ?? 'Suppressed';
