-- CreateTable
CREATE TABLE "organizations" (
    "id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "currency" TEXT,
    "credentials" BYTEA,
    "credentials_nonce" BYTEA,
    "credentials_key_id" TEXT,
    "mailchimp_list_id" TEXT,
    "sandbox" BOOLEAN NOT NULL DEFAULT false,
    "added_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),
    "paused_since" TIMESTAMPTZ(3),
    "paused_type" TEXT,
    "paused_message" TEXT,

    CONSTRAINT "organizations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "supporters" (
    "id" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL,
    "email_address" TEXT,
    "address" TEXT,
    "first_name" TEXT,
    "last_name" TEXT,
    "nickname" TEXT,
    "phone" TEXT,
    "cell_phone" TEXT,
    "city" TEXT,
    "state" TEXT,
    "country" TEXT,
    "postal_code" TEXT,
    "origin" TEXT,
    "member_id" BIGINT,
    "source_campaign_id" BIGINT,
    "email_opt_in" BOOLEAN,
    "last_emailed_at" TIMESTAMPTZ(3),
    "classy_created_at" TIMESTAMPTZ(3),
    "classy_updated_at" TIMESTAMPTZ(3) NOT NULL,
    "lifetime_donation_amount" DECIMAL(22,4) NOT NULL DEFAULT 0,
    "donation_count" INTEGER NOT NULL DEFAULT 0,
    "first_gift_at" TIMESTAMPTZ(3),
    "last_gift_at" TIMESTAMPTZ(3),
    "raw" JSONB NOT NULL,
    "mapping" SMALLINT NOT NULL DEFAULT 1,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,
    "missing_since" TIMESTAMPTZ(3),
    "missing_run" UUID,

    CONSTRAINT "supporters_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "campaigns" (
    "id" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL,
    "name" TEXT,
    "internal_name" TEXT,
    "type" TEXT,
    "status" TEXT,
    "goal" DECIMAL(18,4),
    "currency_code" TEXT,
    "is_general" BOOLEAN,
    "designation_id" BIGINT,
    "external_id" TEXT,
    "canonical_url" TEXT,
    "timezone_identifier" TEXT,
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "classy_created_at" TIMESTAMPTZ(3),
    "classy_updated_at" TIMESTAMPTZ(3) NOT NULL,
    "total_raised" DECIMAL(22,4) NOT NULL DEFAULT 0,
    "donation_count" INTEGER NOT NULL DEFAULT 0,
    "raw" JSONB NOT NULL,
    "mapping" SMALLINT NOT NULL DEFAULT 1,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,
    "missing_since" TIMESTAMPTZ(3),
    "missing_run" UUID,

    CONSTRAINT "campaigns_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "transactions" (
    "id" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL,
    "supporter_id" BIGINT,
    "campaign_id" BIGINT,
    "recurring_plan_id" BIGINT,
    "parent_transaction_id" BIGINT,
    "designation_id" BIGINT,
    "fundraising_page_id" BIGINT,
    "fundraising_team_id" BIGINT,
    "member_id" BIGINT,
    "status" TEXT,
    "frequency" TEXT,
    "payment_method" TEXT,
    "payment_type" TEXT,
    "payment_gateway" TEXT,
    "total_gross_amount" DECIMAL(18,4),
    "donation_gross_amount" DECIMAL(18,4),
    "donation_net_amount" DECIMAL(18,4),
    "overhead_net_amount" DECIMAL(18,4),
    "fees_amount" DECIMAL(18,4),
    "adjustment_amount" DECIMAL(18,4),
    "currency_code" TEXT,
    "raw_total_gross_amount" DECIMAL(18,4),
    "raw_currency_code" TEXT,
    "charged_total_gross_amount" DECIMAL(18,4),
    "charged_currency_code" TEXT,
    "is_anonymous" BOOLEAN,
    "is_gift_aid" BOOLEAN,
    "company_name" TEXT,
    "billing_country" TEXT,
    "billing_state" TEXT,
    "billing_postal_code" TEXT,
    "counted" BOOLEAN NOT NULL DEFAULT false,
    "purchased_at" TIMESTAMPTZ(3),
    "charged_at" TIMESTAMPTZ(3),
    "refunded_at" TIMESTAMPTZ(3),
    "classy_created_at" TIMESTAMPTZ(3),
    "classy_updated_at" TIMESTAMPTZ(3) NOT NULL,
    "raw" JSONB NOT NULL,
    "mapping" SMALLINT NOT NULL DEFAULT 1,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,
    "missing_since" TIMESTAMPTZ(3),
    "missing_run" UUID,

    CONSTRAINT "transactions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "transaction_items" (
    "id" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL,
    "transaction_id" BIGINT NOT NULL,
    "type" TEXT,
    "product_name" TEXT,
    "product_id" BIGINT,
    "quantity" INTEGER,
    "price" DECIMAL(18,4),
    "final_price" DECIMAL(18,4),
    "donation_gross_amount" DECIMAL(18,4),
    "donation_net_amount" DECIMAL(18,4),
    "fees_amount" DECIMAL(18,4),
    "overhead_amount" DECIMAL(18,4),
    "designation_id" BIGINT,
    "fundraising_page_id" BIGINT,
    "fundraising_team_id" BIGINT,
    "missing_since" TIMESTAMPTZ(3),

    CONSTRAINT "transaction_items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "recurring_plans" (
    "id" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL,
    "supporter_id" BIGINT,
    "campaign_id" BIGINT,
    "designation_id" BIGINT,
    "member_id" BIGINT,
    "status" TEXT,
    "frequency" TEXT,
    "amount" DECIMAL(18,4),
    "currency_code" TEXT,
    "raw_amount" DECIMAL(18,4),
    "raw_currency_code" TEXT,
    "payment_type" TEXT,
    "payment_gateway" TEXT,
    "is_paused" BOOLEAN,
    "pause_until" DATE,
    "next_payment_date" DATE,
    "recur_until" DATE,
    "started_at" TIMESTAMPTZ(3),
    "failed_at" TIMESTAMPTZ(3),
    "canceled_at" TIMESTAMPTZ(3),
    "cancel_reason_code" TEXT,
    "timezone_identifier" TEXT,
    "classy_created_at" TIMESTAMPTZ(3),
    "classy_updated_at" TIMESTAMPTZ(3) NOT NULL,
    "raw" JSONB NOT NULL,
    "mapping" SMALLINT NOT NULL DEFAULT 1,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,
    "missing_since" TIMESTAMPTZ(3),
    "missing_run" UUID,

    CONSTRAINT "recurring_plans_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "source_cursors" (
    "organization_id" BIGINT NOT NULL,
    "resource" TEXT NOT NULL,
    "read_to" TIMESTAMPTZ(3),
    "full_at" TIMESTAMPTZ(3),
    "counted_to" TIMESTAMPTZ(3),

    CONSTRAINT "source_cursors_pkey" PRIMARY KEY ("organization_id","resource")
);

