import { realpathSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DiffTarget } from '@prisma/schema-engine-wasm';
import { noFilters, openSchemaEngine, readMigrations } from './schema-engine.js';

// node dist/src/ledger/create-migration.js NAME [PRISMA_DIR]: for developers of Steward only; never runs in production.

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Writes `migrations/<timestamp>_<name>/migration.sql` and a draft of its `down.sql` from the difference between the
 * migrations so far and `schema.prisma`; returns the new folder, or undefined when there is no difference. `serverUrl` is any
 * Postgres that may hold a shadow database; without it a throw-away one is started.
 */
export async function createMigration(
  prismaDir: string,
  name: string,
  serverUrl?: string,
): Promise<string | undefined> {
  if (!/^[a-z0-9_]+$/.test(name)) throw new Error(`A migration's name has a-z, 0-9 and _ only; got "${name}".`);
  const schemaPath = join(prismaDir, 'schema.prisma');
  const content = await readFile(schemaPath, 'utf8');
  const schema: DiffTarget = { tag: 'schemaDatamodel', files: [{ path: schemaPath, content }] };
  const migrations = await readMigrations(join(prismaDir, 'migrations'));
  const first = migrations.migrationDirectories.length === 0;
  const from: DiffTarget = first ? { tag: 'empty' } : { tag: 'migrations', ...migrations };
  const compare = (url: string) => diffBothWays(url, from, schema);
  const { up, down } = serverUrl ? await compare(serverUrl) : await withThrowAwayServer(compare);
  if (up.includes('-- This is an empty migration.') || up.trim() === '') return undefined;

  const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = join(prismaDir, 'migrations', `${timestamp}_${name}`);
  await mkdir(folder);
  await writeFile(join(folder, 'migration.sql'), up);
  await writeFile(join(folder, 'down.sql'), down);
  await writeFile(join(prismaDir, 'migrations', 'migration_lock.toml'), 'provider = "postgresql"\n');
  return folder;
}

async function diffBothWays(url: string, from: DiffTarget, to: DiffTarget): Promise<{ up: string; down: string }> {
  const engine = await openSchemaEngine(url);
  try {
    const up = await engine.diff({ from, to, script: true, exitCode: null, filters: noFilters });
    const down = await engine.diff({ from: to, to: from, script: true, exitCode: null, filters: noFilters });
    return { up: up.stdout ?? '', down: down.stdout ?? '' };
  } finally {
    engine.free();
  }
}

/** The engine connects even for a comparison of files, and applies migrations to a shadow database that it makes itself. */
async function withThrowAwayServer<T>(work: (url: string) => Promise<T>): Promise<T> {
  const { startPostgresServer } = await import('../embedded/postgres-server.js');
  const { freePort } = await import('../embedded/free-port.js');
  const dataDir = await mkdtemp(join(tmpdir(), 'steward-migration-'));
  await chmod(dataDir, 0o711);
  try {
    const postgres = await startPostgresServer({ dataDir, port: await freePort(55432), log: silent });
    try {
      return await work(postgres.connectionString);
    } finally {
      await postgres.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.filename === realpathSync(process.argv[1])) {
  const [, , name, prismaDir = 'prisma'] = process.argv;
  if (name === undefined) throw new Error('Usage: create-migration NAME [PRISMA_DIR]');
  const folder = await createMigration(resolve(prismaDir), name);
  process.stdout.write(folder ? `${folder}\n` : 'schema.prisma and the migrations agree: nothing to write.\n');
}
