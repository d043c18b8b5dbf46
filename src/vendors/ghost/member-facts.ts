import type { MemberEvent, WaitingDelivery } from '../../domain/apply-deliveries.js';
import type { MemberFacts } from '../../domain/member.js';
import { type GhostMember, memberSchema, payloadSchema } from './schema.js';

/** The facts of a member as the Admin API or a webhook tells them. */
export function toFacts(member: GhostMember): MemberFacts {
  return {
    email: member.email,
    name: member.name ?? null,
    status: member.status,
    labels: (member.labels ?? []).map(({ name }) => name),
    emailEnabled:
      member.subscribed ?? (member.newsletters ?? []).some(({ status }) => (status ?? 'active') === 'active'),
    suppressed: member.email_suppression?.suppressed,
    signedUpAt: new Date(member.created_at),
  };
}

/** A stored delivery as the rules need it; what cannot be read as a member tells no facts. */
export function toWaitingDelivery(stored: {
  id: string;
  event: MemberEvent;
  signedAt: Date;
  receivedAt: Date;
  payload: unknown;
}): WaitingDelivery {
  const { payload, ...delivery } = stored;
  const { current, previous } = payloadSchema.parse(payload);
  const member = memberSchema.safeParse(delivery.event === 'member.deleted' ? previous : current);
  const statusBefore = previous['status'];
  return {
    ...delivery,
    facts: member.success ? toFacts(member.data) : undefined,
    statusBefore: delivery.event === 'member.edited' && typeof statusBefore === 'string' ? statusBefore : undefined,
  };
}
