-- AlterTable
ALTER TABLE "public"."audiences" DROP COLUMN "destination",
DROP COLUMN "missing_fields",
DROP COLUMN "organization_id",
DROP COLUMN "read_to",
DROP COLUMN "tag_names";

-- AlterTable
ALTER TABLE "public"."contacts" DROP COLUMN "added_by_us",
DROP COLUMN "adding_since",
DROP COLUMN "quiet",
DROP COLUMN "settled_reason";

-- AlterTable
ALTER TABLE "public"."pushes" DROP COLUMN "reason";

-- AlterTable
ALTER TABLE "public"."sync_runs" DROP COLUMN "quiet";

-- AlterTable
ALTER TABLE "public"."observations" DROP COLUMN "tags";

-- AlterTable
ALTER TABLE "public"."organizations" DROP COLUMN "donors_as_of";

-- DropTable
DROP TABLE "public"."donors";
