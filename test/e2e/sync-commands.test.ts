import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { registerSupporter } from '../../src/cli/commands/supporter.js';
import { registerSync } from '../../src/cli/commands/sync.js';
import { organizationSyncWorkflowId } from '../../src/contract/workflow-ids.js';
import { readOrganizationHealth } from '../../src/server/organization-health.js';
import { openClient } from '../../src/temporal/connection.js';
import { type ClassyBed, createClassyBed } from '../support/classy-bed.js';
import { eventually } from '../support/eventually.js';
import { runHere } from '../support/run-here.js';

let b: ClassyBed;
let client: Client;

beforeAll(async () => {
  b = await createClassyBed({
    name: 'sync_commands',
    organizations: [{ id: 34 }, { id: 35 }],
    file: { guard: { people: 2, share: 0 } },
  });
  client = openClient(b.bed.stores.temporal);
});
afterAll(async () => {
  await client.connection.close();
  await b.stop();
});
afterEach(() => b.classy.faults.clear());

const register = (program: Command): void => {
  registerSync(program);
  registerSupporter(program);
};
const steward = (...args: string[]) => runHere(register, args, b.bed);
const json = async (...args: string[]) => {
  const { stdout, ...end } = await steward(...args, '--json');
  return { ...end, stdout, value: stdout === '' ? undefined : JSON.parse(stdout) };
};
/** Of organization 34 alone. */
const sync = (...args: string[]) => json('sync', ...args, '--organization', '34');
const books = (id = 34) => b.classy.organization(id);
const running = (organization: string) => b.bed.ledger.organizationRuns.running(organization, 'all');
const zeroes = { read: 0, added: 0, updated: 0, moved: 0, removed: 0, held: 0, unchanged: 0, leftAlone: 0, failed: 0 };
const person = (name: string) => books().supporters.put({ email_address: `${name}@example.org`, first_name: name });
/** What Ctrl-C does to the command alone: the workers here live in the same process. */
const pressCtrlC = (): void => (process.listeners('SIGINT').at(-1) as () => void)();

