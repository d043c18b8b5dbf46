import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SiteSyncInput, SyncMode } from '../../src/contract/site-sync.js';
import type { SyncRun } from '../../src/ledger/runs.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { eventually } from '../support/eventually.js';
import { differences } from '../support/truth.js';
import { createWorld, type World } from '../support/world.js';

const PEOPLE = 5_000;
const PAGES = PEOPLE / 100 + 1;
/** Most subscribers in one call: so many may be written again when nobody knows what became of the call. */
const ONE_CALL = 1_000;
/** Found out by missed heartbeats, then a call that may still land is waited for. */
const RESUMED_MS = 120_000;

let world: World;

beforeAll(async () => {
  world = await createWorld({
    withKey: true,
    file: {
      guard: { people: 20, share: 0 },
      schedules: { siteWalk: '31d', siteFull: '31d' },
      timeouts: { 'campaign-monitor': '2s', ghost: '2s' },
      rateLimits: { ghost: { perMinute: 100_000, burst: 1000 } },
    },
  });
  world.ghost.dropWebhooks(true);
  importPeople(0, PEOPLE);
  await world.program.start();
}, 120_000);
afterAll(() => world.close(), 60_000);

/** Signs people up long ago as an import does: without a webhook. */
function importPeople(from: number, to: number): void {
  const rows = Array.from({ length: to - from }, (_, n) => ({
    email: `p${from + n}@example.org`,
    name: `Person ${from + n}`,
    created_at: '2024-05-01T00:00:00.000Z',
  }));
  world.ghost.members.importCsv(rows);
}

/** Starts a run; its end is seen in the ledger, since it outlives the program. */
async function startSync(mode: SyncMode, more: Partial<SiteSyncInput> = {}): Promise<string> {
  const { temporalAddress: address, namespace } = await world.program.info();
  const client = openClient({ address, namespace });
  const run = randomUUID();
  // the one before has written its end, and is about to end
  await eventually(() => createStarter(client).startSync({ site: world.site, mode, run, by: 'command', ...more }));
  await client.connection.close();
  return run;
}

const ended = (run: string, withinMs = RESUMED_MS): Promise<SyncRun> =>
  eventually(
    async () => {
      const found = await (await world.ledger()).runs.find(run);
      if (!found?.endedAt) throw new Error(`run is ${found?.phase}, read ${found?.read}`);
      return found;
    },
    { withinMs, everyMs: 100 },
  );

async function killAndStart(): Promise<void> {
  await world.program.kill({ stores: false });
  world.cm.faults.clear();
  world.ghost.faults.clear();
  await world.program.start();
}

const counts = (run: SyncRun): Record<string, number> => run.counts as Record<string, number>;
const pagesAsked = (): number => world.ghost.calls.filter(({ path }) => path.includes('id%3A%3E')).length;
const list = () => world.cm.state.list(world.listId);
const untrue = (): string[] => differences({ cm: world.cm, ghost: () => world.ghost, list }, world.site);

/** From the n-th write on so many people were written, nobody more than twice, and twice only whom the call under way was about. */
function expectOnlyOneCallTwice(from: number, people: number): void {
  const times = new Map<string, number>();
  for (const { address } of world.cm.state.writes.slice(from)) times.set(address, (times.get(address) ?? 0) + 1);
  expect(times.size).toBe(people);
  expect([...times].filter(([, count]) => count > 2)).toEqual([]);
  expect([...times].filter(([, count]) => count > 1).length).toBeLessThanOrEqual(ONE_CALL);
}

const nobodyWasMailed = (): void => {
  expect(world.cm.state.automationsQueued).toEqual([]);
  expect(world.cm.state.confirmationMails).toEqual([]);
};

