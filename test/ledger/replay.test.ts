import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReplayFilter } from '../../src/ledger/replay.js';
import { audience, delivery, type OpenLedger, openLedger, site, toWaiting } from './open-ledger.js';

let open: OpenLedger;
beforeAll(async () => {
  open = await openLedger('ledger_replay_test');
}, 60_000);
beforeEach(() => open.clear());
afterAll(() => open?.close());

const sites = [{ site, audience }];
const hour = (n: number): Date => new Date(Date.UTC(2026, 10, 21, n));

/** Members a, b, c, d with one applied delivery an hour each, e with noise. */
async function fiveMembers(): Promise<void> {
  const { inbox, drain } = open.ledger;
  const members = ['a', 'b', 'c', 'd'];
  await inbox.store(members.map((id, n) => delivery(id, {}, { receivedAt: hour(n) })));
  await inbox.store([delivery('e', {}, { receivedAt: hour(4), noise: true })]);
  const items = members.map((memberId) => ({ memberId }));
  await drain.drain({ site, audience, items, lane: 'live', toWaiting });
}

const rows = () => open.prisma.delivery.findMany({ orderBy: { receivedAt: 'asc' } });
const drainAll = () => {
  const items = ['a', 'b', 'c', 'd', 'e'].map((memberId) => ({ memberId }));
  return open.ledger.drain.drain({ site, audience, items, lane: 'live', toWaiting });
};
const park = (memberId: string, message: string) =>
  open.prisma.parked.create({
    data: {
      site,
      memberId,
      step: 'pushContact',
      type: 'AddressRefused',
      message,
      audience,
      address: `${memberId}@example.org`,
    },
  });

describe('a replay', () => {
  test('sets deliveries back and spreads their members over time by the rate', async () => {
    await fiveMembers();
    const replay = (await open.ledger.replay.begin({ sites, from: hour(1) }, 2))!;
    expect(replay).toMatchObject({ selected: 4, replayed: 4, members: 4, oldest: hour(1), newest: hour(4) });
    const [a, ...others] = await rows();
    expect(a).toMatchObject({ state: 'done', outcome: 'applied', replays: 0, nextWakeAt: null });
    for (const one of others)
      expect(one).toMatchObject({
        state: 'waiting',
        outcome: null,
        outcomeAt: null,
        wakes: 0,
        replays: 1,
        replayedAt: replay.at,
      });
    const seconds = others.map(({ nextWakeAt }) => (nextWakeAt!.getTime() - replay.at.getTime()) / 1000);
    expect(seconds).toEqual([0, 0.5, 1, 1.5]);
    expect(await open.ledger.replay.progress(replay)).toEqual({ waiting: 4 });
  });

  test('gives the deliveries of one member one time', async () => {
    await open.ledger.inbox.store([0, 1, 2].map((n) => delivery(n === 1 ? 'b' : 'a', {}, { receivedAt: hour(n) })));
    await drainAll();
    const replay = (await open.ledger.replay.begin({ sites, from: hour(0) }, 1))!;
    const seconds = (await rows()).map(({ nextWakeAt }) => (nextWakeAt!.getTime() - replay.at.getTime()) / 1000);
    expect(seconds).toEqual([0, 1, 0]);
  });

  test('is harmless to repeat: the ledger is the same, those that wait come no later, nothing becomes due', async () => {
    await fiveMembers();
    const members = await open.prisma.member.findMany({
      where: { email: { not: null } },
      orderBy: { memberId: 'asc' },
    });
    await open.prisma.contact.updateMany({ data: { dueAt: null } });
    const first = (await open.ledger.replay.begin({ sites, from: hour(0), to: hour(4) }, 1))!;
    const due = (await rows()).map(({ nextWakeAt }) => nextWakeAt);
    const second = (await open.ledger.replay.begin({ sites, from: hour(0), to: hour(4) }, 1))!;
    expect(second).toMatchObject({ selected: 4, replayed: 0 });
    expect((await rows()).map(({ nextWakeAt }) => nextWakeAt)).toEqual(due);
    expect(await open.ledger.replay.progress(first)).toEqual({});
    expect((await drainAll()).outcomes).toEqual({ unchanged: 4 });
    expect(await open.ledger.replay.progress(second)).toEqual({ unchanged: 4 });
    expect(
      await open.prisma.member.findMany({ where: { email: { not: null } }, orderBy: { memberId: 'asc' } }),
    ).toEqual(members);
    expect(await open.prisma.contact.count({ where: { dueAt: { not: null } } })).toBe(0);
    expect(await open.prisma.memberChange.count()).toBe(4);
  });

  test('brings one that waits for a late wake forward', async () => {
    await open.ledger.inbox.store([delivery('a')]);
    await open.prisma.delivery.updateMany({ data: { nextWakeAt: new Date(Date.now() + 3_600_000), wakes: 9 } });
    const replay = (await open.ledger.replay.begin({ sites, state: 'waiting' }, 1))!;
    expect(replay).toMatchObject({ selected: 1, replayed: 0 });
    expect(await open.ledger.inbox.claimWakes(10)).toEqual([{ site, memberId: 'a' }]);
  });

  test('wakes a parked member once', async () => {
    await fiveMembers();
    await park('b', 'the list refuses it');
    await open.ledger.replay.begin({ sites, state: 'parked' }, 50);
    expect(await open.ledger.inbox.claimWakes(10)).toEqual([{ site, memberId: 'b' }]);
    await open.prisma.delivery.updateMany({ where: { memberId: 'b' }, data: { nextWakeAt: new Date(0) } });
    expect(await open.ledger.inbox.claimWakes(10)).toEqual([]);
  });

  test('of noise applies it', async () => {
    await fiveMembers();
    await open.ledger.replay.begin({ sites, state: 'noise' }, 50);
    expect((await drainAll()).outcomes).toEqual({ applied: 1 });
  });

  test('that chooses nothing changes nothing', async () => {
    await fiveMembers();
    expect(await open.ledger.replay.begin({ sites, from: hour(9) }, 50)).toBeUndefined();
    expect(await open.ledger.replay.begin({ sites: [{ site: 'other', audience }], from: hour(0) }, 50)).toBeUndefined();
  });
});

