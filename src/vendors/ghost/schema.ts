import { z } from 'zod';

// Unknown keys are ignored and few are required: the member grows with Ghost's versions (vendors' notes, "Member object").

const time = z.string().refine((value) => Number.isFinite(Date.parse(value)), 'not a date');

/** The part of a member that we use, in an answer of the Admin API and in `current` of a webhook. */
export const memberSchema = z.object({
  id: z.string().min(1).max(100),
  email: z.string().min(1).max(1000),
  name: z.string().nullish(),
  status: z.string().min(1).default('free'),
  created_at: time,
  labels: z.array(z.object({ name: z.string() })).nullish(),
  newsletters: z.array(z.object({ status: z.string().nullish() })).nullish(),
  subscribed: z.boolean().nullish(),
  email_suppression: z.object({ suppressed: z.boolean() }).nullish(),
});
export type GhostMember = z.infer<typeof memberSchema>;

/** `members/` and `members/:id/`. */
export const membersAnswerSchema = z.object({ members: z.array(memberSchema) });

/** A page of `members/`, its entries still unread: one that is odd must not cost the others. */
export const membersPageSchema = z.object({ members: z.array(z.looseObject({ id: z.string() })) });

/** `site/`. */
export const siteAnswerSchema = z.object({
  site: z.object({ title: z.string().nullish(), url: z.string().nullish(), version: z.string() }),
});

/** The error shape of the Admin API. */
export const errorAnswerSchema = z.object({
  errors: z
    .array(z.object({ type: z.string().nullish(), code: z.string().nullish(), message: z.string().nullish() }))
    .min(1),
});

/** The names that the URL or the body of a webhook may give to an event. */
export const eventNameSchema = z.enum(['member.added', 'member.updated', 'member.edited', 'member.deleted']);

const looseMember = z.looseObject({ id: z.string().optional() });

/** The body of a member webhook; `event` is there since Ghost 6.45. */
export const webhookBodySchema = z.object({
  event: z.string().optional(),
  member: z.object({ current: looseMember, previous: looseMember.nullish() }),
});

/** What is stored of a delivery. */
export const payloadSchema = z.object({ current: looseMember, previous: looseMember });