-- CreateTable
CREATE TABLE "organization_runs" (
    "id" UUID NOT NULL,
    "organization_id" BIGINT NOT NULL,
    "resource" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "started_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "phase" TEXT NOT NULL DEFAULT 'starting',
    "result" TEXT,
    "message" TEXT,
    "expected" INTEGER NOT NULL DEFAULT 0,
    "read" INTEGER NOT NULL DEFAULT 0,
    "added" INTEGER NOT NULL DEFAULT 0,
    "updated" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "set_aside" INTEGER NOT NULL DEFAULT 0,
    "missing" INTEGER NOT NULL DEFAULT 0,
    "held" INTEGER NOT NULL DEFAULT 0,
    "requests" INTEGER NOT NULL DEFAULT 0,
    "drift" JSONB NOT NULL DEFAULT '{}',
    "progress" JSONB,

    CONSTRAINT "organization_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "set_aside_records" (
    "organization_id" BIGINT NOT NULL,
    "resource" TEXT NOT NULL,
    "record_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "run_id" UUID,

    CONSTRAINT "set_aside_records_pkey" PRIMARY KEY ("organization_id","resource","record_id")
);

-- CreateIndex
CREATE INDEX "supporters_organization_id_address_idx" ON "supporters"("organization_id", "address");

-- CreateIndex
CREATE INDEX "supporters_organization_id_classy_updated_at_idx" ON "supporters"("organization_id", "classy_updated_at");

-- CreateIndex
CREATE INDEX "campaigns_organization_id_classy_updated_at_idx" ON "campaigns"("organization_id", "classy_updated_at");

-- CreateIndex
CREATE INDEX "transactions_organization_id_classy_updated_at_idx" ON "transactions"("organization_id", "classy_updated_at");

-- CreateIndex
CREATE INDEX "transactions_supporter_id_purchased_at_idx" ON "transactions"("supporter_id", "purchased_at");

-- CreateIndex
CREATE INDEX "transactions_campaign_id_idx" ON "transactions"("campaign_id");

-- CreateIndex
CREATE INDEX "transactions_organization_id_purchased_at_idx" ON "transactions"("organization_id", "purchased_at");

-- CreateIndex
CREATE INDEX "transaction_items_transaction_id_idx" ON "transaction_items"("transaction_id");

-- CreateIndex
CREATE INDEX "recurring_plans_organization_id_classy_updated_at_idx" ON "recurring_plans"("organization_id", "classy_updated_at");

-- CreateIndex
CREATE INDEX "recurring_plans_supporter_id_idx" ON "recurring_plans"("supporter_id");

-- CreateIndex
CREATE INDEX "organization_runs_organization_id_resource_started_at_idx" ON "organization_runs"("organization_id", "resource", "started_at");
