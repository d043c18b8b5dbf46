import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { registerKey } from '../../src/cli/commands/key.js';
import { registerOrganization } from '../../src/cli/commands/organization.js';
import { type RunInfo, writeRunFile } from '../../src/embedded/data-folder.js';
import { readKeyFile } from '../../src/embedded/encryption-key.js';
import { keyIdOf } from '../../src/ledger/credentials.js';
import { type Database, openDatabase } from '../../src/ledger/database.js';
import { type SandboxClassy, type SandboxMailchimp, startClassy, startMailchimp } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import type { CommandEnd } from '../support/program.js';
import { runHere } from '../support/run-here.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

let bed: Testbed;
let classy: SandboxClassy;
let atMailchimp: SandboxMailchimp;
let database: Database;
const [secretA, secretB, secretC] = ['hush-one-4711', 'hush-two-4711', 'hush-three-4711'];
const mailchimp = { apiKey: 'hush-mailchimp-4711-us21', listId: 'abc123' };
const relief = { name: 'Relief', clientId: 'relief-client', clientSecret: secretA };
const shelter = { name: 'Shelter', clientId: 'shelter-client', clientSecret: secretB };
const twins = { name: 'Twins', clientId: 'twins-client', clientSecret: secretC };
const RELIEF = '7001';
const SHELTER = '7002';

beforeAll(async () => {
  classy = await startClassy({
    perMinute: Number.POSITIVE_INFINITY,
    organizations: [
      { id: 7001, ...relief, name: 'Relief at Classy', currency: 'USD', timeZone: 'America/New_York' },
      { id: 7002, ...shelter, currency: 'EUR', timeZone: 'nowhere' },
      { id: 7003, ...twins, name: 'First' },
      { id: 7004, ...twins, name: 'Second', currency: 'CAD' },
    ],
  });
  atMailchimp = await startMailchimp({
    accounts: [{ keys: [mailchimp.apiKey], audiences: [{ id: 'abc123' }, { id: 'list9' }] }],
  });
  bed = await createTestbed({
    name: 'organization_commands',
    sites: [],
    variables: { CLASSY_API_URL: classy.url, CLASSY_TOKEN_URL: classy.tokenUrl, MAILCHIMP_API_URL: atMailchimp.url },
  });
  database = openDatabase({ connectionString: bed.stores.databaseUrl, poolSize: 1 });
});
afterAll(async () => {
  await database.close();
  await bed.stop();
  await classy.close();
  await atMailchimp.close();
  for (const folder of dataDirs) await rm(folder, { recursive: true, force: true });
});

const dataDirs: string[] = [];
/** A data folder that goes with the test; the user of Postgres gets through it where tests run as root. */
async function newDataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steward-organizations-'));
  dataDirs.push(folder);
  await chmod(folder, 0o711);
  return folder;
}

let everything = '';
const register = (program: Parameters<typeof registerKey>[0]): void => {
  registerOrganization(program);
  registerKey(program);
};

interface Around {
  env?: Record<string, string>;
  /** What comes on standard input. */
  input?: string;
  /** What somebody types at a terminal. */
  typed?: string;
}

/** A command with this standard input; nobody is at a terminal unless something is typed. */
async function steward(args: string[], { env = bed.env, input = '', typed }: Around = {}): Promise<CommandEnd> {
  const stdin = typed === undefined ? Readable.from(input === '' ? [] : [Buffer.from(input)]) : new PassThrough();
  if (stdin instanceof PassThrough) stdin.write(typed);
  const own = Object.getOwnPropertyDescriptor(process, 'stdin')!;
  const replaced = Object.assign(stdin, { isTTY: typed !== undefined });
  Object.defineProperty(process, 'stdin', { value: replaced, configurable: true });
  try {
    const end = await runHere(register, args, { env, folder: bed.folder });
    everything += end.stdout + end.stderr;
    return end;
  } finally {
    Object.defineProperty(process, 'stdin', own);
  }
}
const add = (entry: object, more: Around = {}) =>
  steward(['organization', 'add', '--from', '-', '--json'], { ...more, input: JSON.stringify(entry) });
