import type { FieldTypes } from '../domain/contact.js';
import type { ListState } from '../domain/plan-contact.js';
import type { ObservedSubscriber } from '../domain/subscriber.js';
import { type MailchimpClient, PAGE_SIZE } from '../vendors/mailchimp/client.js';
import type { MemberView } from '../vendors/mailchimp/schema.js';
import type { ObservedPage } from './destination.js';

/** What reading an audience back needs. */
export interface Reading {
  client: MailchimpClient;
  listId: string;
  fields: FieldTypes;
  /** All tags of a member; an answer shows fifty at most. */
  tagsOf(member: MemberView): Promise<readonly string[]>;
}

/** MailChimp takes times to the second, without those at it: what changed within it comes again. */
const SECOND_MS = 1_000;

/** Where a reading is: `present` or `archived` ones, changed after `since` (ISO 8601, or empty), the next `offset`. */
interface Place {
  of: 'present' | 'archived';
  since: string;
  offset: number;
}

/**
 * Reads an audience in the order of changes, then the archived ones, who are not among the others. Goes on by the time of the
 * last change seen and not by offset, so that nobody is missed who changes meanwhile.
 */
export async function readBack(reading: Reading, cursor: string | undefined, since?: Date): Promise<ObservedPage> {
  const from = since ? new Date(since.getTime() - SECOND_MS).toISOString() : '';
  const place: Place = cursor === undefined ? { of: 'present', since: from, offset: 0 } : toPlace(cursor);
  const page = await reading.client.listMembers(reading.listId, {
    count: PAGE_SIZE,
    offset: place.offset,
    ...(place.of === 'archived' ? { status: 'archived' } : {}),
    ...(place.since === '' ? {} : { sinceLastChanged: new Date(place.since) }),
  });
  const subscribers: ObservedSubscriber[] = [];
  for (const member of page.members) subscribers.push(await toObserved(reading, member));
  const isLast = page.length === 0 || place.offset + page.length >= page.total;
  if (!isLast) return { subscribers, next: toCursor(following(place, page)) };
  if (place.of === 'archived') return { subscribers };
  return { subscribers, next: toCursor({ of: 'archived', since: from, offset: 0 }) };
}

function following(place: Place, { members, length }: { members: MemberView[]; length: number }): Place {
  const last = Date.parse(members.at(-1)?.lastChanged ?? '');
  const since = Number.isNaN(last) ? '' : new Date(last - SECOND_MS).toISOString();
  // more than a page within one second can only be counted through
  return since > place.since ? { ...place, since, offset: 0 } : { ...place, offset: place.offset + length };
}

const toCursor = ({ of, since, offset }: Place): string => `${of}/${since}/${offset}`;

function toPlace(cursor: string): Place {
  const [of, since = '', digits] = cursor.split('/');
  const offset = Number(digits);
  if ((of !== 'present' && of !== 'archived') || !Number.isInteger(offset) || offset < 0)
    throw new RangeError(`not a cursor of ours: ${cursor}`);
  return { of, since, offset };
}

async function toObserved({ fields, tagsOf }: Reading, member: MemberView): Promise<ObservedSubscriber> {
  const { email, status, lastChanged, mergeFields } = member;
  const values = Object.entries(mergeFields).filter(([tag, value]) => tag in fields && value !== '');
  return {
    email,
    name: `${mergeFields['FNAME'] ?? ''} ${mergeFields['LNAME'] ?? ''}`.trim(),
    state: stateOf(status),
    stateDate: lastChanged,
    fields: Object.fromEntries(values.map(([tag, value]) => [tag, String(value)])),
    tags: await tagsOf(member),
  };
}

const STATES: Readonly<Record<string, ListState>> = {
  subscribed: 'Active',
  unsubscribed: 'Unsubscribed',
  cleaned: 'Bounced',
  pending: 'Unconfirmed',
  archived: 'Deleted',
};

/** A status that we do not know is treated like an opt-out; so is `transactional`, who never asked for letters. */
export const stateOf = (status: string): ListState => STATES[status] ?? 'Suppressed';
