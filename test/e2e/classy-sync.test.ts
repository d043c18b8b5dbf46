import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OrganizationSyncInput, Resource } from '../../src/contract/organization-sync.js';
import type { OrganizationRun } from '../../src/ledger/classy/organization-runs.js';
import { seedOrganization } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { type ClassyBed, createClassyBed } from '../support/classy-bed.js';
import { expectTrue, readText } from '../support/classy-model.js';
import { eventually } from '../support/eventually.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const RESOURCES = ['campaigns', 'supporters', 'transactions', 'recurring-plans'] as const;
const GUARD = 10;

/** An organization for each story, so that none disturbs another. */
const organizations = Object.fromEntries(
  [
    ...['life', 'bulk', 'ties100', 'ties101', 'ties200', 'ties250', 'between', 'moving', 'vanishing', 'merged'],
    ...['odd', 'many', 'refusing', 'future', 'futures', 'ahead', 'behind', 'one', 'two', 'dry', 'ticked', 'children'],
    ...['money', 'empty', 'hostile', 'dated', 'healing'],
  ].map((name, index) => [name, 101 + index]),
);
const of = (name: string): number => organizations[name]!;

let b: ClassyBed;
/** The source's clock stands ten days back, so that time can pass quickly. */
let clock = Math.floor((Date.now() - 240 * HOUR) / 1000) * 1000;
const pass = (ms: number): void => {
  clock += ms;
};

beforeAll(async () => {
  b = await createClassyBed({
    name: 'classy_sync',
    organizations: Object.values(organizations).map((id) => ({ id })),
    classy: { now: () => new Date(clock) },
    file: { guard: { people: GUARD, share: 0 } },
  });
}, 60_000);
afterAll(() => b.stop());

const books = (name: string) => b.classy.organization(of(name));
const isTrue = (name: string, exceptions = {}): Promise<void> => expectTrue(b, of(name), exceptions);
const sql = (text: string, values: unknown[] = []) => readText(b.bed.stores.databaseUrl, text, values);

type Ended = OrganizationRun & { requestsSeen: number };

/** Runs one resource to its end; gives what the ledger says of it, and how many requests the stand-in saw. */
async function sync(
  name: string,
  resource: Resource,
  mode: OrganizationSyncInput['mode'],
  more: Partial<OrganizationSyncInput> = {},
): Promise<Ended> {
  const before = b.classy.calls.length;
  const { run } = await b.sync(resource, mode, { organization: String(of(name)), ...more });
  const requestsSeen = b.classy.calls.slice(before).filter(({ operation }) => operation !== 'token').length;
  return { ...(await b.run(run)), requestsSeen };
}
/** All resources side by side, which is quicker than one after the other; gives the results that are not `done`. */
const everything = async (name: string, mode: OrganizationSyncInput['mode']): Promise<string[]> => {
  const runs = await Promise.all(
    RESOURCES.map((resource) => b.sync(resource, mode, { organization: String(of(name)) })),
  );
  return runs.flatMap(({ resource, result }) => (result === 'done' ? [] : `${resource} ${result}`));
};

/** People of one second. */
const people = (name: string, count: number, more: object = {}): number[] =>
  Array.from(
    { length: count },
    (_, n) => books(name).supporters.put({ first_name: `P${n}`, email_address: `P${n}@example.org`, ...more }).id,
  );

