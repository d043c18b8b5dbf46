import type { MemberEvent } from '../../domain/apply-deliveries.js';
import { eventNameSchema, memberSchema, webhookBodySchema } from './schema.js';

/** A webhook body that could be read. */
export interface MemberWebhook {
  memberId: string;
  event: MemberEvent;
  /** Set when the URL named another event than the signed body: the body wins. */
  disagrees: boolean;
  payload: { current: Record<string, unknown>; previous: Record<string, unknown> };
  /** Only activity stamps moved: nothing that we sync. */
  noise: boolean;
}

/** Keys that Ghost moves by itself when a member reads, clicks or signs in. */
const ACTIVITY_KEYS = new Set([
  'last_seen_at',
  'last_commented_at',
  'updated_at',
  'geolocation',
  'email_count',
  'email_opened_count',
  'email_open_rate',
]);

/**
 * Reads a verified body; the event is the body's where it names one (since Ghost 6.45), else the URL's.
 * @throws WebhookMalformed saying what is wrong, without any value of the body
 */
export function readWebhook(json: unknown, urlEvent: string | undefined): MemberWebhook {
  const body = webhookBodySchema.safeParse(json);
  if (!body.success)
    throw new WebhookMalformed(
      `The body is not a member webhook (at ${body.error.issues[0]?.path.join('.') || 'root'})`,
    );
  const named = eventOf(body.data.event);
  if (body.data.event !== undefined && !named) throw new WebhookMalformed('The signed body names an unknown event');
  const asked = eventOf(urlEvent);
  const event = named ?? asked;
  if (!event) {
    throw new WebhookMalformed('Unknown event: the URL needs ?event=member.added, member.edited or member.deleted');
  }
  const { current, previous } = body.data.member;
  const member = memberSchema
    .partial()
    .required({ id: true })
    .safeParse(event === 'member.deleted' ? previous : current);
  if (!member.success)
    throw new WebhookMalformed(`The member cannot be read (at ${member.error.issues[0]?.path.join('.') || 'root'})`);
  const changedKeys = Object.keys(previous ?? {});
  return {
    memberId: member.data.id,
    event,
    disagrees: named !== undefined && asked !== undefined && named !== asked,
    payload: { current, previous: previous ?? {} },
    noise: event === 'member.edited' && changedKeys.length > 0 && changedKeys.every((key) => ACTIVITY_KEYS.has(key)),
  };
}

/** A verified body that is no member webhook. */
export class WebhookMalformed extends Error {
  override readonly name = 'WebhookMalformed';
}

function eventOf(name: string | undefined): MemberEvent | undefined {
  const event = eventNameSchema.safeParse(name);
  if (!event.success) return undefined;
  return event.data === 'member.updated' ? 'member.edited' : event.data;
}