const json = async (args: string[], more?: Around) => JSON.parse((await steward([...args, '--json'], more)).stdout);
const stored = () => bed.ledger.organizations.list();
const withoutKey = ({ STEWARD_ENCRYPTION_KEY: _, DATABASE_URL: __, TEMPORAL_ADDRESS: ___, ...env }: typeof bed.env) =>
  env;
const keyFor = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const withKeys = (...bytes: number[]) => ({ ...bed.env, STEWARD_ENCRYPTION_KEY: bytes.map(keyFor).join(',') });

/** A running Steward on a data folder of its own and the same ledger, without keys in the environment. */
async function runningOn(more: Partial<RunInfo> = {}): Promise<Record<string, string>> {
  const dataDir = await newDataDir();
  await writeRunFile(dataDir, {
    ...{ pid: process.pid, startedAt: new Date().toISOString(), httpUrl: '', namespace: 'default' },
    ...{ databaseUrl: bed.stores.databaseUrl, temporalAddress: bed.stores.temporal.address, temporalUiUrl: '' },
    ...more,
  });
  return { ...withoutKey(bed.env), STEWARD_DATA_DIR: dataDir };
}

async function scheduleOf(id: string) {
  const client = openClient(bed.stores.temporal);
  try {
    return (await client.schedule.getHandle(`sync/${id}/transactions`).describe()).state;
  } finally {
    await client.connection.close();
  }
}

/** Puts a supporter with a gift into the ledger, as a sync does. */
async function store(organization: string, id: number, currency: string): Promise<void> {
  await database.sql.execute`
    INSERT INTO supporters (id, organization_id, classy_updated_at, raw, observed_at)
    VALUES (${id}::bigint, ${organization}::bigint, now(), '{}', now())`;
  await database.sql.execute`
    INSERT INTO transactions (id, organization_id, supporter_id, status, total_gross_amount, currency_code, purchased_at, classy_updated_at, raw, observed_at)
    VALUES (${id}::bigint, ${organization}::bigint, ${id}::bigint, 'success', 12.5, ${currency}, now() - interval '1 day', now(), '{}', now())`;
}

