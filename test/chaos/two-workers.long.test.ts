import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type { SyncMode } from '../../src/contract/site-sync.js';
import { catchUpWorkflowId, pushWorkflowId, siteSyncWorkflowId } from '../../src/contract/workflow-ids.js';
import type { SyncRun } from '../../src/ledger/runs.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { record } from '../support/recorded.js';
import { storeDeliveries } from '../support/stored.js';
import { createTestbed, type Testbed } from '../support/testbed.js';
import { differences } from '../support/truth.js';

const SITE = 'pair';
const PEOPLE = 5_000;
const ONE_CALL = 1_000;
let bed: Testbed;
let client: Client;
const programs: Program[] = [];

beforeAll(async () => {
  bed = await createTestbed({
    name: 'two_workers',
    sites: [{ name: SITE, withKey: true }],
    file: {
      timeouts: { 'campaign-monitor': '2s', ghost: '2s' },
      rateLimits: { ghost: { perMinute: 100_000, burst: 1000 } },
    },
  });
  client = openClient(bed.stores.temporal);
  bed.ghost(SITE).dropWebhooks(true);
  bed.ghost(SITE).members.importCsv(
    Array.from({ length: PEOPLE }, (_, n) => ({
      email: `p${n}@example.org`,
      name: `Person ${n}`,
      created_at: '2024-05-01T00:00:00.000Z',
    })),
  );
  await bed.startServer();
  await Promise.all([startWorker(), startWorker()]);
}, 120_000);
afterAll(async () => {
  for (const program of programs) await program.stop();
  await client.connection.close();
  await bed.stop();
}, 60_000);

async function startWorker(): Promise<void> {
  const program = new Program({ ...bed.env, LOG_LEVEL: 'info' }, bed.folder);
  programs.push(program);
  await program.start(['--role', 'worker']);
}

/** Kills the worker that carries out the workflow's activity just now. */
async function killWorkerOf(workflowId: string): Promise<void> {
  const holder = await eventually(async () => {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    const identities = (raw.pendingActivities ?? []).map(({ lastWorkerIdentity }) => lastWorkerIdentity ?? '');
    return programs.find(({ pid }) => identities.some((identity) => identity.startsWith(`${pid}@`)));
  });
  programs.splice(programs.indexOf(holder), 1);
  await holder.kill({ stores: false });
}

async function startSync(mode: SyncMode): Promise<() => Promise<SyncRun>> {
  const run = randomUUID();
  const handle = await createStarter(client).startSync({ site: SITE, mode, run, by: 'command' });
  return async () => {
    await handle.result();
    return (await bed.ledger.runs.find(run))!;
  };
}

const pagesAsked = (): number => bed.ghost(SITE).calls.filter(({ path }) => path.includes('id%3A%3E')).length;

/** From the n-th write on so many people were written, nobody more than twice, and twice only whom the call under way was about. */
function expectOnlyOneCallTwice(from: number, people: number): void {
  const times = new Map<string, number>();
  for (const { address } of bed.cm.state.writes.slice(from)) times.set(address, (times.get(address) ?? 0) + 1);
  expect(times.size).toBe(people);
  expect([...times].filter(([, count]) => count > 2)).toEqual([]);
  expect([...times].filter(([, count]) => count > 1).length).toBeLessThanOrEqual(ONE_CALL);
}

test('the worker that writes to the list is killed in the middle of a full sync: the other one goes on', async () => {
  bed.cm.faults.set({ latencyMs: 300, latencyMatch: 'import' });
  const end = await startSync('full');
  await eventually(() => bed.list(SITE).subscribers.size >= 2 * ONE_CALL, { withinMs: 60_000 });
  await killWorkerOf(pushWorkflowId(bed.list(SITE).listId));
  bed.cm.faults.clear();
  const run = await end();
  expect(run).toMatchObject({ result: 'done', first: true, read: PEOPLE });
  expect(run.counts).toMatchObject({ added: PEOPLE, failed: 0 });
  expect(differences(bed, SITE)).toEqual([]);
  expectOnlyOneCallTwice(0, PEOPLE);
  expect(bed.cm.state.automationsQueued).toEqual([]);
}, 200_000);

test('the worker that walks is killed: the other one goes on near where it was', async () => {
  await startWorker();
  const { members } = bed.ghost(SITE);
  const edited = members.ids().filter((_, n) => n % 50 === 0);
  for (const id of edited) members.edit(id, { name: 'Edited' });
  bed.ghost(SITE).faults.set({ latencyMs: 120, latencyMatch: 'id%3A%3E' });
  const [asked, writes] = [pagesAsked(), bed.cm.state.writes.length];
  const end = await startSync('walk');
  await eventually(() => pagesAsked() - asked >= 40, { withinMs: 60_000 });
  await killWorkerOf(siteSyncWorkflowId(SITE));
  bed.ghost(SITE).faults.clear();
  const run = await end();
  expect(run).toMatchObject({ result: 'done', read: PEOPLE, complete: true });
  expect(run.counts).toMatchObject({ updated: edited.length, unchanged: PEOPLE - edited.length, failed: 0 });
  expect(pagesAsked() - asked).toBeLessThan(PEOPLE / 100 + 1 + 35);
  expectOnlyOneCallTwice(writes, edited.length);
  expect(differences(bed, SITE)).toEqual([]);
}, 200_000);

test('the worker that catches up with deliveries is killed: the other one takes over what it held', async () => {
  await startWorker();
  const ghost = bed.ghost(SITE);
  const ids = ghost.members.ids().slice(0, 2_000);
  const edits = await record(ghost, () => {
    for (const id of ids) ghost.members.edit(id, { status: 'paid', name: 'Caught up' });
  });
  ghost.faults.set({ latencyMs: 150, latencyMatch: 'id%3A%5B' });
  for (let n = 0; n < edits.length; n += 500) await storeDeliveries(bed.ledger, SITE, edits.slice(n, n + 500));
  const waiting = async () => (await bed.ledger.status.sites()).find(({ site }) => site === SITE)?.waiting ?? 0;
  await eventually(async () => (await waiting()) < 1_200, { withinMs: 30_000 });
  await killWorkerOf(catchUpWorkflowId(SITE));
  ghost.faults.clear();
  await bed.settled(90_000);
  expect(await bed.ledger.catchUp.running()).toEqual(new Map());
  expect(differences(bed, SITE)).toEqual([]);
  for (const id of [ids[0]!, ids[700]!, ids[1_999]!]) {
    const { transitions, deliveries } = await bed.ledger.history.ofMember(SITE, id);
    expect(transitions.map(({ from, to }) => `${from} ${to}`)).toEqual(['null free', 'free paid']);
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['applied']);
  }
}, 200_000);
