import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Settlement, WriterSuperseded } from '../../src/ledger/writer.js';
import { audience, delivery, members, type OpenLedger, openLedger, site, toWaiting } from './open-ledger.js';

let open: OpenLedger;
beforeAll(async () => {
  open = await openLedger('ledger_writer_test');
}, 60_000);
beforeEach(() => open.clear());
afterAll(() => open?.close());

const address = 'a@example.org';
const contact = (one = address) =>
  open.prisma.contact.findUniqueOrThrow({ where: { audience_address: { audience, address: one } } });
/** A delivery for a member comes in and is drained, which makes its contact due. */
async function change(
  memberId = 'a',
  changed: Parameters<typeof delivery>[1] = {},
  lane: 'live' | 'bulk' = 'live',
): Promise<void> {
  await open.ledger.inbox.store([delivery(memberId, changed)]);
  await open.ledger.drain.drain({ site, audience, items: [{ memberId }], lane, toWaiting });
}
const take = (limit = 1000) => open.ledger.writer.take(audience, members, limit);
const begin = () => open.ledger.writer.begin(audience);
const confirmed = (version: number, more: Partial<Settlement> = {}): Settlement => ({
  address,
  version,
  memberId: 'a',
  operation: 'import',
  outcome: 'confirmed',
  hash: 'sent',
  listState: 'Active',
  ...more,
});
const settle = (generation: number, settlements: Settlement[]) =>
  open.ledger.writer.settle(audience, members, generation, settlements);

describe('taking', () => {
  test('tells all that the rules need of a due contact', async () => {
    await change('a', { status: 'paid', email: 'A@Example.org' });
    expect(await take()).toEqual([
      expect.objectContaining({
        address,
        version: 1,
        lane: 'live',
        tries: 0,
        holder: expect.objectContaining({
          memberId: 'a',
          member: expect.objectContaining({
            facts: expect.objectContaining({ email: 'A@Example.org', status: 'paid' }),
          }),
        }),
        optedOut: false,
        removalOpen: false,
        deliveredAt: expect.any(Date),
      }),
    ]);
  });

  test('gives live ones first and always some bulk', async () => {
    await open.ledger.inbox.store([...'abcdefgh'].map((name) => delivery(name)));
    const items = [...'abcdefgh'].map((memberId) => ({ memberId }));
    await open.ledger.drain.drain({ site, audience, items: items.slice(0, 4), lane: 'bulk', toWaiting });
    await open.ledger.drain.drain({ site, audience, items: items.slice(4), lane: 'live', toWaiting });
    expect((await take()).map(({ lane }) => lane)).toEqual([...Array(4).fill('live'), ...Array(4).fill('bulk')]);
    expect((await take(102)).filter(({ lane }) => lane === 'live')).toHaveLength(2);
  });

  test('gives nothing that is under way or not due yet', async () => {
    await change('a');
    await change('b');
    const generation = await begin();
    await open.ledger.writer.beginCall(audience, generation, [address], 60_000);
    expect((await take()).map((one) => one.address)).toEqual(['b@example.org']);
    await open.ledger.writer.postpone(audience, generation, [
      { address: 'b@example.org', afterMs: 60_000, counts: true, mayStillLand: false },
    ]);
    expect(await take()).toEqual([]);
    expect(await open.ledger.writer.nextDueMs(audience)).toBeGreaterThan(50_000);
    await open.ledger.writer.release(audience, generation, [address]);
    expect((await take()).map((one) => one.address)).toEqual([address]);
  });

  test('names as holder the newest living member of an address', async () => {
    await change('a1', { email: address });
    await change('a2', { email: address });
    expect((await take()).map(({ holder }) => holder?.memberId)).toEqual(['a2']);
  });

  test('names the former address of somebody who moved, unless somebody living holds it', async () => {
    const generation = await begin();
    await change('a');
    await settle(generation, [confirmed(1)]);
    await change('a', { email: 'new@example.org' });
    const former = async () => (await take()).find((one) => one.address === 'new@example.org')?.formerAddress;
    expect(await former()).toBe(address);
    await change('b', { email: address });
    expect(await former()).toBeUndefined();
  });
});

