import { z } from 'zod';
import { type FieldError, notValidated } from './errors.js';

const noneOfThem = 'Data did not match any of the schemas described in anyOf.';
const statuses = ['subscribed', 'unsubscribed', 'cleaned', 'pending', 'transactional'] as const;
const text = z.string();
const flag = z.boolean();
const status = z.enum(statuses);
const numberLike = z.union([z.number(), text.regex(/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/)]);
const time = z.union([
  text.regex(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/),
  text.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})$/),
  z.literal(''),
]);
const part = text.optional();
const address = z.looseObject({ addr1: part, addr2: part, city: part, state: part, zip: part, country: part });
const mergeFields = z.record(text, z.union([text, z.number(), address]));
const permission = z.looseObject({ marketing_permission_id: part, enabled: flag.optional() });

const memberProperties = {
  email_type: text,
  interests: z.record(text, flag),
  ip_opt: text,
  ip_signup: text,
  language: text,
  location: z.looseObject({ latitude: numberLike.optional(), longitude: numberLike.optional() }),
  marketing_permissions: z.array(permission),
  merge_fields: mergeFields,
  timestamp_opt: time,
  timestamp_signup: time,
  vip: flag,
  tags: z.array(text),
};
const memberSchema = z
  .looseObject({ email_address: text, status, status_if_new: status, ...memberProperties })
  .partial();
const optionalItem = Object.fromEntries(
  Object.entries({ ...memberSchema.shape, marketing_permissions: z.unknown() }).map(([name, one]) => [
    name,
    one.nullish(),
  ]),
);
const batchItem = z
  .looseObject(optionalItem)
  .refine((item) => 'status' in item || 'status_if_new' in item, { error: noneOfThem });
const names = z.array(text);
const tag = z.looseObject({ name: text, status: z.enum(['active', 'inactive']) });
const mergeField = {
  tag: text.max(10),
  name: text,
  default_value: text,
  public: flag,
  required: flag,
  display_order: z.number().int(),
  options: z.looseObject({ choices: names.optional(), size: z.number().int().optional() }),
  help_text: text,
};
const mergeFieldTypes = [
  'text',
  'number',
  'address',
  'phone',
  'date',
  'url',
  'imageurl',
  'radio',
  'dropdown',
  'birthday',
  'zip',
] as const;

/** What a client may send, as the vendor's schemas have it; properties that are not known are let through. */
export const bodies = {
  memberUpsert: memberSchema,
  memberCreate: memberSchema.required({ email_address: true, status: true }),
  memberPatch: memberSchema.extend({ status: status.exclude(['transactional']).optional() }),
  batch: z.looseObject({ members: z.array(batchItem), sync_tags: flag.nullish(), update_existing: flag.nullish() }),
  memberTags: z.looseObject({ tags: z.array(tag), is_syncing: flag.optional() }),
  mergeFieldCreate: z
    .looseObject({ ...mergeField, type: z.enum(mergeFieldTypes) })
    .partial()
    .required({ name: true, type: true }),
  mergeFieldPatch: z.looseObject(mergeField).partial().required({ name: true }),
  segmentCreate: z.looseObject({ name: text, static_segment: names.optional(), options: z.looseObject({}).optional() }),
  segmentMembers: z.looseObject({ members_to_add: names.optional(), members_to_remove: names.optional() }),
  segmentMember: z.looseObject({ email_address: text }),
};

/** What a client says of one member, in a call of its own or as an item of a batch. */
export type MemberBody = z.infer<typeof memberSchema>;

/** The body of a request; 400 with the fields that break the schema. */
export function bodyOf<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  throw notValidated(read.error.issues.map((issue) => fieldErrorOf(issue, body)));
}

function fieldErrorOf(issue: z.core.$ZodIssue, body: unknown): FieldError {
  const name = issue.path.at(-1);
  if (typeof name === 'string' && valueAt(body, issue.path) === undefined) {
    return { field: fieldOf(issue.path.slice(0, -1)), message: `Required fields were not provided: ${name}` };
  }
  return { field: fieldOf(issue.path), message: messageOf(issue) };
}

/** `members.item:0.status` */
function fieldOf(path: PropertyKey[]): string {
  return path.map((step) => (typeof step === 'number' ? `item:${step}` : String(step))).join('.');
}

function valueAt(body: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<PropertyKey, unknown> | undefined)?.[step], body);
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union') return noneOfThem;
  if (issue.code === 'invalid_type') return `Schema describes ${issue.expected}, another type found instead`;
  if (issue.code === 'invalid_value') return `Value must be one of: ${issue.values.join(', ')}`;
  return issue.message;
}