describe('an organization by its commands', () => {
  test('a dry run of everything tells what would be written, and writes nothing', async () => {
    for (const name of ['ann', 'bob', 'cleo', 'dan', 'eve']) {
      const { id } = person(name);
      books().gift({ supporter: id, amount: 20 });
    }
    books().plans.put({ supporter_id: books().supporters.list()[0]!.id });
    const { code, value, stderr } = await sync('all', '--dry-run');
    expect({ code, value, stderr }).toMatchObject({
      code: 0,
      stderr: '',
      value: { scope: '34/all', dryRun: true, counts: { ...zeroes, read: 12, added: 12 } },
    });
    const plain = await steward('sync', 'transactions', '--organization', '34', '--dry-run');
    expect(plain.stdout).toMatch(/Dry run of the incremental sync of 34\/transactions: done .* Nothing was written/);
    expect(plain.stdout).toMatch(/WOULD BE ADDED/);
    expect(await b.bed.ledger.organizations.counts('34')).toMatchObject({ supporters: 0, transactions: 0 });
  });

  test('the first sync of everything reads it all, resource by resource, in one JSON value', async () => {
    const { code, value, stderr } = await sync('all');
    const part = (resource: string, count: number) => ({
      run: expect.any(String),
      scope: `34/${resource}`,
      mode: 'incremental',
      result: 'done',
      counts: { ...zeroes, read: count, added: count },
      seconds: expect.any(Number),
      message: null,
      dryRun: false,
      requests: 1,
      drift: {},
    });
    const runs = [part('campaigns', 1), part('supporters', 5), part('transactions', 5), part('recurring-plans', 1)];
    expect({ code, value, stderr }).toEqual({
      code: 0,
      stderr: '',
      value: { ...part('all', 12), requests: 4, runs },
    });
    for (const { run, scope } of value.runs)
      expect(await b.run(run)).toMatchObject({ resource: scope.split('/')[1], result: 'done' });
  });

  test('an incremental sync of one resource prints its run alone, with what Classy answered otherwise than documented', async () => {
    books().supporters.edit(books().supporters.list()[0]!.id, { first_name: 'Anna', colour: 'red' });
    const { code, value } = await sync('supporters', 'incremental');
    expect({ code, value }).toEqual({
      code: 0,
      value: {
        run: value.run,
        scope: '34/supporters',
        mode: 'incremental',
        result: 'done',
        counts: { ...zeroes, read: 5, updated: 1, unchanged: 4 },
        seconds: expect.any(Number),
        message: null,
        dryRun: false,
        requests: 1,
        drift: { 'unknown field colour': 1 },
      },
    });
    const { stdout } = await steward('sync', 'supporters', 'full', '--organization', '34');
    expect(stdout).toContain('unknown field colour (1)');
  });

  test('more missing records than the guard allows are refused, until they are confirmed', async () => {
    for (const { id } of books().transactions.list().slice(0, 3)) books().transactions.remove(id);
    const refused = await sync('transactions', 'full');
    expect(refused).toMatchObject({ code: 4, value: { result: 'refused', counts: { removed: 0, held: 3 } } });
    const plain = await steward('sync', 'transactions', 'full', '--organization', '34');
    expect(plain).toMatchObject({
      code: 4,
      stdout: expect.stringContaining('  steward sync transactions full --organization 34 --confirm-missing\n'),
    });
    expect(await sync('transactions', 'incremental', '--confirm-missing')).toMatchObject({ code: 2 });
    const dry = await sync('transactions', 'full', '--confirm-missing', '--dry-run');
    expect(dry).toMatchObject({ code: 0, value: { counts: { removed: 3, held: 0 } } });
    const done = await sync('transactions', 'full', '--confirm-missing');
    expect(done).toMatchObject({ code: 0, value: { result: 'done', counts: { removed: 3, held: 0 } } });
  });

  test('a record that cannot be stored makes it done in part, and the command that lists it is named', async () => {
    const { id } = books().gift({ supporter: null, amount: 5 });
    books().transactions.edit(id, { total_gross_amount: 'much' });
    const { code, value } = await sync('all');
    expect({ code, value }).toMatchObject({ code: 3, value: { result: 'partly', counts: { failed: 1 } } });
    expect(value.message).toMatch(/^34\/transactions: 1 record could not be stored/);
    const plain = await steward('sync', 'transactions', '--organization', '34');
    expect(plain).toMatchObject({
      code: 3,
      stdout: expect.stringContaining(
        '1 record could not be stored and is read again by the next sync; see steward organization set-aside 34.',
      ),
    });
    books().transactions.remove(id);
  });

  test('while a run goes on another is refused and names it, or waits; the progress is told', async () => {
    b.classy.faults.set({ latencyMs: 3_000 });
    const first = b.sync('campaigns', 'incremental');
    const other = await eventually(() => running('34'));
    expect(await steward('sync', 'campaigns', '--organization', '34')).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining(other.id),
    });
    b.classy.faults.set({ latencyMs: 700 });
    const second = await steward('sync', 'campaigns', '--organization', '34', '--wait');
    expect(second).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^34\/campaigns: waits for .*\n(.*: starting\n)?34\/campaigns: reading\n/),
    });
    expect(await first).toMatchObject({ result: 'done' });
  });

  test('Ctrl-C stops waiting but not the run, and says how to look at it', async () => {
    b.classy.faults.set({ latencyMs: 700 });
    const following = steward('sync', 'all', '--organization', '34');
    const { id } = await eventually(() => running('34'));
    pressCtrlC();
    expect(await following).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(/goes on.*steward organization runs 34, or workflow organization-sync\/34\/all/s),
    });
    await eventually(async () => (await b.run(id)).result === 'done');
    await client.workflow.getHandle(organizationSyncWorkflowId('34', 'all')).result();
  });

  test.each([
    [['sync', 'all', '--organization', '36'], 'There is no organization "36". Configured: 34 (Organization 34), 35'],
    [['sync', 'donors'], ''],
    [['sync', 'all', 'quick'], ''],
  ])('wrong usage ends with 2: %j', async (args, words) => {
    expect(await steward(...args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(words) });
  });
});

