import { inCompliance, notValidated } from './errors.js';
import type { MemberStatus, SandboxMember } from './member.js';
import type { Quirks } from './quirks.js';

/** The statuses that a write names. */
export interface SentStatus {
  status?: MemberStatus | undefined;
  status_if_new?: MemberStatus | undefined;
}

/** The status of somebody new. */
export function firstStatus({ status, status_if_new }: SentStatus): MemberStatus {
  const first = status ?? status_if_new;
  if (first) return first;
  throw notValidated([{ field: 'status_if_new', message: 'This value should not be blank.' }]);
}

/** The status a write leads somebody to who is in the audience: `status_if_new` says nothing, opt-outs and bounces bind. */
export function nextStatus(member: SandboxMember, { status }: SentStatus, quirks: Quirks): MemberStatus {
  if (status === undefined || status === member.status) return member.status;
  const optsIn = status === 'subscribed' || status === 'pending';
  if (optsIn && member.bounced) throw inCompliance(member.email);
  if (status !== 'subscribed') return status;
  if (member.optedOutBy === 'contact') throw inCompliance(member.email);
  return member.optedOutBy && quirks.apiUnsubscribe === 'final' ? member.status : status;
}