describe('choosing', () => {
  const chosen = async (filter: Omit<ReplayFilter, 'sites'>): Promise<string> => {
    const replay = await open.ledger.replay.begin({ sites, ...filter }, 50);
    if (!replay) return '';
    return (await rows())
      .filter(({ replays }) => replays > 0)
      .map(({ memberId }) => memberId)
      .join('');
  };
  const refused = async (memberId: string, code: number): Promise<void> => {
    const address = `${memberId}@example.org`;
    await open.prisma.contact.updateMany({ where: { address }, data: { settledOutcome: 'refused' } });
    await open.prisma.push.create({
      data: { audience, address, memberId, operation: 'import', outcome: 'refused', code },
    });
  };

  test.each<[Omit<ReplayFilter, 'sites'>, string]>([
    [{ from: hour(2) }, 'cde'],
    [{ to: hour(2) }, 'ab'],
    [{ from: hour(1), to: hour(3) }, 'bc'],
    [{ state: 'done' }, 'abcd'],
    [{ state: 'applied' }, 'abcd'],
    [{ state: 'noise' }, 'e'],
    [{ state: 'waiting' }, ''],
    [{ state: 'discarded' }, ''],
    [{ state: 'parked' }, 'b'],
    [{ memberId: 'c' }, 'c'],
    [{ error: 'MAILBOX' }, 'b'],
    [{ error: 'addressrefused: the mailbox' }, 'b'],
    [{ error: 'code 204' }, 'd'],
    [{ error: 'refused' }, 'bd'],
    [{ error: 'refused', to: hour(3) }, 'b'],
    [{ error: '%' }, ''],
  ])('by %j', async (filter, members) => {
    await fiveMembers();
    await park('b', 'the mailbox is not there');
    await park('c', 'the mailbox is not there');
    await open.prisma.parked.updateMany({ where: { memberId: 'c' }, data: { clearedAt: new Date() } });
    await refused('d', 204);
    expect(await chosen(filter)).toBe(members);
  });

  test('is told before it is done, and telling changes nothing', async () => {
    await fiveMembers();
    const before = await rows();
    expect(await open.ledger.replay.preview({ sites, from: hour(1) })).toEqual({
      selected: 4,
      members: 4,
      oldest: hour(1),
      newest: hour(4),
      sites: { [site]: 4 },
      events: { 'member.edited': 4 },
      outcomes: { applied: 3, noise: 1 },
    });
    expect(await rows()).toEqual(before);
    expect(await open.ledger.replay.preview({ sites, from: hour(9) })).toMatchObject({ selected: 0, oldest: null });
  });
});