describe('the life of an organization', () => {
  const name = 'life';

  it('stores everything with a first full sync', async () => {
    seedOrganization(b.classy, of(name), 'small');
    expect(await b.sync('all', 'full', { organization: String(of(name)) })).toMatchObject({ result: 'done' });
    await isTrue(name);
  });

  it('asks once a resource when nothing changed, however much is in the overlap', async () => {
    pass(HOUR);
    for (const resource of RESOURCES) {
      const run = await sync(name, resource, 'incremental');
      expect(run).toMatchObject({ result: 'done', added: 0, updated: 0, requests: 1, requestsSeen: 1 });
    }
    await isTrue(name);
  });

  it('follows edits, gifts, refunds, charges and cancelled plans; totals fall with a refund', async () => {
    pass(HOUR);
    const { supporters, transactions, plans } = books(name);
    const donor = supporters.put({ first_name: 'New', opt_in: 'true' });
    const gift = books(name).gift({ supporter: donor.id, amount: '0.30000000000000004' });
    books(name).gift({ supporter: donor.id, amount: 52.5 });
    books(name).gift({
      supporter: null,
      amount: 7,
      at: '2024-01-01T00:00:00Z',
      updated_at: new Date(clock).toISOString(),
    });
    const active = plans.list().filter(({ status }) => status === 'active');
    books(name).chargePlan(active[0]!.id);
    books(name).cancelPlan(active[1]!.id);
    supporters.edit(supporters.list()[0]!.id, { opt_in: 1, first_name: 'nul\0 and \ud800 half' });
    transactions.edit(transactions.list()[1]!.id, { campaign_id: books(name).campaigns.list()[2]!.id });
    expect(await everything(name, 'incremental')).toEqual([]);
    await isTrue(name);
    pass(MINUTE);
    books(name).refund(gift.id);
    const run = await sync(name, 'transactions', 'incremental');
    expect(run).toMatchObject({ result: 'done', added: 0, updated: 1 });
    const [row] = await sql(
      'SELECT lifetime_donation_amount AS amount, donation_count AS count FROM supporters WHERE id = $1',
      [donor.id],
    );
    expect(row).toEqual({ amount: '52.5000', count: '1' });
    await isTrue(name);
  });

  it('takes another way of writing for what it is, and stores it', async () => {
    pass(HOUR);
    b.classy.faults.set({ amountsAsText: true, dates: 'millis' });
    books(name).gift({ supporter: books(name).supporters.list()[0]!.id, amount: 1234.5 });
    expect(await everything(name, 'full')).toEqual([]);
    await isTrue(name);
    b.classy.faults.set({ amountsAsText: false, dates: 'z' });
    expect(await everything(name, 'full')).toEqual([]);
    b.classy.faults.clear();
    await isTrue(name);
  });
});

describe('many records of one second', () => {
  it.each([101, 200, 250])('%i of one second, some before and after it: nobody is left out', async (count) => {
    const name = `ties${count}`;
    people(name, 20);
    await sync(name, 'supporters', 'full');
    // before it by more than the overlap, so that nothing finds them later by chance
    pass(HOUR);
    people(name, 30);
    pass(HOUR);
    people(name, count);
    pass(HOUR);
    people(name, 3);
    const run = await sync(name, 'supporters', 'incremental');
    expect(run).toMatchObject({ result: 'done', added: count + 33, updated: 0 });
    await isTrue(name);
    expect(await sync(name, 'supporters', 'incremental')).toMatchObject({ requestsSeen: 1 });
    // and all of them again, while the second of before is still in the overlap
    pass(5 * MINUTE);
    for (const { id } of books(name).supporters.list()) books(name).supporters.edit(id, { first_name: 'Again' });
    await sync(name, 'supporters', 'incremental');
    await isTrue(name);
  });

  it('two changes of many within the overlap, with a sync between them, are both seen', async () => {
    const name = 'bulk';
    const donor = books(name).supporters.put({});
    books(name).campaigns.put({});
    await everything(name, 'full');
    pass(HOUR);
    const gifts = Array.from(
      { length: 150 },
      () => books(name).gift({ supporter: donor.id, amount: 10, status: 'pending' }).id,
    );
    expect(await sync(name, 'transactions', 'incremental')).toMatchObject({ added: 150 });
    pass(5 * MINUTE);
    for (const id of gifts) books(name).transactions.edit(id, { status: 'success' });
    expect(await sync(name, 'transactions', 'incremental')).toMatchObject({ updated: 150 });
    await isTrue(name);
  });

  it('a record that vanished does not make up for one that was not read', async () => {
    const name = 'many';
    const ids = people(name, 20);
    await sync(name, 'supporters', 'full');
    pass(HOUR);
    people(name, 101);
    books(name).supporters.remove(ids[0]!);
    await sync(name, 'supporters', 'incremental');
    expect(await sql('SELECT count(*) FROM supporters WHERE organization_id = $1', [of(name)])).toEqual([
      { count: '121' },
    ]);
  });
});

