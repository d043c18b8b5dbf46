import { pick, type Random } from '../random.js';
import type { ClassyBooks } from './books.js';
import type { Row } from './collection.js';
import { type GiftInput, inventAmount } from './invented-gifts.js';
import { dayAfter } from './schedule.js';
import { stampOf, timeOf } from './times.js';

const dayMs = 86_400_000;
const monthMs = 30.4375 * dayMs;
const planEnds = ['canceled', 'canceled', 'canceled', 'failed', 'ended'] as const;
const planStates = ['active', 'active', 'active', 'active', 'active', 'active', 'failing', 'paused'] as const;

/** What an invented plan is about. */
export interface PlanInput {
  supporter: Row | undefined;
  campaign: number;
  /** How many charges a plan has on average, at most. */
  charges: number;
  from: number;
  until: number;
}

/** Puts a monthly plan and gives back its charges. */
export function seedPlan(
  books: ClassyBooks,
  random: Random,
  { supporter, campaign, charges, from, until }: PlanInput,
): GiftInput[] {
  const isOver = random() < 0.5;
  const wanted = Math.min(58, 1 + Math.floor(random() * 2 * charges));
  const end = isOver ? until - Math.floor(random() * 0.8 * (until - from)) : until;
  const joined = supporter ? timeOf(supporter['created_at']) : from;
  const start = Math.min(until - dayMs, Math.max(joined, end - Math.floor((wanted - random()) * monthMs)));
  const times: number[] = [];
  for (let at = start; at <= Math.max(start, end) && times.length < wanted; at += monthMs) times.push(Math.floor(at));
  const last = times.at(-1) ?? start;
  const stopped = stampOf(new Date(Math.min(until, Math.max(last, end))));
  const status = isOver ? pick(random, planEnds) : pick(random, planStates);
  const isPaused = status === 'paused';
  const plan = books.plans.put({
    supporter_id: supporter?.id ?? null,
    first_name: supporter?.['first_name'] ?? null,
    last_name: supporter?.['last_name'] ?? null,
    campaign_id: campaign,
    donation_amount: inventAmount(random),
    status,
    is_paused: isPaused,
    next_processing_date: isOver ? null : dayAfter(stampOf(new Date(last)), 'monthly'),
    ...(status === 'canceled' && { canceled_at: stopped, cancel_by: 'member', cancel_reason_text: 'Asked to stop' }),
    ...(status === 'failed' && { failed_at: stopped }),
    ...(status === 'ended' && { recur_until: stopped.slice(0, 10) }),
    ...(isPaused && { plan_paused_on_date: stopped.slice(0, 10) }),
    created_at: stampOf(new Date(start)),
    updated_at: isOver ? stopped : stampOf(new Date(last + 5_000)),
  });
  return times.map((at) => ({ at, until, campaign, supporter, plan }));
}
