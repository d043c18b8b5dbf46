import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MemberRead } from '../../src/domain/apply-deliveries.js';
import type { DrainItem, DrainRequest } from '../../src/ledger/drain.js';
import { audience, delivery, facts, type OpenLedger, openLedger, site, toWaiting } from './open-ledger.js';

let open: OpenLedger;
beforeAll(async () => {
  open = await openLedger('ledger_drain_test');
}, 60_000);
beforeEach(() => open.clear());
afterAll(() => open?.close());

const drain = (items: readonly DrainItem[], more: Partial<DrainRequest> = {}) =>
  open.ledger.drain.drain({ site, audience, items, lane: 'live', toWaiting, ...more });
const member = (memberId: string) => open.prisma.member.findUnique({ where: { site_memberId: { site, memberId } } });
const contact = (address: string) =>
  open.prisma.contact.findUnique({ where: { audience_address: { audience, address } } });
const dueAddresses = async () =>
  (await open.prisma.contact.findMany({ where: { dueAt: { not: null } } })).map(({ address }) => address).toSorted();
const outcomes = async () =>
  (await open.prisma.delivery.findMany({ orderBy: { signedAt: 'asc' } })).map(({ state, outcome }) => outcome ?? state);
const read = (asOf: Date, changed?: Parameters<typeof facts>[1]): MemberRead => ({
  asOf,
  facts: changed && facts('a', changed),
  foundBy: 'webhook',
});

describe('draining', () => {
  test('writes member, history, outcomes and marks together', async () => {
    await open.ledger.inbox.store([
      delivery('a', {}, { event: 'member.added' }),
      delivery('a', { status: 'paid', email: 'New@example.org' }),
    ]);
    const drained = await drain([{ memberId: 'a' }]);
    expect(drained).toEqual({
      busy: [],
      parked: [],
      outcomes: { applied: 2 },
      changed: [{ memberId: 'a', foundBy: 'webhook', kind: 'added' }],
    });
    expect(await member('a')).toMatchObject({
      email: 'New@example.org',
      address: 'new@example.org',
      status: 'paid',
      previousStatus: 'free',
      addedAt: expect.any(Date),
    });
    expect(
      await open.prisma.statusTransition.findMany({ orderBy: { at: 'asc' }, select: { from: true, to: true } }),
    ).toEqual([
      { from: null, to: 'free' },
      { from: 'free', to: 'paid' },
    ]);
    expect(await outcomes()).toEqual(['applied', 'applied']);
    expect(await dueAddresses()).toEqual(['new@example.org']);
  });

  test('an address change makes both addresses due', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    await drain([{ memberId: 'a' }]);
    await open.prisma.contact.updateMany({ data: { dueAt: null } });
    await open.ledger.inbox.store([delivery('a', { email: 'new@example.org' })]);
    await drain([{ memberId: 'a' }]);
    expect(await dueAddresses()).toEqual(['a@example.org', 'new@example.org']);
  });

  test('is atomic: when one of a page fails nothing is written for anybody', async () => {
    await open.ledger.inbox.store([delivery('a'), delivery('b')]);
    const failing = drain([{ memberId: 'a' }, { memberId: 'b' }], {
      toWaiting: (stored) => {
        if (JSON.stringify(stored.payload).includes('b@example.org')) throw new Error('cannot be read');
        return toWaiting(stored);
      },
    });
    await expect(failing).rejects.toThrow('cannot be read');
    expect([await outcomes(), await dueAddresses(), await member('a')]).toEqual([['waiting', 'waiting'], [], null]);
    await drain([{ memberId: 'a' }, { memberId: 'b' }]);
    expect([await outcomes(), await dueAddresses()]).toEqual([
      ['applied', 'applied'],
      ['a@example.org', 'b@example.org'],
    ]);
  });

  test('twice or side by side applies every delivery once', async () => {
    await open.ledger.inbox.store([delivery('a'), delivery('a', { name: 'A' }), delivery('b')]);
    const other = open.another();
    const request: DrainRequest = {
      site,
      audience,
      items: [{ memberId: 'b' }, { memberId: 'a' }],
      lane: 'live',
      toWaiting,
    };
    const drains = await Promise.all([
      drain([{ memberId: 'a' }, { memberId: 'b' }]),
      other.drain.drain(request),
      other.drain.drain(request),
    ]);
    expect(drains.map((one) => one.outcomes['applied'] ?? 0).reduce((sum, count) => sum + count)).toBe(3);
    expect(await contact('a@example.org')).toMatchObject({ version: 1 });
  });

  test('a history that a late delivery changed is the same in the table as in the order of time', async () => {
    const [first, second, third] = [
      delivery('a'),
      delivery('a', { status: 'paid' }),
      delivery('a', { status: 'comped' }),
    ];
    for (const one of [first, third, second]) {
      await open.ledger.inbox.store([one]);
      await drain([{ memberId: 'a' }]);
    }
    const rows = await open.prisma.statusTransition.findMany({
      orderBy: { at: 'asc' },
      select: { from: true, to: true, at: true },
    });
    expect(rows).toEqual([
      { from: null, to: 'free', at: first.signedAt },
      { from: 'free', to: 'paid', at: second.signedAt },
      { from: 'paid', to: 'comped', at: third.signedAt },
    ]);
    expect(await member('a')).toMatchObject({
      status: 'comped',
      previousStatus: 'paid',
      statusChangedAt: third.signedAt,
    });
  });

  test('with a read only what had been received before it is drained', async () => {
    await open.ledger.inbox.store([delivery('a', { name: 'before' })]);
    const lease = await open.ledger.drain.lease(site, 'a', 'run 1');
    await open.ledger.inbox.store([
      delivery('a', { name: 'after' }, { receivedAt: new Date(lease!.asOf.getTime() + 5) }),
    ]);
    await drain([{ memberId: 'a', lease: 'run 1', read: read(lease!.asOf, { name: 'read' }) }]);
    expect([await outcomes(), (await member('a'))?.name]).toEqual([[expect.any(String), 'waiting'], 'read']);
    await drain([{ memberId: 'a' }]);
    expect((await member('a'))?.name).toBe('after');
  });

  test('a read begun before a delivery and stored after it changes nothing', async () => {
    const lease = await open.ledger.drain.lease(site, 'a', 'slow reader');
    await open.ledger.drain.unlease(site, 'a', 'slow reader');
    await open.ledger.inbox.store([
      delivery('a', { name: 'newer' }, { receivedAt: new Date(lease!.asOf.getTime() + 5) }),
    ]);
    await drain([{ memberId: 'a' }]);
    const { changed } = await drain([
      { memberId: 'a', read: { ...read(lease!.asOf, { name: 'older' }), foundBy: 'walk' } },
    ]);
    expect([changed, (await member('a'))?.name]).toEqual([[], 'newer']);
  });

  test('what changes nothing makes nothing due', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    await drain([{ memberId: 'a' }]);
    await open.prisma.contact.updateMany({ data: { dueAt: null } });
    await open.ledger.inbox.store([delivery('a')]);
    const { changed, outcomes: counts } = await drain([{ memberId: 'a' }]);
    expect([changed, counts, await dueAddresses()]).toEqual([[], { unchanged: 1 }, []]);
  });
});

