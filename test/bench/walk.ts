import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncCounts, SyncRun } from '../../src/ledger/runs.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { createGhostClient } from '../../src/vendors/ghost/client.js';
import { deliver, record } from '../support/recorded.js';
import { createWorld, type World } from '../support/world.js';
import { memoryOf } from './figures.js';

// Walks, a first migration, a full sync and catching up on stand-ins that answer as slowly as the vendors do.

const MEMBERS = Number(process.env['BENCH_MEMBERS'] ?? 50_000);
const FEW = MEMBERS / 10;
const WAITING = 5_000;
const GHOST_MS = 100;
const CM_MS = 120;
const PAGE = 100;
const BATCH = 1_000;
/** Pages that an empty list is read in: five states and the client's suppression list. */
const STATES = 6;
/** Finding the client that owns the list. */
const CLIENT = 2;
/** Looking at the list's settings, fields and figures, making the fields, and asking whether it is double opt-in. */
const CHECK = 3 + 7 + 1;

const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const tell = (what: string, figure: string): void => say(`${what.padEnd(56)} ${figure}`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** One run with its time, the calls it made and the most memory the workers held. */
interface Measured {
  run: SyncRun;
  counts: SyncCounts;
  ms: number;
  ghostCalls: number;
  listCalls: number;
  mib: number;
}

/** A site with so many members, of whom no webhook told, and an empty list. */
async function startWorld(members: number): Promise<World> {
  const world = await createWorld({
    withKey: true,
    file: { timeouts: { 'campaign-monitor': '30s' }, schedules: { siteWalk: '31d', siteFull: '31d' } },
  });
  world.ghost.faults.set({ latencyMs: GHOST_MS });
  world.cm.faults.set({ latencyMs: CM_MS });
  const labels = ['Reader', 'Newsletter'];
  world.ghost.members.importCsv(
    Array.from({ length: members }, (_, n) => ({ email: `person-${n}@example.org`, name: `Person ${n}`, labels })),
  );
  await world.program.start();
  return world;
}

/** Runs one sync and measures it from outside. */
async function measure(world: World, mode: 'walk' | 'full'): Promise<Measured> {
  const { temporalAddress } = await world.program.info();
  const client = openClient({ address: temporalAddress, namespace: 'default' });
  const [ghostBefore, listBefore] = [world.ghost.calls.length, world.cm.calls.length];
  const memory = watchMemory(world);
  const begun = performance.now();
  const run = randomUUID();
  const handle = await createStarter(client).startSync({ site: world.site, mode, run, by: 'command' });
  await handle.result();
  const ms = performance.now() - begun;
  await client.connection.close();
  const noted = (await (await world.ledger()).runs.find(run))!;
  return {
    run: noted,
    counts: noted.counts as SyncCounts,
    ms,
    ghostCalls: world.ghost.calls.length - ghostBefore,
    listCalls: world.cm.calls.length - listBefore,
    mib: await memory(),
  };
}

/** Looks at the workers' resident memory until asked for the most that it was. */
function watchMemory(world: World): () => Promise<number> {
  let [mib, isDone] = [0, false];
  const watching = (async () => {
    while (!isDone) {
      const [worker] = await memoryOf(world.program.pid);
      mib = Math.max(mib, worker?.mib ?? 0);
      await sleep(200);
    }
  })();
  return async () => {
    isDone = true;
    await watching;
    return mib;
  };
}

/** The time of Ghost's own pages, read one after another by a client that does nothing else. */
async function bareWalk({ ghost: { url, adminApiKey } }: World): Promise<number> {
  const ghost = createGhostClient({ url, adminApiKey, timeoutMs: 30_000 });
  const begun = performance.now();
  for (let after: string | undefined; ; ) {
    const { members } = await ghost.membersAfter(after);
    if (members.length === 0) return performance.now() - begun;
    after = members.at(-1)!.id;
  }
}

/** Deliveries of members that pile up while nothing takes them, then how fast they are caught up with. */
async function catchUp(world: World): Promise<number> {
  const deliveries = await record(world.ghost, () => {
    for (let n = 0; n < WAITING; n += 1) world.ghost.members.add({ email: `late-${n}@example.org`, name: `Late ${n}` });
  });
  await world.program.freezeStore('temporal');
  await deliver(world.url, world.site, deliveries, 40);
  const begun = performance.now();
  await world.program.thawStore('temporal');
  await world.settled(300_000);
  return WAITING / ((performance.now() - begun) / 1000);
}

const rate = (members: number, ms: number): string =>
  `${seconds(ms)}, ${(members / (ms / 1000)).toFixed(0)} members a second`;
const calls = (made: number, least: number): string =>
  `${made} calls, least possible ${least}: ${(made / least).toFixed(2)}`;

const small = await startWorld(FEW);
const smallFirst = await measure(small, 'full');
const smallWalk = await measure(small, 'walk');
await small.close();

const world = await startWorld(MEMBERS);
const first = await measure(world, 'full');
tell(`first migration of ${MEMBERS}`, `${rate(MEMBERS, first.ms)} (aim 500)`);
tell('', `${first.run.result}, added ${first.counts.added}`);
tell('  Ghost', calls(first.ghostCalls, MEMBERS / PAGE));
// an empty list still has six kinds of pages, and the client of the list is asked for
tell('  Campaign Monitor', calls(first.listCalls, MEMBERS / BATCH + STATES + CLIENT + CHECK));

const bareMs = await bareWalk(world);
const walk = await measure(world, 'walk');
tell(`walk of ${MEMBERS} without changes`, rate(MEMBERS, walk.ms));
tell("  Ghost's pages alone", seconds(bareMs));
tell('  ratio', `${(walk.ms / bareMs).toFixed(2)} (aim at most 1.3)`);
tell('  Ghost', calls(walk.ghostCalls, MEMBERS / PAGE));

const ids = world.ghost.members.ids();
world.ghost.members.bulkAddLabel(ids.slice(0, MEMBERS / 100), 'Changed');
const full = await measure(world, 'full');
tell(`full sync of ${MEMBERS}, 1 % changed`, `${rate(MEMBERS, full.ms)}, updated ${full.counts.updated}`);
tell('  Ghost', calls(full.ghostCalls, MEMBERS / PAGE));
tell('  Campaign Monitor', calls(full.listCalls, MEMBERS / BATCH + STATES - 1 + CLIENT + 1));

tell(`catching up with ${WAITING} waiting deliveries`, `${(await catchUp(world)).toFixed(0)} a second (aim 300)`);

tell(`memory of the workers at ${FEW} / ${MEMBERS}`, '');
tell('  first migration', `${smallFirst.mib.toFixed(0)} / ${first.mib.toFixed(0)} MiB`);
tell('  walk', `${smallWalk.mib.toFixed(0)} / ${walk.mib.toFixed(0)} MiB`);
await world.close();
