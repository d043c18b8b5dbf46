import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { createMigration } from '../../src/ledger/create-migration.js';
import { applyMigrations, migrationStatus, resetDatabase, rollbackLast } from '../../src/ledger/migrate.js';
import { type EmbeddedStack, embeddedStack } from '../support/embedded-stack.js';

let stack: EmbeddedStack;
let url: string;
let dir: string;

beforeAll(async () => {
  stack = await embeddedStack();
}, 120_000);

beforeEach(async () => {
  url = await stack.databaseUrl('migrate_test');
  dir = await mkdtemp(join(tmpdir(), 'steward-migrate-test-'));
  await add('1_init', 'CREATE TABLE one (id int);', 'DROP TABLE one;');
  // A function has semicolons inside.
  const body = 'BEGIN PERFORM 1; RETURN NEW; END;';
  await add(
    '2_more',
    `ALTER TABLE one ADD name text; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$;`,
    'DROP FUNCTION f(); ALTER TABLE one DROP name;',
  );
});

afterEach(() => rm(dir, { recursive: true, force: true }));

async function add(name: string, up: string, down?: string): Promise<void> {
  await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, name, 'migration.sql'), up);
  if (down !== undefined) await writeFile(join(dir, name, 'down.sql'), down);
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const columns = async () =>
  (await query(`SELECT column_name AS c FROM information_schema.columns WHERE table_name = 'one' ORDER BY 1`)).map(
    ({ c }) => c,
  );

test('migrations go up, down one by one, and up again', async () => {
  expect((await migrationStatus(url, dir)).pending).toEqual(['1_init', '2_more']);
  expect(await applyMigrations(url, dir)).toEqual(['1_init', '2_more']);
  expect(await applyMigrations(url, dir)).toEqual([]);
  expect(await columns()).toEqual(['id', 'name']);
  const status = await migrationStatus(url, dir);
  expect(status).toMatchObject({
    applied: [{ name: '1_init' }, { name: '2_more' }],
    pending: [],
    failed: [],
    unknown: [],
  });
  expect(status.applied[0]?.at).toBeInstanceOf(Date);

  expect(await rollbackLast(url, dir)).toBe('2_more');
  expect(await columns()).toEqual(['id']);
  expect((await migrationStatus(url, dir)).pending).toEqual(['2_more']);
  expect(await rollbackLast(url, dir)).toBe('1_init');
  expect(await rollbackLast(url, dir)).toBeUndefined();
  expect(await applyMigrations(url, dir)).toEqual(['1_init', '2_more']);
});

test('callers at the same time apply each migration once', async () => {
  const results = await Promise.all([applyMigrations(url, dir), applyMigrations(url, dir), applyMigrations(url, dir)]);
  expect(results.flat().sort()).toEqual(['1_init', '2_more']);
});

test('a migration that fails leaves nothing behind, is shown, and is applied once it is mended', async () => {
  await add('3_bad', 'CREATE TABLE three (id int); SELECT 1/0;');
  await expect(applyMigrations(url, dir)).rejects.toThrow('Migration 3_bad failed: ERROR: division by zero');
  expect(await query(`SELECT to_regclass('three') AS three`)).toEqual([{ three: null }]);
  expect(await migrationStatus(url, dir)).toMatchObject({ pending: ['3_bad'], failed: [{ name: '3_bad' }] });

  await add('3_bad', 'CREATE TABLE three (id int);');
  expect(await applyMigrations(url, dir)).toEqual(['3_bad']);
  expect(await migrationStatus(url, dir)).toMatchObject({ pending: [], failed: [] });
});

test('a migration that is undone only in part is not undone at all', async () => {
  await applyMigrations(url, dir);
  await add('2_more', '', 'DROP FUNCTION f(); SELECT 1/0;');
  await expect(rollbackLast(url, dir)).rejects.toThrow('division by zero');
  expect(await query('SELECT count(*)::int AS n FROM pg_proc WHERE proname = $$f$$')).toEqual([{ n: 1 }]);
  expect((await migrationStatus(url, dir)).applied).toHaveLength(2);
});

test('a database with tables of somebody else is refused', async () => {
  await query('CREATE TABLE theirs (id int)');
  await expect(applyMigrations(url, dir)).rejects.toThrow('tables that are not of Steward');
  await resetDatabase(url);
  expect(await applyMigrations(url, dir)).toEqual(['1_init', '2_more']);
});

test('a new migration holds what the schema has and the migrations have not', async () => {
  const prismaDir = await mkdtemp(join(tmpdir(), 'steward-prisma-test-'));
  await mkdir(join(prismaDir, 'migrations'));
  const schema = (fields: string) =>
    writeFile(
      join(prismaDir, 'schema.prisma'),
      `datasource db {\n  provider = "postgresql"\n}\n\nmodel thing {\n  id Int @id\n${fields}}\n`,
    );
  await schema('');
  await createMigration(prismaDir, 'init', url);
  await schema('  colour String?\n');
  const folder = await createMigration(prismaDir, 'next', url);
  expect(await createMigration(prismaDir, 'none', url)).toBeUndefined();
  expect(folder).toMatch(/_next$/);
  expect((await readdir(join(prismaDir, 'migrations'))).filter((name) => name !== 'migration_lock.toml')).toHaveLength(
    2,
  );

  expect(await applyMigrations(url, join(prismaDir, 'migrations'))).toHaveLength(2);
  await query(`INSERT INTO thing VALUES (1, 'red')`);
  await rollbackLast(url, join(prismaDir, 'migrations'));
  expect(await query('SELECT * FROM thing')).toEqual([{ id: 1 }]);
  await rm(prismaDir, { recursive: true, force: true });
}, 30_000);
