import { roundHalfUp } from './amount.js';
import type { Contact, FieldValue } from './contact.js';
import { type DonorInputs, type DonorTag, type DonorTagFamily, donorTags } from './donor-segments.js';
import { OPTIONAL_DONOR_FIELDS, type OptionalDonorField, type SegmentRules } from './segment-rules.js';

/** What a donor's contact is made of. */
export interface DonorContactInput {
  email: string;
  firstName: string | null | undefined;
  lastName: string | null | undefined;
  /** Of the supporter at that address whose names these are. */
  supporterId: string;
  inputs: DonorInputs;
  rules: SegmentRules;
  /** The day in the organization's time zone. */
  asOfDay: string;
}

/** The contact of the supporters at one address (vendors' notes on donor segments). */
export function donorToContact(input: DonorContactInput): Contact {
  const { email, inputs, rules, asOfDay } = input;
  const [first, last] = [input.firstName?.trim() ?? '', input.lastName?.trim() ?? ''];
  const tags = donorTags(inputs, rules, asOfDay);
  const optional = optionalFields(input, tags);
  return {
    email: email.trim(),
    name: `${first} ${last}`.trim(),
    fields: {
      FNAME: text(first),
      LNAME: text(last),
      TOTALAMT: amount(inputs.lifetimeAmount),
      DONCNT: { type: 'number', value: inputs.donationCount },
      RECAMT: amount(inputs.monthlyRecurringAmount),
      ACTIVESUB: text(inputs.activePlans > 0 ? 'Yes' : 'No'),
      ...Object.fromEntries(rules.fields.map((field) => [field, optional[field]])),
    },
    tags: tags.map(({ name }) => name),
  };
}

function optionalFields(
  { inputs, rules, supporterId }: DonorContactInput,
  tags: readonly DonorTag[],
): Record<OptionalDonorField, FieldValue> {
  const tagOf = (family: DonorTagFamily): FieldValue =>
    text(tags.find((tag) => tag.family === family)?.name.slice(rules.prefix.length) ?? '');
  return {
    FIRSTGIFT: day(inputs.firstGiftOn),
    LASTGIFT: day(inputs.lastGiftOn),
    LASTAMT: amount(inputs.lastGiftAmount),
    LARGEGIFT: amount(inputs.largestGift),
    DONORLEVEL: tagOf('value'),
    ENGAGEMENT: tagOf('recency'),
    FREQUENCY: tagOf('frequency'),
    CLASSYID: text(supporterId),
  };
}

const text = (value: string): FieldValue => ({ type: 'text', value });
const amount = (value: number): FieldValue => ({ type: 'number', value: roundHalfUp(value, 2) });
const day = (value: string | undefined): FieldValue =>
  value === undefined ? text('') : { type: 'date', value: new Date(`${value}T00:00:00Z`) };

const coreFieldTypes = {
  FNAME: 'text',
  LNAME: 'text',
  TOTALAMT: 'number',
  DONCNT: 'number',
  RECAMT: 'number',
  ACTIVESUB: 'text',
} as const;

/** Every merge field that these rules send, and its type; a date that is not known is sent as an empty text, which clears. */
export const donorFieldTypes = (rules: SegmentRules): Record<string, FieldValue['type']> => ({
  ...coreFieldTypes,
  ...Object.fromEntries(rules.fields.map((field) => [field, OPTIONAL_DONOR_FIELDS[field]])),
});

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
/** https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address, with at least one dot in the domain. */
const mailable = new RegExp(`^[a-z0-9.!#$%&'*+/=?^_\`{|}~-]+@${label}(?:\\.${label})+$`, 'i');
const LONGEST_EMAIL = 254;

/** Whether an address is one that MailChimp takes (vendors' notes on donor segments, push rules). */
export function canBeMailed(email: string): boolean {
  const address = email.trim();
  return address.length <= LONGEST_EMAIL && mailable.test(address);
}