test('killed in the middle of a first full sync, it goes on: everybody is on the list, only one call is made twice', async () => {
  world.cm.faults.set({ latencyMs: 300, latencyMatch: 'import' });
  const run = await startSync('full');
  await eventually(() => list().subscribers.size >= 2 * ONE_CALL, { withinMs: 60_000 });
  expect(list().subscribers.size).toBeLessThan(PEOPLE);
  await killAndStart();
  const done = await ended(run);
  expect(done).toMatchObject({ result: 'done', first: true, read: PEOPLE });
  expect(counts(done)).toMatchObject({ added: PEOPLE, failed: 0 });
  expect(untrue()).toEqual([]);
  // what was finished before is not done again
  expect(pagesAsked()).toBe(PAGES);
  expectOnlyOneCallTwice(0, PEOPLE);
  nobodyWasMailed();
}, 240_000);

test('killed in the middle of a walk, it goes on near where it was, misses nobody and finds nobody twice', async () => {
  const { members } = world.ghost;
  const ids = members.ids();
  const edited = ids.filter((_, n) => n % 50 === 0);
  for (const id of edited) members.edit(id, { name: 'Edited' });
  importPeople(PEOPLE, PEOPLE + 100);
  const gone = [ids[1]!, ids[2_501]!, ids[4_901]!];
  members.bulkDelete(gone);
  const [asked, writes] = [pagesAsked(), world.cm.state.writes.length];
  world.ghost.faults.set({ latencyMs: 120, latencyMatch: 'id%3A%3E' });
  const run = await startSync('walk');
  await eventually(() => pagesAsked() - asked >= 40, { withinMs: 60_000 });
  await killAndStart();
  const done = await ended(run);
  expect(done).toMatchObject({ result: 'done', read: PEOPLE + 100 - gone.length, complete: true });
  expect(counts(done)).toMatchObject({ added: 100, updated: edited.length, removed: 0, failed: 0 });
  // heartbeats come every three seconds
  expect(pagesAsked() - asked).toBeLessThan(PAGES + 1 + 35);
  expectOnlyOneCallTwice(writes, edited.length + 100);
  // missed by this walk and by the next one
  expect(counts(await ended(await startSync('walk')))).toMatchObject({ removed: gone.length, added: 0, updated: 0 });
  expect(untrue()).toEqual([]);
  nobodyWasMailed();
}, 240_000);

test('killed in the middle of applying a plan, it takes off and writes just those whom the plan means', async () => {
  const { members } = world.ghost;
  const ids = members.ids();
  members.bulkAddLabel(ids, 'Everybody');
  const gone = ids.filter((_, n) => n % 100 === 50);
  members.bulkDelete(gone);
  // nobody is planned to be taken off whom no walk has missed before
  const plan = await ended(await startSync('full', { dryRun: true }));
  expect(plan).toMatchObject({ result: 'done', planState: 'open' });
  expect(counts(plan)).toMatchObject({ updated: ids.length - gone.length, removed: 0 });
  const writes = world.cm.state.writes.length;
  world.cm.faults.set({ latencyMs: 300, latencyMatch: 'import' });
  const run = await startSync('apply', { plan: plan.id });
  await eventually(() => world.cm.state.writes.length - writes >= 2 * ONE_CALL, { withinMs: 60_000 });
  await killAndStart();
  const done = await ended(run);
  expect(done).toMatchObject({ result: 'done' });
  expect(counts(done)).toMatchObject({ updated: ids.length - gone.length, added: 0, removed: 0, failed: 0 });
  expectOnlyOneCallTwice(writes, ids.length - gone.length);

  expect(await ended(await startSync('walk'))).toMatchObject({ result: 'done' });
  const refused = await ended(await startSync('walk'));
  expect(refused).toMatchObject({ result: 'refused', planState: 'open' });
  const active = () => [...list().subscribers.values()].filter(({ state }) => state === 'Active').length;
  const before = active();
  world.cm.faults.set({ latencyMs: 40 });
  const removing = await startSync('apply', { plan: refused.id });
  await eventually(() => before - active() >= 10, { withinMs: 60_000 });
  await killAndStart();
  const removed = await ended(removing);
  expect(removed).toMatchObject({ result: 'done' });
  expect(counts(removed)).toMatchObject({ removed: gone.length, failed: 0 });
  expect(before - active()).toBe(gone.length);
  expect(untrue()).toEqual([]);
  nobodyWasMailed();
}, 400_000);
