/** What a field holds, which decides how a filter compares it and how the faults write it. */
export type FieldType = 'integer' | 'amount' | 'text' | 'boolean' | 'time' | 'date' | 'json';

/** A list of the API by the name it has in the path. */
export type Resource =
  | 'supporters'
  | 'campaigns'
  | 'transactions'
  | 'transaction-items'
  | 'recurring-donation-plans'
  | 'recurring-donation-history'
  | 'fundraising-pages'
  | 'fundraising-teams'
  | 'designations';

/** The documented fields of every resource; a row may hold others, which are sent but cannot be asked about. */
export const fieldsOf: Record<Resource, ReadonlyMap<string, FieldType>> = {
  supporters: fields({
    integer: 'id member_id source_organization_id source_campaign_id source_fundraising_page_id source_member_id',
    text: `email_address first_name last_name nickname phone cell_phone address1 address2 city state country postal_code
      location gender birthday origin`,
    boolean: 'opt_in',
    json: 'metadata',
    time: 'last_emailed_at created_at updated_at',
  }),
  campaigns: fields({
    integer: 'id organization_id designation_id is_general',
    text: `name internal_name type status raw_goal currency_code raw_currency_code timezone_identifier canonical_url
      external_id logo_url`,
    amount: 'goal',
    time: 'started_at ended_at created_at updated_at',
  }),
  transactions: fields({
    integer: `id organization_id campaign_id supporter_id member_id recurring_donation_plan_id parent_transaction_id
      designation_id fundraising_page_id fundraising_team_id`,
    text: `status frequency payment_method payment_type payment_gateway payment_source card_type card_last_four
      currency_code raw_currency_code charged_currency_code member_name member_email_address member_phone
      member_cell_phone member_country billing_first_name billing_last_name billing_address1 billing_address2
      billing_city billing_state billing_country billing_postal_code company_name comment in_honor_of promo_code_code`,
    amount: `total_gross_amount donation_gross_amount donation_net_amount overhead_net_amount fees_amount
      classy_fees_amount pp_fees_amount initial_gross_amount adjustment_amount raw_total_gross_amount
      raw_donation_gross_amount raw_overhead_net_amount raw_initial_gross_amount raw_adjustment_amount
      charged_total_gross_amount charged_fees_amount charged_classy_fees_amount charged_pp_fees_amount`,
    boolean: 'is_anonymous hide_amount fee_on_top is_donor_covered_fee is_gift_aid is_reprocess',
    json: 'context metadata consent',
    time: 'purchased_at charged_at refunded_at created_at updated_at',
  }),
  'transaction-items': fields({
    integer: 'id transaction_id designation_id product_id quantity',
    text: 'type product_name',
    amount: 'price final_price donation_gross_amount donation_net_amount fees_amount overhead_amount',
  }),
  'recurring-donation-plans': fields({
    integer: `id organization_id campaign_id supporter_id member_id designation_id fundraising_page_id
      fundraising_team_id`,
    text: `status frequency currency_code raw_currency_code cancel_by cancel_reason_code cancel_reason_text
      timezone_identifier first_name last_name company_name payment_type payment_gateway`,
    amount: 'donation_amount raw_donation_amount',
    boolean: 'is_paused is_anonymous hide_amount fee_on_top is_gift_aid is_donor_covered_fee',
    json: 'schedule metadata',
    date: 'pause_until plan_paused_on_date recur_until next_processing_date',
    time: 'started_at failed_at canceled_at created_at updated_at',
  }),
  'recurring-donation-history': fields({
    integer: 'id recurring_id transaction_id',
    text: 'type currency_code error_msg',
    amount: 'donation_amount',
    time: 'created_at',
  }),
  'fundraising-pages': fields({
    integer: 'id campaign_id member_id supporter_id fundraising_team_id organization_id',
    text: 'title raw_goal status',
    amount: 'goal',
    time: 'created_at updated_at',
  }),
  'fundraising-teams': fields({
    integer: 'id campaign_id organization_id team_lead_id',
    text: 'name status',
    amount: 'goal',
    time: 'created_at updated_at',
  }),
  designations: fields({
    integer: 'id organization_id',
    text: 'name description goal external_reference_id start_time end_time',
    boolean: 'is_active is_default',
    time: 'created_at updated_at',
  }),
};

/** A row of a resource in which every documented field is null. */
export function blankRow(resource: Resource): Record<string, null> {
  const blank = Object.fromEntries([...fieldsOf[resource].keys()].map((name) => [name, null]));
  // Parsed objects have fast properties: their copies, which every row and every answer is, take a fifth of the time.
  return JSON.parse(JSON.stringify(blank)) as Record<string, null>;
}

function fields(byType: Partial<Record<FieldType, string>>): ReadonlyMap<string, FieldType> {
  return new Map(
    Object.entries(byType).flatMap(([type, names]) =>
      names.split(/\s+/).map((name): [string, FieldType] => [name, type as FieldType]),
    ),
  );
}
