-- AlterTable
ALTER TABLE "audiences" ADD COLUMN     "destination" TEXT NOT NULL DEFAULT 'campaign-monitor',
ADD COLUMN     "missing_fields" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "organization_id" BIGINT,
ADD COLUMN     "read_to" TIMESTAMPTZ(3),
ADD COLUMN     "tag_names" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "contacts" ADD COLUMN     "added_by_us" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "adding_since" TIMESTAMPTZ(3),
ADD COLUMN     "quiet" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "settled_reason" TEXT;

-- AlterTable
ALTER TABLE "observations" ADD COLUMN     "tags" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "organizations" ADD COLUMN     "donors_as_of" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "pushes" ADD COLUMN     "reason" TEXT;

-- AlterTable
ALTER TABLE "sync_runs" ADD COLUMN     "quiet" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "donors" (
    "organization_id" BIGINT NOT NULL,
    "address" TEXT NOT NULL,
    "supporter_id" BIGINT NOT NULL,
    "supporters" INTEGER NOT NULL,
    "email" TEXT NOT NULL,
    "first_name" TEXT NOT NULL DEFAULT '',
    "last_name" TEXT NOT NULL DEFAULT '',
    "lifetime_amount" DECIMAL(22,4) NOT NULL,
    "donation_count" INTEGER NOT NULL,
    "first_gift_on" DATE,
    "last_gift_on" DATE,
    "last_gift_amount" DECIMAL(22,4) NOT NULL,
    "largest_gift" DECIMAL(22,4) NOT NULL,
    "last_gift_before_year_on" DATE,
    "active_plans" INTEGER NOT NULL,
    "monthly_plans" INTEGER NOT NULL,
    "at_risk_plans" INTEGER NOT NULL,
    "paused_plans" INTEGER NOT NULL,
    "former_plans" INTEGER NOT NULL,
    "monthly_recurring_amount" DECIMAL(22,2) NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "donors_pkey" PRIMARY KEY ("organization_id","address")
);
