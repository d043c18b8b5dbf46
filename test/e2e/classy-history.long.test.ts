import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Collection, type FaultsPatch, seededRandom, seedOrganization } from '../../src/sandbox/index.js';
import { type ClassyBed, createClassyBed } from '../support/classy-bed.js';
import { expectTrue, type Table, untrue } from '../support/classy-model.js';

const MINUTE = 60_000;
const SEEDS = process.env['CLASSY_SEEDS']?.split(',').map(Number) ?? [14];
const ROUNDS = 4;
const RESOURCES = ['campaigns', 'supporters', 'transactions', 'recurring-plans'] as const;

let b: ClassyBed;
let clock = Math.floor((Date.now() - 240 * 60 * MINUTE) / 1000) * 1000;

beforeAll(async () => {
  b = await createClassyBed({
    name: 'classy_history',
    organizations: SEEDS.map((seed) => ({ id: 900 + seed })),
    classy: { now: () => new Date(clock) },
    file: { guard: { people: 1_000, share: 1 } },
  });
}, 60_000);
afterAll(() => b.stop());

const FAULTS: FaultsPatch[] = [
  {},
  {},
  { repeatPageEvery: 3 },
  { truncateEvery: 5 },
  { dropEvery: 5 },
  { failEvery: { nth: 4, status: 500 } },
  { failEvery: { nth: 5, status: 429 } },
  { failEvery: { nth: 5, status: 503, body: 'html' } },
  { totalLies: 40 },
  { totalLies: -40 },
  { totalLies: -100_000 },
  { amountsAsText: true, dates: 'millis' },
  { dates: 'z', repeatPageEvery: 4 },
];

/** Those that leave records as they are. */
const WAYS_TO_FAIL = FAULTS.filter((fault) => !('dates' in fault));

/** Months of an organization in a moment: whatever people and Classy do, and what no time of change tells. */
function createLife(organization: number, seed: number) {
  const random = seededRandom(seed);
  const books = b.classy.organization(organization);
  const gone: Record<Table, number[]> = { supporters: [], campaigns: [], transactions: [], recurring_plans: [] };
  /** What an incremental sync cannot see. */
  let isHidden = false;
  /** Ids that a sync has seen. */
  const stored = new Set<number>();
  const below = (most: number): number => Math.floor(random() * most);
  const any = ({ inIdOrder }: Collection): number => inIdOrder[below(inIdOrder.length)]!.id;
  const remove = (table: Table, collection: Collection, id: number): void => {
    collection.remove(id);
    if (stored.has(id)) gone[table].push(id);
    isHidden = true;
  };
  const amounts = [0, 5, '12.50', 0.1 + 0.2, '1000.005', 1e-7, 99.99, null];
  const { supporters, transactions, campaigns, plans } = books;
  const deeds: (() => void)[] = [
    () => void supporters.put({ first_name: `New ${random()}`, opt_in: random() < 0.5 }),
    () => void supporters.edit(any(supporters), { email_address: `E${below(50)}@example.org` }),
    () => void books.gift({ supporter: any(supporters), amount: 10 + below(500), campaign: any(campaigns) }),
    () => void books.gift({ supporter: null, amount: amounts[below(8)] as number }),
    () => void transactions.edit(any(transactions), { total_gross_amount: amounts[below(8)] }),
    () => void transactions.edit(any(transactions), { status: ['success', 'pending', 'cb_lost', 'odd'][below(4)] }),
    () => void transactions.edit(any(transactions), { currency_code: ['USD', 'EUR', null][below(3)] }),
    () => void transactions.edit(any(transactions), { supporter_id: any(supporters), campaign_id: any(campaigns) }),
    () => void books.refund(any(transactions)),
    () => void books.chargePlan(any(plans)),
    () => void books.cancelPlan(any(plans)),
    () => void plans.edit(any(plans), { is_paused: true, pause_until: '2030-01-01' }),
    () => void campaigns.edit(any(campaigns), { name: `Renamed ${random()}` }),
    // many at once: more than a page in one second, or over some seconds
    () => {
      const step = random() < 0.5 ? 0 : 300;
      for (let n = 90 + below(160); n > 0; n -= 1) {
        clock += step;
        supporters.edit(any(supporters), { last_name: `Bulk ${clock}` });
      }
    },
    () => {
      for (let n = 90 + below(60); n > 0; n -= 1)
        books.gift({ supporter: any(supporters), amount: n, status: 'pending' });
    },
    () => {
      for (const { id, row } of [...transactions.inIdOrder])
        if (row['status'] === 'pending') transactions.edit(id, { status: 'success' });
    },
  ];
  const hidden: (() => void)[] = [
    () => remove('supporters', supporters, any(supporters)),
    () => remove('transactions', transactions, any(transactions)),
    () => remove('recurring_plans', plans, any(plans)),
    () => {
      const [from, into] = [any(supporters), any(supporters)];
      if (from === into) return;
      books.mergeSupporters(from, into);
      if (stored.has(from)) gone.supporters.push(from);
      isHidden = true;
    },
    () => {
      transactions.edit(any(transactions), { total_gross_amount: below(100) }, { updatedAt: false });
      isHidden = true;
    },
    () => {
      transactions.edit(any(transactions), { status: 'refunded' }, { updatedAt: '2020-02-02T00:00:00+0000' });
      isHidden = true;
    },
  ];
  return {
    gone,
    isHidden: () => isHidden,
    /** All that is there has been read. */
    isRead(): void {
      for (const collection of [supporters, transactions, campaigns, plans])
        for (const { id } of collection.inIdOrder) stored.add(id);
    },
    do(count: number, mayHide: boolean): void {
      for (let n = 0; n < count; n += 1) {
        const isSecret = mayHide && random() < 0.15;
        (isSecret ? hidden[below(hidden.length)]! : deeds[below(deeds.length)]!)();
        if (random() < 0.5) clock += below(20) * 1000;
      }
    },
    /** Time passes; now and then the source's clock is set back by some minutes. */
    pass(): void {
      clock += random() < 0.2 ? -below(4) * MINUTE : below(30) * MINUTE;
    },
    fault: (all: readonly FaultsPatch[]): FaultsPatch => all[below(all.length)]!,
    random,
  };
}

