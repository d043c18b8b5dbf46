import { type DonorInputs, MONTHLY_TWELFTHS, planClassOf, yearStart } from '../../domain/donor-segments.js';
import type { SegmentRules } from '../../domain/segment-rules.js';
import { Prisma } from '../client/client.js';
import type { Database, Queries } from '../database.js';
import { lockConfigured } from './donor-totals.js';

/** What the donors of an organization were added up with. */
export interface Reckoning {
  /** The one instant of a run. */
  asOf: Date;
  /** The same as a day in the organization's time zone, `YYYY-MM-DD`. */
  asOfDay: string;
}

/** How many donors there are, and how many of them are not what they were. */
export interface DonorCounts {
  donors: number;
  changed: number;
  gone: number;
}

/** Statuses by the class of their plans, from the one rule that there is. */
const STATUSES = ['active', 'attempted', 'failing', 'canceled', 'ended', 'failed'];
const statusesOf = (wanted: ReturnType<typeof planClassOf>): string[] =>
  STATUSES.filter((status) => planClassOf(status, false) === wanted);

/** Donors: what the supporters at one address have given, added up for all of an organization at once. */
export function createDonors({ sql, transaction }: Database) {
  return {
    /** Adds everybody up as of the present instant, in one transaction; rows that come out the same are not written. */
    reckon: (organization: string, rules: SegmentRules): Promise<Reckoning & DonorCounts> =>
      transaction(async (tx) => {
        await lockConfigured(tx, organization);
        const [now] = await tx.query<[Reckoning]>`
          UPDATE organizations SET donors_as_of = now() WHERE id = ${organization}::bigint
          RETURNING donors_as_of AS "asOf", (donors_as_of AT TIME ZONE time_zone)::date::text AS "asOfDay"`;
        await tx.execute`SET LOCAL work_mem = '128MB'`;
        await tx.execute`CREATE TEMP TABLE reckoned ON COMMIT DROP AS ${reckoned(organization, rules, now)}`;
        await tx.execute`CREATE UNIQUE INDEX ON reckoned (address)`;
        await tx.execute`ANALYZE reckoned`;
        return { ...now, ...(await takeOver(tx, organization)) };
      }),

    /** When the donors of an organization were last added up; undefined: never. */
    async lastReckoning(organization: string): Promise<Reckoning | undefined> {
      const [row] = await sql.query<Reckoning[]>`
        SELECT donors_as_of AS "asOf", (donors_as_of AT TIME ZONE time_zone)::date::text AS "asOfDay"
        FROM organizations WHERE id = ${organization}::bigint AND donors_as_of IS NOT NULL`;
      return row;
    },

    /** The donor at an address as adding up at that instant would give it, with its consent; nothing is written. Undefined: nobody there. */
    async preview(
      organization: string,
      rules: SegmentRules,
      at: Reckoning,
      address: string,
    ): Promise<DonorColumns | undefined> {
      const [row] = await sql.query<DonorColumns[]>`
        SELECT h.supporter_id::text AS member_id, ${donorColumns} FROM (
          SELECT r.*, ${consentAt(organization, 'r')} AS consent
          FROM (${reckoned(organization, rules, at, address)}) r) h`;
      return row;
    },
  };
}

/** Whether all supporters say yes who are at the address of a row now; null: nobody is. */
export const consentAt = (organization: string, row: 'd' | 'r' | 'p'): Prisma.Sql => Prisma.sql`
  (SELECT bool_and(s.email_opt_in IS TRUE) FROM supporters s
   WHERE s.organization_id = ${organization}::bigint AND s.address = ${Prisma.raw(row)}.address AND s.missing_since IS NULL)`;

const COLUMNS = [
  ...['supporter_id', 'supporters', 'email', 'first_name', 'last_name', 'lifetime_amount', 'donation_count'],
  ...['first_gift_on', 'last_gift_on', 'last_gift_amount', 'largest_gift', 'last_gift_before_year_on', 'active_plans'],
  ...['monthly_plans', 'at_risk_plans', 'paused_plans', 'former_plans', 'monthly_recurring_amount'],
];

