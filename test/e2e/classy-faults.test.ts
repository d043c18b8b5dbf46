import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { FaultsPatch } from '../../src/sandbox/index.js';
import { type ClassyBed, createClassyBed } from '../support/classy-bed.js';
import { expectTrue, readText } from '../support/classy-model.js';
import { eventually } from '../support/eventually.js';

const MINUTE = 60_000;
const [LIVING, OTHER, WRITTEN] = [34, 35, 36] as const;

let b: ClassyBed;
let clock = Math.floor((Date.now() - 240 * 60 * MINUTE) / 1000) * 1000;
const gone: { supporters: number[]; transactions: number[] } = { supporters: [], transactions: [] };
let pagesSeen = 0;
let onPage: ((page: number) => void) | undefined;

const books = (organization: number = LIVING) => b.classy.organization(organization);

beforeAll(async () => {
  b = await createClassyBed({
    name: 'classy_faults',
    organizations: [{ id: LIVING }, { id: OTHER }, { id: WRITTEN }],
    classy: { now: () => new Date(clock) },
    file: { guard: { people: 5, share: 0 } },
  });
  b.classy.onList((_, answered) => {
    if (answered < 100) return;
    pagesSeen += 1;
    onPage?.(pagesSeen);
  });
  addPeople(LIVING, 350);
  addPeople(OTHER, 3);
  await both('full');
  await expectTrue(b, LIVING);
}, 60_000);
afterEach(() => {
  b.classy.faults.clear();
  onPage = undefined;
});
afterAll(() => b.stop());

function addPeople(organization: number, count: number): void {
  const { supporters } = books(organization);
  for (let n = 0; n < count; n += 1) {
    const { id } = supporters.put({ first_name: `P${n}` });
    books(organization).gift({ supporter: id, amount: `${n}.25` });
  }
}

async function both(mode: 'incremental' | 'full'): Promise<void> {
  pagesSeen = 0;
  const campaigns = mode === 'full' ? [b.sync('campaigns', mode)] : [];
  const outcomes = await Promise.all([b.sync('supporters', mode), b.sync('transactions', mode), ...campaigns]);
  expect(outcomes.map(({ result }) => result)).toEqual(outcomes.map(() => 'done'));
}

/** Much changes: more than a page within a second, some of it long ago, a few records vanish. */
function live(): void {
  const { supporters, transactions } = books();
  clock += 30 * MINUTE;
  for (const { id } of supporters.list().slice(0, 130)) {
    if (id % 7 === 0) clock += 1000;
    supporters.edit(id, { last_name: `Changed ${clock}` });
  }
  clock += 15 * MINUTE;
  for (const { id } of transactions.list().slice(100, 320)) {
    transactions.edit(id, { total_gross_amount: clock % 1000 });
  }
  books().refund(transactions.list()[5]!.id);
  addPeople(LIVING, 5);
  for (const [name, collection] of [
    ['supporters', supporters],
    ['transactions', transactions],
  ] as const) {
    const { id } = collection.list()[300]!;
    collection.remove(id);
    gone[name].push(id);
  }
}

const pauseOf = async (organization: number) => (await b.bed.ledger.organizations.find(String(organization)))?.pause;

const faults: [string, FaultsPatch][] = [
  ['truncated JSON and dropped connections', { truncateEvery: 9, dropEvery: 14 }],
  ['HTML, and 503 in place of 429', { failEvery: { nth: 9, status: 503, body: 'html' } }],
  ['429, again and again', { failEvery: { nth: 9, status: 429 } }],
  ['a total that is too high', { totalLies: 1_000 }],
  ['a total of nothing', { totalLies: -100_000 }],
  ['a total of a while ago', { totalLies: -6 }],
];

describe('a Classy that answers badly', () => {
  it.each(faults)('%s: all is as at the source in the end', async (_, patch) => {
    live();
    b.classy.faults.set(patch);
    await both('incremental');
    await both('full');
    b.classy.faults.clear();
    await expectTrue(b, LIVING, { gone });
  });

  it('pages that repeat while much changed in the order of ids', async () => {
    live();
    b.classy.faults.set({ repeatPageEvery: 3 });
    await both('incremental');
    await both('full');
    b.classy.faults.clear();
    await expectTrue(b, LIVING, { gone });
  });

  it('tokens revoked in the middle of runs', async () => {
    live();
    onPage = (page) => {
      if (page % 2 === 0) b.classy.revokeTokens();
    };
    await both('incremental');
    await both('full');
    await expectTrue(b, LIVING, { gone });
    expect(await pauseOf(LIVING)).toBeUndefined();
  });

  it('credentials refused in the middle of a run: paused, told, others go on, and it goes on by itself', async () => {
    live();
    onPage = (page) => {
      if (page === 2) b.classy.revokeClient(LIVING);
    };
    const run = both('full');
    const pause = await eventually(() => pauseOf(LIVING), { withinMs: 10_000 });
    expect(pause).toMatchObject({ type: 'SourceRefused' });
    expect(pause.message).toContain('check client id and secret');
    expect(pause.message).not.toMatch(/secret-34|client-34/);
    expect(await b.sync('supporters', 'full', { organization: String(OTHER) })).toMatchObject({ result: 'done' });
    expect(await pauseOf(OTHER)).toBeUndefined();
    b.classy.restoreClient(LIVING);
    await run;
    expect(await pauseOf(LIVING)).toBeUndefined();
    await expectTrue(b, LIVING, { gone });
  });

  it('turned away by what stands in front: paused with advice, and it goes on by itself', async () => {
    live();
    b.classy.faults.set({ edgeForbidden: true });
    const run = both('incremental');
    const pause = await eventually(() => pauseOf(LIVING), { withinMs: 20_000 });
    expect(pause.message).toContain('x-integration-id');
    b.classy.faults.clear();
    await run;
    expect(await pauseOf(LIVING)).toBeUndefined();
    await both('full');
    await expectTrue(b, LIVING, { gone });
  });
});

describe('a Postgres that fails in the middle of a full sync', () => {
  it('loses no page that was on its way', async () => {
    addPeople(WRITTEN, 1_500);
    const client = new pg.Client({ connectionString: b.bed.stores.databaseUrl });
    await client.connect();
    await client.query(`
      CREATE SEQUENCE boom;
      CREATE FUNCTION boom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('boom') IN (2, 4) THEN RAISE EXCEPTION 'boom'; END IF; RETURN NULL; END $$;
      CREATE TRIGGER boom BEFORE INSERT ON supporters FOR EACH STATEMENT EXECUTE FUNCTION boom();`);
    b.classy.faults.set({ latencyMs: 10 });
    const { run } = await b.sync('supporters', 'full', { organization: String(WRITTEN) });
    await client.query('DROP TRIGGER boom ON supporters; DROP FUNCTION boom; DROP SEQUENCE boom');
    await client.end();
    expect(await b.run(run)).toMatchObject({ result: 'done', read: 1_500, added: 1_500, unchanged: 0 });
    b.classy.faults.clear();
    await b.sync('transactions', 'full', { organization: String(WRITTEN) });
    await b.sync('campaigns', 'full', { organization: String(WRITTEN) });
    await expectTrue(b, WRITTEN);
    expect(
      await readText(
        b.bed.stores.databaseUrl,
        'SELECT 1 FROM supporters WHERE missing_since IS NOT NULL AND organization_id = $1',
        [WRITTEN],
      ),
    ).toEqual([]);
  });
});
