import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from './client/client.js';

/** Runs SQL written as a template, values as parameters: on the pool, or within one transaction. */
export interface Queries {
  /** Rows of a statement. */
  query<T>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T>;
  /** How many rows a statement changed. */
  execute(strings: TemplateStringsArray, ...values: unknown[]): Promise<number>;
}

/** A connection pool to the ledger. */
export interface Database {
  /** Typed reads of whole records. */
  prisma: PrismaClient;
  /** Everything on the live path: Prisma's own raw queries cost a third more time a member (see docs/decisions.md). */
  sql: Queries;
  /** Commits when `work` settles, rolls back when it throws. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Opens a connection of its own that listens for NOTIFY on `channel`; its `end` closes it. Reconnects by itself. */
  listen(channel: string, onNotify: (payload: string) => void): { end(): Promise<void> };
  close(): Promise<void>;
}

/** How patient a process is with its database. */
export interface DatabaseOptions {
  connectionString: string;
  poolSize: number;
  /** Longest wait for a connection and for one statement, in milliseconds. */
  connectTimeoutMs?: number;
  statementTimeoutMs?: number;
}

/** Opens the ledger's database; connects on first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const { connectionString, poolSize, connectTimeoutMs = 5_000, statementTimeoutMs } = options;
  const pool = new pg.Pool({
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    ...(statementTimeoutMs === undefined ? {} : { query_timeout: statementTimeoutMs }),
  });
  // an idle connection that breaks is replaced on next use
  pool.on('error', () => undefined);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return {
    prisma,
    sql: queriesOn(pool),
    transaction: (work) => unlessDeadlocked(() => inTransaction(pool, work)),
    listen: (channel, onNotify) => listen(connectionString, channel, onNotify),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

function queriesOn(client: Pick<pg.ClientBase, 'query'>): Queries {
  const run = (strings: TemplateStringsArray, values: unknown[]): Promise<pg.QueryResult> => {
    const { text, values: parameters } = Prisma.sql(strings, ...values);
    // a named statement is parsed and planned once a connection
    return client.query({ name: statementName(text), text, values: parameters });
  };
  return {
    query: async <T>(strings: TemplateStringsArray, ...values: unknown[]) => (await run(strings, values)).rows as T,
    execute: async (strings, ...values) => (await run(strings, values)).rowCount ?? 0,
  };
}

/** A transaction that lost a deadlock changed nothing and is simply done again. */
async function unlessDeadlocked<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if ((error as { code?: unknown }).code !== DEADLOCK_DETECTED || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

async function inTransaction<T>(pool: pg.Pool, work: (tx: Queries) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // a connection that breaks between two statements says so as an event; the next statement fails
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let broken = true;
  try {
    await client.query('BEGIN');
    const result = await work(queriesOn(client));
    await client.query('COMMIT');
    broken = false;
    return result;
  } catch (error) {
    await client.query('ROLLBACK').then(
      () => {
        broken = false;
      },
      () => undefined,
    );
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

const DEADLOCK_DETECTED = '40P01';
const MOST_ATTEMPTS = 3;
const RECONNECT_MS = 1_000;

const statementNames = new Map<string, string>();

/** The same name for the same text, so that a connection knows the statement again. */
function statementName(sql: string): string {
  const known = statementNames.get(sql);
  if (known !== undefined) return known;
  const name = createHash('sha256').update(sql).digest('base64url');
  statementNames.set(sql, name);
  return name;
}

function listen(connectionString: string, channel: string, onNotify: (payload: string) => void) {
  let ended = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    const fresh = new pg.Client({ connectionString, keepAlive: true });
    client = fresh;
    const again = (): void => {
      if (ended || client !== fresh) return;
      client = undefined;
      timer = setTimeout(() => void connect(), RECONNECT_MS);
    };
    fresh.on('error', again).on('end', again);
    fresh.on('notification', ({ payload }) => onNotify(payload ?? ''));
    try {
      await fresh.connect();
      await fresh.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch {
      again();
    }
  };
  void connect();
  return {
    async end(): Promise<void> {
      ended = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}

/** Rows as one JSON parameter, for `jsonb_to_recordset`: one statement for any number of rows. */
export const asJson = (rows: unknown): Prisma.Sql => Prisma.sql`${JSON.stringify(rows)}::jsonb`;

/** Nulls of the database as the `undefined` of the domain. */
export const orUndefined = <T>(value: T | null): T | undefined => value ?? undefined;
