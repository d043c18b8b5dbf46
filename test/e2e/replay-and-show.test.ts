import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { registerDaemon } from '../../src/cli/commands/daemon.js';
import { registerDelivery } from '../../src/cli/commands/delivery.js';
import { registerMember } from '../../src/cli/commands/member.js';
import { registerQueue } from '../../src/cli/commands/queue.js';
import { type Database, openDatabase } from '../../src/ledger/database.js';
import { openClient } from '../../src/temporal/connection.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { runHere } from '../support/run-here.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

let bed: Testbed;
let program: Program;
let database: Database;
const site = 'shown';
const email = (name: string): string => `${name}@example.org`;

beforeAll(async () => {
  bed = await createTestbed({ name: 'replay_and_show', sites: [{ name: site, withKey: true }, { name: 'hooks' }] });
  await bed.start();
  program = new Program(bed.env, bed.folder);
  database = openDatabase({ connectionString: bed.stores.databaseUrl, poolSize: 2 });
});
afterAll(async () => {
  await database.close();
  await bed.stop();
});

const registers = { member: registerMember, delivery: registerDelivery, queue: registerQueue, daemon: registerDaemon };
/** Runs a command in this process. */
const steward = (args: readonly string[], more: Record<string, string> = {}) =>
  runHere(registers[args[0] as keyof typeof registers], args, { env: { ...bed.env, ...more }, folder: bed.folder });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await steward([...args, '--json']);
  if (stdout === '') throw new Error(`ended with ${code}: ${stderr}`);
  return { code, value: JSON.parse(stdout), stderr };
};
const show = async (who: string, ...more: string[]) => (await json('member', 'show', site, who, ...more)).value;
const audience = (): string => bed.list(site).listId;
const deliveries = () => database.prisma.delivery.findMany({ where: { site }, orderBy: { receivedAt: 'asc' } });

