import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from './client/client.js';

/** Either the client or a transaction of it. */
export type Queries = Pick<PrismaClient, '$queryRaw' | '$executeRaw'>;

/** A connection pool to the ledger. */
export interface Database {
  prisma: PrismaClient;
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

/** Longest wait for a transaction to begin, and for one to end; Prisma's own 2 s and 5 s are short under load. */
const TRANSACTION_PATIENCE_MS = 30_000;

/** Opens the ledger's database; connects on first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const { connectionString, poolSize, connectTimeoutMs = 5_000, statementTimeoutMs } = options;
  const adapter = new PrismaPg(
    {
      connectionString,
      max: poolSize,
      connectionTimeoutMillis: connectTimeoutMs,
      ...(statementTimeoutMs === undefined ? {} : { query_timeout: statementTimeoutMs }),
    },
    {
      // an idle connection that breaks is replaced on next use
      onPoolError: () => undefined,
      onConnectionError: () => undefined,
      // a named statement is parsed and planned once a connection
      statementNameGenerator: ({ sql }) => statementName(sql),
    },
  );
  const prisma = new PrismaClient({
    adapter,
    transactionOptions: { maxWait: TRANSACTION_PATIENCE_MS, timeout: TRANSACTION_PATIENCE_MS },
  });
  return {
    prisma,
    listen: (channel, onNotify) => listen(connectionString, channel, onNotify),
    close: () => prisma.$disconnect(),
  };
}

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
