import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RemovalBudget } from '../../src/ledger/removals.js';
import { audience, members, type OpenLedger, openLedger } from './open-ledger.js';

let open: OpenLedger;
let generation: number;
beforeAll(async () => {
  open = await openLedger('ledger_removals_test');
}, 60_000);
beforeEach(async () => {
  await open.clear();
  generation = await open.ledger.writer.begin(audience);
  await list(0);
});
afterAll(() => open?.close());

const list = (activeSubscribers: number) =>
  open.ledger.audiences.checked(audience, { title: 'List', activeSubscribers, doubleOptIn: false, problems: [] });
const people = (count: number, prefix = 'p'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}@example.org`);
async function put(addresses: readonly string[]): Promise<void> {
  await open.prisma.contact.createMany({
    data: addresses.map((address) => ({ audience, address })),
    skipDuplicates: true,
  });
}
const budgetOf = (count: number, share = 0): RemovalBudget => ({ people: count, share });
function intend(address: string, budget: RemovalBudget, more: object = {}, ledger = open.ledger) {
  const intent = { audience, generation, address, version: 1, reason: 'deleted', released: false, ...more };
  return ledger.removals.intend(intent, budget);
}
const count = (results: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    ['allowed', 'held', 'stale'].map((kind) => [kind, results.filter((result) => result === kind).length]),
  );

describe('the removal budget', () => {
  test('is never exceeded by forty intents at once', async () => {
    const addresses = people(40);
    await put(addresses);
    const processes = [open.ledger, open.another(), open.another(), open.another()];
    const results = await Promise.all(
      addresses.map((address, index) => intend(address, budgetOf(25), {}, processes[index % 4])),
    );
    expect(count(results)).toEqual({ allowed: 25, held: 15, stale: 0 });
    expect([await open.prisma.removal.count(), await open.prisma.hold.count()]).toEqual([25, 15]);
  });

  test('is drawn on once by an intent that is repeated, also at the same time', async () => {
    await put(people(2));
    const [a, b] = people(2) as [string, string];
    expect(count(await Promise.all(Array.from({ length: 20 }, () => intend(a, budgetOf(2)))))).toMatchObject({
      allowed: 20,
    });
    expect([await intend(b, budgetOf(2)), await open.prisma.removal.count()]).toEqual(['allowed', 2]);
    expect(await intend(a, budgetOf(2))).toBe('allowed');
  });

  const sizes: [name: string, active: number, budget: RemovalBudget, allowed: number][] = [
    ['people, where the list is small', 100, budgetOf(5, 0.05), 5],
    ['a share of the active ones, where the list is large', 240, budgetOf(5, 0.05), 12],
    ['nobody at all', 0, budgetOf(0, 0.05), 0],
  ];
  test.each(sizes)('is %s', async (_name, active, budget, allowed) => {
    await list(active);
    await put(people(20));
    const results = [];
    for (const address of people(20)) results.push(await intend(address, budget));
    expect(count(results)).toEqual({ allowed, held: 20 - allowed, stale: 0 });
  });

  type Case = [name: string, arrange: () => Promise<unknown>, result: string];
  const first = 'p0@example.org';
  const after: Case[] = [
    ['removals that were carried out count', () => open.ledger.removals.complete(audience, first, 'a date'), 'held'],
    ['removals whose outcome is unknown count', async () => undefined, 'held'],
    ['removals found void do not count', () => open.ledger.removals.void(audience, first), 'allowed'],
    [
      'removals of the day before do not count',
      () => open.prisma.removal.updateMany({ data: { drawnAt: new Date(Date.now() - 24 * 3_600_000 - 1000) } }),
      'allowed',
    ],
    [
      'removals of almost a day ago count',
      () => open.prisma.removal.updateMany({ data: { drawnAt: new Date(Date.now() - 24 * 3_600_000 + 60_000) } }),
      'held',
    ],
    [
      'removals released by hand do not count',
      () => open.prisma.removal.updateMany({ data: { released: true } }),
      'allowed',
    ],
    [
      'removals on another list do not count',
      () => open.prisma.removal.updateMany({ data: { audience: 'other' } }),
      'allowed',
    ],
  ];
  test.each(after)('%s', async (_name, arrange, result) => {
    await put(people(2));
    expect(await intend(first, budgetOf(1))).toBe('allowed');
    await arrange();
    expect(await intend('p1@example.org', budgetOf(1))).toBe(result);
  });

  test('a released intent goes beyond the budget', async () => {
    await put(people(2));
    expect(await intend(first, budgetOf(0))).toBe('held');
    expect(await intend(first, budgetOf(0), { released: true })).toBe('allowed');
    expect(await intend('p1@example.org', budgetOf(1))).toBe('allowed');
  });

  test.each([
    ['the contact changed since it was taken', { version: 2 }],
    ['another writer has begun', { generation: 99 }],
    ['nobody knows the contact', { address: 'nobody@example.org' }],
  ])('an intent is stale and draws nothing when %s', async (_name, more) => {
    await put(people(1));
    expect(await intend(first, budgetOf(5), more)).toBe('stale');
    expect(await open.prisma.removal.count()).toBe(0);
  });
});

describe('held removals', () => {
  const contact = (address: string) =>
    open.prisma.contact.findUniqueOrThrow({ where: { audience_address: { audience, address } } });
  beforeEach(async () => {
    await put(people(3));
    for (const address of people(3)) await intend(address, budgetOf(0), { memberId: `m of ${address}` });
  });
  const idOf = async (address: string) => (await open.ledger.holds.list()).find((one) => one.address === address)!.id;

  test('are shown oldest first, each once, under an id that names nobody', async () => {
    await intend('p0@example.org', budgetOf(0));
    const held = await open.ledger.holds.list({ audience });
    expect(held.map(({ address, kind, reason, released }) => ({ address, kind, reason, released }))).toEqual(
      people(3).map((address) => ({ address, kind: 'removal', reason: 'deleted', released: false })),
    );
    expect(held.every(({ id }) => /^[0-9a-f]{12}$/.test(id))).toBe(true);
    expect(await open.ledger.holds.list({ audience: 'other' })).toEqual([]);
  });

  test('that are released are due, shown no more, and taken as released', async () => {
    const id = await idOf('p1@example.org');
    expect(await open.ledger.holds.release({ ids: [id] })).toBe(1);
    expect(await contact('p1@example.org')).toMatchObject({ version: 2, dueAt: expect.any(Date) });
    expect((await open.ledger.holds.list()).map(({ address }) => address)).toEqual([
      'p0@example.org',
      'p2@example.org',
    ]);
    const taken = await open.ledger.writer.take(audience, members, 1000);
    expect(taken.map(({ address, hold }) => [address, hold])).toEqual([
      ['p1@example.org', { kind: 'removal', released: true }],
    ]);
    expect(await open.ledger.holds.release({ ids: [id] })).toBe(0);
  });

  test('that are released all at once are', async () => {
    expect(await open.ledger.holds.release({ audience })).toBe(3);
    expect(await open.ledger.holds.list()).toEqual([]);
  });

  test('that are discarded stay on the list and are not asked about again', async () => {
    expect(await open.ledger.holds.discard({ ids: [await idOf('p0@example.org')] })).toBe(1);
    expect(await contact('p0@example.org')).toMatchObject({ settledOutcome: 'discarded', dueAt: null, version: 1 });
    expect(await open.ledger.holds.list()).toHaveLength(2);
  });

  test('are forgotten once the contact is settled otherwise', async () => {
    await open.ledger.writer.settle(audience, members, generation, [
      {
        address: 'p0@example.org',
        version: 1,
        operation: 'import',
        outcome: 'confirmed',
        hash: 'x',
        listState: 'Active',
      },
    ]);
    expect((await open.ledger.holds.list()).map(({ address }) => address)).toEqual([
      'p1@example.org',
      'p2@example.org',
    ]);
  });

  test('of an addition are held and released in the same way', async () => {
    await open.ledger.holds.holdAddition(audience, 'p0@example.org', 'm0', 'double opt-in');
    await open.ledger.holds.holdAddition(audience, 'p0@example.org', 'm0', 'double opt-in');
    const additions = (await open.ledger.holds.list()).filter(({ kind }) => kind === 'addition');
    expect(additions).toHaveLength(1);
    await open.ledger.holds.release({ ids: additions.map(({ id }) => id) });
    expect((await open.ledger.writer.take(audience, members, 1000)).map(({ hold }) => hold)).toEqual([
      expect.objectContaining({ kind: 'addition', released: true }),
    ]);
  });
});
