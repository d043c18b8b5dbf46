import { randomUUID } from 'node:crypto';
import type { WaitingDelivery } from '../../src/domain/apply-deliveries.js';
import type { MemberFacts } from '../../src/domain/member.js';
import { type Database, openDatabase } from '../../src/ledger/database.js';
import type { NewDelivery } from '../../src/ledger/inbox.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { applyMigrations } from '../../src/ledger/migrate.js';
import { membersOf } from '../../src/ledger/people.js';
import { embeddedStack } from '../support/embedded-stack.js';

/** A ledger on a fresh database, as one process opens it, and more processes on the same one. */
export interface OpenLedger {
  url: string;
  ledger: Ledger;
  prisma: Database['prisma'];
  /** Another process on the same database. */
  another(): Ledger;
  /** Empties every table. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Creates the database `name` of the test stack with our tables in it. */
export async function openLedger(name: string): Promise<OpenLedger> {
  const url = await (await embeddedStack()).databaseUrl(name);
  await applyMigrations(url, 'prisma/migrations');
  const opened: Database[] = [];
  const open = (): Database => {
    const database = openDatabase({ connectionString: url, poolSize: 10 });
    opened.push(database);
    return database;
  };
  const database = open();
  return {
    url,
    ledger: createLedger(database),
    prisma: database.prisma,
    another: () => createLedger(open()),
    async clear() {
      const tables = await database.prisma.$queryRaw<{ name: string }[]>`
        SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`;
      // on tables this small much quicker than TRUNCATE, which makes new files
      const deletes = tables.map((table) => `DELETE FROM ${table.name};`).join(' ');
      await database.prisma.$executeRawUnsafe(`DO $$ BEGIN ${deletes} END $$`);
    },
    async close() {
      await Promise.all(opened.map((one) => one.close()));
    },
  };
}

export const site = 'mainblog';
export const audience = 'list';

/** A member as Ghost tells it. */
export const facts = (memberId: string, changed: Partial<MemberFacts> = {}): MemberFacts => ({
  email: `${memberId}@example.org`,
  name: memberId,
  status: 'free',
  labels: [],
  emailEnabled: true,
  suppressed: false,
  signedUpAt: new Date('2026-01-01T00:00:00Z'),
  ...changed,
});

let signed = Date.parse('2026-11-21T12:00:00Z');

/** A delivery whose payload is what it tells, signed a second after the one made before. */
export function delivery(
  memberId: string,
  changed: Partial<MemberFacts> = {},
  more: Partial<NewDelivery> = {},
): NewDelivery {
  signed += 1000;
  return {
    id: randomUUID(),
    site,
    memberId,
    event: 'member.edited',
    signedAt: new Date(signed),
    signature: randomUUID(),
    payload: facts(memberId, changed),
    noise: false,
    ...more,
  };
}

/** Reads a delivery of `delivery`. */
export function toWaiting({
  payload,
  ...stored
}: Omit<WaitingDelivery, 'facts'> & { payload: unknown }): WaitingDelivery {
  const told = payload as MemberFacts;
  return { ...stored, facts: { ...told, signedUpAt: new Date(told.signedUpAt) } };
}

/** The members of the site, as the writer of its list asks for them. */
export const members = membersOf({
  name: site,
  audience,
  onDelete: 'delete',
  onEmailDisabled: 'field',
  consentToTrack: 'Unchanged',
});
