import type { SegmentRules } from '../../domain/segment-rules.js';
import { Prisma } from '../client/client.js';
import type { Database } from '../database.js';
import { createDonorStandings } from './donor-standing.js';

/** A supporter as Classy last told, with what its gifts add up to. */
export interface Supporter {
  id: string;
  emailAddress: string | null;
  address: string | null;
  firstName: string | null;
  lastName: string | null;
  nickname: string | null;
  phone: string | null;
  cellPhone: string | null;
  city: string | null;
  state: string | null;
  country: string | null;
  postalCode: string | null;
  origin: string | null;
  memberId: string | null;
  sourceCampaignId: string | null;
  emailOptIn: boolean | null;
  lastEmailedAt: Date | null;
  createdAt: Date | null;
  updatedAt: Date;
  /** Decimal as text. */
  lifetimeAmount: string;
  giftCount: number;
  firstGiftAt: Date | null;
  lastGiftAt: Date | null;
  observedAt: Date;
  missingSince: Date | null;
}

/** Why a gift is not added up. */
export type NotCounted = 'missing' | 'supporter-missing' | 'status' | 'no-date' | 'dated-ahead' | 'amount' | 'currency';

/** A transaction of a supporter; amounts are decimals as text. */
export interface Gift {
  id: string;
  supporterId: string;
  at: Date | null;
  /** The same as a day in the organization's time zone, `YYYY-MM-DD`. */
  day: string | null;
  /** The amount that is added up. */
  amount: string | null;
  /** With what is no gift, such as a ticket. */
  totalAmount: string | null;
  currency: string | null;
  /** What the donor gave, in the donor's currency. */
  rawAmount: string | null;
  rawCurrency: string | null;
  status: string | null;
  frequency: string | null;
  campaignId: string | null;
  campaign: string | null;
  planId: string | null;
  refundedAt: Date | null;
  missingSince: Date | null;
  /** Whether it is a gift by the organization's rules at this moment. */
  counted: boolean;
  /** Empty where it is counted. */
  why: NotCounted[];
}

/** Which transactions of an organization are gifts, and how much of them. */
export type GiftRules = Pick<SegmentRules, 'countedStatuses' | 'amountField'>;

/** A recurring plan of a supporter; amounts are decimals as text, days `YYYY-MM-DD`. */
export interface Plan {
  id: string;
  supporterId: string;
  status: string | null;
  frequency: string | null;
  amount: string | null;
  currency: string | null;
  campaignId: string | null;
  campaign: string | null;
  isPaused: boolean | null;
  nextPayment: string | null;
  startedAt: Date | null;
  failedAt: Date | null;
  canceledAt: Date | null;
  cancelReason: string | null;
  missingSince: Date | null;
}

/** One by one what `donors.ts` asks of a transaction `t` of supporter `s` and organization `o` that is added up. */
const whyNotCounted = ({ countedStatuses, amountField }: GiftRules): Prisma.Sql => Prisma.sql`
  array_remove(ARRAY[
    CASE WHEN t.missing_since IS NOT NULL THEN 'missing' END,
    CASE WHEN s.missing_since IS NOT NULL THEN 'supporter-missing' END,
    CASE WHEN t.status IS NULL OR t.status <> ALL(${[...countedStatuses]}) THEN 'status' END,
    CASE WHEN t.purchased_at IS NULL THEN 'no-date' END,
    CASE WHEN t.purchased_at > now() THEN 'dated-ahead' END,
    CASE WHEN t.${Prisma.raw(amountField)} IS NULL OR t.${Prisma.raw(amountField)} <= 0 THEN 'amount' END,
    CASE WHEN upper(t.currency_code) <> o.currency THEN 'currency' END
  ], NULL)`;

/** What is known of single supporters. */
export function createSupporters(database: Database) {
  const { sql } = database;
  return {
    ...createDonorStandings(database),

    /** Those of an organization with this address (lower-cased, trimmed) or this id, by id. */
    find: (organization: string, who: { address: string } | { id: string }): Promise<Supporter[]> => {
      const isMeant = 'id' in who ? Prisma.sql`s.id = ${who.id}::bigint` : Prisma.sql`s.address = ${who.address}`;
      return sql.query`
        SELECT s.id::text, email_address AS "emailAddress", address, first_name AS "firstName", last_name AS "lastName", nickname,
          phone, cell_phone AS "cellPhone", city, state, country, postal_code AS "postalCode", origin, member_id::text AS "memberId",
          source_campaign_id::text AS "sourceCampaignId", email_opt_in AS "emailOptIn", last_emailed_at AS "lastEmailedAt",
          classy_created_at AS "createdAt", classy_updated_at AS "updatedAt", lifetime_donation_amount::text AS "lifetimeAmount",
          donation_count AS "giftCount", first_gift_at AS "firstGiftAt", last_gift_at AS "lastGiftAt", observed_at AS "observedAt",
          missing_since AS "missingSince"
        FROM supporters s WHERE s.organization_id = ${organization}::bigint AND ${isMeant} ORDER BY s.id`;
    },

    /** All that they gave, and what failed, the oldest first. */
    gifts: (organization: string, supporters: readonly string[], rules: GiftRules): Promise<Gift[]> => sql.query`
      SELECT t.id::text, t.supporter_id::text AS "supporterId", t.purchased_at AS at,
        (t.purchased_at AT TIME ZONE o.time_zone)::date::text AS day, t.${Prisma.raw(rules.amountField)}::text AS amount,
        t.total_gross_amount::text AS "totalAmount", t.currency_code AS currency, t.raw_total_gross_amount::text AS "rawAmount",
        t.raw_currency_code AS "rawCurrency", t.status, t.frequency, t.campaign_id::text AS "campaignId", c.name AS campaign,
        t.recurring_plan_id::text AS "planId", t.refunded_at AS "refundedAt", t.missing_since AS "missingSince",
        cardinality(w.why) = 0 AS counted, w.why
      FROM transactions t JOIN organizations o ON o.id = t.organization_id JOIN supporters s ON s.id = t.supporter_id
      LEFT JOIN campaigns c ON c.id = t.campaign_id AND c.organization_id = t.organization_id
      CROSS JOIN LATERAL (SELECT ${whyNotCounted(rules)} AS why) w
      WHERE t.supporter_id = ANY(${[...supporters]}::bigint[]) AND t.organization_id = ${organization}::bigint
      ORDER BY coalesce(t.purchased_at, t.classy_created_at, t.classy_updated_at), t.id`,

    /** Their recurring plans, the oldest first. */
    plans: (organization: string, supporters: readonly string[]): Promise<Plan[]> => sql.query`
      SELECT p.id::text, p.supporter_id::text AS "supporterId", p.status, p.frequency, p.amount::text, p.currency_code AS currency,
        p.campaign_id::text AS "campaignId", c.name AS campaign, p.is_paused AS "isPaused", p.next_payment_date::text AS "nextPayment",
        p.started_at AS "startedAt", p.failed_at AS "failedAt", p.canceled_at AS "canceledAt", p.cancel_reason_code AS "cancelReason",
        p.missing_since AS "missingSince"
      FROM recurring_plans p LEFT JOIN campaigns c ON c.id = p.campaign_id AND c.organization_id = p.organization_id
      WHERE p.supporter_id = ANY(${[...supporters]}::bigint[]) AND p.organization_id = ${organization}::bigint
      ORDER BY coalesce(p.started_at, p.classy_created_at, p.classy_updated_at), p.id`,
  };
}