describe('member show', () => {
  test('true: says how we know, and all that happened in one timeline', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('ann'), name: 'Ann' });
    await bed.settled();
    members.edit(id, { status: 'paid', labels: ['VIP'] });
    await bed.settled();
    const shown = await show('ANN@example.org');
    expect(shown).toMatchObject({
      memberId: id,
      holder: id,
      verdict: 'true',
      why: null,
      differences: [],
      said: { email: email('ann'), status: 'paid' },
      expected: { email: email('ann'), fields: { ghost_previous_status: { value: 'free' } } },
      observed: { state: 'Active', by: 'call', outcome: 'confirmed', reading: null },
      proof: expect.stringMatching(/^confirmed by Campaign Monitor's answer to the import at 20/),
    });
    const what = shown.timeline.map((one: { what: string; detail: string }) => `${one.what} ${one.detail}`);
    expect(what.filter((one: string) => one.startsWith('change'))).toEqual([
      'change added, found by webhook',
      'change edited, found by webhook: status free to paid, labels [] to [VIP]',
    ]);
    expect(what).toContain('status free to paid, found by webhook');
    expect(what.filter((one: string) => one === 'push import: confirmed')).toHaveLength(2);
    const plain = await steward(['member', 'show', site, id]);
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringMatching(/Verdict +true\n/) });
  });

  test('true by a full sync: says which run saw it and what', async () => {
    const run = await bed.sync(site, 'full');
    const shown = await show(email('ann'));
    expect(shown).toMatchObject({
      verdict: 'true',
      observed: {
        state: 'Active',
        by: 'full sync',
        reading: { run: run.id, name: 'Ann', fields: { ghost_status: 'paid' } },
      },
      proof: expect.stringMatching(new RegExp(`seen there as Active at .* by full sync ${run.id}, since then`)),
    });
    expect(shown.timeline.at(-1)).toMatchObject({ what: 'seen', run: run.id });
  });

  test('differs: field by field, where a later reading saw something else', async () => {
    const run = randomUUID();
    const at = new Date();
    await database.prisma.syncRun.create({
      data: {
        id: run,
        site,
        audience: audience(),
        mode: 'full',
        dryRun: false,
        startedBy: 'command',
        endedAt: at,
        result: 'done',
        phase: 'pushing',
      },
    });
    const row = { runId: run, email: email('ann'), name: 'Ann', state: 'Active', stateDate: '', observedAt: at };
    const fields = {
      ghost_status: 'free',
      ghost_previous_status: 'free',
      ghost_labels: 'VIP',
      ghost_email_enabled: 'true',
    };
    await database.prisma.observation.create({ data: { ...row, address: email('ann'), fields } });
    expect(await show(email('ann'))).toMatchObject({
      verdict: 'differs',
      why: expect.stringContaining('ghost_status'),
      differences: expect.arrayContaining([{ field: 'ghost_status', from: 'free', to: 'paid' }]),
    });
    await database.prisma.syncRun.delete({ where: { id: run } });
    await database.prisma.observation.deleteMany({ where: { runId: run } });
  });

  test('opted out there: with the list’s date and when we learned of it', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('out'), name: 'Out' });
    await bed.settled();
    bed.cm.state.unsubscribe(audience(), email('out'));
    await bed.sync(site, 'full');
    const shown = await show(id);
    expect(shown).toMatchObject({
      verdict: 'opted out there',
      why: 'the list says Unsubscribed',
      optedOut: [{ address: email('out'), state: 'Unsubscribed', listDate: expect.stringMatching(/^20/) }],
    });
    expect(shown.timeline).toContainEqual(expect.objectContaining({ what: 'opted out there' }));
  });

  test('on the way while the list is paused, parked when it refuses, and true as it was before', async () => {
    const { members } = bed.ghost(site);
    const { id } = members.add({ email: email('ben'), name: 'Ben' });
    await bed.settled();
    bed.cm.faults.set({ refuseAddresses: [email('ben')], latencyMs: 700 });
    const before = new Date();
    members.edit(id, { name: 'Benjamin' });
    await bed.ghost(site).settled();
    const shown = await eventually(async () => {
      const now = await show(email('ben'));
      return now.said.name === 'Benjamin' && now;
    });
    expect(shown).toMatchObject({ verdict: 'on the way', why: expect.stringMatching(/push is due|delivery waits/) });
    await eventually(async () => (await bed.ledger.parked.list({ site })).length === 1);
    bed.cm.faults.set({ latencyMs: 0 });
    expect(await show(email('ben'))).toMatchObject({
      verdict: 'parked',
      why: expect.stringContaining('AddressRefused'),
      expected: { name: 'Benjamin' },
    });
    expect(await show(email('ben'), '--at', before.toISOString())).toMatchObject({
      at: before.toISOString(),
      verdict: 'true',
      said: { name: 'Ben' },
      expected: { name: 'Ben' },
      parked: null,
    });
    const changed = (await show(email('ben'))).timeline.findLast((one: { what: string }) => one.what === 'change');
    expect(await show(email('ben'), '--at', changed.at)).toMatchObject({
      verdict: 'on the way',
      expected: { name: 'Benjamin' },
    });
    expect(await show(email('ben'), '--at', '2020-01-01')).toMatchObject({
      verdict: 'unknown',
      expected: null,
      timeline: [],
    });
  });

  test('several ids on one address: says which one holds it, and a former address still finds its member', async () => {
    const { members } = bed.ghost(site);
    const first = members.add({ email: email('twice'), name: 'First' });
    await bed.settled();
    members.remove(first.id);
    await bed.settled();
    const second = members.add({ email: email('twice'), name: 'Second' });
    await bed.settled();
    expect(await show(email('twice'))).toMatchObject({ memberId: second.id, holder: second.id, otherIds: [first.id] });
    expect(await show(first.id)).toMatchObject({
      memberId: first.id,
      holder: second.id,
      verdict: 'true',
      expected: { name: 'Second' },
      said: { deletedAt: expect.any(String) },
    });
    members.edit(second.id, { email: email('moved') });
    await bed.settled();
    expect(await show(second.id)).toMatchObject({ address: email('moved'), verdict: 'true', otherIds: [] });
  });
});