describe('leases', () => {
  const expire = () => open.prisma.$executeRaw`UPDATE members SET lease_until = now() - interval '1 second'`;
  const { lease, unlease } = {
    lease: (token: string) => open.ledger.drain.lease(site, 'a', token),
    unlease: (token: string) => open.ledger.drain.unlease(site, 'a', token),
  };

  test('are held by one at a time, and by the same again', async () => {
    const taken = await Promise.all(['one', 'two', 'three', 'four'].map(lease));
    expect(taken.filter(Boolean)).toHaveLength(1);
    const holder = ['one', 'two', 'three', 'four'][taken.findIndex(Boolean)]!;
    expect(await lease(holder)).toBeDefined();
    await unlease('somebody else');
    expect(await lease('five')).toBeUndefined();
    await unlease(holder);
    expect(await lease('five')).toBeDefined();
  });

  test('a drain without the lease leaves the member to its holder and does the others', async () => {
    await open.ledger.inbox.store([delivery('a'), delivery('b')]);
    await lease('run');
    expect(await drain([{ memberId: 'a' }, { memberId: 'b' }])).toMatchObject({
      busy: ['a'],
      outcomes: { applied: 1 },
    });
    expect(await outcomes()).toEqual(['waiting', 'applied']);
  });

  test('a stale lease writes nothing', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    const stale = await lease('frozen');
    await expire();
    const live = await lease('live');
    const late = await drain([{ memberId: 'a', lease: 'frozen', read: read(stale!.asOf, { name: 'frozen' }) }]);
    expect(late).toEqual({ busy: ['a'], parked: [], outcomes: {}, changed: [] });
    expect([await outcomes(), (await member('a'))?.name, await dueAddresses()]).toEqual([['waiting'], null, []]);
    await drain([{ memberId: 'a', lease: 'live', read: read(live!.asOf, { name: 'live' }) }]);
    expect([await outcomes(), (await member('a'))?.name]).toEqual([[expect.any(String)], 'live']);
  });

  test('a lease given back after the successor has drained writes nothing either', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    const stale = await lease('frozen');
    await expire();
    await drain([{ memberId: 'a' }]);
    const late = await drain([{ memberId: 'a', lease: 'frozen', read: read(stale!.asOf, { name: 'frozen' }) }]);
    expect([late.busy, (await member('a'))?.name]).toEqual([['a'], 'a']);
  });

  test('a drain ends the lease', async () => {
    await lease('run');
    await drain([{ memberId: 'a', lease: 'run' }]);
    expect(await lease('next')).toBeDefined();
  });

  test('tell whether the site is paused', async () => {
    expect(await lease('run')).toMatchObject({ sitePaused: false });
    await open.ledger.sites.pause(site, 'x', 'SourceDown', 'x');
    expect(await lease('run')).toMatchObject({ sitePaused: true });
  });
});
