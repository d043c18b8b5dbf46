-- DropTable
DROP TABLE "public"."organizations";

-- DropTable
DROP TABLE "public"."supporters";

-- DropTable
DROP TABLE "public"."campaigns";

-- DropTable
DROP TABLE "public"."transactions";

-- DropTable
DROP TABLE "public"."transaction_items";

-- DropTable
DROP TABLE "public"."recurring_plans";

-- DropTable
DROP TABLE "public"."source_cursors";

-- DropTable
DROP TABLE "public"."organization_runs";

-- DropTable
DROP TABLE "public"."set_aside_records";
