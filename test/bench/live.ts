import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery } from '../../src/sandbox/index.js';
import { eventually } from '../support/eventually.js';
import { deliver, deliverOne, record } from '../support/recorded.js';
import { createWorld, type World } from '../support/world.js';
import { bareLimit } from './bare-limit.js';
import { memoryOf, spread } from './figures.js';

// npm run bench: everything live in one run on the embedded stack, vendors answering after 120 ms. Compare ratios, not machines.

const VENDOR_LATENCY_MS = 120;
const MEMBERS = 1000;
const PACED_SECONDS = 20;

const say = (line = ''): void => void process.stdout.write(`${line}\n`);
let batch = 0;

/** Sign-ups of so many people, as deliveries that are not yet delivered; the members exist in Ghost. */
async function signUps(world: World, count: number): Promise<Delivery[]> {
  batch += 1;
  const prefix = `b${batch}`;
  return record(world.ghost, () => {
    for (let n = 0; n < count; n += 1)
      world.ghost.members.add({ email: `${prefix}-${n}@example.org`, name: `Member ${n}` });
  });
}

const emailOf = ({ body }: Delivery): string =>
  (JSON.parse(body) as { member: { current: { email: string } } }).member.current.email;

/** Delivers at a steady pace; gives each acknowledgement's milliseconds. */
async function paced(world: World, deliveries: readonly Delivery[], perSecond: number): Promise<number[]> {
  const acks: Promise<number>[] = [];
  const begun = performance.now();
  for (const [index, delivery] of deliveries.entries()) {
    await sleep(Math.max(0, begun + (index * 1000) / perSecond - performance.now()));
    acks.push(acknowledged(world, delivery));
  }
  return Promise.all(acks);
}

async function acknowledged(world: World, delivery: Delivery): Promise<number> {
  const begun = performance.now();
  const status = await deliverOne(world.url, world.site, delivery);
  if (status !== 202) throw new Error(`answered ${status}`);
  return performance.now() - begun;
}

async function startWorld(withKey: boolean): Promise<World> {
  const world = await createWorld({ withKey, file: { timeouts: { 'campaign-monitor': '30s' } } });
  world.cm.faults.set({ latencyMs: VENDOR_LATENCY_MS });
  world.ghost.faults.set({ latencyMs: VENDOR_LATENCY_MS });
  await world.program.start();
  // the first writer checks the list and makes its fields
  await deliver(world.url, world.site, await signUps(world, 20));
  await world.settled(60_000);
  return world;
}

async function throughput(world: World): Promise<number> {
  const deliveries = await signUps(world, MEMBERS);
  const known = world.cm.state.list(world.listId)!.subscribers;
  const before = known.size;
  const begun = performance.now();
  await deliver(world.url, world.site, deliveries, 20);
  await eventually(() => known.size >= before + MEMBERS, { withinMs: 300_000, everyMs: 10 });
  return MEMBERS / ((performance.now() - begun) / 1000);
}

/** Milliseconds from sending a delivery to its being stored at the list. */
async function endToEnd(world: World, perSecond: number): Promise<number[]> {
  const deliveries = await signUps(world, perSecond * PACED_SECONDS);
  const sent = new Map<string, number>();
  const begun = performance.now();
  for (const [index, delivery] of deliveries.entries()) {
    await sleep(Math.max(0, begun + (index * 1000) / perSecond - performance.now()));
    sent.set(emailOf(delivery), Date.now());
    void deliverOne(world.url, world.site, delivery);
  }
  await world.settled(60_000);
  const stored = new Map(world.cm.state.writes.map(({ address, at }) => [address, Number(at)]));
  // the stand-in stores at once and answers 120 ms later; the call's whole time counts
  return [...sent].map(([email, at]) => (stored.get(email) ?? Number.NaN) - at + VENDOR_LATENCY_MS);
}

const coldBegun = performance.now();
const world = await startWorld(false);
say(`start with a new data folder, first 20 members pushed   ${((performance.now() - coldBegun) / 1000).toFixed(1)} s`);
await world.program.stop();
const warmBegun = performance.now();
await world.program.start();
say(`start when warm, to ready                               ${((performance.now() - warmBegun) / 1000).toFixed(1)} s`);

const { temporalAddress } = await world.program.info();
const bare = await bareLimit(temporalAddress, MEMBERS);
say(`bare limit: workflow with one empty activity            ${bare.toFixed(1)} a second`);
const rate = await throughput(world);
say(`Steward: ${MEMBERS} members from webhook to list             ${rate.toFixed(1)} a second`);
say(`ratio                                                   ${(rate / bare).toFixed(2)}   (aim 0.8)`);

say(
  `acknowledgement at 50 a second                          ${spread(await paced(world, await signUps(world, 50 * PACED_SECONDS), 50))}   (aim p99 50 ms)`,
);
await world.settled(120_000);
const burst = await signUps(world, 500);
say(
  `acknowledgement in a burst of 500                       ${spread(await Promise.all(burst.map((delivery) => acknowledged(world, delivery))))}   (aim max 500 ms)`,
);
await world.settled(120_000);

say(
  `end to end at 10 a second, webhooks only                ${spread(await endToEnd(world, 10), [0.5, 0.95])}   (aim p50 300 ms)`,
);
for (const { name, mib } of await memoryOf(world.program.pid))
  say(`memory: ${name.padEnd(47)} ${mib.toFixed(0)} MiB   (aim 350)`);
await world.close();

const keyed = await startWorld(true);
say(
  `end to end at 10 a second, re-reading Ghost (120 ms)    ${spread(await endToEnd(keyed, 10), [0.5, 0.95])}   (aim p50 420 ms)`,
);
await keyed.close();
