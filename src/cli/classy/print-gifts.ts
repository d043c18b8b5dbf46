import type { PlanClass } from '../../domain/donor-segments.js';
import type { SegmentRules } from '../../domain/segment-rules.js';
import type { Gift, NotCounted } from '../../ledger/classy/supporters.js';
import { print, showTime } from '../output.js';
import { showAmount } from './amounts.js';
import type { ClassifiedPlan } from './classify-plan.js';
import { printWrapped, shorten } from './wrapped.js';

/** Longest name of a campaign that is shown. */
const CAMPAIGN = 16;

/** By which rules gifts are told to count. */
export interface GiftWords {
  currency: string | null;
  rules: Pick<SegmentRules, 'countedStatuses' | 'amountField'>;
}

/** Prints every gift, and why it does or does not count. */
export function printGifts(gifts: readonly Gift[], words: GiftWords): void {
  if (gifts.length === 0) return;
  printWrapped(
    ['GIFT', 'DATE', 'AMOUNT', 'CAMPAIGN', 'COUNTS'],
    gifts.map((gift) => [
      gift.id,
      gift.day ?? 'none',
      showAmount(gift.amount, gift.currency),
      shorten(gift.campaign ?? gift.campaignId ?? '', CAMPAIGN),
      `${gift.counted ? 'yes' : `no: ${gift.why.map((why) => explain(why, gift, words)).join('; ')}`}${furtherWords(gift)}`,
    ]),
  );
  print();
}

/** What else was paid, and in which money. */
function furtherWords({ amount, totalAmount, currency, rawAmount, rawCurrency }: Gift): string {
  const whole = totalAmount !== amount ? `; ${showAmount(totalAmount, null)} with tickets` : '';
  return rawAmount !== null && rawCurrency !== currency
    ? `${whole}; gave ${showAmount(rawAmount, rawCurrency)}`
    : whole;
}

/** Why a gift is not added up, in plain words. */
function explain(
  why: NotCounted,
  { status, currency, refundedAt }: Gift,
  { currency: ours, rules }: GiftWords,
): string {
  switch (why) {
    case 'missing':
      return 'not at Classy any more';
    case 'supporter-missing':
      return 'its supporter is not at Classy any more';
    case 'status':
      return `${status === null ? 'it has no status' : `its status is ${status}, not ${rules.countedStatuses.join(' or ')}`}${refundedAt ? ` (refunded ${showTime(refundedAt).slice(0, 10)})` : ''}`;
    case 'no-date':
      return 'it has no date';
    case 'dated-ahead':
      return 'dated ahead';
    case 'amount':
      return 'its amount is not above 0';
    case 'currency':
      return `in ${currency}, not in ${ours}`;
  }
}

const classWords: Readonly<Record<PlanClass, string>> = {
  active: 'active',
  atRisk: 'at risk',
  paused: 'paused',
  former: 'former',
};

/** Prints every plan, what it counts as and what it adds a month. */
export function printPlans(plans: readonly ClassifiedPlan[]): void {
  if (plans.length === 0) return;
  printWrapped(
    ['PLAN', 'COUNTS AS', 'AMOUNT', 'FREQUENCY', 'A MONTH', 'DETAIL'],
    plans.map((plan) => [
      plan.id,
      plan.planClass ? classWords[plan.planClass] : 'nothing',
      showAmount(plan.amount, plan.currency),
      plan.frequency ?? '',
      showAmount(plan.monthly, null),
      planDetail(plan),
    ]),
  );
  print();
}

function planDetail(plan: ClassifiedPlan): string {
  const day = (time: Date | null): string => showTime(time).slice(0, 10);
  const ended = plan.canceledAt ?? plan.failedAt;
  const details = [
    `status ${plan.status ?? 'none'}${plan.isPaused ? ', paused' : ''}`,
    ...(plan.missingSince ? ['not at Classy any more'] : []),
    ...(plan.startedAt ? [`since ${day(plan.startedAt)}`] : []),
    ...(plan.nextPayment ? [`next ${plan.nextPayment}`] : []),
    ...(ended ? [`ended ${day(ended)}`] : []),
    ...((plan.campaign ?? plan.campaignId) ? [plan.campaign ?? `campaign ${plan.campaignId}`] : []),
  ];
  return details.join(', ');
}
