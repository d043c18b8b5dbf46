import { expect, test } from '@jest/globals';
import pg from 'pg';
import { openDatabase } from '../../src/ledger/database.js';
import { embeddedStack } from '../support/embedded-stack.js';

test('a connection that is cut within a transaction fails that transaction, not the process; the next one works', async () => {
  const connectionString = await (await embeddedStack()).databaseUrl('ledger_database_test');
  const database = openDatabase({ connectionString, poolSize: 1 });
  const killer = new pg.Client({ connectionString });
  await killer.connect();
  const cut = database.transaction(async (tx) => {
    const [{ pid }] = await tx.query<[{ pid: number }]>`SELECT pg_backend_pid() AS pid`;
    const { rows } = await killer.query('SELECT pg_terminate_backend($1, 5000) AS gone', [pid]);
    expect(rows).toEqual([{ gone: true }]);
    // its end is noticed between two statements
    await new Promise((resolve) => setImmediate(resolve));
    await tx.query`SELECT 1`;
  });
  await expect(cut).rejects.toThrow();
  await expect(database.transaction((tx) => tx.query`SELECT 1 AS one`)).resolves.toEqual([{ one: 1 }]);
  await killer.end();
  await database.close();
});
