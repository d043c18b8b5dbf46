import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Resource } from '../../contract/organization-sync.js';
import type { ColumnValue, SetAside, SourceRecord } from '../../contract/source-record.js';
import { knownFields } from './known-fields.js';
import { amount, consent, count, dayOrNull, flag, id, moment, momentOrNull, reference, text } from './values.js';

/** Records of one answer: those that can be stored, those that cannot, and what differs from the documents. */
export interface RecordsRead {
  records: SourceRecord[];
  setAside: SetAside[];
  /** How often each thing was seen, e.g. `unknown field colour`. */
  drift: Record<string, number>;
}

/** A record whose fields have been read. */
interface Parsed {
  id: string;
  updated_at: string;
  organization_id?: string | null;
  created_at?: string | null;
  items?: ({ id: string } & Record<string, ColumnValue>)[] | null;
  [field: string]: unknown;
}

type Columns = Record<string, z.ZodType<ColumnValue>>;

/** Column by column: the field of Classy's that it comes from, and how that is read. */
const columnsOf: Record<Resource, Record<string, readonly [field: string, type: z.ZodType<ColumnValue>]>> = {
  supporters: {
    email_address: ['email_address', text],
    first_name: ['first_name', text],
    last_name: ['last_name', text],
    nickname: ['nickname', text],
    phone: ['phone', text],
    cell_phone: ['cell_phone', text],
    city: ['city', text],
    state: ['state', text],
    country: ['country', text],
    postal_code: ['postal_code', text],
    origin: ['origin', text],
    member_id: ['member_id', reference],
    source_campaign_id: ['source_campaign_id', reference],
    email_opt_in: ['opt_in', consent],
    last_emailed_at: ['last_emailed_at', momentOrNull],
  },
  campaigns: {
    name: ['name', text],
    internal_name: ['internal_name', text],
    type: ['type', text],
    status: ['status', text],
    goal: ['goal', amount],
    currency_code: ['currency_code', text],
    is_general: ['is_general', flag],
    designation_id: ['designation_id', reference],
    external_id: ['external_id', text],
    canonical_url: ['canonical_url', text],
    timezone_identifier: ['timezone_identifier', text],
    started_at: ['started_at', momentOrNull],
    ended_at: ['ended_at', momentOrNull],
  },
  transactions: {
    supporter_id: ['supporter_id', reference],
    campaign_id: ['campaign_id', reference],
    recurring_plan_id: ['recurring_donation_plan_id', reference],
    parent_transaction_id: ['parent_transaction_id', reference],
    designation_id: ['designation_id', reference],
    fundraising_page_id: ['fundraising_page_id', reference],
    fundraising_team_id: ['fundraising_team_id', reference],
    member_id: ['member_id', reference],
    status: ['status', text],
    frequency: ['frequency', text],
    payment_method: ['payment_method', text],
    payment_type: ['payment_type', text],
    payment_gateway: ['payment_gateway', text],
    total_gross_amount: ['total_gross_amount', amount],
    donation_gross_amount: ['donation_gross_amount', amount],
    donation_net_amount: ['donation_net_amount', amount],
    overhead_net_amount: ['overhead_net_amount', amount],
    fees_amount: ['fees_amount', amount],
    adjustment_amount: ['adjustment_amount', amount],
    currency_code: ['currency_code', text],
    raw_total_gross_amount: ['raw_total_gross_amount', amount],
    raw_currency_code: ['raw_currency_code', text],
    charged_total_gross_amount: ['charged_total_gross_amount', amount],
    charged_currency_code: ['charged_currency_code', text],
    is_anonymous: ['is_anonymous', flag],
    is_gift_aid: ['is_gift_aid', flag],
    company_name: ['company_name', text],
    billing_country: ['billing_country', text],
    billing_state: ['billing_state', text],
    billing_postal_code: ['billing_postal_code', text],
    purchased_at: ['purchased_at', momentOrNull],
    charged_at: ['charged_at', momentOrNull],
    refunded_at: ['refunded_at', momentOrNull],
  },
  'recurring-plans': {
    supporter_id: ['supporter_id', reference],
    campaign_id: ['campaign_id', reference],
    designation_id: ['designation_id', reference],
    member_id: ['member_id', reference],
    status: ['status', text],
    frequency: ['frequency', text],
    amount: ['donation_amount', amount],
    currency_code: ['currency_code', text],
    raw_amount: ['raw_donation_amount', amount],
    raw_currency_code: ['raw_currency_code', text],
    payment_type: ['payment_type', text],
    payment_gateway: ['payment_gateway', text],
    is_paused: ['is_paused', flag],
    pause_until: ['pause_until', dayOrNull],
    next_payment_date: ['next_processing_date', dayOrNull],
    recur_until: ['recur_until', dayOrNull],
    started_at: ['started_at', momentOrNull],
    failed_at: ['failed_at', momentOrNull],
    canceled_at: ['canceled_at', momentOrNull],
    cancel_reason_code: ['cancel_reason_code', text],
    timezone_identifier: ['timezone_identifier', text],
  },
};

const itemColumns: Columns = {
  type: text,
  product_name: text,
  product_id: reference,
  quantity: count,
  price: amount,
  final_price: amount,
  donation_gross_amount: amount,
  donation_net_amount: amount,
  fees_amount: amount,
  overhead_amount: amount,
  designation_id: reference,
  fundraising_page_id: reference,
  fundraising_team_id: reference,
};

