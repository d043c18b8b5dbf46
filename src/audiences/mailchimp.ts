import type { Contact, FieldTypes } from '../domain/contact.js';
import type { DeclineReason } from '../domain/decline-reason.js';
import { isRejected, VendorError } from '../vendors/errors.js';
import type { MemberErrorReason } from '../vendors/mailchimp/classify-member-error.js';
import { BATCH_SIZE, type MailchimpClient } from '../vendors/mailchimp/client.js';
import { brokenItem, reasonOf } from '../vendors/mailchimp/errors.js';
import type { MemberView } from '../vendors/mailchimp/schema.js';
import { type AudienceCheck, type Capabilities, type Destination, NOTE, type PushOutcome } from './destination.js';
import { ensureMergeFields, storableValues } from './mailchimp-fields.js';
import { readBack, stateOf } from './mailchimp-reading.js';
import { createTagging } from './mailchimp-tagging.js';

/** What one MailChimp audience is made with. */
export interface MailchimpAudienceOptions {
  client: MailchimpClient;
  listId: string;
  /** Its key in the ledger. */
  audience: string;
  /** How somebody is taken off. */
  onRemoval: 'unsubscribe' | 'archive';
  /** The fields of its contacts, by merge tag. */
  fields: FieldTypes;
  /** Time-out of a call, in milliseconds; the client's own. */
  timeoutMs: number;
}

/** So many people are looked at together: tags are collected over all of them, so that segment calls are full. */
const PAGE_SIZE = 10_000;

/** A call that is refused as a whole is refused at once, so a few more fit into its time. */
const MOST_REPEATS = 3;

/** MailChimp takes ten calls at a time and says no to the eleventh at once: a little patience, and more each time. */
const BUSY_PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

/** Below MailChimp's ten connections, so that others with the same key and calls that it still works on find room. */
export const CALLS_AT_ONCE = 8;

/** What MailChimp can do; it knows no way back for somebody who was taken off but their own sign-up. */
export const mailchimpCapabilities = (onRemoval: MailchimpAudienceOptions['onRemoval']): Capabilities => ({
  tags: true,
  tagsStartAutomations: true,
  moves: true,
  resubscribes: false,
  removedState: onRemoval === 'archive' ? 'Deleted' : 'Unsubscribed',
});

