import { afterAll, beforeAll, expect, test } from '@jest/globals';
import proto from '@temporalio/proto';
import { type SandboxClassy, startClassy } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { eventually } from '../support/eventually.js';
import { createWorld, type World } from '../support/world.js';

const MARK = 'Xyzzyperson';
const ADDRESS = 'xyzzy.person';
const ORGANIZATION = { id: 34, name: 'Marked', clientId: `${MARK}-client`, clientSecret: `${MARK}-secret` };
let world: World;
let classy: SandboxClassy;

beforeAll(async () => {
  classy = await startClassy({ organizations: [ORGANIZATION] });
  const urls = { CLASSY_API_URL: classy.url, CLASSY_TOKEN_URL: classy.tokenUrl };
  world = await createWorld({ withKey: true, variables: { LOG_LEVEL: 'trace', ...urls } });
  await world.program.start();
  world.connectWebhooks();
}, 120_000);
afterAll(async () => {
  await world.close();
  await classy.close();
}, 60_000);

/** Every payload of a history, decoded. */
function decoded(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Uint8Array ? Buffer.from(inner).toString('utf8') : inner,
  );
}

/** A marked organization: donors, a record that cannot be stored, credentials that are refused for a while. */
async function syncOrganization(): Promise<string> {
  const { program } = world;
  const books = classy.organization(ORGANIZATION.id);
  const donor = books.supporters.put({
    email_address: `${ADDRESS}.donor@example.org`,
    first_name: MARK,
    last_name: MARK,
  });
  books.gift({ supporter: Number(donor.id), amount: 25, comment: MARK, member_name: MARK });
  books.transactions.put({ total_gross_amount: MARK, comment: MARK, supporter_id: donor.id });
  const { id: organizationId, ...entry } = ORGANIZATION;
  const added = await program.run(['organization', 'add', '--from', '-'], JSON.stringify({ ...entry, organizationId }));
  expect(added).toMatchObject({ code: 0 });
  const synced = await program.run(['sync', 'all', 'full', '--json']);
  expect(synced).toMatchObject({ code: 3 });
  classy.revokeClient(ORGANIZATION.id);
  const waiting = program.run(['sync', 'supporters']);
  await eventually(async () => (await (await world.ledger()).organizations.find('34'))?.pause, { withinMs: 60_000 });
  const paused = await program.run(['organization', 'show', '34']);
  classy.restoreClient(ORGANIZATION.id);
  const aside = await program.run(['organization', 'set-aside', '34']);
  return [added, synced, await waiting, paused, aside].map(({ stdout, stderr }) => stdout + stderr).join('\n');
}

test('no history, log line or metric names a person, whatever happens to them', async () => {
  const { ghost, cm, listId, program } = world;
  const email = (n: string): string => `${ADDRESS}.${n}@example.org`;
  // the happy path, a move, a removal and a return
  const a = ghost.members.add({ email: email('a'), name: `${MARK} A`, labels: [`${MARK}label`] });
  await ghost.settled();
  ghost.members.edit(a.id, { email: email('a2') });
  await ghost.settled();
  await world.settled(60_000);
  ghost.members.remove(a.id);
  await ghost.settled();
  await world.settled(60_000);
  ghost.members.add({ email: email('a2'), name: `${MARK} again` });
  // refused, opted out, failing calls, outages of both sides, bad input
  cm.faults.set({ refuseAddresses: [email('refused')], failEvery: { nth: 7, status: 500 } });
  const refused = ghost.members.add({ email: email('refused'), name: `${MARK} refused` });
  const c = ghost.members.add({ email: email('c'), name: `${MARK} C` });
  await ghost.settled();
  await eventually(async () => (await (await world.ledger()).parked.list()).length === 1, { withinMs: 60_000 });
  cm.faults.set({ failEvery: null });
  await eventually(() => cm.state.subscriber(listId, email('c')), { withinMs: 60_000 });
  cm.state.unsubscribe(listId, email('c'));
  ghost.members.edit(c.id, { name: `${MARK} changed` });
  ghost.faults.set({ failEvery: { nth: 2, status: 500 } });
  ghost.members.edit(refused.id, { name: `${MARK} still refused` });
  await ghost.settled();
  ghost.faults.set({ failEvery: null, html: true });
  ghost.members.edit(c.id, { name: `${MARK} once more` });
  await ghost.settled();
  await eventually(async () => (await (await world.ledger()).sites.pauses()).size === 1, { withinMs: 60_000 });
  ghost.faults.clear();
  await fetch(`${world.url}/webhook/ghost/${world.site}?event=member.added`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ member: { current: { email: email('bad'), name: MARK }, previous: {} } }),
  });
  await fetch(`${world.url}/webhook/ghost/${encodeURIComponent(email('site'))}?event=${MARK}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{',
  });
  await world.settled(120_000);
  const classyCommands = await syncOrganization();

  const metrics = await (await fetch(`${world.url}/metrics`)).text();
  const health = await (await fetch(`${world.url}/health`)).text();
  const info = await program.info();
  const client = openClient({ address: info.temporalAddress, namespace: info.namespace });
  const histories: string[] = [];
  for await (const run of client.workflow.list()) {
    const handle = client.workflow.getHandle(run.workflowId, run.runId);
    const { History } = proto.temporal.api.history.v1;
    histories.push(
      decoded(History.toObject(History.create(await handle.fetchHistory()))),
      decoded((await handle.describe()).raw),
    );
  }
  await client.connection.close();
  const parkedJson = (await program.run(['parked', 'list', '--json'])).stdout;

  expect(histories.length).toBeGreaterThan(10);
  expect(program.output).toContain('Steward is ready');
  const places = { histories: histories.join('\n'), log: program.output, metrics, health, parkedJson, classyCommands };
  for (const [place, text] of Object.entries(places)) {
    const found = [MARK, ADDRESS].flatMap((mark) =>
      text
        .split('\n')
        .filter((line) => line.toLowerCase().includes(mark.toLowerCase()))
        .slice(0, 2),
    );
    expect({ place, found }).toEqual({ place, found: [] });
  }
}, 300_000);
