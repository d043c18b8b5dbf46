import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { registerSupporter } from '../../src/cli/commands/supporter.js';
import { defaultSegmentRules } from '../../src/domain/segment-rules.js';
import { supportersOf } from '../../src/ledger/classy/supporters-as-people.js';
import { seededRandom } from '../../src/sandbox/index.js';
import { createMailchimpBed, daysAgo, type MailchimpBed, type TestSupporter } from '../support/mailchimp-bed.js';
import { runHere } from '../support/run-here.js';

let b: MailchimpBed;

beforeAll(async () => {
  b = await createMailchimpBed({ name: 'supporter_show', file: { segments: { fields: ['CLASSYID'] } } });
});
afterAll(() => b.stop());

const show = async (who: string) => {
  const { code, stdout, stderr } = await runHere(registerSupporter, ['supporter', 'show', '34', who, '--json'], b.bed);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
};
const text = async (who: string): Promise<string> => {
  const { stdout } = await runHere(registerSupporter, ['supporter', 'show', '34', who], b.bed);
  return stdout;
};
const flat = (printed: string): string => printed.replace(/\s+/g, ' ');
const at = (name: string): string => `${name}@example.org`;
const ann = (more: Partial<TestSupporter> = {}): TestSupporter => ({
  ...{ id: 1, email: at('ann'), first: 'Ann', last: 'Lee', updatedAt: '2025-01-01T00:00:00Z' },
  gifts: [
    { amount: 600, at: daysAgo(40) },
    { amount: 500.5, at: daysAgo(10) },
    { amount: 70, at: daysAgo(5), status: 'refunded' },
  ],
  plans: [{ id: 1, amount: 25, frequency: 'weekly', status: 'active' }],
  ...more,
});

test('before the first sync everybody waits for it, and it is said how it is started', async () => {
  await b.give([
    ann(),
    { id: 2, email: at('ben'), optIn: false },
    { id: 3, email: at('cleo') },
    { id: 4, email: 'dan@example.com' },
    { id: 5, email: at('eve') },
    { id: 6, email: at('fay'), first: 'Fay', gifts: [{ amount: 20, at: daysAgo(1) }] },
    { id: 7, email: 'gus@localhost' },
    { id: 8, email: null },
    { id: 9, email: at('hal') },
  ]);
  b.audience.addByStaff(at('cleo'));
  b.audience.unsubscribe(at('cleo'));
  b.audience.addByStaff(at('ben'), { tags: ['Gala 2024'] });
  expect(await show(at('ann'))).toMatchObject({
    verdict: 'waits for the first sync',
    why: expect.stringContaining('steward audience sync a1b2c3d4e5'),
    audience: { id: 'a1b2c3d4e5', destination: 'mailchimp' },
    donor: null,
    now: { inputs: { lifetimeAmount: 1100.5, donationCount: 2, monthlyRecurringAmount: 108.33 } },
    observed: null,
  });
});

