import { z } from 'zod';

/** Every error's body (RFC 7807 with `errors` where fields are refused). */
export const problemSchema = z.object({
  title: z.string(),
  status: z.number(),
  detail: z.string().nullish(),
  instance: z.string().nullish(),
  errors: rowsOf(z.object({ field: z.string().nullish(), message: z.string().nullish() })).nullish(),
});

/** A member as we look at it. */
export interface MemberView {
  /** As MailChimp writes it, which may differ in case. */
  email: string;
  /** MailChimp's word: subscribed, unsubscribed, cleaned, pending, transactional, archived, or one that is new. */
  status: string;
  /** Names of at most 50 tags; `tagsCount` tells whether these are all. */
  tags: string[];
  tagsCount: number;
  /** Without those that are no text and no number, such as addresses. */
  mergeFields: Record<string, string | number>;
  /** ISO 8601 to the second; '' where it is not told. */
  lastChanged: string;
  optInAt: string | undefined;
  source: string | undefined;
}

/** A tag of a member. */
export const tagSchema = z.object({ name: z.string() });

/** One member, with `MEMBER_FIELDS`. */
export const memberSchema = z
  .object({
    email_address: z.string().min(1),
    status: z.string(),
    merge_fields: z.record(z.string(), z.unknown()).catch({}),
    tags: z.array(tagSchema).nullish(),
    tags_count: z.number().nullish(),
    last_changed: z.string().nullish(),
    timestamp_opt: z.string().nullish(),
    source: z.string().nullish(),
  })
  .transform((member): MemberView => {
    const tags = (member.tags ?? []).map(({ name }) => name);
    return {
      email: member.email_address,
      status: member.status,
      tags,
      tagsCount: member.tags_count ?? tags.length,
      mergeFields: Object.fromEntries(Object.entries(member.merge_fields).filter(isPlain)),
      lastChanged: member.last_changed ?? '',
      optInAt: member.timestamp_opt || undefined,
      source: member.source || undefined,
    };
  });

/** What a member's answer is cut to. */
export const MEMBER_FIELDS = [
  'email_address',
  'status',
  'merge_fields',
  'tags',
  'tags_count',
  'last_changed',
  'timestamp_opt',
  'source',
] as const;

/** The result of a batch of members. */
export const batchResultSchema = z.object({
  new_members: rowsOf(memberSchema),
  updated_members: rowsOf(memberSchema),
  errors: rowsOf(
    z.object({
      email_address: z.string(),
      error: z.string(),
      error_code: z.string().nullish(),
      field: z.string().nullish(),
      field_message: z.string().nullish(),
    }),
  ),
});

/** The part of an audience's settings that we use; its figures lag. */
export const audienceSchema = z.object({
  id: z.string(),
  name: z.string(),
  double_optin: z.boolean(),
  stats: z
    .object({
      member_count: z.number().nullish(),
      unsubscribe_count: z.number().nullish(),
      cleaned_count: z.number().nullish(),
    })
    .nullish(),
});

/** A merge field of an audience. */
export const mergeFieldSchema = z
  .object({
    tag: z.string(),
    name: z.string(),
    type: z.string(),
    required: z.boolean().nullish(),
    options: z
      .object({ choices: z.array(z.string()).nullish() })
      .nullish()
      .catch(undefined),
  })
  .transform(({ tag, name, type, required, options }) => ({
    tag,
    name,
    type,
    required: required ?? false,
    choices: options?.choices ?? undefined,
  }));

/** A static segment, which is a tag. */
export const segmentSchema = z.object({ id: z.number(), name: z.string() });

/** The result of adding people to a segment and taking others off. */
export const segmentResultSchema = z.object({
  members_added: rowsOf(z.object({ email_address: z.string() })),
  members_removed: rowsOf(z.object({ email_address: z.string() })),
  errors: rowsOf(z.object({ email_addresses: z.array(z.string()), error: z.string() })).nullish(),
});

/** The answer of `/ping`. */
export const pingSchema = z.object({ health_status: z.string() });

/** One page of a collection. */
export const pageSchema = <T extends z.ZodType>(collection: string, row: T) =>
  z.object({ [collection]: z.array(z.unknown()), total_items: z.number() }).transform((page) => {
    const rows = page[collection] as unknown[];
    return { rows: readable(rows, row), length: rows.length, total: page['total_items'] as number };
  });

/** Rows are read one by one: one that we cannot read must not keep the others from being read. */
function rowsOf<T extends z.ZodType>(row: T) {
  return z.array(z.unknown()).transform((rows) => readable(rows, row));
}

const readable = <T extends z.ZodType>(rows: readonly unknown[], row: T): z.output<T>[] =>
  rows.flatMap((one) => {
    const parsed = row.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });

const isPlain = (entry: [string, unknown]): entry is [string, string | number] =>
  typeof entry[1] === 'string' || typeof entry[1] === 'number';