async function takeOver(tx: Queries, organization: string): Promise<DonorCounts> {
  const of = (table: string): Prisma.Sql => Prisma.raw(COLUMNS.map((column) => `${table}.${column}`).join(', '));
  const changed = await tx.execute`
    INSERT INTO donors (organization_id, address, ${Prisma.raw(COLUMNS.join(', '))})
    SELECT ${organization}::bigint, r.address, ${of('r')} FROM reckoned r
    LEFT JOIN donors d ON d.organization_id = ${organization}::bigint AND d.address = r.address
    WHERE d.address IS NULL OR (${of('d')}) IS DISTINCT FROM (${of('r')})
    ON CONFLICT (organization_id, address) DO UPDATE SET changed_at = now(),
      ${Prisma.raw(COLUMNS.map((column) => `${column} = EXCLUDED.${column}`).join(', '))}`;
  const gone = await tx.execute`
    DELETE FROM donors d WHERE d.organization_id = ${organization}::bigint
      AND NOT EXISTS (SELECT FROM reckoned r WHERE r.address = d.address)`;
  const [{ donors }] = await tx.query<[{ donors: number }]>`SELECT count(*)::int AS donors FROM reckoned`;
  return { donors, changed, gone };
}

/** Every address, or only one, with what its living supporters gave up to the instant (vendors' notes on donor segments, inputs). */
function reckoned(
  organization: string,
  rules: SegmentRules,
  { asOf, asOfDay }: Reckoning,
  address?: string,
): Prisma.Sql {
  const isMeant = address === undefined ? Prisma.sql`address <> ''` : Prisma.sql`address = ${address}`;
  const amount = Prisma.raw(rules.amountField);
  const gifts = rules.countInstallments
    ? Prisma.sql`count(*)::int`
    : Prisma.sql`(count(*) FILTER (WHERE recurring_plan_id IS NULL) + count(DISTINCT recurring_plan_id))::int`;
  const isPaused = Prisma.sql`(p.is_paused IS TRUE OR p.status = 'paused')`;
  const count = (wanted: 'active' | 'atRisk' | 'former'): Prisma.Sql => Prisma.sql`
    NOT ${isPaused} AND p.status = ANY(${statusesOf(wanted)})`;
  return Prisma.sql`
    WITH living AS (
      -- who speaks for the address stands for all at it: ids are quicker to go by than texts
      SELECT id, address, email_address, first_name, last_name, (count(*) OVER (PARTITION BY address))::int AS supporters,
        first_value(id) OVER (PARTITION BY address ORDER BY classy_updated_at DESC, id DESC) AS person
      FROM supporters WHERE organization_id = ${organization}::bigint AND missing_since IS NULL AND ${isMeant}
    ), gifts AS (
      SELECT l.person, t.id, t.purchased_at, t.recurring_plan_id, t.${amount} AS amount, (t.purchased_at AT TIME ZONE o.time_zone)::date AS day
      FROM transactions t JOIN organizations o ON o.id = t.organization_id JOIN living l ON l.id = t.supporter_id
      WHERE t.organization_id = ${organization}::bigint AND t.missing_since IS NULL AND t.status = ANY(${[...rules.countedStatuses]})
        AND t.purchased_at <= ${asOf} AND t.${amount} > 0
        AND (o.currency IS NULL OR t.currency_code IS NULL OR upper(t.currency_code) = o.currency)
    ), given AS (
      SELECT person, sum(amount) AS lifetime_amount, ${gifts} AS donation_count, min(day) AS first_gift_on, max(day) AS last_gift_on,
        max(amount) AS largest_gift, (array_agg(amount ORDER BY purchased_at DESC, id DESC))[1] AS last_gift_amount,
        max(day) FILTER (WHERE day < ${yearStart(asOfDay, rules.fiscalYearStartMonth)}::date) AS last_gift_before_year_on
      FROM gifts GROUP BY person
    ), planned AS (
      SELECT l.person, (count(*) FILTER (WHERE ${count('active')}))::int AS active_plans,
        (count(*) FILTER (WHERE ${count('active')} AND lower(p.frequency) = 'monthly'))::int AS monthly_plans,
        (count(*) FILTER (WHERE ${count('atRisk')}))::int AS at_risk_plans, (count(*) FILTER (WHERE ${isPaused}))::int AS paused_plans,
        (count(*) FILTER (WHERE ${count('former')}))::int AS former_plans,
        round(coalesce(sum(p.amount * f.twelfths) FILTER (WHERE ${count('active')}), 0) / 12, 2) AS monthly_recurring_amount
      FROM recurring_plans p JOIN organizations o ON o.id = p.organization_id JOIN living l ON l.id = p.supporter_id
      LEFT JOIN (SELECT key AS frequency, value::int AS twelfths FROM jsonb_each_text(${JSON.stringify(MONTHLY_TWELFTHS)}::jsonb)) f
        ON f.frequency = lower(p.frequency)
      WHERE p.organization_id = ${organization}::bigint AND p.missing_since IS NULL
      GROUP BY l.person
    )
    SELECT a.address, a.id AS supporter_id, a.supporters, trim(a.email_address) AS email, coalesce(a.first_name, '') AS first_name,
      coalesce(a.last_name, '') AS last_name, coalesce(g.lifetime_amount, 0)::numeric(22, 4) AS lifetime_amount,
      coalesce(g.donation_count, 0) AS donation_count, g.first_gift_on, g.last_gift_on,
      coalesce(g.last_gift_amount, 0)::numeric(22, 4) AS last_gift_amount, coalesce(g.largest_gift, 0)::numeric(22, 4) AS largest_gift,
      g.last_gift_before_year_on, coalesce(p.active_plans, 0) AS active_plans, coalesce(p.monthly_plans, 0) AS monthly_plans,
      coalesce(p.at_risk_plans, 0) AS at_risk_plans, coalesce(p.paused_plans, 0) AS paused_plans, coalesce(p.former_plans, 0) AS former_plans,
      coalesce(p.monthly_recurring_amount, 0)::numeric(22, 2) AS monthly_recurring_amount
    FROM living a LEFT JOIN given g USING (person) LEFT JOIN planned p USING (person) WHERE a.id = a.person`;
}

