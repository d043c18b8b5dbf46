-- DropIndex
DROP INDEX "public"."deliveries_woken_at_idx";

-- DropIndex
DROP INDEX "public"."deliveries_replayed_at_idx";

-- DropIndex
DROP INDEX "public"."pushes_audience_member_id_idx";

-- DropIndex
DROP INDEX "public"."pushes_run_id_idx";

-- AlterTable
ALTER TABLE "public"."deliveries" DROP COLUMN "replayed_at",
DROP COLUMN "replays";

-- AlterTable
ALTER TABLE "public"."sites" DROP COLUMN "catch_up_seen_at",
DROP COLUMN "catch_up_since";

-- AlterTable
ALTER TABLE "public"."members" DROP COLUMN "missing_run";

-- AlterTable
ALTER TABLE "public"."audiences" DROP COLUMN "adopted_at";

-- AlterTable
ALTER TABLE "public"."contacts" DROP COLUMN "approved",
DROP COLUMN "differs_key",
DROP COLUMN "plan_hash",
DROP COLUMN "run_id",
DROP COLUMN "welcome";

-- Of several people's no at one address one is kept: before, it could hold no more
DELETE FROM "public"."opt_outs" a USING "public"."opt_outs" b
WHERE a."audience" = b."audience" AND a."address" = b."address" AND a."member_id" > b."member_id";

-- AlterTable
ALTER TABLE "public"."opt_outs" DROP CONSTRAINT "opt_outs_pkey",
DROP COLUMN "list_date",
DROP COLUMN "reason",
ALTER COLUMN "member_id" DROP NOT NULL,
ALTER COLUMN "member_id" DROP DEFAULT,
ADD CONSTRAINT "opt_outs_pkey" PRIMARY KEY ("audience", "address");

-- AlterTable
ALTER TABLE "public"."pushes" DROP COLUMN "added",
DROP COLUMN "run_id";

-- DropTable
DROP TABLE "public"."member_changes";

-- DropTable
DROP TABLE "public"."sync_runs";

-- DropTable
DROP TABLE "public"."plan_items";

-- DropTable
DROP TABLE "public"."observations";

-- DropTable
DROP TABLE "public"."planned_members";