describe('records that change while they are read', () => {
  it('a record updated, one inserted and one moved between two pages of an incremental sync', async () => {
    const name = 'between';
    const ids = people(name, 350);
    await sync(name, 'supporters', 'full');
    pass(HOUR);
    for (const id of ids) {
      if (id % 3 === 0) pass(1000);
      books(name).supporters.edit(id, { last_name: 'Changed' });
    }
    let pages = 0;
    b.classy.onList((resource, answered) => {
      if (resource !== 'supporters' || answered < 100 || pages >= 3) return;
      pages += 1;
      pass(1000);
      books(name).supporters.edit(ids[340]!, { last_name: `Moved ${pages}` });
      books(name).supporters.edit(ids[150 + pages]!, { last_name: 'From the next page' });
      books(name).supporters.put({ first_name: 'Inserted' });
    });
    expect(await sync(name, 'supporters', 'incremental')).toMatchObject({ result: 'done' });
    expect(pages).toBe(3);
    await sync(name, 'supporters', 'incremental');
    await isTrue(name);
  });

  it('records moved, inserted and deleted while a full sync reads: nothing is marked by mistake', async () => {
    const name = 'moving';
    const ids = people(name, 1_000);
    await sync(name, 'supporters', 'full');
    await isTrue(name);
    let pages = 0;
    const gone: number[] = [];
    b.classy.onList((resource, answered) => {
      if (resource !== 'supporters' || answered === 0 || pages >= 8 || books(name).supporters.size < 900) return;
      pages += 1;
      pass(1000);
      const id = ids[(pages * 397) % ids.length]!;
      if (books(name).supporters.remove(id)) gone.push(id);
      books(name).supporters.edit(ids[(pages * 211 + 1) % ids.length]!, { last_name: `During ${pages}` });
      // ids of long ago that are there all of a sudden, and new ones
      books(name).supporters.put({ id: 500 - pages, first_name: 'Low' });
      books(name).supporters.put({ first_name: 'High' });
    });
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'done' });
    expect(pages).toBe(8);
    pass(MINUTE);
    // whoever was put or changed behind the reader's back is seen by the next incremental
    await sync(name, 'supporters', 'incremental');
    const marked = await sql('SELECT id FROM supporters WHERE organization_id = $1 AND missing_since IS NOT NULL', [
      of(name),
    ]);
    expect(marked.map(({ id }) => Number(id)).filter((id) => !gone.includes(id))).toEqual([]);
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'done', added: 0, updated: 0 });
    await isTrue(name, { gone: { supporters: gone } });
  });
});

