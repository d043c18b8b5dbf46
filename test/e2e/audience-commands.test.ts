import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { registerAudience } from '../../src/cli/commands/audience.js';
import { registerSchedule } from '../../src/cli/commands/daemon-schedule.js';
import { registerDoctor } from '../../src/cli/commands/doctor.js';
import { registerHealth } from '../../src/cli/commands/health.js';
import { registerOrganization } from '../../src/cli/commands/organization.js';
import { registerQueue } from '../../src/cli/commands/queue.js';
import { registerSite } from '../../src/cli/commands/site.js';
import { sealCredentials } from '../../src/cli/credentials.js';
import { sandboxAudienceId as audience, sandboxMailchimpKey } from '../../src/sandbox/index.js';
import { createMailchimpBed, daysAgo, type MailchimpBed, ORGANIZATION } from '../support/mailchimp-bed.js';
import { runHere } from '../support/run-here.js';

let world: MailchimpBed;

beforeAll(async () => {
  world = await createMailchimpBed({
    name: 'audience_commands',
    file: { guard: { people: 1, share: 0 } },
    variables: {
      SITE1_NAME: 'main',
      SITE1_GHOST_WEBHOOK_SECRET: 'a-secret-of-the-test',
      SITE1_CM_LIST_ID: 'list-of-main',
    },
  });
});
afterAll(() => world?.stop());

const register = (program: Command): void => {
  for (const one of [
    registerAudience,
    registerDoctor,
    registerHealth,
    registerOrganization,
    registerQueue,
    registerSite,
  ])
    one(program);
  registerSchedule(program.command('daemon'));
};
const steward = (...args: string[]) => runHere(register, args, world.bed);
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await steward(...args, '--json');
  return { code, stderr, value: stdout === '' ? undefined : JSON.parse(stdout) };
};
const zeroes = { moved: 0, removed: 0, held: 0, unchanged: 0, leftAlone: 0, failed: 0 };
const tags = (email: string): string[] => [...(world.audience.member(email)?.tags ?? [])].sort();
let plan = '';