describe('adding an organization', () => {
  test('from standard input stores it, sets its schedules and prints its id alone', async () => {
    const { code, stdout, stderr } = await add({ ...relief, organizationId: 7001, mailchimp });
    expect({ code, stderr, value: JSON.parse(stdout) }).toEqual({
      code: 0,
      stderr: '',
      value: { organization: RELIEF },
    });
    expect(await stored()).toMatchObject([
      { id: RELIEF, name: 'Relief', currency: 'USD', timeZone: 'America/New_York', mailchimpListId: 'abc123' },
    ]);
    expect(await scheduleOf(RELIEF)).toMatchObject({ paused: false });
  });

  test('from a file takes the one that the credentials open, and UTC where Classy names no time zone', async () => {
    const file = join(bed.folder, 'shelter.json');
    await writeFile(file, `\uFEFF${JSON.stringify(shelter)}`);
    const { code, stdout } = await steward(['org', 'add', '--from', file]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('Organization 7002 (Shelter) is added'),
    });
    expect(stdout).toContain('steward sync all full --organization 7002');
    expect((await stored())[1]).toMatchObject({ id: SHELTER, currency: 'EUR', timeZone: 'UTC' });
  });

  test('that is there already points to update; one that is not asked for by id is named', async () => {
    expect(await add({ ...relief, organizationId: RELIEF })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('steward organization update 7001'),
    });
    expect(await add(relief)).toMatchObject({ code: 4 });
    expect(await add(twins)).toMatchObject({ code: 2, stderr: expect.stringContaining('7003 (First), 7004 (Second)') });
  });

  test('with wrong credentials, an id that they do not open, or a Classy that fails stores nothing', async () => {
    const before = await stored();
    expect(await add({ ...twins, clientSecret: 'hush-wrong-4711' })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/Classy refuses these credentials.*Nothing was stored/),
    });
    expect(await add({ ...twins, organizationId: '7009' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/do not open organization 7009. They open: 7003 \(First\), 7004 \(Second\)/),
    });
    classy.faults.set({ edgeForbidden: true });
    expect(await add({ ...twins, organizationId: '7003' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('x-integration-id'),
    });
    classy.faults.clear();
    expect(await stored()).toEqual(before);
  });

  test('tries the MailChimp key and audience, and stores nothing where they are wrong', async () => {
    const before = await stored();
    const tried = async (more: object) =>
      add({ ...twins, organizationId: '7003', mailchimp: { ...mailchimp, listId: 'list9', ...more } });
    expect(await tried({ apiKey: 'hush-mailchimp-4711' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/names no data centre.*Nothing was stored/),
    });
    expect(await tried({ apiKey: 'hush-wrong-4711-us21' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/MailChimp refuses this key.*Nothing was stored/),
    });
    expect(await tried({ listId: 'nowhere' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no audience nowhere in its account/),
    });
    expect(await tried({ listId: 'list-9' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('mailchimp.listId'),
    });
    expect(await stored()).toEqual(before);
  });

  test('is refused the audience of another organization with the same prefix', async () => {
    expect(await add({ ...twins, organizationId: '7003', mailchimp })).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(
        /7003 has the same audience \(abc123\) and the same tag prefix "Classy-" as organization 7001/,
      ),
    });
    expect(await bed.ledger.organizations.find('7003')).toBeUndefined();
  });

  test('says that MailChimp was not asked where it does not answer, and goes on', async () => {
    const env = { ...bed.env, MAILCHIMP_API_URL: 'http://127.0.0.1:1/3.0' };
    const entry = { ...twins, organizationId: '7003', mailchimp: { ...mailchimp, listId: 'list9' } };
    expect(await add(entry, { env })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('key and audience were not checked'),
    });
    expect(await steward(['org', 'remove', '7003', '--purge', '--yes'])).toMatchObject({ code: 0 });
  });

  test('tells every problem of the description at once', async () => {
    const { code, stderr } = await add({
      ...{ clientId: '', clientSecret: 4711, organizationId: '12a', timeZone: 'Mars/Olympus', currency: 'eur' },
      ...{ mailchimp: { apiKey: mailchimp.apiKey }, listID: 1 },
    });
    expect({ code, told: stderr.match(/^ {2}[\w.]+/gm)?.map((one) => one.trim()) }).toEqual({
      code: 2,
      told: ['name', 'clientId', 'clientSecret', 'organizationId', 'timeZone', 'currency', 'mailchimp.listId', 'it'],
    });
  });

  test.each([
    ['{"clientSecret": "hush-broken-4711" oops', /not JSON: look at position \d+/],
    ['"hush-broken-4711', /not JSON/],
    ['[]', /must be one JSON object/],
    ['', /standard input is empty/],
  ])('refuses %j without quoting it', async (input, says) => {
    const { code, stderr } = await steward(['org', 'add', '--from', '-'], { input });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) });
    expect(stderr).not.toContain('hush');
  });

  test('without a terminal and without --from says how', async () => {
    const { code, stderr } = await steward(['organization', 'add']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--from FILE') });
    expect(await steward(['org', 'add', '--from', 'nowhere.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nowhere.json cannot be read (ENOENT)'),
    });
  });

  test('on a terminal asks, offers what the credentials open, and echoes no secret', async () => {
    const answers = ['', twins.clientId, secretC, '3', '2', mailchimp.apiKey, 'list9', 'Mars', 'Europe/Berlin', ''];
    const { code, stdout, stderr } = await steward(['organization', 'add', '--json'], {
      typed: answers.map((answer) => `${answer}\r`).join(''),
    });
    expect({ code, value: JSON.parse(stdout || 'null') }).toEqual({ code: 0, value: { organization: '7004' } });
    expect(stderr).toMatch(/1 {2}7003, First\n {2}2 {2}7004, Second/);
    expect(stderr).toMatch(/a number from 1 to 2/);
    expect(stderr).toMatch(/Time zone \[America\/Los_Angeles\]/);
    expect(stderr).not.toContain('hush');
    expect(await bed.ledger.organizations.find('7004')).toMatchObject({
      ...{ name: 'Second', currency: 'CAD', timeZone: 'Europe/Berlin', mailchimpListId: 'list9' },
    });
  });

  test('Ctrl-C at a question changes nothing', async () => {
    const before = await stored();
    expect(await steward(['organization', 'add'], { typed: `Name\rclient\r\x03` })).toMatchObject({ code: 130 });
    expect(await stored()).toEqual(before);
  });
});

