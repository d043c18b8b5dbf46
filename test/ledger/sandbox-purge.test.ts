import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { defaultSegmentRules } from '../../src/domain/segment-rules.js';
import { supportersOf } from '../../src/ledger/classy/supporters-as-people.js';
import { markDue } from '../../src/ledger/contacts.js';
import { openDatabase } from '../../src/ledger/database.js';
import { type OpenLedger, openLedger } from './open-ledger.js';

let open: OpenLedger;
beforeAll(async () => {
  open = await openLedger('ledger_sandbox_purge');
});
afterAll(() => open.close());

const sealed = { sealed: new Uint8Array([1]), nonce: new Uint8Array([2]), keyId: 'key' };
const tables = [
  'organizations',
  'donors',
  'audiences',
  'contacts',
  'opt_outs',
  'pushes',
  'holds',
  'sync_runs',
  'observations',
];

/** An organization of one supporter, and an audience in which everything has happened to her. */
async function fill(id: string, isSandbox: boolean): Promise<void> {
  const { ledger, prisma } = open;
  const [audience, run, address] = [`audience-${id}`, randomUUID(), `ann${id}@example.org`];
  await ledger.organizations.save({
    ...{
      id,
      name: `Organization ${id}`,
      timeZone: 'UTC',
      currency: 'USD',
      mailchimpListId: audience,
      isSandbox,
      sealed,
    },
  });
  await prisma.$executeRawUnsafe(`INSERT INTO supporters (id, organization_id, email_address, address, email_opt_in, classy_updated_at, raw, observed_at)
    VALUES (${id}, ${id}, '${address}', '${address}', true, now(), '{}', now())`);
  const { asOfDay } = await ledger.donors.reckon(id, defaultSegmentRules);
  const people = supportersOf({
    organization: id,
    rules: defaultSegmentRules,
    asOfDay,
    isShared: false,
    missingFields: [],
  });
  await ledger.audiences.ensure({ audience, destination: 'mailchimp', organization: id });
  await ledger.runs.begin({ run, mode: 'full', by: 'command' }, people, audience, { marks: true, first: true });
  const seen = { email: address, name: '', state: 'Unsubscribed', stateDate: '', fields: {}, tags: [] } as const;
  await ledger.observations.store(run, new Date(), [seen]);
  await ledger.observations.takeOver({ run, audience, people }, [address]);
  const database = openDatabase({ connectionString: open.url, poolSize: 1 });
  await database.transaction((tx) => markDue(tx, audience, [{ address }], 'bulk', run));
  await database.close();
  await ledger.holds.holdAddition(audience, address, id, 'a test');
  const generation = await ledger.writer.begin(audience);
  const settlement = { address, version: 1, memberId: id, operation: 'none', outcome: 'opted-out', hash: 'x' } as const;
  await ledger.writer.settle(audience, people, generation, [settlement]);
  await ledger.holds.holdAddition(audience, address, id, 'a test');
}

const counts = async (): Promise<Record<string, number>> => {
  const found = await Promise.all(
    tables.map((table) =>
      open.prisma.$queryRawUnsafe<[{ count: number }]>(`SELECT count(*)::int AS count FROM ${table}`),
    ),
  );
  return Object.fromEntries(tables.map((table, index) => [table, found[index]![0].count]));
};

test('leaving the sandbox forgets its people everywhere, and nobody else', async () => {
  await fill('35', false);
  const real = await counts();
  expect(Object.values(real).every((count) => count > 0)).toBe(true);
  await fill('34', true);
  await open.ledger.organizations.purgeSandbox();
  expect(await counts()).toEqual(real);
});