describe('before the first sync', () => {
  test('the list says whose each audience is and what it waits for; nobody calls that an illness', async () => {
    const { value } = await json('audience', 'list');
    expect(value).toMatchObject([
      { audience: 'list-of-main', site: 'main', organization: null, destination: 'campaign-monitor' },
      {
        ...{ audience, site: null, organization: { id: ORGANIZATION, name: 'Organization 34' }, last: null },
        ...{ destination: 'mailchimp', adoptedAt: null, paused: null, misconfigured: null },
        waitsFor: `steward audience sync ${audience} --dry-run`,
      },
    ]);
    const { stdout } = await steward('audience', 'list');
    expect(stdout).toMatch(/a1b2c3d4e5 +34 \(Organization 34\) +mailchimp .* never +waits for its first sync/);
    const waits = `waits for its first sync: steward audience sync ${audience} --dry-run`;
    expect(stdout).toContain(waits);
    expect((await steward('organization', 'show', ORGANIZATION)).stdout.match(/waits for .*/g)).toEqual([waits]);
    const health = (await json('health')).value.organizations[ORGANIZATION];
    expect(health).toMatchObject({ status: 'ok', audience: { audience, paused: false, lastSync: null } });
    expect(health.audience.firstSync).toBe(`waits for: steward audience sync ${audience} --dry-run`);
  });

  test('a plan of some people says whom it covers, where it is made, shown and applied; the first sync is left to do', async () => {
    await world.give([
      { id: 9, email: 'amy@readers.org' },
      { id: 10, email: 'zoe@readers.org', optIn: false },
    ]);
    const { stdout } = await steward('audience', 'sync', '--dry-run', '--limit', '1');
    expect(stdout).toMatch(/ 2 {2}donors read\n/);
    const due = 'This plan covers only the one person who was compared, up to its --limit.';
    expect(stdout).toMatch(
      /To do exactly this.*\nThis plan covers only the one person .* first sync still has to be done/,
    );
    const [, limited = ''] = /steward audience apply (\S+)/.exec(stdout) ?? [];
    expect((await json('audience', 'plan', limited)).value.limited).toEqual({ people: 1, firstSyncIsDue: true });
    expect((await steward('audience', 'plan', limited)).stdout).toContain(due);
    const { code, stderr } = await steward('audience', 'apply', limited);
    expect(code).toBe(0);
    expect(stderr).toContain(`${due} The first sync of ${audience} (MailChimp) still has to be done`);
    expect(stderr).toMatch(/\nTags are given person by person/);
    expect(stderr).not.toContain('This is the first sync');
    expect((await json('audience', 'list')).value[1].waitsFor).not.toBeNull();
  });

  test('a dry run tells people, tags, calls and time, changes nothing and leaves a plan', async () => {
    world.audience.addByStaff('sue@readers.org', {
      mergeFields: { FNAME: 'Sue' },
      tags: ['VIP', 'Classy-Small Donor'],
    });
    await world.give([
      { id: 1, email: 'ann@readers.org', first: 'Ann', gifts: [{ amount: 1200, at: daysAgo(10) }] },
      { id: 2, email: 'sue@readers.org', first: 'Sue' },
      { id: 3, email: 'bob@example.com' },
      { id: 4, email: 'no@readers.org', optIn: false },
    ]);
    const { code, value, stderr } = await json('audience', 'sync', '--dry-run');
    plan = value.plan;
    expect({ code, value }).toEqual({
      code: 0,
      value: {
        ...{ run: plan, plan, scope: audience, mode: 'full', result: 'done', dryRun: true, message: null },
        counts: { ...zeroes, read: 6, added: 2, updated: 1, unchanged: 1, leftAlone: 2 },
        seconds: expect.any(Number),
        leftAloneBy: { withheld: 2 },
        withheldBy: { consent: 2, address: 0 },
        outcomes: [],
        tags: {
          'Classy-$1K+ Lifetime': { given: 1, taken: 0 },
          'Classy-Major Donor': { given: 1, taken: 0 },
          'Classy-One-Time Donor': { given: 1, taken: 0 },
          'Classy-Prospect': { given: 2, taken: 0 },
          'Classy-Recent Donor': { given: 1, taken: 0 },
          'Classy-Small Donor': { given: 0, taken: 1 },
        },
        // a batch and three people; with segments six tags
        estimate: { calls: 4, seconds: expect.any(Number) },
        estimateFast: { calls: 7, seconds: expect.any(Number) },
      },
    });
    expect(stderr).not.toContain('first sync');
    expect(world.audience.members().map(({ email }) => email)).toEqual(['amy@readers.org', 'sue@readers.org']);
    expect(tags('sue@readers.org')).toEqual(['Classy-Small Donor', 'VIP']);
  });

  test('the plan is shown field by field and tag by tag, by the command of audiences alone', async () => {
    const { stdout } = await steward('audience', 'plan', plan, '--verbose');
    expect(stdout).toMatch(/ {2}add {5}ann@readers\.org {2}\+Classy-/);
    expect(stdout).toMatch(
      /update {2}sue@readers\.org {2}.*TOTALAMT: "" -> "0".*-Classy-Small Donor; \+Classy-Prospect/,
    );
    expect(stdout).toMatch(/no@readers\.org {2}have not said yes in Classy/);
    expect(stdout).toMatch(/It is quiet: tags go person by person.*\nOpen until .*: steward audience apply/);
    expect((await json('audience', 'plan', plan)).value).toMatchObject({
      plan,
      audience,
      state: 'open',
      counts: { added: 2 },
    });
    for (const verb of ['plan', 'apply'])
      expect(await steward('site', verb, plan)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`is of audience ${audience}: steward audience ${verb} ${plan}`),
      });
  });
});

