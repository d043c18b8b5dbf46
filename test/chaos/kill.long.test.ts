import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Delivery, seededRandom } from '../../src/sandbox/index.js';
import { activeList, expectedList, wentBack } from '../support/model.js';
import { deliverOne, record } from '../support/recorded.js';
import { createWorld, type World } from '../support/world.js';

const MEMBERS = 60;
const ROUNDS = 8;
let world: World;

beforeAll(async () => {
  world = await createWorld();
  await world.program.start();
}, 120_000);
afterAll(() => world.close(), 60_000);

test('killed with SIGKILL at random moments, with and without its stores, it loses nothing that it acknowledged', async () => {
  const random = seededRandom(5);
  const { ghost, program } = world;
  const deliveries = await record(ghost, () => {
    const ids = Array.from(
      { length: MEMBERS },
      (_, n) => ghost.members.add({ email: `k${n}@example.org`, name: `Member ${n} version 0` }).id,
    );
    for (let round = 1; round <= ROUNDS; round += 1) {
      ids.forEach((id, n) => {
        if (!(n % 10 === 0 && round === ROUNDS))
          ghost.members.edit(id, { name: `Member ${n} version ${round}`, status: round % 2 === 0 ? 'free' : 'paid' });
        else ghost.members.remove(id);
      });
    }
  });

  const acknowledged: Delivery[] = [];
  let over = false;
  const delivering = (async () => {
    for (const delivery of deliveries) {
      while (!over && (await deliverOne(world.url, world.site, delivery)) !== 202) await sleep(100);
      acknowledged.push(delivery);
      await sleep(20);
    }
  })();
  for (const stores of [false, true, false, true]) {
    await sleep(1_500 + random() * 2_500);
    await program.kill({ stores });
    await program.start();
  }
  await delivering;
  over = true;
  await program.kill({ stores: true });
  await program.start();
  await world.drained(30_000);
  await world.settled(120_000);

  expect(acknowledged).toHaveLength(deliveries.length);
  const rows = await (await world.ledger()).inbox.list({ limit: deliveries.length + 1 });
  expect(rows).toHaveLength(deliveries.length);
  expect(activeList(world)).toEqual(expectedList(acknowledged));
  expect(wentBack(world)).toEqual([]);
}, 300_000);