describe('looking at organizations', () => {
  test('the list says how each is', async () => {
    await store(RELIEF, 1, 'USD');
    await store(SHELTER, 2, 'USD');
    expect(await json(['org', 'list'])).toMatchObject([
      {
        id: RELIEF,
        credentialsReadable: true,
        mailchimpListId: 'abc123',
        paused: null,
        last: [],
        setAside: 0,
        audience: { audience: 'abc123', destination: 'mailchimp', waitsFor: 'steward audience sync abc123 --dry-run' },
      },
      { id: SHELTER, mailchimpListId: null },
      { id: '7004' },
    ]);
    await bed.ledger.organizations.pause(SHELTER, 'SourceDown', 'classy is down');
    const { stdout } = await steward(['organization', 'list']);
    expect(stdout).toMatch(/7001 +Relief +USD +America\/New_York +abc123 waits for its first sync .* not read yet/);
    expect(stdout).toMatch(/7002 +Shelter .* PAUSED since .*: classy is down/);
  });

  test('show tells everything but the secrets', async () => {
    expect(await json(['org', 'show', RELIEF])).toMatchObject({
      id: RELIEF,
      credentials: { clientId: 'reli****', hasMailchimpKey: true, problem: null },
      records: { supporters: 1, transactions: 1, campaigns: 0, recurringPlans: 0, missing: 0 },
      resources: [{ resource: 'campaigns', last: null }, {}, {}, { resource: 'recurring-plans' }],
      setAside: 0,
    });
    const { stdout } = await steward(['org', 'show', SHELTER]);
    expect(stdout).toMatch(/PAUSED +since .*: classy is down/);
    expect(stdout).toContain('1 supporters, 0 campaigns, 1 transactions');
  });

  test('runs and records that were set aside are listed', async () => {
    const run = '00000000-0000-4000-8000-000000007001';
    const input = { organization: RELIEF, resource: 'supporters', mode: 'full', run, by: 'command' } as const;
    await bed.ledger.organizationRuns.begin(input);
    await bed.ledger.organizationRuns.end(run, 'partly', '1 record could not be stored');
    await database.sql.execute`
      INSERT INTO set_aside_records (organization_id, resource, record_id, reason, since, last_seen_at)
      VALUES (${RELIEF}::bigint, 'supporters', '99', 'updated_at: is missing', now(), now())`;
    expect(await json(['org', 'runs', RELIEF, '--limit', '1'])).toMatchObject([
      { run, resource: 'supporters', result: 'partly', counts: { read: 0, leftAlone: 0 }, message: expect.any(String) },
    ]);
    expect((await steward(['org', 'runs', RELIEF])).stdout).toContain('1 record could not be stored');
    expect(await json(['org', 'set-aside', RELIEF])).toMatchObject([
      { recordId: '99', reason: 'updated_at: is missing' },
    ]);
    expect((await steward(['org', 'set-aside', RELIEF])).stdout).toMatch(/supporters +99 /);
    expect((await steward(['org', 'list'])).stdout).toContain('supporters partly, 1 set aside');
    expect((await steward(['org', 'show', RELIEF])).stdout).toContain('organization set-aside 7001');
  });

  test.each([
    [['show', '99'], 2, /no organization 99. There are: 7001 \(Relief\), 7002 \(Shelter\)/],
    [['runs', '99'], 2, /no organization 99/],
    [['set-aside', '99'], 2, /no organization 99/],
    [['remove', '99', '--yes'], 2, /no organization 99/],
    [['update', '99', '--name', 'x'], 2, /no organization 99/],
    [['show', 'relief'], 2, /a whole number/],
    [['show', '99999999999999999999'], 2, /a whole number/],
    [['update', RELIEF], 2, /Nobody is there to ask/],
    [['update', RELIEF, '--currency', 'euro', '--time-zone', '+02:00'], 2, /2 problems/],
    [['remove', RELIEF], 2, /add --yes/],
    [['remove', RELIEF, '--purge'], 2, /add --yes/],
  ])('steward organization %j ends with %i and says why', async (args, exitCode, says) => {
    const { code, stdout, stderr } = await steward(['organization', ...args]);
    expect({ code, output: stdout + stderr }).toEqual({ code: exitCode, output: expect.stringMatching(says) });
  });
});

