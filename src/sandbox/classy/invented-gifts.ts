import { pick, type Random } from '../random.js';
import type { Row } from './collection.js';
import { laterThan } from './people.js';
import { stampOf } from './times.js';

const amounts = [5, 10, 10, 20, 25, 25, 35, 50, 50, 52.5, 75, 100, 100, 150, 250, 500, 1_000, 33.33] as const;
const foreign: [[code: string, rate: number], ...[code: string, rate: number][]] = [
  ['EUR', 0.9],
  ['GBP', 0.8],
  ['CAD', 1.35],
];
const unhappy: [status: string, share: number][] = [
  ['refunded', 0.01],
  ['failed', 0.02],
  ['pending', 0.007],
  ['canceled', 0.006],
  ['test', 0.005],
  ['cb_lost', 0.002],
];
const dayMs = 86_400_000;

/** What an invented gift is about. */
export interface GiftInput {
  /** Milliseconds of the purchase, and the end of the time in which something may happen to it. */
  at: number;
  until: number;
  campaign: number;
  supporter?: Row | undefined;
  plan?: Row | undefined;
}

/** How much somebody gives. */
export function inventAmount(random: Random): number {
  return pick(random, amounts);
}

/** A transaction as they come: mostly cards that work; now and then free, offline, foreign, anonymous, or in trouble. */
export function inventGift(
  random: Random,
  { at, until, campaign, supporter, plan }: GiftInput,
): Record<string, unknown> {
  const status = statusOf(random());
  const isTicket = !plan && random() < 0.06;
  const isOffline = !plan && !isTicket && random() < 0.05;
  const gross = isTicket ? 0 : Number(plan?.['donation_amount'] ?? inventAmount(random));
  const fees = isTicket || isOffline ? 0 : cents(gross * 0.029 + 0.3);
  const changed = laterThan(random, at, until);
  const refunded = Math.min(until, Math.max(changed, at + Math.floor(random() * 30 * dayMs)));
  return {
    campaign_id: campaign,
    supporter_id: supporter?.id ?? null,
    member_id: supporter?.['member_id'] ?? null,
    member_name: nameOf(supporter),
    member_email_address: supporter?.['email_address'] ?? null,
    status,
    total_gross_amount: gross,
    fees_amount: fees,
    ...(plan && { recurring_donation_plan_id: plan.id, frequency: plan['frequency'] }),
    ...(isTicket && { payment_method: 'Free', payment_type: null, payment_gateway: null }),
    ...(isOffline && { payment_method: 'Offline', payment_type: 'Check', payment_gateway: null }),
    ...(random() < 0.03 && inForeignCurrency(random, gross)),
    is_anonymous: random() < 0.06,
    created_at: stampOf(new Date(at)),
    purchased_at: stampOf(new Date(at + 1_000)),
    charged_at: status === 'failed' ? null : stampOf(new Date(at + 2_000)),
    ...(status === 'refunded' && { refunded_at: stampOf(new Date(refunded)) }),
    updated_at: stampOf(new Date(status === 'refunded' ? refunded : changed)),
  };
}

function inForeignCurrency(random: Random, gross: number): Record<string, unknown> {
  const [code, rate] = pick(random, foreign);
  const raw = cents(gross * rate);
  return {
    raw_currency_code: code,
    raw_total_gross_amount: raw,
    raw_donation_gross_amount: raw,
    raw_initial_gross_amount: raw,
  };
}

function statusOf(luck: number): string {
  let below = 0;
  for (const [status, share] of unhappy) {
    below += share;
    if (luck < below) return status;
  }
  return 'success';
}

function nameOf(supporter: Row | undefined): string | null {
  return supporter?.['first_name'] ? `${supporter['first_name']} ${supporter['last_name']}` : null;
}

function cents(amount: number): number {
  return Math.round(amount * 100) / 100;
}
