import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { activeList, expectedList } from '../support/model.js';
import { deliver, record } from '../support/recorded.js';
import { createWorld, type World } from '../support/world.js';

let world: World;
let round = 0;

beforeAll(async () => {
  world = await createWorld();
  await world.program.start();
}, 120_000);
afterAll(() => world.close(), 60_000);

/** Sign-ups of so many people, as deliveries. */
function signUps(count: number) {
  round += 1;
  const prefix = `r${round}`;
  return record(world.ghost, () => {
    for (let n = 0; n < count; n += 1)
      world.ghost.members.add({ email: `${prefix}-${n}@example.org`, name: `Member ${n}` });
  });
}

const counts = async () =>
  (await (await world.ledger()).status.sites()).find(({ site }) => site === world.site)?.waiting ?? 0;

test('Temporal is down while 500 deliveries arrive: all are acknowledged, and go through once it is back', async () => {
  const all = await signUps(500);
  // the program itself would start it again at once: it is stopped, not killed
  await world.program.freezeStore('temporal');
  const statuses = await deliver(world.url, world.site, all);
  expect(new Set(statuses)).toEqual(new Set([202]));
  expect(await counts()).toBe(500);
  await world.program.thawStore('temporal');
  await world.settled(120_000);
  expect([...expectedList(all).keys()].filter((address) => !activeList(world).has(address))).toEqual([]);
}, 180_000);

test('Temporal is killed with runs under way: it is started again and everything goes through', async () => {
  const all = await signUps(60);
  const delivering = deliver(world.url, world.site, all, 5);
  await eventually(async () => activeList(world).size > 505);
  await world.program.killStore('temporal');
  expect(new Set(await delivering)).toEqual(new Set([202]));
  await world.settled(120_000);
  expect([...expectedList(all).keys()].filter((address) => !activeList(world).has(address))).toEqual([]);
}, 180_000);

test('Postgres does not answer while deliveries arrive: they are spooled with 202 and go through once it is back', async () => {
  const all = await signUps(80);
  await world.program.freezeStore('postgres');
  const begun = Date.now();
  const statuses = await deliver(world.url, world.site, all, 8);
  // Ghost gives up after two seconds
  expect(Date.now() - begun).toBeLessThan(10_000);
  expect(new Set(statuses)).toEqual(new Set([202]));
  await world.program.thawStore('postgres');
  await eventually(async () => (await (await world.ledger()).inbox.list({ limit: 1000 })).length === 500 + 60 + 80, {
    withinMs: 30_000,
  });
  await world.settled(120_000);
  expect([...expectedList(all).keys()].filter((address) => !activeList(world).has(address))).toEqual([]);
}, 180_000);

test('Postgres is killed while deliveries arrive: it is started again, nothing is lost or doubled', async () => {
  const all = await signUps(80);
  const half = await deliver(world.url, world.site, all.slice(0, 40), 8);
  await world.program.killStore('postgres');
  const other = await deliver(world.url, world.site, all.slice(40), 8);
  expect(new Set([...half, ...other])).toEqual(new Set([202]));
  await eventually(
    async () => (await (await world.ledger()).inbox.list({ limit: 1000 })).length === 500 + 60 + 80 + 80,
    { withinMs: 60_000 },
  );
  await world.settled(120_000);
  expect([...expectedList(all).keys()].filter((address) => !activeList(world).has(address))).toEqual([]);
}, 180_000);

test('Campaign Monitor is down, then up: the audience is shown as paused, nobody is parked, it resumes by itself', async () => {
  const all = await signUps(100);
  world.cm.faults.set({ outage: true });
  await deliver(world.url, world.site, all);
  await world.drained(60_000);
  const pause = await eventually(async () => (await (await world.ledger()).audiences.pauses()).get(world.listId), {
    withinMs: 60_000,
  });
  expect(pause.type).toBe('DestinationDown');
  const health = (await (await fetch(`${world.url}/health`)).json()) as {
    status: string;
    sites: Record<string, { paused: boolean; due: number }>;
  };
  expect(health.status).toBe('degraded');
  expect(health.sites[world.site]).toMatchObject({ paused: true });
  world.cm.faults.clear();
  await world.settled(120_000);
  expect(await (await world.ledger()).parked.list()).toEqual([]);
  expect([...expectedList(all).keys()].filter((address) => !activeList(world).has(address))).toEqual([]);
}, 240_000);
