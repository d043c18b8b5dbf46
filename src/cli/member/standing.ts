import type { MemberFacts } from '../../domain/member.js';
import { lastTransition, type StatusTransition } from '../../domain/status-history.js';
import type { MemberPast } from '../../ledger/history.js';

/** What a member was at a moment, as far as the ledger knows. */
export interface Standing {
  memberId: string;
  /** `known`; `not yet`: nothing had been heard of it; `unknown`: from before changes were recorded. */
  knowledge: 'known' | 'not yet' | 'unknown';
  facts: MemberFacts | undefined;
  deletedAt: Date | null;
  /** When what we sync last changed. */
  changedAt: Date | null;
  lastTransition: { from: string; at: Date } | undefined;
}

/** What a member is now, or was at a time. */
export function standingOf(past: Pick<MemberPast, 'row' | 'changes' | 'transitions'>, at?: Date): Standing {
  const { row, changes } = past;
  if (at === undefined) return presentStanding(past);
  const { memberId } = row;
  const transition = lastTransition(past.transitions.filter((one) => one.at <= at).map(toTransition));
  const known = changes.filter((change) => change.at <= at);
  const last = known.at(-1);
  if (last) {
    const isDeleted = last.kind === 'deleted';
    const facts = known.findLast((change) => change.facts)?.facts ?? (isDeleted ? presentFacts(row) : undefined);
    const deletedAt = isDeleted ? last.at : null;
    return { memberId, knowledge: 'known', facts, deletedAt, changedAt: last.at, lastTransition: transition };
  }
  // from before changes were recorded: it is still what it was as long as nothing has changed since
  const isUnchanged = changes.length === 0 && [row.observedAt, row.changedAt].some((time) => time && time <= at);
  if (isUnchanged) return presentStanding(past);
  const knowledge = changes[0]?.kind === 'added' || row.email === null ? 'not yet' : 'unknown';
  return { memberId, knowledge, facts: undefined, deletedAt: null, changedAt: null, lastTransition: undefined };
}

function presentStanding({ row }: Pick<MemberPast, 'row'>): Standing {
  const { memberId, deletedAt, changedAt, previousStatus, statusChangedAt } = row;
  return {
    memberId,
    knowledge: 'known',
    facts: presentFacts(row),
    deletedAt,
    changedAt,
    lastTransition:
      previousStatus !== null && statusChangedAt ? { from: previousStatus, at: statusChangedAt } : undefined,
  };
}

function presentFacts(row: MemberPast['row']): MemberFacts | undefined {
  const { email, name, status, labels, emailEnabled, suppressed, signedUpAt } = row;
  if (email === null) return undefined;
  return {
    email,
    name,
    status: status ?? 'free',
    labels,
    emailEnabled: emailEnabled ?? false,
    suppressed,
    signedUpAt: signedUpAt ?? new Date(0),
  };
}

const toTransition = ({ from, to, at, foundBy }: MemberPast['transitions'][number]): StatusTransition => ({
  from,
  status: to,
  at,
  foundBy,
});
