import { blankRow } from './fields.js';
import { dayAfter } from './schedule.js';

type Partial = Record<string, unknown>;

/** What the records of an organization have in common. */
export interface Home {
  organizationId: number;
  currency: string;
  timeZone: string;
  stamp(): string;
  takeId(): number;
  /** The campaign of whatever names none. */
  campaignId(): number;
}

const blankSupporter = blankRow('supporters');
const blankCampaign = blankRow('campaigns');
const blankTransaction = blankRow('transactions');
const blankItem = blankRow('transaction-items');
const blankPlan = blankRow('recurring-donation-plans');

/** A supporter who came by a donation and did not opt in. */
export function newSupporter(home: Home, row: Partial, id: number): Partial {
  const defaults = { id, opt_in: false, origin: 'donation', source_organization_id: home.organizationId };
  return { ...blankSupporter, ...defaults, ...times(home, row), ...row };
}

/** A campaign that is running. */
export function newCampaign(home: Home, row: Partial, id: number): Partial {
  const goal = row['goal'] ?? 10_000;
  const start = times(home, row);
  return {
    ...blankCampaign,
    id,
    organization_id: home.organizationId,
    name: `Campaign ${id}`,
    type: 'dynamic',
    status: 'active',
    goal,
    raw_goal: `${goal}.000`,
    currency_code: home.currency,
    raw_currency_code: home.currency,
    started_at: start.created_at,
    timezone_identifier: home.timeZone,
    canonical_url: `/campaign/c${id}`,
    is_general: 0,
    ...start,
    ...row,
  };
}

/** A transaction that succeeded, with one item of its whole amount unless it brings its own. */
export function newTransaction(home: Home, row: Partial, id: number): Partial {
  const gross = row['total_gross_amount'] ?? 0;
  const net = less(gross, row['fees_amount'], row['overhead_net_amount']);
  const start = times(home, row);
  const stored: Partial = {
    ...blankTransaction,
    id,
    organization_id: home.organizationId,
    campaign_id: row['campaign_id'] === undefined ? home.campaignId() : row['campaign_id'],
    status: 'success',
    frequency: 'one-time',
    payment_method: 'Classy Pay',
    payment_type: 'Credit Card',
    payment_gateway: 'Stripe',
    payment_source: 'MANUAL',
    currency_code: home.currency,
    total_gross_amount: gross,
    donation_gross_amount: gross,
    donation_net_amount: net,
    overhead_net_amount: 0,
    fees_amount: 0,
    initial_gross_amount: gross,
    raw_currency_code: home.currency,
    raw_total_gross_amount: gross,
    raw_donation_gross_amount: gross,
    raw_initial_gross_amount: gross,
    charged_currency_code: home.currency,
    charged_total_gross_amount: gross,
    is_anonymous: false,
    hide_amount: false,
    fee_on_top: false,
    is_donor_covered_fee: false,
    is_gift_aid: false,
    purchased_at: start.created_at,
    charged_at: start.created_at,
    ...start,
    ...row,
  };
  stored['items'] = row['items'] ?? [newItem(home, stored, id)];
  return stored;
}

function newItem(home: Home, of: Partial, transactionId: number): Partial {
  return {
    ...blankItem,
    id: home.takeId(),
    transaction_id: transactionId,
    type: of['payment_method'] === 'Offline' ? 'offline_donation' : 'donation',
    product_name: 'Donation',
    quantity: 1,
    price: 0,
    final_price: of['total_gross_amount'],
    donation_gross_amount: of['donation_gross_amount'],
    donation_net_amount: of['donation_net_amount'],
    fees_amount: of['fees_amount'],
    overhead_amount: of['overhead_net_amount'],
    designation_id: of['designation_id'],
  };
}

/** A monthly plan that is active. */
export function newPlan(home: Home, row: Partial, id: number): Partial {
  const amount = row['donation_amount'] ?? 25;
  const start = times(home, row);
  const day = String(start.created_at).slice(0, 10);
  return {
    ...blankPlan,
    id,
    organization_id: home.organizationId,
    campaign_id: row['campaign_id'] === undefined ? home.campaignId() : row['campaign_id'],
    status: 'active',
    frequency: 'monthly',
    donation_amount: amount,
    raw_donation_amount: typeof amount === 'number' ? amount.toFixed(2) : amount,
    currency_code: home.currency,
    raw_currency_code: home.currency,
    is_paused: false,
    is_anonymous: false,
    fee_on_top: false,
    started_at: start.created_at,
    next_processing_date: dayAfter(day, 'monthly'),
    timezone_identifier: home.timeZone,
    payment_type: 'Credit Card',
    payment_gateway: 'Stripe',
    schedule: [],
    ...start,
    ...row,
  };
}

function times(home: Home, row: Partial): { created_at: unknown; updated_at: unknown } {
  const created = row['created_at'] ?? row['updated_at'] ?? home.stamp();
  return { created_at: created, updated_at: created };
}

function less(gross: unknown, ...parts: unknown[]): unknown {
  const taken = parts.reduce<number>((sum, part) => sum + (Number(part) || 0), 0);
  return taken === 0 ? gross : Math.round((Number(gross) - taken) * 100) / 100;
}