it.each(SEEDS)(
  'a generated history (seed %i): incremental syncs follow what has a time, one full sync all',
  async (seed) => {
    const organization = 900 + seed;
    seedOrganization(b.classy, organization, { supporters: 260, transactions: 420, campaigns: 6, plans: 14 }, seed);
    const life = createLife(organization, seed);
    const sync = async (mode: 'incremental' | 'full'): Promise<void> => {
      const more = { organization: String(organization) };
      const fault = mode === 'full' ? life.fault(WAYS_TO_FAIL) : life.fault(FAULTS);
      b.classy.faults.set(fault);
      const order = RESOURCES.toSorted(() => life.random() - 0.5);
      const outcomes = await Promise.all(order.map((resource) => b.sync(resource, mode, more)));
      b.classy.faults.clear();
      const ended = outcomes.map(({ resource, result, message }) => `${resource} ${result} ${message ?? ''}`.trim());
      expect({ fault, ended: ended.sort() }).toEqual({ fault, ended: RESOURCES.map((one) => `${one} done`).sort() });
    };
    await sync('full');
    life.isRead();
    await expectTrue(b, organization);
    for (let round = 0; round < ROUNDS; round += 1) {
      life.pass();
      life.do(25, round >= 2);
      // sometimes things happen while it reads
      const meddle = round % 2 === 1;
      let isBusy = meddle;
      b.classy.onList(() => {
        if (isBusy && life.random() < 0.3) life.do(1, false);
      });
      await sync('incremental');
      isBusy = false;
      if (meddle) await sync('incremental');
      life.isRead();
      if (!life.isHidden())
        expect({ round, wrong: (await untrue(b, organization)).slice(0, 5) }).toEqual({ round, wrong: [] });
    }
    await sync('full');
    await expectTrue(b, organization, { gone: life.gone });
    // and a second one finds nothing to do
    const again = await Promise.all(
      RESOURCES.map((resource) => b.sync(resource, 'full', { organization: String(organization) })),
    );
    for (const { run } of again) expect(await b.run(run)).toMatchObject({ added: 0, updated: 0, missing: 0, held: 0 });
    await expectTrue(b, organization, { gone: life.gone });
  },
  180_000,
);