describe('several organizations', () => {
  test('one whose credentials are refused is told as paused, and keeps no other from being done', async () => {
    b.classy.revokeClient(35);
    const following = json('sync', 'campaigns');
    await eventually(async () => (await b.bed.ledger.organizations.find('35'))?.pause);
    await eventually(async () => (await b.bed.ledger.organizationRuns.running('34', 'campaigns')) === undefined);
    await client.workflow.getHandle(organizationSyncWorkflowId('35', 'campaigns')).cancel();
    const { code, value } = await following;
    expect({ code, value }).toMatchObject({
      code: 1,
      value: {
        run: null,
        scope: 'all/campaigns',
        result: 'failed',
        message: '35/campaigns: it was cancelled',
        runs: [
          { scope: '34/campaigns', result: 'done', run: expect.any(String) },
          { scope: '35/campaigns', result: 'failed', message: 'it was cancelled' },
        ],
      },
    });
  });

  test('one that has such a run already is refused, the other is done; the pause is told with what to do', async () => {
    const held = b.sync('supporters', 'incremental', { organization: '35' });
    await eventually(() => running('35'));
    const { code, value } = await json('sync', 'supporters');
    expect({ code, value }).toMatchObject({
      code: 4,
      value: {
        result: 'refused',
        runs: [
          { scope: '34/supporters', result: 'done' },
          { scope: '35/supporters', result: 'refused', run: null, message: expect.stringContaining('--wait') },
        ],
      },
    });
    const following = steward('sync', 'transactions');
    await eventually(async () => (await running('35'))?.resource === 'transactions');
    await eventually(async () => (await b.bed.ledger.organizations.find('35'))?.pause);
    await new Promise((resolve) => setTimeout(resolve, 700));
    pressCtrlC();
    expect(await following).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(/35\/transactions: paused, goes on by itself: .*steward organization update/),
    });
    b.classy.restoreClient(35);
    for (const resource of ['supporters', 'transactions'])
      await client.workflow.getHandle(organizationSyncWorkflowId('35', resource)).cancel();
    await held.catch(() => undefined);
  });
});

