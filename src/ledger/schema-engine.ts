import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';

/** What the schema engine should leave alone: nothing, everything in the schema is ours. */
export const noFilters = { externalTables: [], externalEnums: [] };

const lockfileContent = 'provider = "postgresql"\n';

// Neither lib.es2023 nor @types/node 20 declares it.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

let loaded: Promise<typeof import('@prisma/schema-engine-wasm/schema_engine_bg')> | undefined;

/**
 * Prisma's schema engine as WebAssembly, bound to one database through `pg`: migrations in process, without the download of
 * the native engine. It connects at once, whatever it is then asked to do.
 */
export async function openSchemaEngine(connectionString: string): Promise<SchemaEngine> {
  loaded ??= load();
  const { SchemaEngine } = await loaded;
  const factory = bindMigrationAwareSqlAdapterFactory(adapterFactory(connectionString));
  return await SchemaEngine.new({ datamodels: undefined }, () => undefined, factory);
}

function adapterFactory(connectionString: string): SqlMigrationAwareDriverAdapterFactory {
  const url = new URL(connectionString);
  // One connection: the engine works in sequence, and it never closes its pool, so idle connections must go at once.
  const pool = { max: 1, idleTimeoutMillis: 1, allowExitOnIdle: true };
  const real = new PrismaPg({ connectionString, ...pool });
  // In a connection string the database wins over `database`: the adapter's shadow database would be the real one.
  const withoutDatabase = {
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  const shadow = new PrismaPg({ ...withoutDatabase, database: url.pathname.slice(1), ...pool });
  return {
    provider: real.provider,
    adapterName: real.adapterName,
    connect: async () => healed(await real.connect()),
    connectToShadowDb: async () => healed(await shadow.connectToShadowDb()),
  };
}

interface OpenAdapter {
  performIO(query: SqlQuery): Promise<{ fields: { dataTypeID: number }[] }>;
  onError(error: unknown): never;
  underlyingDriver(): { query(script: string): Promise<unknown> };
}

/**
 * Two faults of adapter-pg 7.10. It does not know the catalogue's one-byte type "char" (oid 18), so it cannot describe a
 * database. And it cuts scripts at every semicolon, those in functions and texts too, and runs the pieces without a
 * transaction; sent as a whole, as the native engine does, a migration is applied entirely or not at all.
 */
function healed(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const open = adapter as unknown as OpenAdapter;
  const performIO = open.performIO.bind(adapter);
  const queryRaw = adapter.queryRaw.bind(adapter);
  const chars = new WeakMap<SqlQuery, number[]>();
  open.performIO = async (query) => {
    const result = await performIO(query);
    const found = result.fields.flatMap((field, column) => (field.dataTypeID === 18 ? [column] : []));
    for (const column of found) result.fields[column]!.dataTypeID = 25;
    chars.set(query, found);
    return result;
  };
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const column of chars.get(query) ?? []) result.columnTypes[column] = ColumnTypeEnum.Character;
    return result;
  };
  adapter.executeScript = async (script) => {
    await open
      .underlyingDriver()
      .query(script)
      .catch((error: unknown) => open.onError(error));
  };
  return adapter;
}

/** Reads the migrations of a folder, oldest first, in the shape that the schema engine asks for. */
export async function readMigrations(migrationsDir: string): Promise<MigrationList> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: migrationsDir,
    shadowDbInitScript: '',
    lockfile: { path: 'migration_lock.toml', content: lockfileContent },
    migrationDirectories: await Promise.all(
      names.sort().map(async (path) => {
        const sql = await readFile(join(migrationsDir, path, 'migration.sql'), 'utf8');
        return { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } } };
      }),
    ),
  };
}

async function load() {
  const engine = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const modulePath = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(join(dirname(modulePath), 'schema_engine_bg.wasm'));
  const imports: Record<string, unknown> = { ...engine };
  for (const name of Object.keys(imports).filter((key) => key.startsWith('__wbg_setTimeout'))) {
    // The engine's limit for its lock, 10 s, is never cleared and would keep a finished command waiting.
    imports[name] = (then: () => void, delayMs: number) => setTimeout(then, delayMs).unref();
  }
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': imports });
  engine.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as (() => void) | undefined)?.();
  return engine;
}
