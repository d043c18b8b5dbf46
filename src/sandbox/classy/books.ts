import type { ClassyOrganization } from '../classy.js';
import { Collection, type Row, type Surroundings } from './collection.js';
import { type Home, newCampaign, newPlan, newSupporter, newTransaction } from './records.js';
import { dayAfter } from './schedule.js';
import { stampOf } from './times.js';

/** A gift as a test describes it; everything else of the transaction may be given too. */
export interface Gift {
  supporter: number | null;
  amount: number | string;
  campaign?: number;
  plan?: number;
  at?: string | Date;
  [field: string]: unknown;
}

/** The records of an organization as they are kept over restarts. */
export interface SavedBooks {
  supporters: Row[];
  campaigns: Row[];
  transactions: Row[];
  plans: Row[];
  history: Row[];
}

/** The records of one organization, and what happens to them. */
export class ClassyBooks {
  readonly supporters: Collection;
  readonly campaigns: Collection;
  readonly transactions: Collection;
  readonly plans: Collection;
  /** What happened to the plans since the stand-in was started. */
  readonly history: Collection;

  constructor(
    readonly organization: ClassyOrganization,
    readonly surroundings: Surroundings,
  ) {
    const home: Home = {
      organizationId: organization.id,
      currency: organization.currency ?? 'USD',
      timeZone: organization.timeZone ?? 'America/Los_Angeles',
      stamp: surroundings.stamp,
      takeId: () => surroundings.takeId(undefined),
      campaignId: () => this.firstCampaign(),
    };
    this.supporters = new Collection(surroundings, (row, id) => newSupporter(home, row, id));
    this.campaigns = new Collection(surroundings, (row, id) => newCampaign(home, row, id));
    this.transactions = new Collection(surroundings, (row, id) => newTransaction(home, row, id));
    this.plans = new Collection(surroundings, (row, id) => newPlan(home, row, id));
    this.history = new Collection(surroundings, (row, id) => ({ id, created_at: surroundings.stamp(), ...row }));
  }

  /** A transaction with one item; the supporter's `updated_at` stands still. */
  gift({ supporter, amount, campaign, plan, at, ...patch }: Gift): Row {
    const person = supporter === null ? undefined : this.supporters.get(supporter);
    const when = at instanceof Date ? stampOf(at) : (at ?? this.surroundings.stamp());
    return this.transactions.put({
      supporter_id: supporter,
      total_gross_amount: amount,
      ...(campaign !== undefined && { campaign_id: campaign }),
      ...(plan !== undefined && { recurring_donation_plan_id: plan }),
      member_id: person?.['member_id'] ?? null,
      member_name: nameOf(person),
      member_email_address: person?.['email_address'] ?? null,
      created_at: when,
      ...patch,
    });
  }

  /** The whole transaction is paid back. */
  refund(transactionId: number): Row {
    return this.transactions.edit(transactionId, { status: 'refunded', refunded_at: this.surroundings.stamp() });
  }

  /** `from` vanishes; what pointed to it points to `into`, and no `updated_at` tells. */
  mergeSupporters(from: number, into: number): void {
    for (const collection of [this.transactions, this.plans]) {
      for (const { id, row } of [...collection.inIdOrder]) {
        if (row['supporter_id'] === from) collection.edit(id, { supporter_id: into }, { updatedAt: false });
      }
    }
    this.supporters.remove(from);
  }

  /** The plan's amount is charged: a transaction, an event of its history, and the plan waits for its next day. */
  chargePlan(planId: number, patch: Record<string, unknown> = {}): Row {
    const plan = this.#plan(planId);
    const transaction = this.gift({
      supporter: plan['supporter_id'] as number | null,
      amount: plan['donation_amount'] as number,
      plan: planId,
      campaign_id: plan['campaign_id'],
      frequency: plan['frequency'],
      currency_code: plan['currency_code'],
      ...patch,
    });
    const day = String(plan['next_processing_date'] ?? transaction['created_at']);
    this.plans.edit(planId, { next_processing_date: dayAfter(day, plan['frequency']) });
    this.#note(plan, transaction['status'] === 'failed' ? 'payment_failed' : 'payment', transaction.id);
    return transaction;
  }

  /** The plan ends at its donor's wish. */
  cancelPlan(planId: number): Row {
    const plan = this.#plan(planId);
    this.#note(plan, 'member_canceled', null);
    return this.plans.edit(planId, {
      status: 'canceled',
      canceled_at: this.surroundings.stamp(),
      cancel_by: 'member',
      cancel_reason_text: 'Asked to stop',
      next_processing_date: null,
    });
  }

  dump(): SavedBooks {
    const { supporters, campaigns, transactions, plans, history } = this;
    return {
      supporters: supporters.list(),
      campaigns: campaigns.list(),
      transactions: transactions.list(),
      plans: plans.list(),
      history: history.list(),
    };
  }

  /** Puts dumped records back, beside those that are there. */
  load(saved: SavedBooks): void {
    for (const name of ['campaigns', 'supporters', 'plans', 'transactions', 'history'] as const) {
      for (const row of saved[name]) this[name].put(row);
    }
  }

  /** Whoever names no campaign gives to the first one, which is made when there is none. */
  firstCampaign(): number {
    return this.campaigns.inIdOrder[0]?.id ?? this.campaigns.put({ name: 'General giving', is_general: 1 }).id;
  }

  #plan(id: number): Row {
    const plan = this.plans.get(id);
    if (!plan) throw new Error(`there is no plan ${id} in the sandbox`);
    return plan;
  }

  #note(plan: Row, type: string, transactionId: number | null): void {
    const { donation_amount, currency_code } = plan;
    const event = { recurring_id: plan.id, transaction_id: transactionId, type, donation_amount, currency_code };
    this.history.put({ ...event, error_msg: null });
  }
}

function nameOf(person: Row | undefined): string | null {
  const names = [person?.['first_name'], person?.['last_name']].filter((name) => typeof name === 'string');
  return names.length > 0 ? names.join(' ') : null;
}