/** Every field but id and `updated_at` may be left out. */
const optional = (columns: Columns) =>
  Object.fromEntries(Object.entries(columns).map(([field, type]) => [field, type.optional()]));

const envelope = { id, updated_at: moment, ...optional({ organization_id: reference, created_at: momentOrNull }) };
const itemSchema = z.object({ id, ...optional(itemColumns) });

const schemaOf = (resource: Resource): z.ZodType<Parsed> => {
  const columns = optional(Object.fromEntries(Object.values(columnsOf[resource])));
  return z.object({ ...columns, ...envelope, items: z.array(itemSchema).nullish() }) as unknown as z.ZodType<Parsed>;
};
const schemas = Object.fromEntries(
  (Object.keys(columnsOf) as Resource[]).map((resource) => [resource, schemaOf(resource)]),
) as Record<Resource, z.ZodType<Parsed>>;

/** Reads the records of one answer for an organization; a bad one is set aside and the rest go on. */
export function readRecords(resource: Resource, organization: string, entries: readonly unknown[]): RecordsRead {
  const read: RecordsRead = { records: [], setAside: [], drift: {} };
  for (const entry of entries) {
    const parsed = schemas[resource].safeParse(entry);
    const owner = parsed.data?.organization_id ?? null;
    if (!parsed.success) read.setAside.push({ recordId: recordIdOf(entry), reason: reasonOf(parsed.error) });
    else if (owner !== null && owner !== organization)
      read.setAside.push({ recordId: parsed.data.id, reason: 'organization_id: is another organization’s' });
    else read.records.push(toRecord(resource, parsed.data, entry));
    noteDrift(read.drift, resource, entry);
  }
  return read;
}

function toRecord(resource: Resource, parsed: Parsed, raw: unknown): SourceRecord {
  const columns: Record<string, ColumnValue> = {};
  for (const [column, [field]] of Object.entries(columnsOf[resource]))
    columns[column] = (parsed[field] ?? null) as ColumnValue;
  columns['classy_created_at'] = parsed.created_at ?? null;
  columns['classy_updated_at'] = parsed.updated_at;
  if (resource === 'supporters') columns['address'] = addressOf(columns['email_address'] as string | null);
  const items = parsed.items?.map(({ id: itemId, ...rest }) => ({ id: itemId, columns: rest }));
  return { id: parsed.id, columns, raw, ...(resource === 'transactions' && items ? { items } : {}) };
}

/** An address as it is compared; nothing that long is one. */
function addressOf(email: string | null): string | null {
  const address = email?.trim().toLowerCase() ?? '';
  return address === '' || address.length > LONGEST_ADDRESS ? null : address;
}

const LONGEST_ADDRESS = 320;

/** Which fields are wrong and how; what they hold stays out of it. */
const reasonOf = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, 5)
    .map(
      ({ path, code, message }) =>
        `${path.join('.') || 'the record'}: ${code === 'custom' ? message : 'is missing or of the wrong type'}`,
    )
    .join('; ');

function recordIdOf(entry: unknown): string {
  const known = id.safeParse((entry as { id?: unknown } | null)?.id);
  return known.success
    ? known.data
    : `?${createHash('sha256')
        .update(JSON.stringify(entry) ?? '')
        .digest('hex')
        .slice(0, 16)}`;
}

/** The open lists of the vendor's notes, section 10. */
const knownValues: Partial<Record<Resource, Record<string, ReadonlySet<string>>>> = {
  transactions: {
    status: new Set('success refunded cb_initiated cb_lost pending incomplete failed canceled voided test'.split(' ')),
    frequency: new Set(
      'one-time daily weekly bi-weekly monthly bi-monthly quarterly semi-annual semi-annually yearly'.split(' '),
    ),
  },
  'recurring-plans': {
    status: new Set('active attempted failing failed paused canceled ended draft'.split(' ')),
    frequency: new Set(
      'one-time daily weekly bi-weekly monthly bi-monthly quarterly semi-annual semi-annually yearly'.split(' '),
    ),
  },
  campaigns: { status: new Set('active deactivated draft unpublished'.split(' ')) },
};

function noteDrift(drift: Record<string, number>, resource: Resource, entry: unknown): void {
  if (typeof entry !== 'object' || entry === null) return;
  const note = (what: string): void => {
    drift[what] = (drift[what] ?? 0) + 1;
  };
  for (const [field, value] of Object.entries(entry)) {
    if (!knownFields[resource].has(field)) note(`unknown field ${nameOf(field)}`);
    else if (field.endsWith('amount') && !field.startsWith('raw_') && typeof value === 'string')
      note(`${field} as text`);
    else if (field === 'opt_in' && typeof value !== 'boolean') note('opt_in is not a flag');
  }
  for (const [field, values] of Object.entries(knownValues[resource] ?? {})) {
    const value = (entry as Record<string, unknown>)[field];
    if (typeof value === 'string' && !values.has(value)) note(`unknown ${field} ${nameOf(value)}`);
  }
}

/** A word of Classy's as it may be shown; anything longer or odder could be about a person. */
const nameOf = (word: string): string => (/^[a-z][a-z_-]{0,39}$/i.test(word) ? word : '(odd)');
