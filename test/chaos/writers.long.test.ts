import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

const SITE = 'writers';
const FROZEN_MS = 180_000;
let bed: Testbed;
const programs: Program[] = [];

beforeAll(async () => {
  bed = await createTestbed({
    name: 'writers',
    sites: [{ name: SITE }],
    file: { timeouts: { 'campaign-monitor': '8s' } },
  });
  await bed.startServer();
}, 60_000);
afterAll(async () => {
  for (const program of programs) await program.stop();
  await bed.stop();
}, 60_000);

async function startWorker(): Promise<Program> {
  const program = new Program({ ...bed.env, LOG_LEVEL: 'info' }, bed.folder);
  programs.push(program);
  await program.start(['--role', 'worker']);
  return program;
}

const writesOf = (address: string): string[] =>
  bed.cm.state.writes.filter((write) => write.address === address).map(({ name }) => name);
/** An import is stored, and its answer still on the way. */
const isAnswering = (name: string): boolean => bed.cm.state.writes.at(-1)?.name === name;

test('the worker is killed between a vendor call and its outcome: the next one neither loses the newer value nor writes an older one after it', async () => {
  const { members } = bed.ghost(SITE);
  const first = await startWorker();
  const { id } = members.add({ email: 'killed@example.org', name: 'Version 1' });
  await bed.settled(60_000);
  bed.cm.faults.set({ latencyMs: 5_000, latencyMatch: 'import' });
  members.edit(id, { name: 'Version 2' });
  await eventually(() => isAnswering('Version 2'));
  await first.kill({ stores: false });
  members.edit(id, { name: 'Version 3' });
  bed.cm.faults.clear();
  await startWorker();
  await bed.settled(120_000);
  expect(bed.subscriber(SITE, 'killed@example.org')?.name).toBe('Version 3');
  const names = writesOf('killed@example.org');
  expect(names).toEqual([...names].sort());
}, 200_000);

test('a worker that is frozen for three minutes in the middle of a push is superseded; what it then ends late is pushed again', async () => {
  const { members } = bed.ghost(SITE);
  const frozen = programs.at(-1)!;
  const { id } = members.add({ email: 'frozen@example.org', name: 'Version 1' });
  await bed.settled(60_000);
  bed.cm.faults.set({ latencyMs: 3_000, latencyMatch: 'import' });
  members.edit(id, { name: 'Version 2' });
  await eventually(() => isAnswering('Version 2'));
  frozen.signal('SIGSTOP');
  const thaw = sleep(FROZEN_MS);
  bed.cm.faults.clear();
  await startWorker();
  members.edit(id, { name: 'Version 3' });
  await eventually(() => bed.subscriber(SITE, 'frozen@example.org')?.name === 'Version 3', { withinMs: 120_000 });
  // others do not wait for it
  members.add({ email: 'meanwhile@example.org', name: 'Meanwhile' });
  await eventually(() => bed.subscriber(SITE, 'meanwhile@example.org'), { withinMs: 30_000 });
  await thaw;
  members.edit(id, { name: 'Version 4' });
  frozen.signal('SIGCONT');
  await eventually(() => bed.subscriber(SITE, 'frozen@example.org')?.name === 'Version 4', { withinMs: 60_000 });
  await bed.settled(120_000);
  expect(bed.subscriber(SITE, 'frozen@example.org')?.name).toBe('Version 4');
  const names = writesOf('frozen@example.org');
  expect(names).toEqual([...names].sort());
}, 400_000);
