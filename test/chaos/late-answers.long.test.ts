import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { createTestbed, type Testbed } from '../support/testbed.js';
import { differences } from '../support/truth.js';

let bed: Testbed;

beforeAll(async () => {
  bed = await createTestbed({
    name: 'late_answers',
    sites: [{ name: 'keyed', withKey: true }, { name: 'keyless' }],
    file: { timeouts: { 'campaign-monitor': '1s', ghost: '4s' } },
  });
  await bed.start();
}, 60_000);
afterAll(() => bed.stop());

/** An import was accepted and is not answered yet. */
const isImporting = (): boolean =>
  bed.cm.calls.some(({ path, status, endedAt }) => path.includes('/import') && status === 0 && endedAt === undefined);

test('a vendor call that times out and lands 20 seconds later does not win over the newer one', async () => {
  const { members } = bed.ghost('keyless');
  const { id } = members.add({ email: 'late@example.org', name: 'First' });
  await bed.settled();
  bed.cm.faults.set({ hangOnce: { beforeStoringMs: 20_000 } });
  members.edit(id, { name: 'Second' });
  await eventually(isImporting, { withinMs: 40_000 });
  members.edit(id, { name: 'Third' });
  await eventually(() => bed.cm.state.writes.some(({ name }) => name === 'Second'), { withinMs: 40_000 });
  await bed.settled(90_000);
  expect(bed.subscriber('keyless', 'late@example.org')?.name).toBe('Third');
  const names = bed.cm.state.writes.filter(({ address }) => address === 'late@example.org').map(({ name }) => name);
  expect(names.indexOf('Third')).toBeGreaterThan(names.indexOf('Second'));
}, 150_000);

test('one member whose call hangs does not hold up the others', async () => {
  const { members } = bed.ghost('keyless');
  await eventually(() => !isImporting());
  bed.cm.faults.set({ hangOnce: { beforeStoringMs: 5_000 } });
  members.add({ email: 'hangs@example.org', name: 'Hangs' });
  await eventually(isImporting, { withinMs: 40_000 });
  const begun = Date.now();
  members.add({ email: 'goes@example.org', name: 'Goes' });
  await eventually(() => bed.subscriber('keyless', 'goes@example.org'), { withinMs: 15_000 });
  expect(Date.now() - begun).toBeLessThan(15_000);
  await bed.settled(90_000);
}, 150_000);

test('a read of Ghost that was begun before a change and answers after it does not undo the change', async () => {
  const ghost = bed.ghost('keyed');
  const { id } = ghost.members.add({ email: 'slow@example.org', name: 'Old' });
  await bed.settled();
  // the read of this edit is answered with what was true when it came in, a second and a half later
  ghost.faults.set({ latencyMs: 1_500, latencyMatch: id });
  ghost.members.edit(id, { name: 'Middle' });
  await eventually(() =>
    ghost.calls.some(({ path, status }) => path.includes(id) && status === 200 && ghost.faults.latencyMs === 1_500),
  );
  ghost.members.edit(id, { name: 'New' });
  await sleep(200);
  ghost.faults.clear();
  await bed.settled(60_000);
  expect(bed.subscriber('keyed', 'slow@example.org')?.name).toBe('New');
  expect(differences(bed, 'keyed')).toEqual([]);
}, 90_000);

test('a poisonous member that makes every call it is in fail holds up nobody, and parks in the end', async () => {
  const { members } = bed.ghost('keyless');
  bed.cm.faults.set({ poisonAddresses: ['poison@example.org'], latencyMs: 300, latencyMatch: 'import' });
  for (let n = 0; n < 40; n += 1)
    members.add({ email: n === 20 ? 'poison@example.org' : `n${n}@example.org`, name: `Neighbour ${n}` });
  await eventually(
    () =>
      Array.from({ length: 40 }, (_, n) => n).every((n) => n === 20 || bed.subscriber('keyless', `n${n}@example.org`)),
    { withinMs: 60_000 },
  );
  expect(bed.subscriber('keyless', 'poison@example.org')).toBeUndefined();
  await eventually(async () => (await bed.ledger.status.audiences()).some(({ due }) => due === 1), {
    withinMs: 30_000,
  });
  // nine pauses that double are more than eight minutes: the test spares itself all but the last
  const { memberId } = await eventually(
    async () => (await bed.ledger.status.members('keyless', 'poison@example.org'))[0],
  );
  await bed.spendTries('keyless', 'poison@example.org', 9);
  const parked = await eventually(
    async () => (await bed.ledger.parked.list({ site: 'keyless' })).find((row) => row.memberId === memberId),
    { withinMs: 60_000 },
  );
  expect(parked).toMatchObject({ step: 'pushContact', type: 'ContactFails' });
  bed.cm.faults.clear();
  await bed.signal('keyless', memberId, 'retryParked');
  await eventually(() => bed.subscriber('keyless', 'poison@example.org'), { withinMs: 30_000 });
  await eventually(async () => (await bed.ledger.parked.list({ site: 'keyless' })).length === 0);
}, 240_000);
