-- A no whose person nobody knows
UPDATE "opt_outs" SET "member_id" = '' WHERE "member_id" IS NULL;

-- AlterTable
ALTER TABLE "audiences" ADD COLUMN     "adopted_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "contacts" ADD COLUMN     "approved" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "differs_key" TEXT,
ADD COLUMN     "plan_hash" TEXT,
ADD COLUMN     "run_id" UUID,
ADD COLUMN     "welcome" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "deliveries" ADD COLUMN     "replayed_at" TIMESTAMPTZ(3),
ADD COLUMN     "replays" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "members" ADD COLUMN     "missing_run" UUID;

-- AlterTable
ALTER TABLE "opt_outs" DROP CONSTRAINT "opt_outs_pkey",
ADD COLUMN     "list_date" TEXT,
ADD COLUMN     "reason" TEXT,
ALTER COLUMN "member_id" SET NOT NULL,
ALTER COLUMN "member_id" SET DEFAULT '',
ADD CONSTRAINT "opt_outs_pkey" PRIMARY KEY ("audience", "address", "member_id");

-- AlterTable
ALTER TABLE "pushes" ADD COLUMN     "added" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "run_id" UUID;

-- AlterTable
ALTER TABLE "sites" ADD COLUMN     "catch_up_seen_at" TIMESTAMPTZ(3),
ADD COLUMN     "catch_up_since" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "member_changes" (
    "id" BIGSERIAL NOT NULL,
    "site" TEXT NOT NULL,
    "member_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "kind" TEXT NOT NULL,
    "found_by" TEXT NOT NULL,
    "run_id" UUID,
    "facts" JSONB,

    CONSTRAINT "member_changes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sync_runs" (
    "id" UUID NOT NULL,
    "site" TEXT NOT NULL,
    "audience" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "started_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "phase" TEXT NOT NULL DEFAULT 'starting',
    "result" TEXT,
    "message" TEXT,
    "living" INTEGER NOT NULL DEFAULT 0,
    "read" INTEGER NOT NULL DEFAULT 0,
    "list_read" INTEGER NOT NULL DEFAULT 0,
    "unreadable" INTEGER NOT NULL DEFAULT 0,
    "list_active" INTEGER NOT NULL DEFAULT 0,
    "list_call_ms" INTEGER NOT NULL DEFAULT 0,
    "source_ms" INTEGER NOT NULL DEFAULT 0,
    "until_id" TEXT,
    "compared_to" TEXT NOT NULL DEFAULT '',
    "list_read_at" TIMESTAMPTZ(3),
    "complete" BOOLEAN NOT NULL DEFAULT false,
    "marks" BOOLEAN NOT NULL DEFAULT true,
    "first" BOOLEAN NOT NULL DEFAULT false,
    "welcomes" INTEGER NOT NULL DEFAULT 0,
    "findings" JSONB NOT NULL DEFAULT '{}',
    "counts" JSONB,
    "plan_id" UUID,
    "plan_state" TEXT,

    CONSTRAINT "sync_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_items" (
    "run_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "member_id" TEXT,
    "action" TEXT NOT NULL,
    "why" TEXT,
    "hash" TEXT,
    "from" TEXT,
    "changes" JSONB,
    "outcome" TEXT,

    CONSTRAINT "plan_items_pkey" PRIMARY KEY ("run_id","address")
);

-- CreateTable
CREATE TABLE "observations" (
    "run_id" UUID NOT NULL,
    "address" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "state_date" TEXT NOT NULL,
    "reason" TEXT,
    "fields" JSONB NOT NULL,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "observations_pkey" PRIMARY KEY ("run_id","address")
);

-- CreateTable
CREATE TABLE "planned_members" (
    "run_id" UUID NOT NULL,
    "member_id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "name" TEXT,
    "status" TEXT NOT NULL,
    "labels" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "email_enabled" BOOLEAN NOT NULL,
    "suppressed" BOOLEAN NOT NULL DEFAULT false,
    "signed_up_at" TIMESTAMPTZ(3) NOT NULL,
    "as_of" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "planned_members_pkey" PRIMARY KEY ("run_id","member_id")
);

-- CreateIndex
CREATE INDEX "member_changes_site_member_id_at_idx" ON "member_changes"("site", "member_id", "at");

-- CreateIndex
CREATE INDEX "member_changes_site_at_idx" ON "member_changes"("site", "at");

-- CreateIndex
CREATE INDEX "member_changes_run_id_idx" ON "member_changes"("run_id");

-- CreateIndex
CREATE INDEX "sync_runs_site_started_at_idx" ON "sync_runs"("site", "started_at");

-- CreateIndex
CREATE INDEX "observations_address_idx" ON "observations"("address");

-- CreateIndex
CREATE INDEX "planned_members_run_id_address_idx" ON "planned_members"("run_id", "address");

-- CreateIndex
CREATE INDEX "deliveries_woken_at_idx" ON "deliveries"("woken_at");

-- CreateIndex
CREATE INDEX "deliveries_replayed_at_idx" ON "deliveries"("replayed_at");

-- CreateIndex
CREATE INDEX "pushes_audience_member_id_idx" ON "pushes"("audience", "member_id");

-- CreateIndex
CREATE INDEX "pushes_run_id_idx" ON "pushes"("run_id");