describe('settling', () => {
  test('clears the mark, keeps hash, holder and state, and writes the push down', async () => {
    await change();
    const generation = await begin();
    await open.ledger.writer.beginCall(audience, generation, [address], 60_000);
    await settle(generation, [confirmed(1)]);
    expect(await contact()).toMatchObject({
      dueAt: null,
      settledHash: 'sent',
      settledOutcome: 'confirmed',
      settledMemberId: 'a',
      listState: 'Active',
      underWayUntil: null,
    });
    expect(await open.prisma.push.findMany({ select: { address: true, outcome: true, hash: true } })).toEqual([
      { address, outcome: 'confirmed', hash: 'sent' },
    ]);
  });

  test('keeps a contact due that was marked during the call, with the hash that was sent', async () => {
    await change();
    const generation = await begin();
    const [taken] = await take();
    await open.ledger.writer.beginCall(audience, generation, [address], 60_000);
    await change('a', { name: 'newer' });
    await settle(generation, [confirmed(taken!.version)]);
    expect(await contact()).toMatchObject({ version: 2, dueAt: expect.any(Date), settledHash: 'sent' });
    expect((await take()).map(({ version }) => version)).toEqual([2]);
  });

  test('a call that has begun leaves no settled hash, whatever becomes of it', async () => {
    const generation = await begin();
    await change();
    await settle(generation, [confirmed(1)]);
    await change('a', { name: 'newer' });
    await open.ledger.writer.beginCall(audience, generation, [address], 60_000);
    expect((await contact()).settledHash).toBeNull();
  });

  const binding: [state: NonNullable<Settlement['listState']>, outcome: Settlement['outcome'], binds: boolean][] = [
    ['Unsubscribed', 'opted-out', true],
    ['Bounced', 'opted-out', true],
    ['Deleted', 'opted-out', true],
    ['Suppressed', 'opted-out', true],
    ['Unconfirmed', 'unconfirmed', false],
    ['Deleted', 'removed', false],
  ];
  test.each(binding)('%s as %s binds address and person: %s', async (listState, outcome, binds) => {
    await change();
    const generation = await begin();
    await settle(generation, [confirmed(1, { outcome, listState })]);
    await change('a', { email: 'new@example.org' });
    const taken = await take();
    expect(taken.find((one) => one.address === 'new@example.org')?.optedOut).toBe(binds);
    expect(taken.find((one) => one.address === address)?.optedOut).toBe(binds);
  });

  test('an active subscriber is opted out no more', async () => {
    await change();
    const generation = await begin();
    await settle(generation, [confirmed(1, { outcome: 'opted-out', listState: 'Unsubscribed' })]);
    await settle(generation, [confirmed(1)]);
    expect(await open.prisma.optOut.count()).toBe(0);
  });

  test('a refusal parks its member, and any later outcome ends that', async () => {
    await change();
    const generation = await begin();
    const refusal = { type: 'AddressRefused', message: 'code 1' };
    await settle(generation, [confirmed(1, { outcome: 'refused', code: 1, refusal, listState: undefined })]);
    expect(await open.ledger.parked.list()).toMatchObject([
      { memberId: 'a', step: 'pushContact', type: 'AddressRefused' },
    ]);
    expect(await open.ledger.parked.claimWakes(10)).toEqual([{ site, memberId: 'a' }]);
    await change('a', { name: 'corrected' });
    await settle(generation, [confirmed(2)]);
    expect(await open.ledger.parked.list()).toEqual([]);
    expect(await open.ledger.parked.claimWakes(10)).toEqual([{ site, memberId: 'a' }]);
  });

  test('a retry of a parked member sends whatever was settled', async () => {
    await change();
    const generation = await begin();
    await settle(generation, [confirmed(1, { outcome: 'refused', refusal: { type: 'AddressRefused', message: 'x' } })]);
    await open.ledger.parked.retry(site, 'a');
    expect(await contact()).toMatchObject({ settledHash: null, dueAt: expect.any(Date), version: 2 });
    expect(await open.ledger.parked.list()).toEqual([]);
  });
});

