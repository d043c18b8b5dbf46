import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { delivery, type OpenLedger, openLedger, site } from './open-ledger.js';

let open: OpenLedger;
beforeAll(async () => {
  open = await openLedger('ledger_inbox_test');
}, 60_000);
beforeEach(() => open.clear());
afterAll(() => open?.close());

/** Makes the pause of every wake be over. */
const later = () =>
  open.prisma
    .$executeRaw`UPDATE deliveries SET woken_at = now() - interval '2 hours', next_wake_at = now() WHERE next_wake_at IS NOT NULL`;

describe('storing', () => {
  test('gives ids in order, and a repeat the id of its first', async () => {
    const { inbox } = open.ledger;
    const [a, b, c] = [delivery('a'), delivery('b'), delivery('c')];
    expect(await inbox.store([a, b])).toEqual([a.id, b.id]);
    expect(await inbox.store([{ ...b, id: randomUUID() }, c, { ...a, id: randomUUID() }])).toEqual([b.id, c.id, a.id]);
    expect(await open.prisma.delivery.count()).toBe(3);
  });

  test('a repeat within one statement is one row, and each is told the same id', async () => {
    const a = delivery('a');
    const ids = await open.ledger.inbox.store([a, { ...a, id: randomUUID() }]);
    const [row] = await open.prisma.delivery.findMany();
    expect(await open.prisma.delivery.count()).toBe(1);
    expect(ids).toEqual([row?.id, row?.id]);
  });

  test('the same delivery from twenty callers at once is one row and one id', async () => {
    const others = [open.ledger, open.another(), open.another()];
    const a = delivery('a');
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => others[index % 3]!.inbox.store([{ ...a, id: randomUUID() }])),
    );
    const [row] = await open.prisma.delivery.findMany();
    expect(await open.prisma.delivery.count()).toBe(1);
    expect(new Set(ids.flat())).toEqual(new Set([row?.id]));
  });

  test('the same signature at two sites are two deliveries', async () => {
    const a = delivery('a');
    await open.ledger.inbox.store([a, { ...a, id: randomUUID(), site: 'other' }]);
    expect(await open.prisma.delivery.count()).toBe(2);
  });

  test('noise is done at once and wakes nobody', async () => {
    await open.ledger.inbox.store([delivery('a', {}, { noise: true })]);
    expect(await open.prisma.delivery.findFirst()).toMatchObject({
      state: 'noise',
      outcome: 'noise',
      nextWakeAt: null,
    });
    expect(await open.ledger.inbox.claimWakes(10)).toEqual([]);
  });

  test('the time of receipt is the database’s, unless the spool gives one', async () => {
    const receivedAt = new Date('2026-11-20T00:00:00Z');
    await open.ledger.inbox.store([delivery('a', {}, { receivedAt }), delivery('b')]);
    const rows = await open.prisma.delivery.findMany({ orderBy: { memberId: 'asc' } });
    expect(rows[0]?.receivedAt).toEqual(receivedAt);
    expect(Math.abs(rows[1]!.receivedAt.getTime() - Date.now())).toBeLessThan(60_000);
  });
});