describe('a supporter', () => {
  const giver = () => books().supporters.list()[0]!.id;

  test('is shown with every gift, and why it does not count', async () => {
    const gift = (more: object) => books().gift({ supporter: giver(), amount: 10, ...more }).id;
    const tomorrow = new Date(Date.now() + 86_400_000);
    const ids = {
      counts: gift({ amount: '12.345', at: '2025-03-01T10:00:00+0000' }),
      status: gift({ status: 'refunded', refunded_at: '2025-04-01T10:00:00+0000' }),
      currency: gift({ currency_code: 'EUR', raw_currency_code: 'EUR' }),
      'dated-ahead': gift({ at: tomorrow, updated_at: books().surroundings.stamp() }),
      'no-date': gift({ purchased_at: null }),
      amount: gift({ amount: 0 }),
      missing: gift({}),
    };
    await sync('transactions', 'full');
    books().transactions.remove(ids.missing);
    await sync('transactions', 'full', '--confirm-missing');
    const { code, value, stderr } = await json('supporter', 'show', '34', String(giver()));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(value).toMatchObject({
      verdict: 'no audience',
      why: expect.stringContaining('steward organization update 34'),
      expected: null,
      observed: null,
      organization: { id: '34', currency: 'USD' },
      supporters: [
        {
          id: String(giver()),
          emailAddress: 'ann@example.org',
          firstName: 'Anna',
          emailOptIn: false,
          isConsent: false,
          currency: 'USD',
          lifetimeAmount: '12.3450',
          giftCount: 1,
          firstGiftAt: '2025-03-01T10:00:00.000Z',
          plans: [{ amount: '25.0000', frequency: 'monthly', status: 'active' }],
        },
      ],
    });
    const why = new Map<string, string[]>(
      value.supporters[0].gifts.map((one: { id: string; why: string[] }) => [one.id, one.why]),
    );
    for (const [reason, id] of Object.entries(ids))
      expect([id, why.get(String(id))]).toEqual([id, reason === 'counts' ? [] : [reason]]);
    expect(value.timeline).toContainEqual(
      expect.objectContaining({ what: 'gift', at: '2025-03-01T10:00:00.000Z', supporter: String(giver()) }),
    );
    expect(value.timeline).toContainEqual(expect.objectContaining({ what: 'refund', at: '2025-04-01T10:00:00.000Z' }));
    const { stdout } = await steward('supporter', 'show', '34', String(giver()));
    const printed = stdout.replace(/\s+/g, ' ');
    for (const words of [
      '12.345 USD by one gift of 2025-03-01 10:00:00',
      'no: must not be mailed',
      'no: its status is refunded, not success (refunded 2025-04-01)',
      'no: in EUR, not in USD',
      'no: dated ahead',
      'no: it has no date',
      'no: its amount is not above 0',
      'no: not at Classy any more',
    ])
      expect(printed).toContain(words);
  });

  test('is found by address however it is written, with whoever shares it', async () => {
    const twin = books().supporters.put({ email_address: ' Ann@Example.org', first_name: 'Twin', opt_in: true });
    await sync('supporters');
    const { value } = await json('supporter', 'show', '34', ' ANN@example.ORG');
    expect(value.supporters).toMatchObject([
      { id: String(giver()), isConsent: false },
      { id: String(twin.id), isConsent: true, giftCount: 0, lifetimeAmount: '0.0000', gifts: [], plans: [] },
    ]);
    const { stdout } = await steward('supporter', 'show', '34', 'ann@example.org');
    expect(stdout).toContain(`share this address: ${giver()}, ${twin.id}`);
  });

  test.each([
    [['34', 'nobody@example.org'], 1, 'has no supporter "nobody@example.org"'],
    [['34', '99999999'], 1, 'has no supporter "99999999"'],
    [['36', 'ann@example.org'], 2, 'There is no organization "36"'],
  ])('that is not there is said so: %j', async (args, code, words) => {
    expect(await steward('supporter', 'show', ...args)).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringContaining(words),
    });
  });

  test('of another organization is not shown', async () => {
    expect(await steward('supporter', 'show', '35', String(giver()))).toMatchObject({ code: 1, stdout: '' });
  });
});

test('health tells of refused syncs once, of what is set aside, and of what is not read in time', async () => {
  const { ledger, config } = b.bed;
  books(35).transactions.put({ total_gross_amount: 'many' });
  await json('sync', 'transactions', '--organization', '35');
  const health = async (intervals: object = {}) =>
    (await readOrganizationHealth(ledger, { ...config.schedules, ...intervals }))['35'];
  expect(await health()).toMatchObject({
    status: 'degraded',
    message: expect.stringContaining('1 record could not be'),
  });
  await ledger.organizationRuns.forget('35', 'transactions', [
    ...(await ledger.organizationRuns.setAside('35', { limit: 9 })).map(({ recordId }) => recordId),
  ]);
  for (let n = 0; n < 5; n += 1) books(35).campaigns.put({});
  await json('sync', 'campaigns', 'full', '--organization', '35');
  for (const { id } of books(35).campaigns.list()) books(35).campaigns.remove(Number(id));
  await json('sync', 'campaigns', 'full', '--organization', '35');
  // a good incremental one does not hide it
  await json('sync', 'campaigns', '--organization', '35');
  expect((await health())?.message).toMatch(/^sync of full campaigns refused: \d+ campaigns that Classy does not show/);
  const late = await health({ supporters: -3_600_000 });
  expect(late?.message).toContain('supporters have not been read');
});
