import { showAmount } from './amounts.js';
import type { ShownSupporter } from './supporter-reading.js';

/** One thing that happened; gifts between the first and the last are in the list of gifts. */
export interface TimelineEntry {
  at: Date;
  what: 'supporter' | 'gift' | 'refund' | 'plan' | 'mail' | 'missing' | 'read';
  detail: string;
  /** The supporter. */
  supporter: string;
}

/** What happened to these supporters, oldest first. */
export function supporterTimeline(supporters: readonly ShownSupporter[]): TimelineEntry[] {
  return supporters.flatMap(ofSupporter).sort((a, b) => a.at.getTime() - b.at.getTime());
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
  add(one.observedAt, 'read', 'read from Classy as it is shown here');
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
