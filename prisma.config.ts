import { defineConfig } from 'prisma/config';

// `prisma generate` never runs the schema engine but would download it; migrations run in process (src/ledger/migrate.ts).
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } });
