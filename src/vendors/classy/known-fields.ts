import type { Resource } from '../../contract/organization-sync.js';

/** Fields that Classy documents (OpenAPI, with what is recorded of live answers): others are kept too, and counted. */
export const knownFields: Record<Resource, ReadonlySet<string>> = {
  campaigns: new Set(
    `add_registration_fee address1 allow_duplicate_fundraisers allow_ecards allow_fundraising_pages
     allow_team_fundraising campaign_template_id canonical_url category_id channel_id channel_keywords
     checkout_corporate_donation_enabled city classy_mode_appeal classy_mode_checked_by_default
     classy_mode_enabled contact_email contact_phone corporate_donation_enabled country created_at created_with
     crypto_giving currency_code custom_url daf_enabled dcf_allowed dcf_enabled default_page_appeal
     default_page_appeal_email default_page_goal default_page_post_asset_id default_page_post_body
     default_page_post_title default_page_thank_you_email default_team_appeal default_team_appeal_email
     default_team_goal default_team_post_asset_id default_team_post_body default_team_post_title
     default_team_thank_you_email default_thank_you_text designation_id disable_donation_attribution
     display_group_name effective_fixed_fot_percent effective_flex_rate_percent effective_recaptcha_settings
     embedded_giving ended_at exit_modal external_id external_url fixed_fot_percent flex_rate_percent goal
     hide_anonymous_donations hide_contact_opt_in hide_dedications hide_donation_amounts hide_donation_comments
     hide_from_profile hide_recurring_end_date id internal_name is_billing_address_required is_ended_at_hidden
     is_fees_free is_general is_linked is_started_at_hidden linked_at location_details logo_id logo_url
     minimum_donation_amount name offer_dedication_postal_notifications opt_in_checked_by_default
     organization_id pages_can_set_appeal pages_can_set_goal postal_code raw_currency_code raw_goal
     redirect_url return_url send_dedication_emails sort_designation_by started_at state status
     studio_template_id team_cover_photo_id team_cover_photo_url team_membership_policy teams_can_set_appeal
     teams_can_set_goal ticket_pass_on_fees timezone_identifier type unlinked_at updated_at
     use_intelligent_ask_onetime use_intelligent_ask_recurring venue whitelist_url`.split(/\s+/),
  ),
  supporters: new Set(
    `address1 address2 birthday cell_phone city country created_at email_address first_name gender id
     last_emailed_at last_name location member_id metadata nickname opt_in origin phone postal_code
     source_campaign_id source_fundraising_page_id source_member_id source_organization_id state updated_at`.split(
      /\s+/,
    ),
  ),
  transactions: new Set(
    `account_number account_type acknowledgements_count adjustment_amount application_fee_amount
     applied_application_fee_percent applied_flex_rate_percent applied_fot_percent
     applied_processor_fee_percent applied_raw_processor_fee_flat billing_address1 billing_address2
     billing_city billing_country billing_first_name billing_last_name billing_postal_code billing_state
     browser_info campaign_id card_expiration card_last_four card_type charged_at charged_classy_fees_amount
     charged_currency_code charged_fees_amount charged_pp_fees_amount charged_total_gross_amount
     classy_fees_amount comment company_name consent context created_at currency_code designation_id
     donation_gross_amount donation_matching_plan_id donation_net_amount fee_on_top fees_amount
     flex_rate_amount frequency fundraising_page_id fundraising_team_id hide_amount id in_honor_of
     initial_gross_amount institution is_anonymous is_donor_covered_fee is_fees_free is_gift_aid is_reprocess
     items member_cell_phone member_country member_email_address member_id member_name member_phone metadata
     opted_into_payment_sync organization_id overhead_net_amount parent_transaction_id payment_gateway
     payment_method payment_source payment_type pp_fees_amount pp_reference_id pp_response pp_transaction_id
     processor_decline_code processor_fee_amount promo_code_code purchased_at raw_adjustment_amount
     raw_application_fee_amount raw_currency_code raw_donation_gross_amount raw_flex_rate_amount
     raw_initial_gross_amount raw_overhead_net_amount raw_processor_fee_amount raw_total_gross_amount
     recurring_donation_plan_id refunded_at reprocess_attempts status supporter supporter_id tax_entity_id
     total_gross_amount updated_at utm`.split(/\s+/),
  ),
  'recurring-plans': new Set(
    `ach_last_four address address2 applied_fot_percent campaign_id can_be_reactivated cancel_by
     cancel_reason_code cancel_reason_text canceled_at cc_card_exp cc_last_four cc_type city
     classy_mode_enabled company_name country created_at currency_code dcf_allowed dcf_enabled designation_id
     donation_amount effective_fixed_fot_percent failed_at fee_on_top first_name frequency fundraising_page_id
     fundraising_team_id hide_amount id is_anonymous is_donor_covered_fee is_gift_aid is_paused last_name
     member_id metadata migrated migration_date next_processing_date organization_id pause_until
     payment_gateway payment_provider_configuration_name payment_type plan_paused_on_date postal_code
     pp_plan_id raw_adjustment_amount raw_currency_code raw_donation_amount raw_initial_gross_amount
     recur_until schedule started_at state status supporter_id timezone_identifier updated_at`.split(/\s+/),
  ),
};