describe('records that vanish', () => {
  const name = 'vanishing';

  it('are marked with all else as it was, take their gifts out of totals, and come back', async () => {
    const ids = people(name, 130);
    const gifts = ids.map((supporter) => books(name).gift({ supporter, amount: '12.34' }).id);
    await everything(name, 'full');
    const kept = books(name).transactions.get(gifts[5]!)!;
    books(name).transactions.remove(gifts[5]!);
    books(name).transactions.remove(gifts[6]!);
    books(name).supporters.remove(ids[6]!);
    expect(await sync(name, 'transactions', 'incremental')).toMatchObject({ missing: 0 });
    expect(await sync(name, 'transactions', 'full')).toMatchObject({ result: 'done', missing: 2, held: 0 });
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'done', missing: 1 });
    const gone = { transactions: [gifts[5]!, gifts[6]!], supporters: [ids[6]!] };
    await isTrue(name, { gone });
    // marked once: the time stays
    const since = () => sql('SELECT id, missing_since FROM transactions WHERE missing_since IS NOT NULL ORDER BY id');
    const before = await since();
    expect(await sync(name, 'transactions', 'full')).toMatchObject({ result: 'done', missing: 0, updated: 0 });
    expect(await since()).toEqual(before);
    books(name).transactions.put(kept);
    expect(await sync(name, 'transactions', 'full')).toMatchObject({ result: 'done', missing: 0, updated: 1 });
    await isTrue(name, { gone: { transactions: [gifts[6]!], supporters: [ids[6]!] } });
  });

  it('are more than the guard allows: none is marked, unless somebody says so', async () => {
    const { supporters } = books(name);
    const before = supporters.list().map(({ id }) => id);
    const victims = before.slice(0, GUARD + 1);
    for (const id of victims) supporters.remove(id);
    const dry = await sync(name, 'supporters', 'full', { dryRun: true });
    expect(dry).toMatchObject({ result: 'refused', missing: 0, held: GUARD + 1 });
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'refused', missing: 0, held: GUARD + 1 });
    const marked = () =>
      sql('SELECT count(*) FROM supporters WHERE organization_id = $1 AND missing_since IS NOT NULL', [of(name)]);
    expect(await marked()).toEqual([{ count: '1' }]);
    expect(await sync(name, 'supporters', 'full', { confirmMissing: true })).toMatchObject({
      result: 'done',
      missing: GUARD + 1,
      held: 0,
    });
    expect(await marked()).toEqual([{ count: String(GUARD + 2) }]);
  });

  it('are all of them: an organization that shows nothing is not believed', async () => {
    const name = 'empty';
    const ids = people(name, GUARD + 1);
    await sync(name, 'supporters', 'full');
    for (const id of ids) books(name).supporters.remove(id);
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'refused', missing: 0, held: GUARD + 1 });
  });

  it('as a merged supporter does: the gifts go over with the next full sync', async () => {
    const name = 'merged';
    const [from, into] = people(name, 2) as [number, number];
    books(name).gift({ supporter: from, amount: 100 });
    books(name).gift({ supporter: into, amount: 11 });
    books(name).plans.put({ supporter_id: from });
    await everything(name, 'full');
    await isTrue(name);
    books(name).mergeSupporters(from, into);
    expect(await everything(name, 'full')).toEqual([]);
    await isTrue(name, { gone: { supporters: [from] } });
  });
});