describe('delivery replay', () => {
  const replay = (...args: string[]) => json('delivery', 'replay', '--site', site, ...args);

  test('a dry run tells how many and changes nothing', async () => {
    const before = await deliveries();
    const { code, value } = await replay('--from', '1h', '--dry-run', '--rate', '2');
    const members = new Set(before.map(({ memberId }) => memberId)).size;
    expect({ code, value }).toMatchObject({
      code: 0,
      value: {
        dryRun: true,
        selected: before.length,
        members,
        rate: 2,
        seconds: members / 2,
        sites: { [site]: before.length },
      },
    });
    expect(await deliveries()).toEqual(before);
  });

  test('is done to the end, harmless after the list lost somebody, and as harmless twice', async () => {
    bed.list(site).subscribers.delete(email('ann'));
    const calls = bed.cm.calls.length;
    const facts = () => database.prisma.memberChange.count();
    const changes = await facts();
    for (const times of [1, 2]) {
      const { code, value } = await replay('--from', '1h', '--state', 'done');
      expect(value).toMatchObject({ selected: value.replayed, interrupted: false, parked: 1 });
      expect(Object.values<number>(value.outcomes).reduce((sum, count) => sum + count, 0)).toBe(value.selected);
      // Ben is parked still
      expect(code).toBe(3);
      expect((await deliveries()).every(({ state, replays }) => state === 'done' && replays === times)).toBe(true);
    }
    expect(await facts()).toBe(changes);
    expect(bed.cm.calls.slice(calls).filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(await show(email('ann'))).toMatchObject({
      timeline: expect.arrayContaining([expect.objectContaining({ what: 'replay' })]),
    });
  });

  test('of the parked: they are looked at again and go on where something changed meanwhile', async () => {
    bed.cm.faults.clear();
    const { members } = bed.ghost(site);
    bed.ghost(site).dropWebhooks(true);
    members.edit((await show(email('ben'))).memberId, { name: 'Benny' });
    await bed.ghost(site).settled();
    bed.ghost(site).dropWebhooks(false);
    const { code, value } = await replay('--error', 'addressrefused');
    expect({ code, value }).toMatchObject({ code: 0, value: { members: 1, parked: 0 } });
    expect(bed.subscriber(site, email('ben'))?.name).toBe('Benny');
    expect(await show(email('ben'))).toMatchObject({ verdict: 'true' });
  });

  test('Ctrl-C stops the waiting, not the work', async () => {
    const command = program.spawn(['delivery', 'replay', '--site', site, '--from', '1h', '--rate', '2', '--json']);
    await eventually(async () => (await deliveries()).some(({ state }) => state === 'waiting'));
    command.kill('SIGINT');
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining('the replay goes on') });
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, outcomes: { waiting: expect.any(Number) } });
    await bed.settled();
  });

  test('says what is wrong with what it was told', async () => {
    const cases: [string[], RegExp][] = [
      [['delivery', 'replay', '--to', '1h'], /Say which: --from/],
      [['delivery', 'replay', '--state', 'gone'], /Allowed choices/],
      [['delivery', 'replay', '--site', 'nowhere'], /no site "nowhere"/],
      [['member', 'show', site, 'x', '--at', 'then-ish'], /2026-11-22T10:00Z/],
    ];
    for (const [args, says] of cases)
      expect(await steward(args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
  });
});

describe('queue and schedules', () => {
  test('queue tells rates, estimates, what is caught up with and which syncs run', async () => {
    const run = randomUUID();
    await database.prisma.syncRun.create({
      data: {
        id: run,
        site,
        audience: audience(),
        mode: 'walk',
        dryRun: false,
        startedBy: 'command',
        phase: 'reading members',
        read: 7,
      },
    });
    const since = new Date();
    await database.prisma.site.upsert({
      where: { site: 'hooks' },
      create: { site: 'hooks', catchUpSince: since, catchUpSeenAt: since },
      update: { catchUpSince: since, catchUpSeenAt: since },
    });
    const { value } = await json('queue');
    expect(value).toMatchObject({
      sites: [
        { site, waiting: 0, catchingUpSince: null, ratePerMinute: expect.any(Number), estimateSeconds: 0 },
        { site: 'hooks', ratePerMinute: 0, catchingUpSince: since.toISOString() },
      ],
      syncs: [{ site, run, mode: 'walk', phase: 'reading members', read: 7 }],
    });
    expect(value.sites[0].ratePerMinute).toBeGreaterThan(0);
    expect(
      value.audiences.find((one: { audience: string }) => one.audience === audience()).ratePerMinute,
    ).toBeGreaterThan(0);
    const plain = await steward(['queue']);
    expect(plain.stdout).toMatch(/catching up since/);
    expect(plain.stdout).toMatch(/walk +shown +reading members +7/);
    await database.prisma.syncRun.delete({ where: { id: run } });
    await bed.ledger.catchUp.end('hooks');
  });

  test('daemon schedule lists what is set, paused or not', async () => {
    const client = openClient(bed.stores.temporal);
    await client.schedule.getHandle(`site-walk/${site}`).pause('for the test');
    const ours = await eventually(async () => {
      const { value } = await json('daemon', 'schedule');
      const found = value.filter((one: { site: string }) => one.site === site || one.site === 'hooks');
      return found.length === 3 && found.some((one: { paused: boolean }) => one.paused) && found;
    });
    await client.connection.close();
    expect(ours).toMatchObject([
      {
        schedule: 'site-full/hooks',
        mode: 'full',
        everySeconds: 31 * 86_400,
        paused: false,
        next: expect.stringMatching(/^20/),
      },
      { schedule: `site-full/${site}`, paused: false, lastRun: null },
      { schedule: `site-walk/${site}`, paused: true, note: 'for the test' },
    ]);
  });

  test('daemon schedule says so when Temporal does not answer', async () => {
    expect(await steward(['daemon', 'schedule'], { TEMPORAL_ADDRESS: '127.0.0.1:1' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Temporal at 127.0.0.1:1 does not answer/),
    });
  });
});
