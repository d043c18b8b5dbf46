import type { Resource } from '../../contract/organization-sync.js';
import { Prisma } from '../client/client.js';

type SqlType = 'text' | 'bigint' | 'numeric' | 'boolean' | 'timestamptz' | 'date' | 'int';

const words = (names: string): string[] => names.split(/\s+/).filter(Boolean);
const typed = (type: SqlType, names: string): [string, SqlType][] => words(names).map((name) => [name, type]);

const dated = typed('timestamptz', 'classy_created_at classy_updated_at');

/** Counted up when columns are read otherwise than before: the next full sync stores every record anew. */
export const MAPPING = 1;

/** Tables of Classy's records, with the columns that come from the source. */
export const sourceTables: Record<Resource, { table: string; columns: [string, SqlType][] }> = {
  supporters: {
    table: 'supporters',
    columns: [
      ...typed(
        'text',
        'email_address address first_name last_name nickname phone cell_phone city state country postal_code',
      ),
      ...typed('text', 'origin'),
      ...typed('bigint', 'member_id source_campaign_id'),
      ...typed('boolean', 'email_opt_in'),
      ...typed('timestamptz', 'last_emailed_at'),
      ...dated,
    ],
  },
  campaigns: {
    table: 'campaigns',
    columns: [
      ...typed('text', 'name internal_name type status currency_code external_id canonical_url timezone_identifier'),
      ...typed('numeric', 'goal'),
      ...typed('boolean', 'is_general'),
      ...typed('bigint', 'designation_id'),
      ...typed('timestamptz', 'started_at ended_at'),
      ...dated,
    ],
  },
  transactions: {
    table: 'transactions',
    columns: [
      ...typed('bigint', 'supporter_id campaign_id recurring_plan_id parent_transaction_id designation_id'),
      ...typed('bigint', 'fundraising_page_id fundraising_team_id member_id'),
      ...typed('text', 'status frequency payment_method payment_type payment_gateway'),
      ...typed('numeric', 'total_gross_amount donation_gross_amount donation_net_amount overhead_net_amount'),
      ...typed('numeric', 'fees_amount adjustment_amount raw_total_gross_amount charged_total_gross_amount'),
      ...typed('text', 'currency_code raw_currency_code charged_currency_code'),
      ...typed('boolean', 'is_anonymous is_gift_aid'),
      ...typed('text', 'company_name billing_country billing_state billing_postal_code'),
      ...typed('timestamptz', 'purchased_at charged_at refunded_at'),
      ...dated,
    ],
  },
  'recurring-plans': {
    table: 'recurring_plans',
    columns: [
      ...typed('bigint', 'supporter_id campaign_id designation_id member_id'),
      ...typed('text', 'status frequency currency_code raw_currency_code payment_type payment_gateway'),
      ...typed('text', 'cancel_reason_code timezone_identifier'),
      ...typed('numeric', 'amount raw_amount'),
      ...typed('boolean', 'is_paused'),
      ...typed('date', 'pause_until next_payment_date recur_until'),
      ...typed('timestamptz', 'started_at failed_at canceled_at'),
      ...dated,
    ],
  },
};

const itemColumns: [string, SqlType][] = [
  ...typed('bigint', 'transaction_id product_id designation_id fundraising_page_id fundraising_team_id'),
  ...typed('text', 'type product_name'),
  ...typed('int', 'quantity'),
  ...typed('numeric', 'price final_price donation_gross_amount donation_net_amount fees_amount overhead_amount'),
];

/** Parts of the statements of one table; made once, of names that are ours. */
export interface TableSql {
  table: Prisma.Sql;
  /** `a, b`. */
  names: Prisma.Sql;
  /** `r.a, r.b`. */
  incoming: Prisma.Sql;
  /** `r(id bigint, a text, …, raw jsonb, as_of timestamptz)`. */
  recordset: Prisma.Sql;
  /** `a = excluded.a, …`. */
  assignments: Prisma.Sql;
}

function sqlOf(table: string, columns: readonly [string, SqlType][], more: string): TableSql {
  const names = columns.map(([name]) => name);
  return {
    table: Prisma.raw(table),
    names: Prisma.raw(names.join(', ')),
    incoming: Prisma.raw(names.map((name) => `r.${name}`).join(', ')),
    recordset: Prisma.raw(`r(id bigint, ${columns.map((column) => column.join(' ')).join(', ')}${more})`),
    assignments: Prisma.raw(names.map((name) => `${name} = excluded.${name}`).join(', ')),
  };
}

const ofResource = (resource: Resource): TableSql =>
  sqlOf(sourceTables[resource].table, sourceTables[resource].columns, ', raw jsonb, as_of timestamptz');

/** Statements' parts by resource. */
export const tableSql: Record<Resource, TableSql> = {
  campaigns: ofResource('campaigns'),
  supporters: ofResource('supporters'),
  transactions: ofResource('transactions'),
  'recurring-plans': ofResource('recurring-plans'),
};

/** Parts of the statements of transactions' items. */
export const itemSql: TableSql = sqlOf('transaction_items', itemColumns, '');