describe('a superseded writer', () => {
  test('cannot begin a call, nor say that it lives', async () => {
    await change();
    const old = await begin();
    const successor = await begin();
    await expect(open.ledger.writer.beginCall(audience, old, [address], 60_000)).rejects.toThrow(WriterSuperseded);
    await expect(open.ledger.writer.seen(audience, old)).rejects.toThrow(WriterSuperseded);
    expect((await contact()).underWayUntil).toBeNull();
    await open.ledger.writer.beginCall(audience, successor, [address], 60_000);
    await open.ledger.writer.seen(audience, successor);
  });

  test('leaves its contacts under way to nobody until they cannot land any more', async () => {
    await change();
    const old = await begin();
    await open.ledger.writer.beginCall(audience, old, [address], 60_000);
    await begin();
    expect(await take()).toEqual([]);
    await open.prisma.contact.updateMany({ data: { underWayUntil: new Date(Date.now() - 1000) } });
    expect(await take()).toHaveLength(1);
  });

  test('makes its contacts due again when its call ends late, and settles nothing', async () => {
    await change();
    const old = await begin();
    await open.ledger.writer.beginCall(audience, old, [address], 60_000);
    const successor = await begin();
    await open.prisma.contact.updateMany({ data: { underWayUntil: null } });
    await open.ledger.writer.beginCall(audience, successor, [address], 60_000);
    await settle(successor, [confirmed(1, { hash: 'newer' })]);
    expect((await contact()).dueAt).toBeNull();
    await settle(old, [confirmed(1, { hash: 'older' })]);
    expect(await contact()).toMatchObject({ dueAt: expect.any(Date), settledHash: null, version: 2 });
  });

  test('that ends late during its successor’s call keeps the contact due after that call too', async () => {
    await change();
    const old = await begin();
    await open.ledger.writer.beginCall(audience, old, [address], 60_000);
    const successor = await begin();
    await open.ledger.writer.beginCall(audience, successor, [address], 60_000);
    await settle(old, [confirmed(1, { hash: 'older' })]);
    await settle(successor, [confirmed(1, { hash: 'newer' })]);
    expect(await contact()).toMatchObject({ dueAt: expect.any(Date) });
  });

  test('does not free contacts that its successor has under way', async () => {
    await change();
    const old = await begin();
    const successor = await begin();
    await open.ledger.writer.beginCall(audience, successor, [address], 60_000);
    await open.ledger.writer.release(audience, old, [address]);
    await open.ledger.writer.postpone(audience, old, [{ address, afterMs: 0, counts: false, mayStillLand: false }]);
    expect((await contact()).underWayUntil).toBeInstanceOf(Date);
    expect(await take()).toEqual([]);
  });

  test('of many that begin at once one is left', async () => {
    const generations = await Promise.all(Array.from({ length: 10 }, begin));
    expect(new Set(generations).size).toBe(10);
    const alive = await Promise.allSettled(generations.map((one) => open.ledger.writer.seen(audience, one)));
    expect(alive.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('waking writers', () => {
  test('only a due contact without a live writer wakes one, and one caller of many gets it', async () => {
    await open.ledger.audiences.ensure({ audience, destination: 'campaign-monitor' });
    const facts = { title: 'List', activeSubscribers: 0, doubleOptIn: false, problems: [] };
    await open.ledger.audiences.checked(audience, facts);
    const claim = async () =>
      (await Promise.all(Array.from({ length: 5 }, () => open.ledger.audiences.claimWakes([audience])))).flat();
    expect(await claim()).toEqual([]);
    await change();
    expect(await claim()).toEqual([{ audience, destination: 'campaign-monitor' }]);
    expect(await claim()).toEqual([]);
    await open.ledger.audiences.returnWake(audience);
    const generation = await begin();
    expect(await claim()).toEqual([]);
    await open.ledger.writer.end(audience, generation);
    expect(await claim()).toEqual([{ audience, destination: 'campaign-monitor' }]);
  });

  test('marking due is announced with the audience', async () => {
    const heard: string[] = [];
    const listening = open.ledger.onDue((one) => heard.push(one));
    for (let tries = 0; heard.length === 0 && tries < 200; tries += 1) await change('a', { name: `change ${tries}` });
    await listening.end();
    expect(new Set(heard)).toEqual(new Set([audience]));
  });
});