describe('a first sync', () => {
  test('is announced as quiet, done as planned, and green though somebody is not taken', async () => {
    const { code, value, stderr } = await json('audience', 'apply', plan);
    expect(stderr).toMatch(/This is the first sync of a1b2c3d4e5 \(MailChimp\).*\nTags are given person by person/);
    expect({ code, value }).toMatchObject({
      code: 0,
      value: { scope: audience, mode: 'apply', result: 'done', applied: plan, skipped: 0 },
    });
    expect(value.counts).toMatchObject({ added: 1, updated: 1, failed: 0 });
    expect(value.outcomes).toContainEqual({
      ...{ outcome: 'declined', reason: 'fake-address', count: 1 },
      next: expect.stringContaining('correct it at the source'),
    });
    expect(tags('ann@readers.org')).toContain('Classy-Major Donor');
    expect(tags('sue@readers.org')).toEqual(['Classy-Prospect', 'VIP']);
    expect(world.audience.automations).toEqual([]);
    const again = await steward('audience', 'apply', plan);
    expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining('it was applied already') });
  });

  test('is followed by quick ones, and --fast says that it changes nothing', async () => {
    const { code, stdout, stderr } = await steward('audience', 'sync', ORGANIZATION, '--fast');
    expect(code).toBe(0);
    expect(stderr).toContain('--fast changes nothing');
    expect(stdout).toMatch(/^(Full sync|Sync) of a1b2c3d4e5: done in/);
    expect(stdout).toMatch(/1 {2}fake-address: the address looks invented/);
    const { value } = await json('audience', 'runs', audience, '--limit', '2');
    expect(value).toMatchObject([
      { scope: audience, dryRun: false, result: 'done' },
      { mode: 'apply', result: 'done' },
    ]);
    expect((await json('site', 'runs')).value).toEqual([]);
    expect((await json('audience', 'list')).value[1]).toMatchObject({ waitsFor: null, last: { result: 'done' } });
    expect((await steward('organization', 'show', ORGANIZATION)).stdout).toMatch(
      /Audience +a1b2c3d4e5 at mailchimp, .*: ok/,
    );
  });

  test('one that goes on is named, unless --wait', async () => {
    world.mailchimp.faults.latencyMs = 700;
    const running = world.sync();
    const noted = async () => (await world.sql(`SELECT 1 FROM sync_runs WHERE ended_at IS NULL`)).length > 0;
    while (!(await noted())) await new Promise((resolve) => setTimeout(resolve, 20));
    const { code, stderr } = await steward('audience', 'sync', audience);
    world.mailchimp.faults.latencyMs = 0;
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: expect.stringMatching(/A run of a1b2c3d4e5 goes on already: incremental [0-9a-f-]{36}, since.*--wait/s),
    });
    expect(await json('audience', 'sync', audience, '--wait')).toMatchObject({ code: 0, value: { result: 'done' } });
    await running;
  });
});

