import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sealCredentials } from '../../src/cli/credentials.js';
import { loadConfig } from '../../src/config/config.js';
import type { Resource } from '../../src/contract/organization-sync.js';
import type { OrganizationRun } from '../../src/ledger/classy/organization-runs.js';
import { type SandboxClassy, seededRandom, seedOrganization, startClassy } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { expectTrue } from '../support/classy-model.js';
import { eventually } from '../support/eventually.js';
import { createWorld, type World } from '../support/world.js';

const MINUTE = 60_000;
const RESOURCES = ['campaigns', 'supporters', 'transactions', 'recurring-plans'] as const;
const SIZE = { supporters: 1_500, transactions: 3_000, campaigns: 20, plans: 150 };
const COUNTS = { campaigns: 20, supporters: 1_500, transactions: 3_000, 'recurring-plans': 150 };
const ORGANIZATIONS = [34, 35];
/** The one whose second sync is a full one. */
const FULL = 35;
/** Found out by missed heartbeats. */
const RESUMED_MS = 120_000;
const seed = Number(process.env['CLASSY_SEED'] ?? Date.now() % 100_000);
const random = seededRandom(seed);

let world: World;
let classy: SandboxClassy;
let clock = Math.floor((Date.now() - 240 * 60 * MINUTE) / 1000) * 1000;

const credentials = (id: number) => ({ clientId: `client-${id}`, clientSecret: `secret-${id}` });