describe('records that cannot be stored', () => {
  it('are set aside, cost the others nothing, are tried again and heal; reasons quote nothing', async () => {
    const name = 'odd';
    const ids = people(name, 5);
    const fine = books(name).gift({ supporter: ids[0]!, amount: 20 });
    const bad = books(name).gift({ supporter: ids[1]!, amount: 20 });
    books(name).transactions.edit(bad.id, { total_gross_amount: 'Hannah gave twenty' });
    const undated = books(name).gift({ supporter: ids[2]!, amount: 5, updated_at: null });
    const strange = books(name).gift({ supporter: ids[3]!, amount: 5, status: 'teleported', colour: 'red' });
    const unstorable = { transactions: [bad.id, undated.id] };
    await sync(name, 'supporters', 'full');
    await sync(name, 'campaigns', 'full');
    const run = await sync(name, 'transactions', 'full');
    expect(run).toMatchObject({ result: 'partly', added: 2, setAside: 2, read: 4 });
    expect(run.drift).toMatchObject({ 'unknown status teleported': 1, 'unknown field colour': 1 });
    const aside = await b.bed.ledger.organizationRuns.setAside(String(of(name)), { limit: 10 });
    expect(aside.map(({ recordId }) => Number(recordId)).sort()).toEqual([bad.id, undated.id].sort());
    expect(JSON.stringify(aside)).not.toContain('Hannah');
    await isTrue(name, { unstorable });
    // still bad: it is told again and counted once
    pass(HOUR);
    expect(await sync(name, 'transactions', 'incremental')).toMatchObject({ result: 'partly', added: 0, setAside: 2 });
    books(name).transactions.edit(bad.id, { total_gross_amount: 21 }, { updatedAt: false });
    books(name).transactions.edit(undated.id, { updated_at: '2024-05-05T05:05:05+0000' });
    expect(await sync(name, 'transactions', 'incremental')).toMatchObject({ result: 'done', added: 2, setAside: 0 });
    expect(await b.bed.ledger.organizationRuns.setAside(String(of(name)), { limit: 10 })).toEqual([]);
    expect(books(name).transactions.get(strange.id)).toBeDefined();
    expect(fine.id).toBeDefined();
    await isTrue(name);
    // one that was stored and turned bad stays as it was, and is not taken for gone
    books(name).transactions.edit(fine.id, { supporter_id: 'nobody' });
    expect(await sync(name, 'transactions', 'full')).toMatchObject({ result: 'partly', missing: 0, setAside: 1 });
    expect(
      await sql('SELECT supporter_id FROM transactions WHERE id = $1 AND missing_since IS NULL', [fine.id]),
    ).toEqual([{ supporter_id: String(ids[0]) }]);
    books(name).transactions.remove(fine.id);
    expect(await sync(name, 'transactions', 'incremental')).toMatchObject({ result: 'done', setAside: 0 });
  });

  it('and more of them than one sync tries again heal by the next ones', async () => {
    const name = 'healing';
    const bad = Array.from({ length: 105 }, () => books(name).plans.put({ supporter_id: 'nobody' }).id);
    expect(await sync(name, 'recurring-plans', 'full')).toMatchObject({ result: 'partly', added: 0, setAside: 105 });
    // the first of them stay bad
    for (const id of bad.slice(50)) books(name).plans.edit(id, { supporter_id: null }, { updatedAt: false });
    pass(HOUR);
    books(name).plans.put({});
    await sync(name, 'recurring-plans', 'incremental');
    await sync(name, 'recurring-plans', 'incremental');
    await sync(name, 'campaigns', 'full');
    await isTrue(name, { unstorable: { recurring_plans: bad.slice(0, 50) } });
  });

  it('a record without an id is told, and those around it are stored', async () => {
    const name = 'refusing';
    const ids = people(name, 230);
    const odd = books(name).supporters.put({ first_name: 'Nobody' });
    books(name).supporters.edit(odd.id, { id: null }, { updatedAt: false });
    people(name, 3);
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'partly', added: 233, setAside: 1 });
    await isTrueWithout(name, odd.id);
    pass(HOUR);
    books(name).supporters.edit(ids[0]!, { first_name: 'Later' });
    await sync(name, 'supporters', 'incremental');
    books(name).supporters.remove(odd.id);
    expect(await sync(name, 'supporters', 'full')).toMatchObject({ result: 'done', setAside: 0, missing: 0 });
    await isTrue(name);
    const left = await b.bed.ledger.organizationRuns.setAside(String(of(name)), { limit: 10 });
    expect(left).toEqual([]);
  });

  const isTrueWithout = async (name: string, id: number): Promise<void> => {
    const rows = await sql('SELECT count(*) FROM supporters WHERE organization_id = $1', [of(name)]);
    expect(rows).toEqual([{ count: String(books(name).supporters.size - 1) }]);
    expect(books(name).supporters.get(id)).toBeDefined();
  };

  it.each([
    ['transactions', { total_gross_amount: '99999999999999.99999' }],
    ['supporters', { last_emailed_at: '0000-01-01 00:00:00' }],
    ['supporters', { last_emailed_at: '0001-01-01T00:00:00+0100' }],
    ['plans', { next_processing_date: '0000-01-01' }],
    ['supporters', { email_address: `${randomText(6_000)}@example.org` }],
    ['supporters', { first_name: 'ok', metadata: { deep: JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`) } }],
    ['transactions', { items: [{ id: 'x' }] }],
    ['transactions', { items: [{ id: 7_000_001, quantity: 3e9, price: '99999999999999.99999' }] }],
  ] as const)('nothing that Postgres refuses keeps the rest of its page out: %s %#', async (table, patch) => {
    const name = 'hostile';
    const collection = books(name)[table];
    const resource = table === 'plans' ? 'recurring-plans' : table;
    const odd = collection.put({ ...patch });
    const fine = collection.put({});
    const ended = sync(name, resource, 'full');
    const stored = await eventually(
      async () =>
        (await sql(`SELECT id FROM ${table === 'plans' ? 'recurring_plans' : table} WHERE id = $1`, [fine.id])).length,
      { withinMs: 2_500 },
    ).catch(() => 0);
    // let it end, whatever became of it
    if (stored === 0) collection.remove(odd.id);
    const run = await ended;
    collection.remove(odd.id);
    expect(stored).toBe(1);
    expect(['done', 'partly']).toContain(run.result);
  });
});

/** Text that cannot be compressed. */
function randomText(length: number): string {
  let text = '';
  for (let n = 0; text.length < length; n += 1)
    text += Math.sin(n + 1)
      .toString(36)
      .slice(3);
  return text.slice(0, length);
}

describe('clocks', () => {
  it('a record of the year 2099 does not hide what changes later', async () => {
    const name = 'future';
    const ids = people(name, 120);
    books(name).supporters.edit(ids[0]!, {}, { updatedAt: '2099-01-01T00:00:00+0000' });
    await sync(name, 'supporters', 'full');
    for (let round = 0; round < 2; round += 1) {
      pass(HOUR);
      books(name).supporters.edit(ids[5 + round]!, { first_name: `Later ${round}` });
      expect(await sync(name, 'supporters', 'incremental')).toMatchObject({ updated: 1 });
    }
    await isTrue(name);
  });

  it('neither do as many as fill pages', async () => {
    const name = 'futures';
    const ids = people(name, 200);
    await sync(name, 'supporters', 'full');
    pass(HOUR);
    for (const id of ids.slice(0, 130)) books(name).supporters.edit(id, {}, { updatedAt: '2099-01-01T00:00:00+0000' });
    await sync(name, 'supporters', 'incremental');
    for (let round = 0; round < 2; round += 1) {
      pass(HOUR);
      books(name).supporters.edit(ids[150 + round]!, { first_name: `Later ${round}` });
      await sync(name, 'supporters', 'incremental');
      await isTrue(name);
    }
    // one that has just been read changes once more
    pass(2 * MINUTE);
    books(name).supporters.edit(ids[151]!, { first_name: 'Once more' });
    await sync(name, 'supporters', 'incremental');
    await isTrue(name);
  });

  it.each([
    ['ahead', 7 * MINUTE],
    ['behind', -7 * MINUTE],
  ])('the source is minutes %s', async (name, offset) => {
    const before = clock;
    clock = Math.floor((Date.now() + offset) / 1000) * 1000;
    const [person] = people(name, 1) as [number];
    books(name).gift({ supporter: person, amount: 5, at: '2024-01-01T00:00:00+0000' });
    await everything(name, 'full');
    pass(5000);
    const updated_at = new Date(clock).toISOString();
    books(name).gift({ supporter: person, amount: 6, at: '2024-01-02T00:00:00+0000', updated_at });
    // by the ledger's own clock this gift is given now or, where the source is ahead, in seven minutes
    books(name).gift({ supporter: person, amount: 7 });
    await everything(name, 'incremental');
    await isTrue(name);
    // the clock goes back by some minutes, as when it is set right
    clock -= 6 * MINUTE;
    books(name).supporters.edit(person, { first_name: 'Set right' });
    await everything(name, 'incremental');
    await isTrue(name);
    clock = before;
  });

  it('a gift dated ahead is counted once its time has come', async () => {
    const name = 'dated';
    const [person] = people(name, 1) as [number];
    const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2_000);
    books(name).gift({ supporter: person, amount: 9, at: soon });
    await everything(name, 'incremental');
    await new Promise((resolve) => setTimeout(resolve, soon.getTime() - Date.now() + 50));
    await sync(name, 'transactions', 'incremental');
    await isTrue(name);
  });
});

describe('two organizations with the same people', () => {
  it('never see each other’s records; an id that is the other’s is refused and told, by every later sync too', async () => {
    const mine = people('one', 3);
    people('two', 3);
    const gift = books('one').gift({ supporter: mine[0]!, amount: 50 });
    books('two').campaigns.put({});
    await everything('one', 'full');
    await isTrue('one');
    // the same ids in the other's books
    books('two').supporters.put({ ...books('one').supporters.get(mine[0]!)!, first_name: 'Stolen' });
    books('two').transactions.put({ ...gift, organization_id: of('two'), total_gross_amount: 99, items: [] });
    const lied = books('two').gift({ supporter: mine[0]!, amount: 3, organization_id: of('one') });
    const unstorable = { supporters: [mine[0]!], transactions: [gift.id, lied.id] };
    expect(await everything('two', 'full')).toEqual(['supporters partly', 'transactions partly']);
    await isTrue('one');
    await isTrue('two', { unstorable });
    const aside = await b.bed.ledger.organizationRuns.setAside(String(of('two')), { limit: 10 });
    expect(aside.map(({ recordId }) => Number(recordId)).sort()).toEqual([mine[0]!, gift.id, lied.id].sort());
    expect(await b.bed.ledger.organizationRuns.setAside(String(of('one')), { limit: 10 })).toEqual([]);

    pass(HOUR);
    const later = people('two', 1)[0]!;
    const incremental = sync('two', 'supporters', 'incremental');
    await eventually(async () => (await sql('SELECT 1 FROM supporters WHERE id = $1', [later])).length, {
      withinMs: 4_000,
    }).catch(() => books('two').supporters.remove(mine[0]!));
    expect(await incremental).toMatchObject({ result: 'partly' });
    expect((await b.bed.ledger.organizations.find(String(of('two'))))?.pause).toBeUndefined();
    await isTrue('two', { unstorable });
    // the other way round, and after the owner's record vanished: it stays the owner's
    books('one').supporters.remove(mine[0]!);
    await sync('one', 'supporters', 'full');
    await sync('two', 'supporters', 'full');
    await isTrue('two', { unstorable });
    await isTrue('one', { gone: { supporters: [mine[0]!] } });
  });
});

describe('a dry run', () => {
  it('counts what would change, and changes not one row', async () => {
    const name = 'dry';
    const tables = [
      'supporters',
      'campaigns',
      'transactions',
      'transaction_items',
      'recurring_plans',
      'source_cursors',
    ];
    const dump = async () =>
      Promise.all(
        [...tables, 'set_aside_records', 'organizations'].map((table) =>
          sql(
            `SELECT * FROM ${table} WHERE ${table === 'organizations' ? 'id' : 'organization_id'} = $1 ORDER BY 1, 2`,
            [of(name)],
          ),
        ),
      );
    seedOrganization(b.classy, of(name), 'small');
    const untouched = await dump();
    expect(await sync(name, 'supporters', 'full', { dryRun: true })).toMatchObject({
      result: 'done',
      added: 40,
      dryRun: true,
    });
    expect(await sync(name, 'transactions', 'incremental', { dryRun: true })).toMatchObject({ added: 150 });
    expect(await dump()).toEqual(untouched);
    await everything(name, 'full');
    pass(HOUR);
    const { supporters, transactions } = books(name);
    supporters.edit(supporters.list()[0]!.id, { first_name: 'Dry' });
    supporters.remove(supporters.list()[1]!.id);
    people(name, 130);
    books(name).gift({ supporter: null, amount: 'much' });
    books(name).refund(transactions.list().find(({ status }) => status === 'success')!.id);
    const before = await dump();
    expect(await sync(name, 'supporters', 'incremental', { dryRun: true })).toMatchObject({ added: 130, updated: 1 });
    expect(await sync(name, 'supporters', 'full', { dryRun: true })).toMatchObject({
      added: 130,
      updated: 1,
      missing: 1,
    });
    expect(await sync(name, 'transactions', 'incremental', { dryRun: true })).toMatchObject({
      updated: 1,
      setAside: 1,
    });
    expect(await dump()).toEqual(before);
  });
});

describe('a scheduled tick', () => {
  it('runs the sync', async () => {
    const name = 'ticked';
    people(name, 3);
    const client = openClient(b.bed.stores.temporal);
    await client.schedule.getHandle(`sync/${of(name)}/supporters`).trigger();
    const [run] = await eventually(
      async () => {
        const rows = await sql('SELECT * FROM organization_runs WHERE organization_id = $1 AND ended_at IS NOT NULL', [
          of(name),
        ]);
        return rows.length > 0 ? rows : undefined;
      },
      { withinMs: 10_000 },
    );
    expect(run).toMatchObject({ started_by: 'schedule', mode: 'incremental', resource: 'supporters', result: 'done' });
    await client.schedule.getHandle(`sync-full/${of(name)}`).trigger();
    const fulls = await eventually(
      async () => {
        const rows = await sql(
          "SELECT resource, result FROM organization_runs WHERE organization_id = $1 AND ended_at IS NOT NULL AND mode = 'full' AND started_by = 'schedule' ORDER BY resource",
          [of(name)],
        );
        return rows.length === 4 ? rows : undefined;
      },
      { withinMs: 20_000 },
    );
    expect(fulls.map(({ resource, result }) => [resource, result])).toEqual([
      ['campaigns', 'done'],
      ['recurring-plans', 'done'],
      ['supporters', 'done'],
      ['transactions', 'done'],
    ]);
    await client.connection.close();
    await isTrue(name);
  });
});

describe('totals', () => {
  it('are never nothing in between, whoever comes first', async () => {
    const name = 'children';
    const ids = people(name, 300);
    for (const supporter of ids) books(name).gift({ supporter, amount: 10 });
    await sync(name, 'transactions', 'full');
    let isOver = false;
    const zeros: unknown[] = [];
    const looked = (async () => {
      while (!isOver)
        zeros.push(
          ...(await sql(
            `SELECT 'supporter', id FROM supporters WHERE organization_id = $1 AND lifetime_donation_amount = 0 UNION ALL
             SELECT 'campaign', id FROM campaigns WHERE organization_id = $1 AND total_raised = 0`,
            [of(name)],
          )),
        );
    })();
    b.classy.faults.set({ latencyMs: 30 });
    await sync(name, 'supporters', 'full');
    await sync(name, 'campaigns', 'full');
    pass(HOUR);
    for (const { id } of books(name).transactions.list()) books(name).transactions.edit(id, { total_gross_amount: 12 });
    await sync(name, 'transactions', 'incremental');
    await everything(name, 'full');
    b.classy.faults.clear();
    isOver = true;
    await looked;
    expect(zeros).toEqual([]);
    await isTrue(name);
  });

  it('count what the vendor’s notes say, in every case of currency, and follow the organization’s', async () => {
    const name = 'money';
    const [person, other] = people(name, 2) as [number, number];
    const give = (amount: number | string, more: object = {}) =>
      books(name).gift({ supporter: person, amount, ...more });
    give('52.50');
    give(0.1 + 0.2);
    give('1234567890123.4567');
    give('1.00005');
    give(1e-7);
    give('5.551115123125783e-17');
    give(10, { currency_code: 'EUR' });
    give(20, { currency_code: null });
    give(30, { currency_code: 'usd' });
    give(40, { currency_code: 'EUR', raw_currency_code: 'USD', raw_total_gross_amount: 44 });
    give(0);
    give(-5);
    give(60, { purchased_at: null });
    give(70, { purchased_at: '2099-01-01T00:00:00+0000' });
    for (const status of [
      'refunded',
      'cb_initiated',
      'cb_lost',
      'pending',
      'incomplete',
      'failed',
      'test',
      'Success',
      'new',
    ])
      give(80, { status });
    books(name).gift({ supporter: null, amount: 5 });
    books(name).gift({ supporter: 999_999, amount: 6, campaign_id: 999_998 });
    books(name).gift({ supporter: other, amount: 7, campaign_id: null });
    await everything(name, 'full');
    await isTrue(name);
    pass(MINUTE);
    // the same by an incremental sync
    give('0.00005');
    give(0.00004);
    give(1, { currency_code: 'EUR' });
    await sync(name, 'transactions', 'incremental');
    await isTrue(name);
    for (const currency of ['EUR', undefined, 'USD']) {
      const { sealed, ...entry } = (await b.bed.ledger.organizations.find(String(of(name))))!;
      await b.bed.ledger.organizations.save({ ...entry, currency, sealed: sealed! });
      await isTrue(name, { currency: currency ?? null });
    }
  });
});