describe('changing an organization', () => {
  const change = (id: string, entry: object, env?: Record<string, string>) =>
    steward(['org', 'update', id, '--from', '-'], { input: JSON.stringify(entry), ...(env ? { env } : {}) });
  const totalOf = async (id: string) => {
    const [row] = await database.sql.query<[{ total: string }]>`
      SELECT sum(lifetime_donation_amount)::float AS total FROM supporters WHERE organization_id = ${id}::bigint`;
    return Number(row.total);
  };

  test('changes what is given and leaves the rest', async () => {
    const sealed = (await stored())[0]!.sealed;
    const { code, stdout } = await steward(['org', 'update', RELIEF, '--name', 'Relief Fund', '--time-zone', 'UTC']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Organization 7001 (Relief Fund) is changed.\n' });
    expect((await stored())[0]).toMatchObject({ name: 'Relief Fund', timeZone: 'UTC', currency: 'USD', sealed });
  });

  test('adds the totals up anew when the currency changes, and says so', async () => {
    expect((await steward(['org', 'update', SHELTER, '--currency', 'USD'])).stdout).toContain('added up anew');
    expect(await totalOf(SHELTER)).toBe(12.5);
    await steward(['org', 'update', SHELTER, '--currency', 'EUR']);
    expect(await totalOf(SHELTER)).toBe(0);
    await steward(['org', 'update', SHELTER, '--currency', 'all']);
    expect([await totalOf(SHELTER), (await stored())[1]!.currency]).toEqual([12.5, undefined]);
  });

  test('tries new credentials at Classy before it stores them', async () => {
    const before = await stored();
    expect(await change(RELIEF, { clientSecret: 'hush-wrong-4711' })).toMatchObject({ code: 1 });
    expect(await change(RELIEF, { clientId: twins.clientId, clientSecret: secretC })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('do not open organization 7001'),
    });
    expect(await change(RELIEF, { organizationId: 7002 })).toMatchObject({ code: 2 });
    expect(await stored()).toEqual(before);
    expect(await change(RELIEF, { mailchimp: null })).toMatchObject({ code: 0 });
    expect(await json(['org', 'show', RELIEF])).toMatchObject({
      ...{ mailchimpListId: null, credentials: { hasMailchimpKey: false, clientId: 'reli****' } },
    });
  });

  test('on a terminal shows what there is, and an empty answer leaves it', async () => {
    const { code, stderr } = await steward(['org', 'update', RELIEF], { typed: 'Relief\r\r\r\r\r\r' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Name [Relief Fund]') });
    expect((await stored())[0]).toMatchObject({ name: 'Relief', timeZone: 'UTC', currency: 'USD' });
  });

  test('with a lost key changes what is not secret, and takes credentials entered anew', async () => {
    const env = withKeys(8);
    expect((await steward(['org', 'update', RELIEF, '--name', 'Relief 2'], { env })).code).toBe(0);
    expect(await change(RELIEF, { clientSecret: secretA }, env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('which is not there'),
    });
    expect(await change(RELIEF, { clientId: relief.clientId, clientSecret: secretA }, env)).toMatchObject({ code: 0 });
    expect((await stored())[0]!.sealed!.keyId).toBe(keyIdOf(Buffer.alloc(32, 8)));
  });
});

describe('credentials that do not decrypt', () => {
  test('under a key that is not there are told, and the rest is shown', async () => {
    const { code, stdout } = await steward(['org', 'show', RELIEF]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/CREDENTIALS .* which is not there/) });
    expect(stdout).toContain('1 supporters');
    expect((await steward(['org', 'list'])).stdout).toMatch(/7001 .* CREDENTIALS UNREADABLE/);
  });

  test('stop a rotation of the key before it touches anything', async () => {
    const before = await stored();
    expect(await steward(['key', 'rotate'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/organization 7001 .* which is not there/),
    });
    expect(await stored()).toEqual(before);
  });

  test('in a row that was copied from another organization are told', async () => {
    await database.sql.execute`
      UPDATE organizations t SET credentials = f.credentials, credentials_nonce = f.credentials_nonce, credentials_key_id = f.credentials_key_id
      FROM organizations f WHERE t.id = 7004 AND f.id = 7002`;
    const { credentials } = await json(['org', 'show', '7004']);
    expect(credentials).toMatchObject({
      clientId: null,
      problem: expect.stringContaining('from another organization'),
    });
    await steward(['org', 'remove', '7004', '--purge', '--yes']);
  });
});

