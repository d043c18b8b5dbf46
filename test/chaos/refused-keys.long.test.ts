import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { deliver, record } from '../support/recorded.js';
import { createTestbed, type Testbed } from '../support/testbed.js';
import { differences } from '../support/truth.js';

const MEMBERS = 2000;
const LATER = 500;
let bed: Testbed;

beforeAll(async () => {
  bed = await createTestbed({ name: 'refused_keys', sites: [{ name: 'revoked', withKey: true }] });
  await bed.start();
}, 60_000);
afterAll(() => bed.stop());

test('the Campaign Monitor key, then the Ghost key, is revoked while 2,000 members wait: nobody is parked, everybody gets through once it is back', async () => {
  const ghost = bed.ghost('revoked');
  const deliveries = await record(ghost, () => {
    for (let n = 0; n < MEMBERS; n += 1) ghost.members.add({ email: `w${n}@example.org`, name: `Waiting ${n}` });
  });
  const { listId } = bed.list('revoked');
  const active = (): number => bed.list('revoked').subscribers.size;

  bed.cm.state.revokeKey();
  expect(new Set(await deliver(bed.url, 'revoked', deliveries))).toEqual(new Set([202]));
  const pause = await eventually(async () => (await bed.ledger.audiences.pauses()).get(listId), { withinMs: 30_000 });
  expect(pause).toMatchObject({ type: 'DestinationRefused' });
  expect(active()).toBe(0);
  bed.cm.state.restoreKey();
  await eventually(() => active() > 50, { withinMs: 60_000 });

  const later = await record(ghost, () => {
    for (const id of ghost.members.ids().slice(0, LATER)) ghost.members.edit(id, { name: 'Renamed meanwhile' });
  });
  ghost.revokeKey();
  expect(new Set(await deliver(bed.url, 'revoked', later))).toEqual(new Set([202]));
  const sitePause = await eventually(async () => (await bed.ledger.sites.pauses()).get('revoked'), {
    withinMs: 30_000,
  });
  expect(sitePause).toMatchObject({ type: 'SourceRefused' });
  const reads = ghost.calls.length;
  const waitingThen = (await bed.ledger.status.sites())[0]!.waiting;
  expect(waitingThen).toBeGreaterThan(0);
  // while it is paused one run probes it: the others ask nothing
  await eventually(() => ghost.calls.length > reads + 1, { withinMs: 30_000 });
  expect(ghost.calls.length - reads).toBeLessThan(60);
  ghost.restoreKey();

  await bed.settled(240_000);
  expect(await bed.ledger.parked.list()).toEqual([]);
  expect(differences(bed, 'revoked')).toEqual([]);
}, 400_000);