/** A MailChimp audience as a destination. Nobody's status is ever set but to `unsubscribed` or archived. */
export function createMailchimpAudience(options: MailchimpAudienceOptions): Destination {
  const { client, listId, audience, onRemoval, fields, timeoutMs } = options;
  const tagging = createTagging(client, listId);

  /** All tags of a member; an answer shows fifty at most. */
  const tagsOf = async ({ email, tags, tagsCount }: MemberView): Promise<readonly string[]> => {
    if (tagsCount <= tags.length) return tags;
    try {
      return await client.readTags(listId, email);
    } catch (error) {
      // gone since the answer
      if (isRejected(error) && error.details.status === 404) return tags;
      throw error;
    }
  };

  /** What was stored stays stored though its tags cannot all be read now. */
  const tagsAtHand = async (member: MemberView): Promise<{ tags: readonly string[]; isPartial: boolean }> => {
    try {
      return { tags: await tagsOf(member), isPartial: false };
    } catch (error) {
      if (error instanceof VendorError) return { tags: member.tags, isPartial: true };
      throw error;
    }
  };

  const outcomeOf = async (member: MemberView, created: boolean): Promise<PushOutcome> => {
    const state = stateOf(member.status);
    if (state !== 'Active') return { kind: 'respected', state };
    const { tags, isPartial } = await tagsAtHand(member);
    return { kind: 'stored', created, since: sinceOf(member), tags, isPartial };
  };

  /** `repeats`: how often the call may be made again without somebody who breaks it; it was booked for one call's time. */
  const push = async (contacts: readonly Contact[], repeats = MOST_REPEATS): Promise<PushOutcome[]> => {
    const members = contacts.map((contact) => ({ email: contact.email, mergeFields: storableValues(contact) }));
    try {
      const { created, updated, errors } = await client.upsertMembers(listId, members);
      const answers = new Map<string, () => Promise<PushOutcome>>();
      for (const { email, reason } of errors) answers.set(email.toLowerCase(), async () => declined(reason));
      for (const member of updated) answers.set(member.email.toLowerCase(), () => outcomeOf(member, false));
      for (const member of created) answers.set(member.email.toLowerCase(), () => outcomeOf(member, true));
      const outcomes: PushOutcome[] = [];
      for (const { email } of contacts)
        outcomes.push((await answers.get(email.toLowerCase())?.()) ?? { kind: 'unknown' });
      return outcomes;
    } catch (error) {
      if (!isRejected(error)) throw error;
      const declinedOne = (): PushOutcome => declinedFor(error);
      if (contacts.length === 1) return [declinedOne()];
      // one that breaks the call is left out of it
      const broken = brokenItem(error);
      if (broken === undefined || contacts[broken] === undefined || repeats === 0) throw error;
      const others = await push(contacts.toSpliced(broken, 1), repeats - 1);
      return others.toSpliced(broken, 0, declinedOne());
    }
  };

  return {
    audience,
    limits: {
      batchSize: BATCH_SIZE,
      pageSize: PAGE_SIZE,
      callsAtOnce: CALLS_AT_ONCE,
      timeoutMs,
      busyPausesMs: BUSY_PAUSES_MS,
      isBusyWithCall: false,
    },
    capabilities: mailchimpCapabilities(onRemoval),
    tagging,
    readsChanges: true,

    async check(looksOnly = false): Promise<AudienceCheck> {
      const { name, doubleOptIn, memberCount } = await client.readAudience(listId);
      const checked = await ensureMergeFields(client, listId, fields, looksOnly);
      return {
        title: name,
        activeSubscribers: memberCount,
        // people added by the API are mailed by no one: that is what is asked
        doubleOptIn: false,
        problems: [...(doubleOptIn ? [DOUBLE_OPT_IN] : []), ...checked.problems, ...tagging.problems()],
        missingFields: checked.missingFields,
      };
    },

    async probe() {
      await client.readAudience(listId);
      return { doubleOptIn: false };
    },

    push: (contacts) => push(contacts),

    async read(address: string) {
      const member = await client.readMember(listId, address);
      if (member) return { state: stateOf(member.status), stateDate: member.lastChanged, since: sinceOf(member) };
      // MailChimp says the same of an audience that is gone
      await client.readAudience(listId);
      return undefined;
    },

    readBack: (cursor, since) => readBack({ client, listId, fields, tagsOf }, cursor, since),

    storedFields(contact: Contact) {
      const { FNAME = '', LNAME = '', ...others } = storableValues(contact);
      const stored = Object.entries(others).map(([name, value]) => [name, String(value)]);
      const names = 'FNAME' in contact.fields ? { FNAME: String(FNAME), LNAME: String(LNAME) } : {};
      return { ...Object.fromEntries(stored), ...names, name: `${FNAME} ${LNAME}`.trim() };
    },

    async move(from: string, contact: Contact) {
      try {
        const member = await client.changeAddress(listId, from, {
          email: contact.email,
          mergeFields: storableValues(contact),
        });
        const outcome = await outcomeOf(member, false);
        return outcome.kind === 'respected' ? { kind: 'stored' } : outcome;
      } catch (error) {
        if (!isRejected(error)) throw error;
        if (error.details.status === 404) return { kind: 'absent' };
        return reasonOf(error) === 'exists' ? { kind: 'taken' } : declined(reasonOf(error));
      }
    },

    async remove(address: string) {
      if (onRemoval === 'archive') await client.archive(listId, address);
      else await client.unsubscribe(listId, address);
    },
  };
}

/** Since when a member is there, if it was put there by the API. */
const sinceOf = ({ source, optInAt }: MemberView): string | undefined =>
  /^api/i.test(source ?? '') ? optInAt : undefined;

const DOUBLE_OPT_IN = `${NOTE}the audience is double opt-in for its own forms; people whom Steward adds are subscribed at once and get no confirmation mail.`;

const REASONS: Partial<Record<MemberErrorReason, DeclineReason>> = {
  invalid: 'invalid-address',
  fake: 'fake-address',
  role: 'role-address',
  'merge-fields': 'invalid-fields',
};

/** Of somebody who alone breaks a call it is known that what they are made of is not taken. */
function declinedFor(error: VendorError): PushOutcome {
  const outcome = declined(reasonOf(error));
  return outcome.kind === 'unknown' ? { kind: 'refused', reason: 'invalid-fields' } : outcome;
}

function declined(reason: MemberErrorReason): PushOutcome {
  if (reason === 'compliance') return { kind: 'respected', state: 'Unsubscribed', reason: 'compliance' };
  if (reason === 'forgotten') return { kind: 'respected', state: 'Deleted', reason: 'forgotten' };
  if (reason === 'too-many-signups') return { kind: 'refused', reason: 'too-many-sign-ups', isForNow: true };
  const known = REASONS[reason];
  return known ? { kind: 'refused', reason: known } : { kind: 'unknown' };
}