describe('rotating the key', () => {
  test('of the environment encrypts everything with the first one', async () => {
    const { code, stdout } = await steward(['key', 'rotate'], { env: withKeys(9, 8, 7) });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('2 organizations encrypted anew') });
    expect(stdout).toContain('can be taken out of STEWARD_ENCRYPTION_KEY');
    expect(await json(['org', 'show', RELIEF], { env: withKeys(9) })).toMatchObject({ credentials: { problem: null } });
    expect(await json(['key', 'rotate'], { env: withKeys(7, 9) })).toEqual({
      ...{ reencrypted: 2, keyId: keyIdOf(Buffer.alloc(32, 7)), keys: 'environment' },
    });
  });

  test('of the key file makes a new one; without the file nothing is made in its place', async () => {
    const env = await runningOn();
    const path = join(env['STEWARD_DATA_DIR']!, 'encryption.key');
    expect(await add({ ...twins, organizationId: 7003 }, { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Refused to make a new key'),
    });
    expect(existsSync(path)).toBe(false);
    await writeFile(path, `${keyFor(7)}\n`, { mode: 0o600 });
    expect((await steward(['key', 'rotate'], { env })).stdout).toContain(path);
    const [key, ...others] = readKeyFile(env['STEWARD_DATA_DIR']!);
    expect([others.length, (await stat(path)).mode & 0o777]).toEqual([0, 0o600]);
    expect((await stored()).map(({ sealed }) => sealed!.keyId)).toEqual([keyIdOf(key!), keyIdOf(key!)]);
    // a file with the wrong key stays as it is
    await writeFile(path, `${keyFor(1)}\n`);
    expect(await steward(['key', 'rotate'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not there'),
    });
    expect(await readFile(path, 'utf8')).toBe(`${keyFor(1)}\n`);
    const back = { ...bed.env, STEWARD_ENCRYPTION_KEY: `${keyFor(7)},${key!.toString('base64')}` };
    expect(await json(['key', 'rotate'], { env: back })).toMatchObject({ reencrypted: 2 });
  });

  test('of a damaged file says so, and everything else is shown', async () => {
    const env = await runningOn();
    await writeFile(join(env['STEWARD_DATA_DIR']!, 'encryption.key'), 'garbage\n');
    const shown = await json(['org', 'show', RELIEF], { env });
    expect(shown).toMatchObject({ id: RELIEF, credentials: { problem: expect.stringContaining('restore it') } });
    expect((await steward(['org', 'list'], { env })).stdout).toContain('CREDENTIALS UNREADABLE');
    expect(await steward(['key', 'rotate'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not a key'),
    });
  });
});

describe('removing an organization', () => {
  test('keeps its records, forgets its credentials and pauses its schedules; added again it goes on', async () => {
    expect(await steward(['org', 'remove', RELIEF], { typed: 'no\r' })).toMatchObject({ code: 4 });
    expect(await steward(['org', 'remove', RELIEF], { typed: 'yes\r' })).toMatchObject({ code: 0 });
    expect(await scheduleOf(RELIEF)).toMatchObject({ paused: true });
    expect(await scheduleOf(SHELTER)).toMatchObject({ paused: false });
    expect(await json(['org', 'show', RELIEF])).toMatchObject({
      ...{ removedAt: expect.any(String), records: { supporters: 1 }, credentials: { keyId: null, clientId: null } },
    });
    expect(await steward(['org', 'remove', RELIEF, '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('was removed'),
    });
    expect(await add(relief)).toMatchObject({ code: 0 });
    expect(await scheduleOf(RELIEF)).toMatchObject({ paused: false });
    expect(await json(['org', 'show', RELIEF])).toMatchObject({ removedAt: null, records: { supporters: 1 } });
  });

  test('with --purge tells how much goes, asks for the id, and deletes nobody else’s', async () => {
    const { stderr } = await steward(['org', 'remove', SHELTER, '--purge'], { typed: 'yes\r' });
    expect(stderr).toMatch(/2 records \(1 supporters.*Type 7002 to go on/);
    expect((await stored()).map(({ id }) => id)).toEqual([RELIEF, SHELTER]);
    expect(await steward(['org', 'remove', SHELTER, '--purge'], { typed: `${SHELTER}\r` })).toMatchObject({ code: 0 });
    expect(await bed.ledger.organizations.find(SHELTER)).toBeUndefined();
    expect(await bed.ledger.organizations.counts(SHELTER)).toMatchObject({ supporters: 0, transactions: 0 });
    expect(await bed.ledger.organizations.counts(RELIEF)).toMatchObject({ supporters: 1, transactions: 1 });
    expect(await scheduleOf(SHELTER)).toMatchObject({ paused: true });
  });
});

describe('without a Steward of one’s own that runs', () => {
  test('the sandbox refuses an organization, since its Classy is made up, unless it was started with the user’s own', async () => {
    const sandbox = { CLASSY_API_URL: 'http://127.0.0.1:1/2.0', CLASSY_TOKEN_URL: 'http://127.0.0.1:1/oauth2/auth' };
    const made = await runningOn({ sandbox });
    expect(await add(shelter, { env: made })).toMatchObject({ code: 4, stderr: expect.stringContaining('sandbox') });
    const own = await runningOn({ sandbox: { CM_API_KEY: 'sandbox' } });
    await writeFile(join(own['STEWARD_DATA_DIR']!, 'encryption.key'), `${keyFor(7)}\n`);
    expect(await add(shelter, { env: own })).toMatchObject({ code: 0 });
  });

  test('the first organization can be added before the first start, and a key is made', async () => {
    const dataDir = await newDataDir();
    const env = { ...withoutKey(bed.env), STEWARD_DATA_DIR: dataDir };
    const { code, stdout, stderr } = await add(relief, { env });
    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 0, stdout: expect.stringContaining(`"organization": "${RELIEF}"`) },
      stderr: expect.stringContaining('is set up and started for this command'),
    });
    expect(stderr).toContain(`${join(dataDir, 'encryption.key')}, readable for you only`);
    expect((await stat(join(dataDir, 'encryption.key'))).mode & 0o777).toBe(0o600);
    const listed = await steward(['org', 'list', '--json'], { env });
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id: RELIEF, credentialsReadable: true }]);
  });
});

test('no secret is in any output, nor readable in the database', async () => {
  const rows = await database.sql.query<{ text: string; credentials: Buffer | null }[]>`
    SELECT o::text AS text, credentials FROM organizations o`;
  const bytes = rows.flatMap(({ credentials }) => credentials ?? []);
  expect(bytes.length).toBeGreaterThan(0);
  expect(everything.length).toBeGreaterThan(1000);
  for (const word of ['hush', relief.clientId, keyFor(7)]) {
    expect(everything).not.toContain(word);
    expect(rows.map(({ text }) => text).join()).not.toContain(word);
    for (const one of bytes) expect(one.includes(word)).toBe(false);
  }
});
