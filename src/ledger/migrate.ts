import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { noFilters, openSchemaEngine, readMigrations } from './schema-engine.js';

// Any number that nobody else uses in this database; Prisma's own is 72707369.
const lockKey = 739_204_117;
const lockWaitMs = 120_000;

/** What the ledger's database and the folder of migrations know of each other. */
export interface MigrationStatus {
  applied: { name: string; at: Date }[];
  pending: string[];
  /** Begun and not finished: failed, or under way in another process. */
  failed: { name: string; at: Date; log: string }[];
  /** In the database but not in the folder: a newer Steward was here. */
  unknown: string[];
}

/** Applies what is pending, oldest first, and returns the names; processes that do it at the same time wait for each other. */
export async function applyMigrations(connectionString: string, migrationsDir: string): Promise<string[]> {
  return await locked(connectionString, async (client) => {
    const migrationsList = await readMigrations(migrationsDir);
    const before = await readStatus(client, namesOf(migrationsList));
    if (before.pending.length === 0 && before.failed.length === 0) return [];
    const engine = await openSchemaEngine(connectionString);
    try {
      // A script is one implicit transaction: one that failed, or was killed half-way, has left nothing behind and may run again.
      for (const { name } of before.failed) await engine.markMigrationRolledBack({ migrationName: name });
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters });
      return appliedMigrationNames;
    } catch (cause) {
      throw explained(cause);
    } finally {
      engine.free();
    }
  });
}

/** Which migrations are in the database, which wait, which failed. Changes nothing. */
export async function migrationStatus(connectionString: string, migrationsDir: string): Promise<MigrationStatus> {
  const names = namesOf(await readMigrations(migrationsDir));
  return await connected(connectionString, (client) => readStatus(client, names));
}

/** Undoes the last migration by the `down.sql` beside it, in one transaction; returns its name, or undefined when none is applied. */
export async function rollbackLast(connectionString: string, migrationsDir: string): Promise<string | undefined> {
  return await locked(connectionString, async (client) => {
    const { applied, unknown } = await readStatus(client, namesOf(await readMigrations(migrationsDir)));
    const last = applied.at(-1);
    if (last === undefined) return undefined;
    if (unknown.includes(last.name))
      throw new Error(`Migration ${last.name} is not in ${migrationsDir}: a newer Steward applied it.`);
    const path = join(migrationsDir, last.name, 'down.sql');
    const down = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new Error(`Migration ${last.name} cannot be undone: ${path} is not readable.`, { cause });
    });
    await inTransaction(client, async () => {
      await client.query(down);
      await client.query('DELETE FROM public._prisma_migrations WHERE migration_name = $1', [last.name]);
    });
    return last.name;
  });
}

/** Drops everything in schema `public`, the history of migrations included. */
export async function resetDatabase(connectionString: string): Promise<void> {
  await locked(connectionString, (client) =>
    inTransaction(client, async () => {
      await client.query('DROP SCHEMA IF EXISTS public CASCADE');
      await client.query('CREATE SCHEMA public');
    }),
  );
}

async function readStatus(client: pg.Client, names: string[]): Promise<MigrationStatus> {
  const table = await client.query<{ found: boolean }>(
    `SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS found`,
  );
  if (!table.rows[0]?.found) return { applied: [], pending: names, failed: [], unknown: [] };
  const { rows } = await client.query<{ name: string; started: Date; finished: Date | null; logs: string | null }>(
    `SELECT migration_name AS name, started_at AS started, finished_at AS finished, logs
     FROM public._prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`,
  );
  const applied = rows.flatMap(({ name, finished }) => (finished ? [{ name, at: finished }] : []));
  const failed = rows
    .filter(({ finished }) => finished === null)
    .map(({ name, started, logs }) => ({ name, at: started, log: logs ?? '' }));
  const done = new Set(applied.map(({ name }) => name));
  return {
    applied,
    pending: names.filter((name) => !done.has(name)),
    failed,
    unknown: [...done].filter((name) => !names.includes(name)),
  };
}

function namesOf(list: { migrationDirectories: { path: string }[] }): string[] {
  return list.migrationDirectories.map(({ path }) => path);
}

function explained(cause: unknown): Error {
  const { code, message } = cause as { code?: string; message: string };
  if (code === 'P3005') {
    return new Error('The database has tables that are not of Steward. Give Steward a database of its own.', { cause });
  }
  const [, name] = /migration_name="([^"]+)"/.exec(message) ?? [];
  const [reason] = /^ERROR: .*/m.exec(message.replace('Error querying the database: ', '')) ?? [];
  if (name && reason) return new Error(`Migration ${name} failed: ${reason}`, { cause });
  return new Error(`The migrations could not be applied: ${message}`, { cause });
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** The lock belongs to the session, so it goes with the connection even when this process is killed. */
async function locked<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return await connected(connectionString, async (client) => {
    await client.query(`SET lock_timeout = ${lockWaitMs}`);
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    return await work(client);
  });
}

async function connected<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  // A connection that breaks while idle fails the next query as well; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
