import { Prisma } from '../client/client.js';
import type { Queries } from '../database.js';

/**
 * A transaction `t` (or incoming row of its columns) of organization `o` that is added to totals: money received, dated, more than
 * nothing, and in the organization's currency (vendors' notes on donor segments). Refunded, disputed and pending ones are not.
 */
export const isCounted = (row: 't' | 'r'): Prisma.Sql =>
  Prisma.raw(
    `coalesce(${row}.status = 'success' AND ${row}.purchased_at <= now() AND round(${row}.total_gross_amount, 4) > 0 AND (o.currency IS NULL OR ${row}.currency_code IS NULL OR upper(${row}.currency_code) = o.currency), false)`,
  );

/** One organization's pages are written one after the other, whoever writes them: totals see every row that is committed. */
export const lockOrganization = (tx: Queries, organization: string): Promise<unknown> =>
  tx.query`SELECT pg_advisory_xact_lock(hashtextextended('classy ' || ${organization}, 0))`;

/** The same where the organization is configured. What is under way when it is removed or purged must not bring anything back. */
export async function lockConfigured(tx: Queries, organization: string): Promise<void> {
  await lockOrganization(tx, organization);
  const [configured] = await tx.query<unknown[]>`
    SELECT 1 FROM organizations WHERE id = ${organization}::bigint AND removed_at IS NULL`;
  if (!configured) throw new Error(`organization ${organization} is not configured any more`);
}

const gifts = Prisma.sql`
  SELECT sum(t.total_gross_amount) AS amount, count(*)::int AS count, min(t.purchased_at) AS first, max(t.purchased_at) AS last`;

/** Adds up the gifts of these supporters anew. */
export async function totalSupporters(tx: Queries, organization: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute`
    UPDATE supporters s SET lifetime_donation_amount = coalesce(g.amount, 0), donation_count = coalesce(g.count, 0), first_gift_at = g.first, last_gift_at = g.last
    FROM unnest(${[...ids]}::bigint[]) AS touched(id) LEFT JOIN (
      ${gifts}, t.supporter_id FROM transactions t
      WHERE t.supporter_id = ANY(${[...ids]}::bigint[]) AND t.organization_id = ${organization}::bigint AND t.counted GROUP BY t.supporter_id
    ) g ON g.supporter_id = touched.id
    WHERE s.id = touched.id AND s.organization_id = ${organization}::bigint
      AND (s.lifetime_donation_amount, s.donation_count, s.first_gift_at, s.last_gift_at)
        IS DISTINCT FROM (coalesce(g.amount, 0), coalesce(g.count, 0), g.first, g.last)`;
}

/** Adds up what these campaigns raised anew. */
export async function totalCampaigns(tx: Queries, organization: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute`
    UPDATE campaigns c SET total_raised = coalesce(g.amount, 0), donation_count = coalesce(g.count, 0)
    FROM unnest(${[...ids]}::bigint[]) AS touched(id) LEFT JOIN (
      ${gifts}, t.campaign_id FROM transactions t
      WHERE t.campaign_id = ANY(${[...ids]}::bigint[]) AND t.organization_id = ${organization}::bigint AND t.counted GROUP BY t.campaign_id
    ) g ON g.campaign_id = touched.id
    WHERE c.id = touched.id AND c.organization_id = ${organization}::bigint
      AND (c.total_raised, c.donation_count) IS DISTINCT FROM (coalesce(g.amount, 0), coalesce(g.count, 0))`;
}

/** What a page changed of a campaign's total. */
export interface CampaignChange {
  id: string;
  /** Decimals as text. */
  amount: string;
  count: number;
}

/** Adds to campaigns what a page changed: adding up a big campaign for each page would take for ever. */
export async function addToCampaigns(
  tx: Queries,
  organization: string,
  changes: readonly CampaignChange[],
): Promise<void> {
  if (changes.length === 0) return;
  await tx.execute`
    UPDATE campaigns c SET total_raised = c.total_raised + d.amount, donation_count = c.donation_count + d.count
    FROM jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) AS d(id bigint, amount numeric, count int)
    WHERE c.id = d.id AND c.organization_id = ${organization}::bigint`;
}

/** Decides anew which transactions count and adds everything up: after a full sync, or when the organization's currency changed. */
export async function totalEverything(tx: Queries, organization: string): Promise<void> {
  await tx.execute`
    UPDATE transactions t SET counted = NOT t.counted FROM organizations o
    WHERE o.id = ${organization}::bigint AND t.organization_id = o.id AND t.counted <> (t.missing_since IS NULL AND ${isCounted('t')})`;
  await tx.execute`
    UPDATE supporters s SET lifetime_donation_amount = coalesce(g.amount, 0), donation_count = coalesce(g.count, 0), first_gift_at = g.first, last_gift_at = g.last
    FROM supporters every LEFT JOIN (
      ${gifts}, t.supporter_id FROM transactions t WHERE t.organization_id = ${organization}::bigint AND t.counted GROUP BY t.supporter_id
    ) g ON g.supporter_id = every.id
    WHERE every.organization_id = ${organization}::bigint AND s.id = every.id
      AND (s.lifetime_donation_amount, s.donation_count, s.first_gift_at, s.last_gift_at)
        IS DISTINCT FROM (coalesce(g.amount, 0), coalesce(g.count, 0), g.first, g.last)`;
  await tx.execute`
    UPDATE campaigns c SET total_raised = coalesce(g.amount, 0), donation_count = coalesce(g.count, 0)
    FROM campaigns every LEFT JOIN (
      ${gifts}, t.campaign_id FROM transactions t WHERE t.organization_id = ${organization}::bigint AND t.counted GROUP BY t.campaign_id
    ) g ON g.campaign_id = every.id
    WHERE every.organization_id = ${organization}::bigint AND c.id = every.id
      AND (c.total_raised, c.donation_count) IS DISTINCT FROM (coalesce(g.amount, 0), coalesce(g.count, 0))`;
}
