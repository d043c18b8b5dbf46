-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "deliveries" (
    "id" UUID NOT NULL,
    "site" TEXT NOT NULL,
    "member_id" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "signed_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "signature" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "outcome" TEXT,
    "outcome_at" TIMESTAMPTZ(3),
    "wakes" INTEGER NOT NULL DEFAULT 0,
    "woken_at" TIMESTAMPTZ(3),
    "next_wake_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deliveries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sites" (
    "site" TEXT NOT NULL,
    "paused_since" TIMESTAMPTZ(3),
    "paused_type" TEXT,
    "paused_message" TEXT,
    "probe_until" TIMESTAMPTZ(3),
    "probe_by" TEXT,

    CONSTRAINT "sites_pkey" PRIMARY KEY ("site")
);

-- CreateTable
CREATE TABLE "members" (
    "site" TEXT NOT NULL,
    "member_id" TEXT NOT NULL,
    "email" TEXT,
    "address" TEXT,
    "name" TEXT,
    "status" TEXT,
    "labels" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "email_enabled" BOOLEAN,
    "suppressed" BOOLEAN NOT NULL DEFAULT false,
    "signed_up_at" TIMESTAMPTZ(3),
    "deleted_at" TIMESTAMPTZ(3),
    "observed_at" TIMESTAMPTZ(3),
    "read_at" TIMESTAMPTZ(3),
    "signed_at" TIMESTAMPTZ(3),
    "changed_at" TIMESTAMPTZ(3),
    "previous_status" TEXT,
    "status_changed_at" TIMESTAMPTZ(3),
    "added_at" TIMESTAMPTZ(3),
    "suspected_gone_at" TIMESTAMPTZ(3),
    "lease_token" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "read_tries" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "members_pkey" PRIMARY KEY ("site","member_id")
);

-- CreateTable
CREATE TABLE "status_transitions" (
    "id" BIGSERIAL NOT NULL,
    "site" TEXT NOT NULL,
    "member_id" TEXT NOT NULL,
    "from" TEXT,
    "to" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "found_by" TEXT NOT NULL,
    "from_seen" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "status_transitions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audiences" (
    "audience" TEXT NOT NULL,
    "generation" INTEGER NOT NULL DEFAULT 0,
    "writer_seen_at" TIMESTAMPTZ(3),
    "woken_at" TIMESTAMPTZ(3),
    "wakes" INTEGER NOT NULL DEFAULT 0,
    "paused_since" TIMESTAMPTZ(3),
    "paused_type" TEXT,
    "paused_message" TEXT,
    "checked_at" TIMESTAMPTZ(3),
    "title" TEXT,
    "active_subscribers" INTEGER,
    "double_opt_in" BOOLEAN NOT NULL DEFAULT false,
    "opt_in_confirmed_at" TIMESTAMPTZ(3),
    "problems" TEXT[] DEFAULT ARRAY[]::TEXT[],

    CONSTRAINT "audiences_pkey" PRIMARY KEY ("audience")
);

-- CreateTable
CREATE TABLE "contacts" (
    "audience" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "due_at" TIMESTAMPTZ(3),
    "lane" SMALLINT NOT NULL DEFAULT 0,
    "delivered_at" TIMESTAMPTZ(3),
    "settled_hash" TEXT,
    "settled_outcome" TEXT,
    "settled_at" TIMESTAMPTZ(3),
    "settled_member_id" TEXT,
    "list_state" TEXT,
    "list_state_at" TIMESTAMPTZ(3),
    "tries" INTEGER NOT NULL DEFAULT 0,
    "batch_limit" INTEGER,
    "under_way_until" TIMESTAMPTZ(3),
    "under_way_by" INTEGER,

    CONSTRAINT "contacts_pkey" PRIMARY KEY ("audience","address")
);

-- CreateTable
CREATE TABLE "opt_outs" (
    "audience" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "member_id" TEXT,
    "state" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "opt_outs_pkey" PRIMARY KEY ("audience","address")
);

-- CreateTable
CREATE TABLE "removals" (
    "id" BIGSERIAL NOT NULL,
    "audience" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "member_id" TEXT,
    "reason" TEXT NOT NULL,
    "drawn_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "released" BOOLEAN NOT NULL DEFAULT false,
    "done_at" TIMESTAMPTZ(3),
    "void_at" TIMESTAMPTZ(3),
    "list_date" TEXT,

    CONSTRAINT "removals_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "holds" (
    "audience" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "member_id" TEXT,
    "kind" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "released_at" TIMESTAMPTZ(3),

    CONSTRAINT "holds_pkey" PRIMARY KEY ("audience","address","kind")
);

-- CreateTable
CREATE TABLE "parked" (
    "site" TEXT NOT NULL,
    "member_id" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "audience" TEXT,
    "address" TEXT,
    "cleared_at" TIMESTAMPTZ(3),
    "wake_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "parked_pkey" PRIMARY KEY ("site","member_id")
);

-- CreateTable
CREATE TABLE "pushes" (
    "id" BIGSERIAL NOT NULL,
    "audience" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "member_id" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "operation" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "code" INTEGER,
    "hash" TEXT,

    CONSTRAINT "pushes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rate_limits" (
    "credential" TEXT NOT NULL,
    "next_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "rate_limits_pkey" PRIMARY KEY ("credential")
);

-- CreateTable
CREATE TABLE "connection_slots" (
    "credential" TEXT NOT NULL,
    "slot" INTEGER NOT NULL,
    "holder" TEXT,
    "held_until" TIMESTAMPTZ(3),

    CONSTRAINT "connection_slots_pkey" PRIMARY KEY ("credential","slot")
);

-- CreateIndex
CREATE INDEX "deliveries_next_wake_at_idx" ON "deliveries"("next_wake_at");

-- CreateIndex
CREATE INDEX "deliveries_site_member_id_received_at_idx" ON "deliveries"("site", "member_id", "received_at");

-- CreateIndex
CREATE INDEX "deliveries_received_at_idx" ON "deliveries"("received_at");

-- CreateIndex
CREATE UNIQUE INDEX "deliveries_site_signature_key" ON "deliveries"("site", "signature");

-- CreateIndex
CREATE INDEX "members_site_address_idx" ON "members"("site", "address");

-- CreateIndex
CREATE UNIQUE INDEX "status_transitions_site_member_id_at_to_key" ON "status_transitions"("site", "member_id", "at", "to");

-- CreateIndex
CREATE INDEX "contacts_audience_lane_due_at_idx" ON "contacts"("audience", "lane", "due_at");

-- CreateIndex
CREATE INDEX "contacts_audience_settled_member_id_idx" ON "contacts"("audience", "settled_member_id");

-- CreateIndex
CREATE INDEX "opt_outs_audience_member_id_idx" ON "opt_outs"("audience", "member_id");

-- CreateIndex
CREATE INDEX "removals_audience_drawn_at_idx" ON "removals"("audience", "drawn_at");

-- CreateIndex
CREATE INDEX "removals_audience_address_idx" ON "removals"("audience", "address");

-- CreateIndex
CREATE INDEX "parked_wake_at_idx" ON "parked"("wake_at");

-- CreateIndex
CREATE INDEX "pushes_audience_address_at_idx" ON "pushes"("audience", "address", "at");
