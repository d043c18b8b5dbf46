import type { Contact, FieldTypes, FieldValue } from '../domain/contact.js';
import { isRejected } from '../vendors/errors.js';
import type { MailchimpClient, MergeValues } from '../vendors/mailchimp/client.js';

/** Longest text of a merge field, in bytes of UTF-8. */
const TEXT_BYTES = 255;

/** What people read above a field of ours. */
const TITLES: Readonly<Record<string, string>> = {
  FNAME: 'First Name',
  LNAME: 'Last Name',
  TOTALAMT: 'Lifetime giving',
  DONCNT: 'Number of gifts',
  RECAMT: 'Recurring a month',
  ACTIVESUB: 'Recurring donor',
  FIRSTGIFT: 'First gift',
  LASTGIFT: 'Last gift',
  LASTAMT: 'Last gift amount',
  LARGEGIFT: 'Largest gift',
  DONORLEVEL: 'Donor level',
  ENGAGEMENT: 'Engagement',
  FREQUENCY: 'Gift frequency',
  CLASSYID: 'Classy supporter id',
};

/** Creates the merge fields that are missing; one of another type, or without room, is told and left out. */
export async function ensureMergeFields(
  client: MailchimpClient,
  listId: string,
  fields: FieldTypes,
  looksOnly: boolean,
): Promise<{ problems: string[]; missingFields: string[] }> {
  const there = new Map((await client.readMergeFields(listId)).map(({ tag, type }) => [tag.toUpperCase(), type]));
  const problems: string[] = [];
  const missingFields: string[] = [];
  for (const [tag, type] of Object.entries(fields)) {
    const found = there.get(tag);
    // one that can be created is as good as there for whoever only looks
    if (found === type || (found === undefined && looksOnly)) continue;
    const problem =
      found === undefined
        ? await createField(client, listId, tag, type, there.size)
        : `Merge field ${tag} has type ${found} but must be ${type}: rename or delete it in the audience's settings; it is created anew.`;
    if (found === undefined && problem === undefined) there.set(tag, type);
    if (problem === undefined) continue;
    problems.push(problem);
    missingFields.push(tag);
  }
  return { problems, missingFields };
}

/** A sentence about why it could not be created. */
async function createField(
  client: MailchimpClient,
  listId: string,
  tag: string,
  type: FieldValue['type'],
  count: number,
): Promise<string | undefined> {
  try {
    await client.createMergeField(listId, { tag, name: TITLES[tag] ?? tag, type });
    return undefined;
  } catch (error) {
    if (!isRejected(error)) throw error;
    // somebody else created it in between
    if (error.details.reason === 'exists') return undefined;
    return `Merge field ${tag} could not be created beside the ${count} that the audience has (most plans allow 30): delete one that is not needed. Until then ${tag} is not written.`;
  }
}

/** The values that MailChimp keeps, by merge tag; a source without first and last names fills FNAME. */
export function storableValues({ name, fields }: Contact): MergeValues {
  const named = 'FNAME' in fields ? [] : [['FNAME', cut(name.trim())] as const];
  const values = Object.entries(fields).map(([tag, field]) => [tag, toValue(field)] as const);
  return Object.fromEntries([...named, ...values]);
}

function toValue(field: FieldValue): string | number {
  if (field.type === 'number') return field.value;
  return field.type === 'date' ? field.value.toISOString().slice(0, 10) : cut(field.value);
}

/** Whole characters up to the limit. */
function cut(text: string): string {
  if (Buffer.byteLength(text) <= TEXT_BYTES) return text;
  const bytes = Buffer.from(text).subarray(0, TEXT_BYTES);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replace(/\uFFFD+$/, '');
}
