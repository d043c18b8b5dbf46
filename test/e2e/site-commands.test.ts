import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { registerSite } from '../../src/cli/commands/site.js';
import { siteSyncWorkflowId } from '../../src/contract/workflow-ids.js';
import { openClient } from '../../src/temporal/connection.js';
import { eventually } from '../support/eventually.js';
import { type CommandEnd, Program } from '../support/program.js';
import { runHere } from '../support/run-here.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

let bed: Testbed;
let program: Program;
const site = 'cmds';

beforeAll(async () => {
  bed = await createTestbed({
    name: 'site_commands',
    sites: [
      { name: site, withKey: true },
      { name: 'hooks' },
      { name: 'optin', withKey: true, list: { confirmedOptIn: true } },
    ],
    file: { guard: { people: 3, share: 0 } },
  });
  await bed.start();
  program = new Program(bed.env, bed.folder);
});
afterAll(() => bed.stop());

const steward = (...args: string[]) => runHere(registerSite, args, bed);
const read = ({ code, stdout, stderr }: CommandEnd) => ({
  code,
  value: stdout === '' ? undefined : JSON.parse(stdout),
  stdout,
  stderr,
});
const json = async (...args: string[]) => read(await steward(...args, '--json'));
/** Signs people up as an import does: without a webhook. */
const importPeople = (...names: string[]): void => {
  bed.ghost(site).members.importCsv(names.map((name) => ({ email: `${name}@example.org`, name })));
};
const zeroes = {
  read: 0,
  added: 0,
  updated: 0,
  moved: 0,
  removed: 0,
  held: 0,
  unchanged: 0,
  leftAlone: 0,
  failed: 0,
};