describe('after a sync', () => {
  beforeAll(async () => {
    expect((await b.sync({ mode: 'full' })).result).toBe('done');
  });

  test('every tag and field is told with what it comes from', async () => {
    const shown = await show('1');
    expect(shown).toMatchObject({
      verdict: 'true',
      why: null,
      address: at('ann'),
      expected: { fields: { TOTALAMT: { value: 1100.5 }, CLASSYID: { value: '1' } } },
      observed: { state: 'Active', by: 'call', outcome: 'confirmed', addedBySteward: true },
      consent: { isGiven: true, yes: ['1'], no: [] },
      donor: { namesFrom: '1', inputs: { lifetimeAmount: 1100.5, donationCount: 2, activePlans: 1 } },
      now: null,
      supporters: [
        {
          gifts: [{ counted: true }, { counted: true }, { counted: false, why: ['status'] }],
          plans: [{ planClass: 'active', monthly: '108.3333' }],
        },
      ],
    });
    expect(shown.donor.tags).toContainEqual({
      name: 'Classy-Major Donor',
      family: 'value',
      because: '1,100.50 given in all, at least 1,000',
    });
    expect(shown.expected.tags).toEqual(b.audience.member(at('ann'))!.tags.toSorted(byPlaceIn(shown.expected.tags)));
    const happened = shown.timeline.map(({ what }: { what: string }) => what);
    expect(happened).toEqual(expect.arrayContaining(['gift', 'read', 'added up', 'push', 'seen']));
  });

  test.each([
    ['ben', 'no consent', 'opt_in is not true for supporter 2; in the audience all the same: others put them there'],
    ['cleo', 'opted out there', /^unsubscribed on .*: must sign up again through the form$/],
    ['eve', 'true', null],
    ['dan@example.com', 'declined', 'fake address: the address looks invented'],
    ['7', 'cannot be mailed', 'correct it at Classy'],
    ['8', 'cannot be mailed', 'Classy has no e-mail address'],
  ])('%s is told to be: %s', async (who, verdict, why) => {
    const shown = await show(/@|\d/.test(who) ? who : at(who));
    expect({ verdict: shown.verdict, why: shown.why }).toEqual({
      verdict,
      why: why === null ? null : why instanceof RegExp ? expect.stringMatching(why) : expect.stringContaining(why),
    });
  });

  test('what has changed since is told, and that the next sync sends it', async () => {
    await b.give([ann({ gifts: [{ amount: 20, at: daysAgo(3) }] })]);
    expect(await show(at('ann'))).toMatchObject({
      verdict: 'on the way',
      why: expect.stringMatching(/changed since .*TOTALAMT 1100.5 → 20.*tag Classy-Small Donor missing/),
      donor: { inputs: { lifetimeAmount: 1100.5 } },
      now: {
        inputs: { lifetimeAmount: 20 },
        changes: expect.arrayContaining([{ field: 'TOTALAMT', from: '1100.5', to: '20' }]),
      },
    });
    expect(flat(await text('1'))).toContain('Changed since As of now');
  });

  test('what was seen to differ there is told, and of when that is', async () => {
    b.audience.editByStaff(at('fay'), { TOTALAMT: 7 });
    b.audience.untagByStaff(at('fay'), 'Classy-Recent Donor');
    b.audience.tagByStaff(at('fay'), 'Classy-Major Donor');
    b.audience.tagByStaff(at('fay'), 'Board');
    await b.sync({ mode: 'full', dryRun: true });
    const shown = await show(at('fay'));
    expect(shown).toMatchObject({
      verdict: 'differs',
      differences: expect.arrayContaining([{ field: 'TOTALAMT', from: '7', to: '20' }]),
      observed: { by: 'reading', reading: { dryRun: true, tags: { foreign: ['Board'] } } },
    });
    expect(shown.why).toMatch(
      /^TOTALAMT 7 → 20, tag Classy-Major Donor too many, tag Classy-Recent Donor missing \(as read on 20/,
    );
  });

  test('with whoever shares the address: names of the one changed last, consent of all', async () => {
    await b.give([
      {
        id: 10,
        email: ' Fay@Example.org ',
        optIn: null,
        first: 'Twin',
        updatedAt: '2030-01-01T00:00:00Z',
        gifts: [{ amount: 5, at: daysAgo(2) }],
      },
    ]);
    const shown = await show('6');
    expect(shown).toMatchObject({
      verdict: 'on the way',
      why: expect.stringMatching(/^opt_in is not true for supporter 10: the next sync takes them off/),
      consent: { isGiven: false, yes: ['6'], no: [{ supporter: '10', optIn: null }] },
      now: { namesFrom: '10', inputs: { lifetimeAmount: 25, donationCount: 2 } },
      expected: null,
      supporters: [{ id: '6' }, { id: '10' }],
    });
    await b.sync();
    const after = await show('6');
    expect(after).toMatchObject({
      verdict: 'taken off',
      why: expect.stringMatching(/^by Steward on .* since consent was withdrawn$/),
    });
    expect(after.timeline).toContainEqual(expect.objectContaining({ what: 'removal' }));
    expect(b.audience.member(at('fay'))!.status).toBe('unsubscribed');
  });

  test('is printed such that it can be read in 80 columns', async () => {
    const printed = await text(at('fay'));
    expect(flat(printed)).toContain('no: 10 says nothing; supporter 6 yes, which is not enough');
    expect(printed.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

const byPlaceIn = (names: readonly string[]) => (a: string, b: string) => names.indexOf(a) - names.indexOf(b);

test('what one donor would be added up to is what adding up everybody gives', async () => {
  const statuses = ['success', 'success', 'success', 'refunded', 'pending'];
  const random = seededRandom(11);
  const of = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const people = Array.from({ length: 60 }, (_, index): TestSupporter => {
    const id = 1_000 + index;
    const plans = Array.from({ length: Math.floor(random() * 3) }, (_unused, place) => ({
      id: id * 10 + place,
      amount: of([1.74, 10, 25, 33.33]),
      frequency: of(['monthly', 'Monthly', 'weekly', 'yearly', 'quarterly', 'hourly']),
      status: of(['active', 'active', 'failing', 'paused', 'canceled', 'draft']),
      isPaused: random() < 0.1,
    }));
    const gifts = Array.from({ length: Math.floor(random() * 6) }, () => ({
      amount: of([0, 0.005, 12.3456, 25, 99.99, 1000]),
      at: `${daysAgo(Math.floor(random() * 900) - 5)}T0${of([0, 5])}:00:00Z`,
      status: of(statuses),
      currency: of(['USD', 'usd', 'EUR']),
      ...(plans[0] && random() < 0.4 ? { plan: plans[0].id } : {}),
    }));
    const email = at(`p${Math.floor(random() * 45)}`);
    return { id, email, gifts, plans, missing: random() < 0.1, updatedAt: '2025-01-01T00:00:00Z' };
  });
  await b.give(people);
  const rules = {
    ...defaultSegmentRules,
    countedStatuses: ['success', 'pending'],
    countInstallments: false,
    fiscalYearStartMonth: 7,
  };
  const { ledger } = b.bed;
  await ledger.donors.reckon('34', rules);
  const last = (await ledger.donors.lastReckoning('34'))!;
  const asPeople = supportersOf({ organization: '34', rules, asOfDay: last.asOfDay, isShared: false });
  let compared = 0;
  for (const address of new Set(people.map(({ email }) => email!))) {
    const row = await ledger.supporters.addedUp(asPeople, address);
    expect(await ledger.donors.preview('34', rules, last, address)).toEqual(row);
    compared += row ? 1 : 0;
  }
  expect(compared).toBeGreaterThan(30);
});
