-- DropTable
DROP TABLE "public"."deliveries";

-- DropTable
DROP TABLE "public"."sites";

-- DropTable
DROP TABLE "public"."members";

-- DropTable
DROP TABLE "public"."status_transitions";

-- DropTable
DROP TABLE "public"."audiences";

-- DropTable
DROP TABLE "public"."contacts";

-- DropTable
DROP TABLE "public"."opt_outs";

-- DropTable
DROP TABLE "public"."removals";

-- DropTable
DROP TABLE "public"."holds";

-- DropTable
DROP TABLE "public"."parked";

-- DropTable
DROP TABLE "public"."pushes";

-- DropTable
DROP TABLE "public"."rate_limits";

-- DropTable
DROP TABLE "public"."connection_slots";