/** Columns of a donor, as `Donors.toHolder` reads them; amounts as text, days `YYYY-MM-DD`. */
export interface DonorColumns {
  member_id: string;
  email: string;
  first_name: string;
  last_name: string;
  consent: boolean | null;
  lifetime_amount: string;
  donation_count: number;
  first_gift_on: string | null;
  last_gift_on: string | null;
  last_gift_amount: string;
  largest_gift: string;
  last_gift_before_year_on: string | null;
  active_plans: number;
  monthly_plans: number;
  at_risk_plans: number;
  paused_plans: number;
  former_plans: number;
  monthly_recurring_amount: string;
}

/** What is read of a row `h` of `donors` with its consent. */
export const donorColumns = Prisma.sql`h.email, h.first_name, h.last_name, h.consent, h.lifetime_amount::text, h.donation_count,
  h.first_gift_on::text, h.last_gift_on::text, h.last_gift_amount::text, h.largest_gift::text, h.last_gift_before_year_on::text,
  h.active_plans, h.monthly_plans, h.at_risk_plans, h.paused_plans, h.former_plans, h.monthly_recurring_amount::text`;

/** The inputs of the rules in such a row. */
export const toInputs = (row: DonorColumns): DonorInputs => ({
  lifetimeAmount: Number(row.lifetime_amount),
  donationCount: row.donation_count,
  firstGiftOn: row.first_gift_on ?? undefined,
  lastGiftOn: row.last_gift_on ?? undefined,
  lastGiftAmount: Number(row.last_gift_amount),
  largestGift: Number(row.largest_gift),
  lastGiftBeforeYearOn: row.last_gift_before_year_on ?? undefined,
  activePlans: row.active_plans,
  monthlyPlans: row.monthly_plans,
  atRiskPlans: row.at_risk_plans,
  pausedPlans: row.paused_plans,
  formerPlans: row.former_plans,
  monthlyRecurringAmount: Number(row.monthly_recurring_amount),
});
