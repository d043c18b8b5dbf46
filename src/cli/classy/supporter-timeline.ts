import { writeAmount } from '../../domain/amount.js';
import { showAmount } from './amounts.js';
import type { AudienceEvidence } from './audience-evidence.js';
import type { Derivation } from './derivation.js';
import type { ShownSupporter } from './supporter-reading.js';
import { declinedWords, removalWords } from './supporter-verdict.js';

/** One thing that happened; gifts between the first and the last are in the list of gifts. */
export interface TimelineEntry {
  at: Date;
  what:
    | 'supporter'
    | 'gift'
    | 'refund'
    | 'plan'
    | 'mail'
    | 'missing'
    | 'read'
    | 'added up'
    | 'push'
    | 'hold'
    | 'removal'
    | 'opted out there'
    | 'seen';
  detail: string;
  /** The supporter; null where it concerns the address in the audience. */
  supporter: string | null;
  /** The run that found it or did it. */
  run?: string;
}

/** What happened to these supporters and their address in the audience, oldest first. */
export function supporterTimeline(
  supporters: readonly ShownSupporter[],
  evidence: AudienceEvidence | undefined,
  donor: Derivation | undefined,
): TimelineEntry[] {
  return [
    ...supporters.flatMap(ofSupporter),
    ...(donor ? [addedUpEntry(donor)] : []),
    ...(evidence ? inAudience(evidence) : []),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function ofSupporter(one: ShownSupporter): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const add = (at: Date | null, what: TimelineEntry['what'], detail: string): void => {
    if (at) entries.push({ at, what, detail, supporter: one.id });
  };
  add(one.createdAt, 'supporter', `added at Classy${one.origin === null ? '' : ` by ${one.origin}`}`);
  add(one.updatedAt, 'supporter', 'last changed at Classy');
  add(one.lastEmailedAt, 'mail', 'last mailed by Classy');
  add(one.missingSince, 'missing', 'a full sync did not find the supporter at Classy');
  const consent = one.isConsent ? 'consents to e-mail' : 'does not consent to e-mail';
  add(one.observedAt, 'read', `read from Classy as it is shown here: ${consent}`);
  const counted = one.gifts.filter((gift) => gift.counted);
  const [first, last] = [counted[0], counted.at(-1)];
  if (first) add(first.at, 'gift', `first gift ${first.id}: ${showAmount(first.amount, first.currency)}`);
  if (last && last !== first) add(last.at, 'gift', `last gift ${last.id}: ${showAmount(last.amount, last.currency)}`);
  for (const { id, amount, currency, refundedAt, missingSince } of one.gifts) {
    add(refundedAt, 'refund', `gift ${id} refunded: ${showAmount(amount, currency)}`);
    add(missingSince, 'missing', `a full sync did not find gift ${id} at Classy`);
  }
  for (const plan of one.plans) {
    const what = `${[plan.frequency, 'plan', plan.id].filter(Boolean).join(' ')}`;
    add(plan.startedAt, 'plan', `${what} started: ${showAmount(plan.amount, plan.currency)}`);
    add(plan.failedAt, 'plan', `${what} failed`);
    add(plan.canceledAt, 'plan', `${what} canceled${plan.cancelReason === null ? '' : `: ${plan.cancelReason}`}`);
    add(plan.missingSince, 'missing', `a full sync did not find plan ${plan.id} at Classy`);
  }
  return entries;
}

function addedUpEntry({ asOf, asOfDay, inputs, tags }: Derivation): TimelineEntry {
  const { donationCount, lifetimeAmount } = inputs;
  const given =
    donationCount === 0 ? 'no gift' : `${counted(donationCount, 'gift')}, ${writeAmount(lifetimeAmount)} in all`;
  return {
    at: asOf,
    what: 'added up',
    detail: `as of ${asOfDay}: ${given}; ${counted(tags.length, 'tag')}`,
    supporter: null,
  };
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

function inAudience({ one, pushes, holds, removals, optOuts, seen }: AudienceEvidence): TimelineEntry[] {
  const elsewhere = (address: string): string => (address === one.address ? '' : ` (${address})`);
  const entry = (at: Date, what: TimelineEntry['what'], detail: string, run?: string | null): TimelineEntry => ({
    ...{ at, what, detail, supporter: null },
    ...(run ? { run } : {}),
  });
  return [
    ...pushes.map(({ at, operation, outcome, reason, code, address, added, runId }) => {
      const how = operation === 'none' ? `${outcome}, no call was needed` : `${operation}: ${outcome}`;
      const told = [
        ...(added ? ['new there'] : []),
        ...(reason === null ? [] : [declinedWords(reason)]),
        ...(code === null ? [] : [`code ${code}`]),
      ];
      return entry(at, 'push', `${how}${told.length > 0 ? `; ${told.join('; ')}` : ''}${elsewhere(address)}`, runId);
    }),
    ...holds.flatMap(({ since, kind, reason, releasedAt }) => [
      entry(since, 'hold', `${kind} held: ${reason}`),
      ...(releasedAt ? [entry(releasedAt, 'hold', `${kind} released by an operator`)] : []),
    ]),
    ...removals.map((removal) => {
      const { drawnAt, doneAt, voidAt, reason } = removal;
      if (doneAt) return entry(doneAt, 'removal', `taken off ${removalWords(removal)}`);
      return entry(drawnAt, 'removal', `to be taken off: ${reason}${voidAt ? '; found unnecessary' : ''}`);
    }),
    ...oncePerAddress(optOuts).map(({ at, state, listDate, reason, address }) => {
      const words = [state, listDate && `on ${listDate} by the audience's clock`, reason].filter(Boolean).join(', ');
      return entry(at, 'opted out there', `${words}; learned then${elsewhere(address)}`);
    }),
    ...(seen ? [entry(seen.at, 'seen', seenWords(seen), seen.run)] : []),
  ];
}

/** An opt-out binds everybody who has, or had, the address: it happened once. */
const oncePerAddress = (optOuts: AudienceEvidence['optOuts']): AudienceEvidence['optOuts'] =>
  optOuts.filter(
    (one, index) => optOuts.findIndex(({ address, state }) => address === one.address && state === one.state) === index,
  );

/** What the newest reading saw. */
export function seenWords({
  state,
  mode,
  dryRun,
}: Pick<NonNullable<AudienceEvidence['seen']>, 'state' | 'mode' | 'dryRun'>): string {
  const by = dryRun ? 'a dry run' : mode === 'full' ? 'a full sync' : 'a sync that read what changed';
  return `${state === 'Absent' ? 'not in the audience' : `there as ${state}`}, read by ${by}`;
}