describe('what goes wrong', () => {
  test('an id that is of a site or nobody is answered with what serves', async () => {
    for (const id of ['main', 'list-of-main'])
      expect(await steward('audience', 'sync', id)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('steward site sync main --full'),
      });
    expect(await steward('audience', 'sync', 'nowhere')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`There are: ${audience} (34, Organization 34)`),
    });
    expect(await steward('audience', 'plan', 'nothing')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('steward audience sync <audience> --dry-run'),
    });
  });

  test('removals beyond the budget are left as a plan, which health names', async () => {
    await world.give([
      { id: 1, email: 'ann@readers.org', optIn: false },
      ...[11, 12, 13].map((id) => ({ id, email: `p${id}@readers.org` })),
    ]);
    expect((await json('audience', 'sync')).value).toMatchObject({ result: 'done', counts: { added: 3, removed: 1 } });
    await world.give([11, 12].map((id) => ({ id, email: `p${id}@readers.org`, optIn: false })));
    const { code, value } = await json('audience', 'sync');
    expect({ code, value }).toMatchObject({ code: 4, value: { result: 'refused', plan: expect.any(String) } });
    const health = (await json('health')).value.organizations[ORGANIZATION];
    expect(health).toMatchObject({
      status: 'degraded',
      message: expect.stringContaining(`steward audience plan ${value.plan}`),
    });
    expect((await json('audience', 'plan', value.plan)).value).toMatchObject({ by: 'guard', counts: { removed: 2 } });
    expect((await steward('audience', 'plan', value.plan)).stdout).toMatch(
      /left by the guard in an incremental sync at .* {7}2 {2}would be unsubscribed\n/s,
    );
    const stopped = `stopped by the guard: steward audience plan ${value.plan}`;
    expect((await json('audience', 'list')).value[1]).toMatchObject({
      stoppedBy: `steward audience plan ${value.plan}`,
    });
    expect((await steward('audience', 'list')).stdout).toContain(`${audience}: ${stopped}`);
    expect((await steward('organization', 'show', ORGANIZATION)).stdout.split(stopped)).toHaveLength(2);
    expect((await json('audience', 'apply', value.plan)).value).toMatchObject({
      result: 'done',
      counts: { removed: 2 },
    });
    expect((await json('health')).value.organizations[ORGANIZATION].status).toBe('ok');
    expect((await json('audience', 'list')).value[1].stoppedBy).toBeNull();
  });

  test('the doctor looks at each audience without changing it, and tells a refused key', async () => {
    const writes = world.audience.writes.length;
    const findings = async () =>
      (await json('doctor')).value.filter(({ what }: { what: string }) => what === 'Organization 34 (34): audience');
    expect(await findings()).toEqual([
      expect.objectContaining({ state: 'ok', found: 'a1b2c3d4e5 at MailChimp answers' }),
    ]);
    world.mailchimp.revokeKey();
    expect(await findings()).toMatchObject([{ state: 'wrong', advice: expect.stringContaining('Check its key') }]);
    world.mailchimp.restoreKey();
    expect(world.audience.writes.length).toBe(writes);
  });

  test('an audience that has not been synced in time, and two on one with the same prefix, are told everywhere', async () => {
    await world.sql(
      `UPDATE sync_runs SET ended_at = ended_at - interval '90 days', started_at = started_at - interval '90 days'`,
    );
    await world.sql(`UPDATE audiences SET adopted_at = now() - interval '90 days'`);
    const health = async () => (await json('health')).value.organizations;
    expect((await health())[ORGANIZATION].message).toContain('has not been synced in time');
    const credentials = { clientId: 'twin', clientSecret: 'twin', mailchimpApiKey: sandboxMailchimpKey };
    const twin = { id: '35', name: 'Twin', timeZone: 'UTC', currency: 'USD', mailchimpListId: audience };
    const sealed = sealCredentials(world.bed.config.encryptionKeys, twin.id, credentials);
    await world.bed.ledger.organizations.save({ ...twin, isSandbox: false, sealed });
    const { value } = await json('audience', 'list');
    expect(value[2]).toMatchObject({
      organization: { id: '35' },
      misconfigured: expect.stringMatching(/^organization 35 has the same audience .* as organization 34/),
    });
    expect(await health()).toMatchObject({
      34: { status: 'degraded', message: expect.stringContaining(value[1].misconfigured) },
      35: { message: expect.stringContaining(value[2].misconfigured) },
    });
    expect(await steward('audience', 'sync', '35')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the same tag prefix.*Nothing was done\./),
    });
    expect((await json('doctor')).value).toContainEqual(
      expect.objectContaining({ what: 'Twin (35): audience', state: 'wrong', advice: value[2].misconfigured }),
    );
  });

  test('queue and schedules know the audience', async () => {
    expect((await json('queue')).value.audiences).toContainEqual(
      expect.objectContaining({ audience, organization: ORGANIZATION, site: null, due: 0, paused: null }),
    );
    const schedules = (await json('daemon', 'schedule')).value;
    expect(schedules).toContainEqual(expect.objectContaining({ schedule: `audience/${audience}`, audience }));
  });
});
