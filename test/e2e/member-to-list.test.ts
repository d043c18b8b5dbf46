import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

let bed: Testbed;

beforeAll(async () => {
  bed = await createTestbed({
    name: 'member_to_list',
    sites: [{ name: 'keyed', withKey: true }, { name: 'keyless' }],
    file: { timeouts: { 'campaign-monitor': '3s', ghost: '2s' } },
  });
  await bed.start();
}, 60_000);
afterAll(() => bed.stop());

const today = (): string => new Date().toISOString().slice(0, 10);
const fieldsOf = (site: string, email: string): Record<string, string> =>
  Object.fromEntries(bed.subscriber(site, email)?.fields ?? []);

describe.each(['keyed', 'keyless'])('a site that is %s', (site) => {
  const email = (name: string): string => `${name}.${site}@example.org`;

  test('a new member stands in the list with the seven fields', async () => {
    bed.ghost(site).members.add({ email: email('Ann'), name: 'Ann Lee', labels: ['VIP', 'Press'] });
    await bed.settled();
    const found = bed.subscriber(site, email('ann'));
    expect(found).toMatchObject({ email: email('Ann'), name: 'Ann Lee', state: 'Active' });
    expect(fieldsOf(site, email('ann'))).toEqual({
      ghost_status: 'free',
      ghost_signup_date: today(),
      ghost_last_updated: today(),
      ghost_labels: 'VIP,Press',
      ghost_email_enabled: 'true',
    });
    expect(
      bed
        .list(site)
        .customFields.map(({ name, type }) => `${name} ${type}`)
        .sort(),
    ).toEqual([
      'ghost_email_enabled Text',
      'ghost_labels Text',
      'ghost_last_updated Date',
      'ghost_previous_status Text',
      'ghost_signup_date Date',
      'ghost_status Text',
      'ghost_status_changed_at Date',
    ]);
  });

  test('edits arrive: name, labels taken away, newsletters, and the status with its history', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('ben'), name: 'Ben', labels: ['VIP'] });
    await bed.settled();
    members.edit(id, { name: 'Ben Fox', labels: [] });
    members.edit(id, { status: 'paid' });
    members.edit(id, { newsletters: [] });
    await bed.settled();
    expect(bed.subscriber(site, email('ben'))).toMatchObject({ name: 'Ben Fox', state: 'Active' });
    expect(fieldsOf(site, email('ben'))).toMatchObject({
      ghost_status: 'paid',
      ghost_previous_status: 'free',
      ghost_status_changed_at: today(),
      ghost_email_enabled: 'false',
    });
    expect(fieldsOf(site, email('ben'))['ghost_labels'] ?? '').toBe('');
  });

  test('an address change moves the subscriber, and no second one is left', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('carl'), name: 'Carl' });
    await bed.settled();
    members.edit(id, { email: email('carl.new') });
    await bed.settled();
    expect(bed.subscriber(site, email('carl.new'))).toMatchObject({ name: 'Carl', state: 'Active' });
    expect(bed.subscriber(site, email('carl'))).toBeUndefined();
  });

  test('two members that swap addresses end with each other’s address and their own fields', async () => {
    const { members } = bed.ghost(site);
    const a = members.add({ email: email('swap.a'), name: 'Ada' });
    const b = members.add({ email: email('swap.b'), name: 'Bob' });
    await bed.settled();
    members.edit(a.id, { email: email('swap.tmp') });
    members.edit(b.id, { email: email('swap.a') });
    members.edit(a.id, { email: email('swap.b') });
    await bed.settled();
    expect(bed.subscriber(site, email('swap.b'))).toMatchObject({ name: 'Ada', state: 'Active' });
    expect(bed.subscriber(site, email('swap.a'))).toMatchObject({ name: 'Bob', state: 'Active' });
    expect(bed.subscriber(site, email('swap.tmp'))?.state ?? 'Absent').not.toBe('Active');
  });

  test('an address change that is taken back while it is under way ends where it began', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('typo'), name: 'Ty Po' });
    await bed.settled();
    bed.cm.faults.set({ latencyMs: 400 });
    members.edit(id, { email: email('tpyo') });
    await eventually(() =>
      bed.cm.calls.some(({ method, addresses }) => method === 'PUT' && addresses.includes(email('tpyo'))),
    );
    members.edit(id, { email: email('typo') });
    await bed.settled();
    bed.cm.faults.clear();
    expect(bed.subscriber(site, email('typo'))).toMatchObject({ name: 'Ty Po', state: 'Active' });
    expect(bed.subscriber(site, email('tpyo'))?.state ?? 'Absent').not.toBe('Active');
  });

  test('a deleted member is taken off by delete, and comes back under a new id with automations', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('dora'), name: 'Dora' });
    await bed.settled();
    members.remove(id);
    await bed.settled();
    expect(bed.subscriber(site, email('dora'))?.state).toBe('Deleted');
    const before = bed.cm.state.automationsQueued.length;
    members.add({ email: email('dora'), name: 'Dora Again' });
    await bed.settled();
    expect(bed.subscriber(site, email('dora'))).toMatchObject({ name: 'Dora Again', state: 'Active' });
    expect(bed.cm.state.automationsQueued.slice(before)).toContain(email('dora'));
    const resubscribed = bed.cm.calls.filter(
      ({ body }) => (body as { Resubscribe?: boolean } | undefined)?.Resubscribe === true,
    );
    expect(resubscribed.every(({ addresses }) => addresses.length === 1)).toBe(true);
  });

  test.each(['Unsubscribed', 'Bounced', 'Deleted'] as const)(
    'somebody who is %s at the list is left alone, whatever happens in Ghost',
    async (state) => {
      const { members } = bed.ghost(site);
      const address = email(`gone.${state}`.toLowerCase());
      const { id } = members.add({ email: address, name: 'Emil' });
      await bed.settled();
      const { listId } = bed.list(site);
      if (state === 'Unsubscribed') bed.cm.state.unsubscribe(listId, address);
      else if (state === 'Bounced') bed.cm.state.bounce(listId, address);
      else bed.cm.state.deleteByStaff(listId, address);
      members.edit(id, { name: 'Emil Changed' });
      await bed.settled();
      members.remove(id);
      members.add({ email: address, name: 'Emil Again' });
      await bed.settled();
      expect(bed.subscriber(site, address)).toMatchObject({ name: 'Emil', state });
    },
  );

  test('who opted out and then changes the address is not subscribed under the new one', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('fay'), name: 'Fay' });
    await bed.settled();
    bed.cm.state.unsubscribe(bed.list(site).listId, email('fay'));
    members.edit(id, { email: email('fay.new') });
    await bed.settled();
    const states = [email('fay'), email('fay.new')].map((address) => bed.subscriber(site, address)?.state);
    expect(states).not.toContain('Active');
    expect(states).toContain('Unsubscribed');
    // the address left behind stays opted out for whoever takes it
    members.add({ email: email('fay'), name: 'Somebody else' });
    await bed.settled();
    expect(bed.subscriber(site, email('fay'))?.state ?? 'Absent').not.toBe('Active');
  });

  test('a page view is stored as noise and makes no call', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('gus'), name: 'Gus' });
    await bed.settled();
    const calls = bed.cm.calls.length;
    members.touchLastSeen(id);
    await bed.ghost(site).settled();
    const rows = await eventually(async () => {
      const noise = await bed.ledger.inbox.list({ site, memberId: id, state: 'noise', limit: 5 });
      return noise.length > 0 && noise;
    });
    expect(rows).toHaveLength(1);
    expect(bed.cm.calls).toHaveLength(calls);
  });

  test('a refused address is parked; corrected in Ghost it goes through by itself', async () => {
    const { members } = bed.ghost(site);
    const bad = email('refused');
    bed.cm.faults.set({ refuseAddresses: [bad] });
    const { id } = members.add({ email: bad, name: 'Hal' });
    const [parked] = await eventually(async () => {
      const rows = await bed.ledger.parked.list({ site });
      return rows.length > 0 ? rows : undefined;
    });
    expect(parked).toMatchObject({ memberId: id, step: 'pushContact', type: 'AddressRefused' });
    members.edit(id, { email: email('accepted') });
    await bed.settled();
    expect(bed.subscriber(site, email('accepted'))).toMatchObject({ name: 'Hal', state: 'Active' });
    await eventually(async () => (await bed.ledger.parked.list({ site })).length === 0);
    bed.cm.faults.clear();
  });
});