describe('claiming wakes', () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `m${String(index).padStart(3, '0')}`);
  const keys = (claimed: { memberId: string }[][]) => claimed.flat().map(({ memberId }) => memberId);

  test('gives each member once, however many deliveries wait for it', async () => {
    await open.ledger.inbox.store([delivery('a'), delivery('a'), delivery('b')]);
    expect(keys([await open.ledger.inbox.claimWakes(10)]).toSorted()).toEqual(['a', 'b']);
    expect(await open.ledger.inbox.claimWakes(10)).toEqual([]);
  });

  /** What six callers claim at once while `each` deliveries wait for every one of sixty members. */
  async function claimAtOnce(each: number): Promise<string[]> {
    const callers = [open.ledger, ...Array.from({ length: 5 }, () => open.another())];
    await open.ledger.inbox.store(names(60).flatMap((name) => Array.from({ length: each }, () => delivery(name))));
    return keys(await Promise.all(callers.map(({ inbox }) => inbox.claimWakes(25))));
  }

  test('six callers at once never get one member twice', async () => {
    const claimed = await claimAtOnce(1);
    expect(claimed.length).toBeGreaterThan(0);
    expect(claimed).toHaveLength(new Set(claimed).size);
  });

  test('six callers at once never get one member twice, with seven deliveries for each', async () => {
    const claimed = await claimAtOnce(7);
    expect(claimed.length).toBeGreaterThan(0);
    expect(claimed).toHaveLength(new Set(claimed).size);
  });

  test('a member with more deliveries than the window is claimed once', async () => {
    await open.ledger.inbox.store(Array.from({ length: 7 }, () => delivery('a')));
    expect(keys([await open.ledger.inbox.claimWakes(5), await open.ledger.inbox.claimWakes(50)])).toEqual(['a']);
  });

  test('no more members are awake than the window allows, and outcomes make room', async () => {
    const { inbox } = open.ledger;
    await inbox.store(names(30).map((name) => delivery(name)));
    const first = await inbox.claimWakes(10);
    expect(first).toHaveLength(10);
    expect(await inbox.claimWakes(10)).toEqual([]);
    await open.ledger.parked.parkRead(site, first[0]!.memberId, 'Test', 'test');
    await open.ledger.parked.discard(site, first[0]!.memberId);
    await open.ledger.parked.parkRead(site, first[1]!.memberId, 'Test', 'test');
    await open.ledger.parked.discard(site, first[1]!.memberId);
    expect(await inbox.claimWakes(10)).toHaveLength(2);
  });

  test('everybody is claimed in the end by callers side by side, with the pauses over', async () => {
    await open.ledger.inbox.store(names(100).flatMap((name) => [delivery(name), delivery(name)]));
    const callers = [open.ledger, open.another(), open.another()];
    const seen = new Set<string>();
    for (let round = 0; round < 40 && seen.size < 100; round += 1) {
      for (const name of keys(await Promise.all(callers.map(({ inbox }) => inbox.claimWakes(10))))) {
        seen.add(name);
        await open.ledger.parked.parkRead(site, name, 'Test', 'test');
        await open.ledger.parked.discard(site, name);
      }
    }
    expect(seen.size).toBe(100);
  });

  test('a wake without an outcome comes again after pauses that double, up to an hour', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    const pauses: number[] = [];
    for (let wake = 0; wake < 12; wake += 1) {
      await later();
      expect(await open.ledger.inbox.claimWakes(10)).toHaveLength(1);
      const [row] = await open.prisma.$queryRaw<
        [{ pause: number }]
      >`SELECT extract(epoch FROM next_wake_at - woken_at)::int AS pause FROM deliveries`;
      pauses.push(row.pause);
    }
    expect(pauses).toEqual([12, 24, 48, 96, 192, 384, 768, 1536, 3072, 3600, 3600, 3600]);
  });

  test('a wake that could not be signalled is due again at once', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    await open.ledger.inbox.claimWakes(10);
    await open.ledger.inbox.returnWake(site, 'a');
    expect(await open.ledger.inbox.claimWakes(10)).toHaveLength(1);
  });

  test('a parked member is woken for a new delivery, and not again for it', async () => {
    await open.ledger.parked.parkRead(site, 'a', 'MemberUnreadable', 'x');
    await open.ledger.inbox.store([delivery('a')]);
    expect(await open.ledger.inbox.claimWakes(10)).toHaveLength(1);
    await later();
    expect(await open.ledger.inbox.claimWakes(10)).toEqual([]);
  });

  test('while a run probes a paused site its other members rest; with nobody probing they are woken', async () => {
    const { inbox, sites } = open.ledger;
    await inbox.store([delivery('a'), delivery('b'), delivery('c', {}, { site: 'other' })]);
    await sites.pause(site, 'a', 'SourceDown', 'x');
    expect(keys([await inbox.claimWakes(10)])).toEqual(['c']);
    await open.prisma.$executeRaw`UPDATE sites SET probe_until = now() - interval '1 second'`;
    expect(keys([await inbox.claimWakes(10)]).toSorted()).toEqual(['a', 'b']);
  });
});
