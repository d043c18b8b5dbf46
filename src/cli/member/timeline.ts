import { type MemberFacts, sameFacts } from '../../domain/member.js';
import type { AddressPast, ChangeRow, MemberPast } from '../../ledger/history.js';
import { showTime } from '../output.js';

/** One thing that happened. */
export interface TimelineEntry {
  at: Date;
  what: 'delivery' | 'replay' | 'status' | 'change' | 'push' | 'hold' | 'parked' | 'opted out there' | 'seen';
  detail: string;
  /** The delivery. */
  id?: string;
  /** The run that found it or did it. */
  run?: string;
}

/** Everything that happened to a member and its address up to a moment, oldest first. */
export function timelineOf(member: MemberPast, there: AddressPast, address: string, until?: Date): TimelineEntry[] {
  const all = [
    ...member.transitions.map(({ at, from, to, foundBy }): TimelineEntry => {
      return { at, what: 'status', detail: `${from ?? 'unknown'} to ${to}, found by ${foundBy}` };
    }),
    ...member.deliveries.flatMap((delivery) => deliveryEntries(delivery, until)),
    ...member.changes.map((change, index) => changeEntry(change, member.changes[index - 1])),
    ...there.pushes.map((push) => pushEntry(push, member.row.memberId, address)),
    ...there.holds.flatMap(({ since, kind, reason, releasedAt, address: held }): TimelineEntry[] => [
      { at: since, what: 'hold', detail: `${kind} held: ${reason}${elsewhere(held, address)}` },
      ...(releasedAt ? [{ at: releasedAt, what: 'hold' as const, detail: `${kind} released by an operator` }] : []),
    ]),
    ...there.optOuts.map(({ at, state, listDate, reason, address: where }): TimelineEntry => {
      const words = [state, listDate && `on ${listDate} by the list's clock`, reason].filter(Boolean).join(', ');
      return { at, what: 'opted out there', detail: `${words}; learned then${elsewhere(where, address)}` };
    }),
    ...(there.seen ? [seenEntry(there.seen)] : []),
    ...(member.parked ? parkedEntries(member.parked) : []),
  ];
  const rank = (one: TimelineEntry): number => ORDER.indexOf(one.what);
  return all
    .filter(({ at }) => !until || at <= until)
    .sort((a, b) => a.at.getTime() - b.at.getTime() || rank(a) - rank(b));
}

/** What comes first within one millisecond: causes before effects. */
const ORDER: readonly TimelineEntry['what'][] = [
  'status',
  'delivery',
  'replay',
  'change',
  'hold',
  'push',
  'parked',
  'opted out there',
  'seen',
];

const elsewhere = (where: string, address: string): string => (where === address ? '' : ` (${where})`);
const ofRun = (run: string | null): { run?: string } => (run === null ? {} : { run });

function deliveryEntries(delivery: MemberPast['deliveries'][number], until: Date | undefined): TimelineEntry[] {
  const { id, receivedAt, event, outcome, outcomeAt, replays, replayedAt } = delivery;
  const isReplayedLater = until !== undefined && replayedAt !== null && replayedAt > until;
  const isEnded = outcome !== null && (!until || (outcomeAt !== null && outcomeAt <= until));
  const ended = isReplayedLater ? 'its outcome of then is not known any more' : isEnded ? outcome : 'waiting';
  const times = replays === 0 || isReplayedLater ? '' : `, replayed ${replays === 1 ? 'once' : `${replays} times`}`;
  return [
    { at: receivedAt, what: 'delivery', detail: `${event}: ${ended}${times}`, id },
    ...(replayedAt
      ? [{ at: replayedAt, what: 'replay' as const, detail: `${event} of ${showTime(receivedAt)}`, id }]
      : []),
  ];
}

function changeEntry({ at, kind, foundBy, runId, facts }: ChangeRow, before: ChangeRow | undefined): TimelineEntry {
  const changed = kind === 'edited' && facts && before?.facts ? changedFacts(before.facts, facts) : '';
  return { at, what: 'change', detail: `${kind}, found by ${foundBy}${changed}`, ...ofRun(runId) };
}

const TOLD = ['email', 'name', 'status', 'labels', 'emailEnabled', 'suppressed', 'signedUpAt'] as const;

function changedFacts(before: MemberFacts, after: MemberFacts): string {
  const changed = TOLD.filter((key) => !sameFacts(before, { ...before, [key]: after[key] }));
  return changed.length === 0
    ? ''
    : `: ${changed.map((key) => `${key} ${say(before[key])} to ${say(after[key])}`).join(', ')}`;
}

const say = (value: MemberFacts[keyof MemberFacts]): string =>
  value instanceof Date
    ? value.toISOString().slice(0, 10)
    : Array.isArray(value)
      ? `[${value.join(',')}]`
      : String(value ?? 'none');

function pushEntry(push: AddressPast['pushes'][number], memberId: string, address: string): TimelineEntry {
  const { at, operation, outcome, code, runId } = push;
  const details = [
    ...(code === null ? [] : [`code ${code}`]),
    ...(push.address === address ? [] : [push.address]),
    ...(push.memberId === null || push.memberId === memberId ? [] : [`for ${push.memberId}`]),
  ];
  const more = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return { at, what: 'push', detail: `${operation}: ${outcome}${more}`, ...ofRun(runId) };
}

function seenEntry({ at, state, runId }: NonNullable<AddressPast['seen']>): TimelineEntry {
  const detail = state === 'Absent' ? 'not on the list, read in full' : `on the list as ${state}, read in full`;
  return { at, what: 'seen', detail, run: runId };
}

function parkedEntries({ since, clearedAt, step, type, message }: NonNullable<MemberPast['parked']>): TimelineEntry[] {
  return [
    { at: since, what: 'parked', detail: `at ${step}: ${type}: ${message}` },
    ...(clearedAt ? [{ at: clearedAt, what: 'parked' as const, detail: 'ended by an outcome' }] : []),
  ];
}