describe('a site by its commands', () => {
  const names = Array.from({ length: 30 }, (_, n) => `p${n}`);
  let plan = '';

  test('a dry run tells what would be done, with no address in it, and changes nothing', async () => {
    importPeople(...names);
    bed.cm.state.addByStaff(bed.list(site).listId, 'staff@example.org');
    const { code, value, stdout, stderr } = await json('site', 'sync', site, '--full', '--dry-run');
    expect({ code, value, stderr }).toEqual({
      code: 0,
      stderr: '',
      value: {
        run: value.run,
        scope: site,
        mode: 'full',
        result: 'done',
        counts: { ...zeroes, read: 30, added: 30, leftAlone: 1 },
        plan: value.run,
        seconds: expect.any(Number),
        message: null,
        dryRun: true,
        leftAloneBy: { 'not-a-member': 1 },
        estimate: { calls: 1, seconds: expect.any(Number) },
      },
    });
    expect(stdout).not.toContain('@');
    expect(bed.list(site).subscribers.size).toBe(1);
    plan = value.plan;
  });

  test('a plan can be looked at, person by person only if asked', async () => {
    const brief = await json('site', 'plan', plan);
    expect(brief.value).toMatchObject({ state: 'open', by: 'dry run', counts: { added: 30, removed: 0 } });
    expect(brief.stdout).not.toContain('@');
    const { value } = await json('site', 'plan', plan, '--verbose');
    expect(value.people).toHaveLength(31);
    expect(value.people).toContainEqual(expect.objectContaining({ address: 'p0@example.org', action: 'add' }));
    expect(value.people).toContainEqual(
      expect.objectContaining({ address: 'staff@example.org', action: 'leave', why: 'not-a-member' }),
    );
    const plain = await steward('site', 'plan', plan);
    expect(plain.stdout).toContain(`steward site apply ${plan}`);
    expect(plain.stdout).not.toContain('@');
  });

  test('an applied plan is done once', async () => {
    const { code, value } = await json('site', 'apply', plan);
    expect({ code, value }).toMatchObject({
      code: 0,
      value: { mode: 'apply', result: 'done', counts: { added: 30, failed: 0 }, applied: plan, skipped: 0 },
    });
    expect(value.plan).toBeUndefined();
    expect(await steward('site', 'apply', plan)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('it was applied already'),
    });
  });

  test('a field that differs is shown old and new, with --verbose alone', async () => {
    bed.subscriber(site, 'p1@example.org')!.fields.set('ghost_status', 'gold');
    // slow enough that its progress is seen
    bed.cm.faults.set({ latencyMs: 1200 });
    const { code, stdout, stderr } = await steward('site', 'sync', site, '--dry-run', '--verbose');
    bed.cm.faults.clear();
    expect(code).toBe(0);
    expect(stdout).toContain('ghost_status: "gold" -> "free"');
    expect(stdout).toMatch(/Carrying it out takes 1 call .*\n.*steward site apply/);
    expect(stderr.trim().split('\n')).toEqual(expect.arrayContaining([expect.stringMatching(/^[a-z ]+$/)]));
  });

  test('a full sync in part ends with 3', async () => {
    bed.cm.faults.set({ refuseAddresses: ['refused@example.org'] });
    importPeople('refused');
    const { code, value, stdout } = await json('site', 'sync', site, '--full');
    bed.cm.faults.clear();
    expect({ code, value }).toMatchObject({
      code: 3,
      value: { result: 'partly', counts: { read: 31, updated: 1, failed: 1 }, dryRun: false },
    });
    expect(stdout).not.toContain('@');
  });

  test('a run that the guard stopped ends with 4 and leaves a plan, of which only what still holds is applied', async () => {
    const { members } = bed.ghost(site);
    bed.ghost(site).dropWebhooks(true);
    for (const name of names.slice(0, 5)) members.remove(members.byEmail(`${name}@example.org`)!.id);
    await bed.sync(site, 'walk');
    const refused = await json('site', 'sync', site);
    expect(refused).toMatchObject({ code: 4, value: { result: 'refused', counts: { removed: 0 } } });
    // one of them signs up again meanwhile
    bed.ghost(site).dropWebhooks(false);
    members.add({ email: 'p0@example.org', name: 'p0' });
    await bed.settled();
    const applied = await json('site', 'apply', refused.value.plan, '--verbose');
    expect(applied).toMatchObject({ code: 0, value: { counts: { removed: 4 }, skipped: 1 } });
    expect(applied.value.people).toContainEqual(
      expect.objectContaining({ address: 'p0@example.org', action: 'remove', outcome: 'skipped' }),
    );
    expect(bed.subscriber(site, 'p0@example.org')?.state).toBe('Active');
  });

  test('while a run goes on another is refused and names it, or waits; a cancelled one ends with 1', async () => {
    const client = openClient(bed.stores.temporal);
    bed.ghost(site).faults.set({ latencyMs: 3_000 });
    const first = program.run(['site', 'sync', site, '--json']);
    const running = await eventually(async () => (await bed.ledger.proof.lastRuns(site)).running);
    expect(await steward('site', 'sync', site)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(running!.id),
    });
    const second = program.run(['site', 'sync', site, '--wait', '--json']);
    bed.ghost(site).faults.clear();
    await client.workflow.getHandle(siteSyncWorkflowId(site)).cancel();
    expect(read(await first)).toMatchObject({ code: 1, value: { result: 'failed', message: 'it was cancelled' } });
    expect(read(await second)).toMatchObject({ code: 0, value: { result: 'done', mode: 'walk' } });
    await client.connection.close();
  });

  test('Ctrl-C stops waiting but not the run, and says how to look at it', async () => {
    bed.ghost(site).faults.set({ latencyMs: 1_500 });
    const following = program.spawn(['site', 'sync', site]);
    const running = await eventually(async () => (await bed.ledger.proof.lastRuns(site)).running);
    following.kill('SIGINT');
    expect(await following.ended).toMatchObject({ code: 130, stderr: expect.stringContaining(`site runs ${site}`) });
    bed.ghost(site).faults.clear();
    await eventually(async () => (await bed.ledger.runs.find(running!.id))?.result === 'done');
  });

  test('the site shows how true it is, and its runs', async () => {
    const { value: shown } = await json('site', 'show', site);
    expect(shown).toMatchObject({
      living: 27,
      verdicts: { true: 26, onTheWay: 0, parked: 1, optedOutThere: 0, differs: 0 },
      share: 26 / 27,
      leaving: 0,
      held: 0,
      adoptedAt: expect.any(String),
      last: { readBack: { listRead: 31 }, walk: { result: 'done' }, openPlan: null, running: null },
      next: { walk: { paused: false, at: expect.any(String) }, full: { paused: false } },
      silentWebhooks: [],
    });
    expect(shown.changesFound).toContainEqual({ foundBy: 'full', kind: 'added', day: 31, month: 31 });
    const { value: runs } = await json('site', 'runs', site, '--limit', '2');
    expect(runs).toMatchObject([
      { mode: 'walk', by: 'command', result: 'done' },
      { mode: 'walk', by: 'command', result: 'done' },
    ]);
    const plain = [await steward('site', 'show', site), await steward('site', 'runs')];
    expect(plain.map(({ code }) => code)).toEqual([0, 0]);
    expect(plain.map(({ stdout }) => stdout).join()).not.toContain('@');
  });

  test('who unsubscribed there is listed by month', async () => {
    bed.cm.state.unsubscribe(bed.list(site).listId, 'p9@example.org');
    expect(await json('site', 'sync', site, '--full')).toMatchObject({ value: { leftAloneBy: { 'opted-out': 1 } } });
    const { value } = await json('site', 'opted-out', site);
    expect(value.people).toMatchObject([{ address: 'p9@example.org', state: 'Unsubscribed' }]);
    expect(value.months[0]).toMatchObject({ unsubscribed: 1 });
    expect((await json('site', 'opted-out', site, '--month', '2020-01')).value.people).toEqual([]);
  });
});

test('a first full sync of a double opt-in list is refused until --confirm-opt-in-mails', async () => {
  expect(await json('site', 'sync', 'optin', '--full')).toMatchObject({
    code: 4,
    value: { result: 'refused', message: expect.stringContaining('--confirm-opt-in-mails') },
  });
  expect(await json('site', 'sync', 'optin', '--full', '--confirm-opt-in-mails')).toMatchObject({ code: 0 });
});

test.each([
  [['site', 'sync', 'nowhere'], 2, /There is no site "nowhere"/],
  [['site', 'sync', 'hooks'], 2, /webhooks only; --full/],
  [['site', 'sync', 'optin', '--dry-run', '--confirm-opt-in-mails'], 2, /--dry-run changes nothing/],
  [['site', 'sync', 'optin', '--limit', '0'], 2, /above 0/],
  [['site', 'apply', 'nonsense'], 1, /There is no plan nonsense/],
  [['site', 'plan', '00000000-0000-4000-8000-000000000000'], 1, /There is no plan/],
  [['site', 'opted-out', 'hooks', '--month', '2026-13'], 2, /a month is/],
])('steward %j ends with %i and says what to do', async (args, exitCode, says) => {
  const { code, stdout, stderr } = await steward(...args);
  expect({ code, output: stdout + stderr }).toEqual({ code: exitCode, output: expect.stringMatching(says) });
});
