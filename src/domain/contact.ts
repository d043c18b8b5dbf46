import type { MemberFacts } from './member.js';
import type { StatusTransition } from './status-history.js';

/** A field value before a destination formats it. */
export type FieldValue =
  | { type: 'text'; value: string }
  | { type: 'date'; value: Date }
  | { type: 'number'; value: number };

/** Fields of contacts by name, each with its type. */
export type FieldTypes = Readonly<Record<string, FieldValue['type']>>;

/** What a person should look like in an audience; knows no source and no destination. */
export interface Contact {
  /** Case as typed. */
  email: string;
  name: string;
  /** Every field to be written; those absent are left as they are. An empty text clears. */
  fields: Readonly<Record<string, FieldValue>>;
  /** Names of all tags to be had of those that are ours to give; undefined where the source knows no tags. */
  tags?: readonly string[] | undefined;
}

/** Longest value of a text field, in UTF-16 units (Campaign Monitor's limit). */
const TEXT_LIMIT = 250;

/** The seven fields of a Ghost member and their types. */
export const memberFieldTypes = {
  ghost_status: 'text',
  ghost_signup_date: 'date',
  ghost_last_updated: 'date',
  ghost_status_changed_at: 'date',
  ghost_previous_status: 'text',
  ghost_labels: 'text',
  ghost_email_enabled: 'text',
} as const satisfies Record<string, FieldValue['type']>;

/** What a member's contact is made of, beside the facts. */
export interface MemberContactInput {
  facts: MemberFacts;
  changedAt: Date;
  /** The last transition between two known statuses; without one the two history fields are not written. */
  lastTransition?: Pick<StatusTransition, 'at'> & { from: string };
}

/** The contact of a living member. */
export function memberToContact({ facts, changedAt, lastTransition }: MemberContactInput): Contact {
  const history: Record<string, FieldValue> = lastTransition
    ? { ghost_status_changed_at: date(lastTransition.at), ghost_previous_status: text(lastTransition.from) }
    : {};
  return {
    email: facts.email,
    name: facts.name ?? '',
    fields: {
      ghost_status: text(facts.status),
      ghost_signup_date: date(facts.signedUpAt),
      ghost_last_updated: date(changedAt),
      ghost_labels: text(joinWithin(facts.labels, TEXT_LIMIT)),
      ghost_email_enabled: text(String(facts.emailEnabled)),
      ...history,
    },
  };
}

/** Fields that never cause a push by themselves. */
const silentFields: readonly string[] = ['ghost_last_updated'];

/** A stable text of all that must be true in the audience: equal texts need no push. */
export function contactKey({ email, name, fields, tags }: Contact): string {
  const told = Object.entries(fields)
    .filter(([key]) => !silentFields.includes(key))
    .map(([key, field]) => [key, field.type === 'date' ? field.value.toISOString().slice(0, 10) : field.value])
    .sort(([a], [b]) => (a! < b! ? -1 : 1));
  return JSON.stringify([email, name, told, ...(tags ? [tags.toSorted()] : [])]);
}

/** Joins whole labels with commas up to `limit` characters. */
export function joinWithin(labels: readonly string[], limit: number): string {
  let joined = '';
  for (const label of labels) {
    const longer = joined === '' ? label : `${joined},${label}`;
    if (longer.length > limit) break;
    joined = longer;
  }
  return joined;
}

const text = (value: string): FieldValue => ({ type: 'text', value });
const date = (value: Date): FieldValue => ({ type: 'date', value });
