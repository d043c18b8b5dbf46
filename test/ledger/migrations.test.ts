import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { applyMigrations, migrationStatus, rollbackLast } from '../../src/ledger/migrate.js';
import { embeddedStack } from '../support/embedded-stack.js';

const folder = 'prisma/migrations';
let url: string;
let client: pg.Client;
beforeAll(async () => {
  url = await (await embeddedStack()).databaseUrl('ledger_migrations_test');
  client = new pg.Client({ connectionString: url });
  await client.connect();
}, 60_000);
afterAll(() => client?.end());

/** Everything in the schema: columns, indexes, constraints, sequences, functions. */
async function schema(): Promise<unknown[]> {
  const { rows } = await client.query(`
    SELECT 'column' AS kind, table_name || '.' || column_name AS name,
      concat_ws(' ', data_type, udt_name, datetime_precision, is_nullable, column_default) AS what
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'
    UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> '_prisma_migrations'
    UNION ALL SELECT 'sequence', sequence_name, data_type FROM information_schema.sequences WHERE sequence_schema = 'public'
    UNION ALL SELECT 'routine', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type', typname, '' FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    ORDER BY 1, 2`);
  return rows;
}

test('up, down to nothing and up again leave the same schema', async () => {
  const names = await applyMigrations(url, folder);
  expect(names.length).toBeGreaterThan(0);
  const first = await schema();
  expect(first.length).toBeGreaterThan(50);
  for (const name of names.toReversed()) expect(await rollbackLast(url, folder)).toBe(name);
  expect(await schema()).toEqual([]);
  expect(await rollbackLast(url, folder)).toBeUndefined();
  expect(await applyMigrations(url, folder)).toEqual(names);
  expect(await schema()).toEqual(first);
  expect(await migrationStatus(url, folder)).toMatchObject({ pending: [], failed: [], unknown: [] });
}, 60_000);

test('each migration alone can be undone and done again', async () => {
  const names = (await migrationStatus(url, folder)).applied.map(({ name }) => name);
  const whole = await schema();
  const last = await rollbackLast(url, folder);
  expect(await applyMigrations(url, folder)).toEqual([last]);
  expect([await schema(), (await migrationStatus(url, folder)).applied.map(({ name }) => name)]).toEqual([
    whole,
    names,
  ]);
}, 60_000);