beforeAll(async () => {
  classy = await startClassy({
    perMinute: Number.POSITIVE_INFINITY,
    organizations: ORGANIZATIONS.map((id) => ({ id, name: `Organization ${id}`, ...credentials(id) })),
    now: () => new Date(clock),
  });
  for (const id of ORGANIZATIONS) seedOrganization(classy, id, SIZE, id);
  const quiet = Object.fromEntries(
    ['siteWalk', 'siteFull', 'supporters', 'transactions', 'campaigns', 'recurringPlans', 'organizationFull'].map(
      (name) => [name, '31d'],
    ),
  );
  const variables = {
    CLASSY_API_URL: classy.url,
    CLASSY_TOKEN_URL: classy.tokenUrl,
    STEWARD_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  world = await createWorld({
    variables,
    file: { rateLimits: { classy: {} }, schedules: quiet, guard: { people: 50, share: 0 } },
  });
  await world.program.start();
  const { organizations } = await world.ledger();
  const ring = loadConfig({
    env: { ...variables, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', STEWARD_DATA_DIR: world.program.dataDir },
    folder: world.program.dataDir,
  }).encryptionKeys;
  for (const id of ORGANIZATIONS)
    await organizations.save({
      id: String(id),
      name: `Organization ${id}`,
      timeZone: 'UTC',
      currency: 'USD',
      mailchimpListId: undefined,
      isSandbox: false,
      sealed: sealCredentials(ring, String(id), credentials(id)),
    });
}, 120_000);
afterAll(async () => {
  await world.close();
  await classy.close();
}, 60_000);

type Runs = Map<string, { organization: number; resource: Resource }>;

/** Starts everything at once; the ends are seen in the ledger, since they outlive the program. */
async function startAll(modeOf: (organization: number) => 'incremental' | 'full'): Promise<Runs> {
  const { temporalAddress: address, namespace } = await world.program.info();
  const client = openClient({ address, namespace });
  const starter = createStarter(client);
  const runs: Runs = new Map();
  for (const organization of ORGANIZATIONS)
    for (const resource of RESOURCES) {
      const run = randomUUID();
      runs.set(run, { organization, resource });
      const mode = modeOf(organization);
      await eventually(() =>
        starter.startOrganizationSync({ organization: String(organization), resource, mode, run, by: 'command' }),
      );
    }
  await client.connection.close();
  return runs;
}

const find = async (run: string): Promise<OrganizationRun | undefined> =>
  (await world.ledger()).organizationRuns.find(run);

const ended = (run: string): Promise<OrganizationRun> =>
  eventually(
    async () => {
      const found = await find(run);
      if (!found?.endedAt) throw new Error(`run of ${found?.resource} is ${found?.phase}, read ${found?.read}`);
      return found;
    },
    { withinMs: RESUMED_MS, everyMs: 100 },
  );

/** Kills once this share of the lists was asked for, and a random moment later. */
async function killInTheMiddle(pages: number): Promise<void> {
  const asked = () => classy.calls.filter(({ operation }) => operation.endsWith('.list')).length;
  const before = asked();
  await eventually(() => asked() - before >= pages, { withinMs: 20_000, everyMs: 5 });
  await sleep(random() * 300);
  await world.program.kill({ stores: false });
  await world.program.start();
}

const where = async () => ({ classy, bed: { stores: { databaseUrl: (await world.program.info()).databaseUrl } } });

test(`killed in the middle of full syncs, all goes on: each record is counted once (seed ${seed})`, async () => {
  classy.faults.set({ latencyMs: 150 });
  const runs = await startAll(() => 'full');
  await killInTheMiddle(12 + Math.floor(random() * 40));
  classy.faults.clear();
  let unfinished = 0;
  for (const [run, { resource }] of runs) {
    if (!(await find(run))?.endedAt) unfinished += 1;
    const count = COUNTS[resource];
    expect(await ended(run)).toMatchObject({
      ...{ resource, result: 'done', read: count, added: count, updated: 0, unchanged: 0, setAside: 0, missing: 0 },
    });
  }
  expect(unfinished).toBeGreaterThan(0);
  for (const organization of ORGANIZATIONS) await expectTrue(await where(), organization);
}, 100_000);

test(`killed in the middle of an incremental sync, and of a full one that misses some (seed ${seed})`, async () => {
  const gone = { supporters: [] as number[], transactions: [] as number[] };
  clock += 60 * MINUTE;
  for (const organization of ORGANIZATIONS) {
    const books = classy.organization(organization);
    const supporters = books.supporters.list();
    const transactions = books.transactions.list();
    for (const { id } of supporters.slice(100, 900)) {
      if (id % 5 === 0) clock += 1000;
      books.supporters.edit(id, { last_name: 'Changed' });
    }
    for (const { id } of transactions.slice(500, 1_700)) books.transactions.edit(id, { total_gross_amount: '77.77' });
    for (let n = 0; n < 250; n += 1) books.gift({ supporter: null, amount: n });
    if (organization !== FULL) continue;
    for (const name of ['supporters', 'transactions'] as const)
      for (const { id } of (name === 'supporters' ? supporters : transactions).filter((_, n) => n % 100 === 50)) {
        gone[name].push(id);
        books[name].remove(id);
      }
  }
  clock += MINUTE;
  classy.faults.set({ latencyMs: 250 });
  const runs = await startAll((organization) => (organization === FULL ? 'full' : 'incremental'));
  await killInTheMiddle(10 + Math.floor(random() * 20));
  classy.faults.clear();
  const changed: Record<string, number[]> = { supporters: [800, 0], transactions: [1_200, 250] };
  for (const [run, { resource, organization }] of runs) {
    const [updated = 0, added = 0] = changed[resource] ?? [];
    const lost = organization === FULL && resource in gone ? gone[resource as keyof typeof gone] : [];
    // some of those that vanished had been changed before
    const lostOnes = lost.length === 0 ? 0 : updated / 100;
    const expected = { result: 'done', added, updated: updated - lostOnes, missing: lost.length, held: 0 };
    expect(await ended(run)).toMatchObject({ resource, ...expected, setAside: 0 });
    if (organization === FULL) expect((await find(run))?.read).toBe(COUNTS[resource] + added - lost.length);
  }
  await expectTrue(await where(), ORGANIZATIONS[0]!);
  await expectTrue(await where(), FULL, { gone });
}, 100_000);
