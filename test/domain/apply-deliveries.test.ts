import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Applied,
  applyDeliveries,
  type DeliveryOutcome,
  type MemberRead,
  type MemberState,
  type WaitingDelivery,
} from '../../src/domain/apply-deliveries.js';
import type { MemberFacts } from '../../src/domain/member.js';
import { at, facts } from './people.js';

const unknown: MemberState = { history: [] };

/** A delivery that Ghost signed at `t`; it arrives a second later unless the case says otherwise. */
function delivery(id: string, t: number, more: Partial<WaitingDelivery> = {}): WaitingDelivery {
  return { id, event: 'member.edited', signedAt: at(t), receivedAt: at(t + 1), facts: facts(), ...more };
}
const added = (id: string, t: number, member: Partial<MemberFacts> = {}) =>
  delivery(id, t, { event: 'member.added', facts: facts(member) });
const edited = (id: string, t: number, member: Partial<MemberFacts>, statusBefore?: string) =>
  delivery(id, t, { facts: facts(member), statusBefore });
const deleted = (id: string, t: number, member: Partial<MemberFacts> = {}) =>
  delivery(id, t, { event: 'member.deleted', facts: facts(member) });
const read = (t: number, member?: Partial<MemberFacts>): MemberRead => ({
  asOf: at(t),
  facts: member && facts(member),
  foundBy: 'walk',
});

/** Drains one after another, each a list of deliveries and perhaps a read. */
function run(drains: readonly [readonly WaitingDelivery[], MemberRead?][], before = unknown): Applied {
  let applied: Applied = { state: before, outcomes: [], changed: false };
  for (const [deliveries, found] of drains) {
    const next = applyDeliveries(applied.state, deliveries, found);
    applied = { ...next, outcomes: [...applied.outcomes, ...next.outcomes] };
  }
  return applied;
}
const outcomesOf = ({ outcomes }: Applied): Record<string, DeliveryOutcome> =>
  Object.fromEntries(outcomes.map(({ id, outcome }) => [id, outcome]));
const told = ({ history }: MemberState) => history.map(({ from, status, at: when }) => [from, status, when]);

describe('payloads alone', () => {
  type Case = [
    name: string,
    drains: WaitingDelivery[][],
    expected: { member: string; deleted: boolean; outcomes: Record<string, DeliveryOutcome> },
  ];
  const cases: Case[] = [
    [
      'the first delivery of a member is applied',
      [[added('a', 1)]],
      { member: 'Ann Lee', deleted: false, outcomes: { a: 'applied' } },
    ],
    [
      'deliveries of one drain are applied in the order of t, whatever order they came in',
      [[edited('c', 3, { name: 'C' }), added('a', 1), edited('b', 2, { name: 'B' })]],
      { member: 'C', deleted: false, outcomes: { a: 'applied', b: 'applied', c: 'applied' } },
    ],
    [
      'a delivery older than the newest applied is superseded',
      [[edited('new', 5, { name: 'New' })], [edited('old', 2, { name: 'Old' })]],
      { member: 'New', deleted: false, outcomes: { new: 'applied', old: 'superseded' } },
    ],
    [
      'a delivery that tells nothing new is unchanged',
      [[added('a', 1)], [edited('b', 2, {})]],
      { member: 'Ann Lee', deleted: false, outcomes: { a: 'applied', b: 'unchanged' } },
    ],
    [
      'a deletion takes effect and keeps what the member was',
      [[added('a', 1)], [deleted('d', 4)]],
      { member: 'Ann Lee', deleted: true, outcomes: { a: 'applied', d: 'applied' } },
    ],
    [
      'a deletion is final: an edit signed after it changes nothing',
      [[added('a', 1)], [deleted('d', 4)], [edited('late', 9, { name: 'Ghost' })]],
      { member: 'Ann Lee', deleted: true, outcomes: { a: 'applied', d: 'applied', late: 'superseded' } },
    ],
    [
      'a deletion is final even when a later signed edit came first',
      [[added('a', 1), edited('b', 6, { name: 'B' })], [deleted('d', 4)]],
      { member: 'Ann Lee', deleted: true, outcomes: { a: 'applied', b: 'applied', d: 'applied' } },
    ],
    [
      'a second deletion is superseded',
      [[deleted('d', 4)], [deleted('e', 5)]],
      { member: 'Ann Lee', deleted: true, outcomes: { d: 'applied', e: 'superseded' } },
    ],
    [
      'a payload that cannot be read as a member changes nothing',
      [[added('a', 1)], [delivery('odd', 2, { facts: undefined })]],
      { member: 'Ann Lee', deleted: false, outcomes: { a: 'applied', odd: 'superseded' } },
    ],
  ];
  test.each(cases)('%s', (_name, drains, expected) => {
    const applied = run(drains.map((one) => [one]));
    expect({
      member: applied.state.facts?.name,
      deleted: applied.state.deletedAt !== undefined,
      outcomes: outcomesOf(applied),
    }).toEqual(expected);
  });

  test('a deletion of somebody whom we never knew marks the id as deleted and changes no contact', () => {
    const { state, changed } = run([[[delivery('d', 4, { event: 'member.deleted', facts: undefined })]]]);
    expect(state).toMatchObject({ deletedAt: at(4), facts: undefined });
    expect(changed).toBe(true);
  });

  test('what only the Admin API tells stays as it was last read', () => {
    const { state } = run([
      [[], read(1, { suppressed: true })],
      [[edited('b', 5, { name: 'B', suppressed: undefined })]],
    ]);
    expect(state.facts).toMatchObject({ name: 'B', suppressed: true });
  });

  test('the first receipt of the signed addition is kept, also when it comes late or twice', () => {
    const { state } = run([
      [[edited('b', 5, { name: 'B' })]],
      [[{ ...added('a', 1), receivedAt: at(7) }]],
      [[{ ...added('again', 1), receivedAt: at(9) }]],
    ]);
    expect(state).toMatchObject({ addedAt: at(7), facts: { name: 'B' } });
  });

  test('changedAt is when what we sync last changed, and a delivery without news does not move it', () => {
    expect(run([[[added('a', 1)]]]).state.changedAt).toEqual(at(1));
    expect(run([[[added('a', 1)]], [[edited('b', 5, {})]]]).state.changedAt).toEqual(at(1));
    expect(run([[[added('a', 1)]], [[edited('b', 5, { name: 'B' })]]]).state.changedAt).toEqual(at(5));
  });

  test('a late delivery that only corrects the history does not lose changedAt', () => {
    const { state, changed } = run([
      [[added('a', 1), edited('c', 9, { name: 'C' })]],
      [[edited('b', 5, { status: 'paid' }, 'free')]],
    ]);
    expect(changed).toBe(true);
    expect(state.changedAt).toBeInstanceOf(Date);
  });
});

describe('reads', () => {
  const known = run([[[{ ...added('a', 1), receivedAt: at(10) }]]]).state;

  type Case = [
    name: string,
    before: MemberState,
    found: MemberRead,
    expected: Partial<Record<keyof MemberState, unknown>>,
  ];
  const cases: Case[] = [
    [
      'a read tells the state of somebody unknown',
      unknown,
      read(5, { name: 'Read' }),
      { facts: facts({ name: 'Read' }), readAt: at(5), observedAt: at(5) },
    ],
    [
      'a read begun after the newest observation is applied',
      known,
      read(11, { name: 'Read' }),
      { facts: facts({ name: 'Read' }), readAt: at(11) },
    ],
    [
      'a read begun at the very time of the newest observation is applied',
      known,
      read(10, { name: 'Read' }),
      { facts: facts({ name: 'Read' }) },
    ],
    [
      'a read begun before a delivery was received is refused',
      known,
      read(9, { name: 'Read' }),
      { facts: facts(), readAt: undefined, observedAt: at(10) },
    ],
    [
      'a 404 without a signed deletion is a suspicion and nothing else',
      known,
      read(11),
      { facts: facts(), deletedAt: undefined, suspectedGoneAt: at(11) },
    ],
    ['a 404 older than what is known is not even a suspicion', known, read(9), { suspectedGoneAt: undefined }],
    [
      'a second 404 keeps the time of the first',
      run([[[], read(11)]], known).state,
      read(20),
      { suspectedGoneAt: at(11) },
    ],
    [
      'a read that finds the member ends the suspicion',
      run([[[], read(11)]], known).state,
      read(20, {}),
      { suspectedGoneAt: undefined, readAt: at(20) },
    ],
    [
      'a read older than a 404 does not end the suspicion',
      run([[[], read(15)]], known).state,
      read(12, {}),
      { suspectedGoneAt: at(15) },
    ],
    [
      'a read cannot bring back a deleted member',
      run([[[deleted('d', 2)]]], known).state,
      read(20, { name: 'Back' }),
      { facts: facts(), deletedAt: at(2) },
    ],
  ];
  test.each(cases)('%s', (_name, before, found, expected) => {
    const { state } = run([[[], found]], before);
    const keys = Object.keys(expected) as (keyof MemberState)[];
    expect(Object.fromEntries(keys.map((key) => [key, state[key]]))).toEqual(expected);
  });

  test('a delivery received before the read is superseded by it, one received after it is applied', () => {
    const before = run([[[], read(20, { name: 'Read' })]]).state;
    const early = run([[[{ ...edited('early', 25, { name: 'Early' }), receivedAt: at(19) }]]], before);
    expect([early.state.facts?.name, outcomesOf(early)]).toEqual(['Read', { early: 'superseded' }]);
    const late = run([[[{ ...edited('late', 15, { name: 'Late' }), receivedAt: at(21) }]]], before);
    expect([late.state.facts?.name, outcomesOf(late)]).toEqual(['Late', { late: 'applied' }]);
  });

  test('with a read the payloads tell the statuses on the way and the read tells the state', () => {
    const { state } = run([
      [
        [
          added('a', 1),
          edited('b', 3, { status: 'paid', name: 'B' }, 'free'),
          edited('c', 5, { status: 'comped' }, 'paid'),
        ],
        read(20, { status: 'free', name: 'Read' }),
      ],
    ]);
    expect(state.facts).toEqual(facts({ name: 'Read' }));
    expect(told(state)).toEqual([
      [null, 'free', at(1)],
      ['free', 'paid', at(3)],
      ['paid', 'comped', at(5)],
      ['comped', 'free', at(20)],
    ]);
  });

  test('changed is true only when something that we sync differs', () => {
    expect(run([[[], read(11, {})]], known).changed).toBe(false);
    expect(run([[[], read(11)]], known).changed).toBe(false);
    expect(run([[[], read(11, { labels: [] })]], known).changed).toBe(true);
    expect(run([[[], read(11, { suppressed: true })]], known).changed).toBe(true);
  });

  test('what a read finds is found by webhook when a delivery brought it about, else by the walk', () => {
    const byWalk = run([[[], read(11, { status: 'paid' })]], known).state;
    const byWebhook = run([[[edited('b', 9, {})], read(11, { status: 'paid' })]], known).state;
    expect([byWalk.history.at(-1)?.foundBy, byWebhook.history.at(-1)?.foundBy]).toEqual(['walk', 'webhook']);
  });
});

describe('the status history', () => {
  type Case = [name: string, drains: WaitingDelivery[][], expected: [string | null, string, Date][]];
  const cases: Case[] = [
    [
      'every status on the way is recorded',
      [[added('a', 1), edited('b', 2, { status: 'paid' }), edited('c', 3, { status: 'free' })]],
      [
        [null, 'free', at(1)],
        ['free', 'paid', at(2)],
        ['paid', 'free', at(3)],
      ],
    ],
    [
      'a fact that arrives late takes its place',
      [[added('a', 1)], [edited('c', 9, { status: 'comped' }, 'paid')], [edited('b', 5, { status: 'paid' }, 'free')]],
      [
        [null, 'free', at(1)],
        ['free', 'paid', at(5)],
        ['paid', 'comped', at(9)],
      ],
    ],
    [
      'a late fact between two equal ones makes two transitions',
      [[added('a', 1), edited('c', 9, { name: 'C' })], [edited('b', 5, { status: 'paid' })]],
      [
        [null, 'free', at(1)],
        ['free', 'paid', at(5)],
        ['paid', 'free', at(9)],
      ],
    ],
    [
      'a late beginning moves the first transition back',
      [[edited('b', 5, { name: 'B' })], [added('a', 1)]],
      [[null, 'free', at(1)]],
    ],
    ['a deletion is no transition', [[added('a', 1)], [deleted('d', 5)]], [[null, 'free', at(1)]]],
  ];
  test.each(cases)('%s', (_name, drains, expected) => {
    expect(told(run(drains.map((one) => [one])).state)).toEqual(expected);
  });
});

describe('any order, any repetition, any split into drains', () => {
  const change = fc.oneof(
    fc.record({ status: fc.constantFrom('free', 'paid', 'comped', 'gift') }),
    fc.record({ name: fc.constantFrom('Ann', 'Bea', null) }),
    fc.record({ labels: fc.subarray(['VIP', 'press', 'board']) }),
    fc.record({ emailEnabled: fc.boolean() }),
    fc.record({ email: fc.constantFrom('ann@example.org', 'bea@example.org') }),
  );
  const life = fc.record({
    edits: fc.array(fc.record({ changed: change, gapMs: fc.integer({ min: 1, max: 2000 }) }), { maxLength: 8 }),
    isDeleted: fc.boolean(),
  });

  /** What Ghost would send for a life, in order, and what is true in the end. */
  function tell({
    edits,
    isDeleted,
  }: {
    edits: { changed: Partial<MemberFacts>; gapMs: number }[];
    isDeleted: boolean;
  }) {
    let member = facts();
    let time = at(0).getTime();
    const history: [string | null, string, Date][] = [[null, member.status, new Date(time)]];
    const sent: WaitingDelivery[] = [{ ...added('0', 0), facts: member }];
    for (const [index, { changed, gapMs }] of edits.entries()) {
      time += gapMs;
      const [before, signedAt] = [member.status, new Date(time)];
      member = { ...member, ...changed };
      if (member.status !== before) history.push([before, member.status, signedAt]);
      const statusBefore = member.status === before ? undefined : before;
      sent.push({
        id: String(index + 1),
        event: 'member.edited',
        signedAt,
        receivedAt: signedAt,
        facts: member,
        statusBefore,
      });
    }
    const deletedAt = isDeleted ? new Date(time + 500) : undefined;
    if (deletedAt)
      sent.push({ id: 'end', event: 'member.deleted', signedAt: deletedAt, receivedAt: deletedAt, facts: member });
    return { sent, truth: { facts: member, deletedAt, history } };
  }

  /** A way in which the deliveries of a life arrive: some twice, in any order, cut into drains anywhere. */
  const arrival = life.chain((lived) => {
    const { sent, truth } = tell(lived);
    return fc.tuple(fc.subarray(sent), fc.constant(sent)).chain(([twice]) => {
      const all = [
        ...sent,
        ...twice.map((one) => ({ ...one, id: `${one.id} again`, signedAt: new Date(one.signedAt) })),
      ];
      return fc.record({
        truth: fc.constant(truth),
        order: fc.shuffledSubarray(all, { minLength: all.length }),
        cuts: fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
      });
    });
  });

  function drainsOf(order: readonly WaitingDelivery[], cuts: readonly boolean[]): WaitingDelivery[][] {
    const drains: WaitingDelivery[][] = [[]];
    for (const [index, one] of order.entries()) {
      if (cuts[index]) drains.push([]);
      drains.at(-1)!.push({ ...one, receivedAt: new Date(at(10_000).getTime() + index) });
    }
    return drains;
  }

  test('facts, deletion and history end as they truly were', () => {
    fc.assert(
      fc.property(arrival, ({ truth, order, cuts }) => {
        const { state } = run(drainsOf(order, cuts).map((one) => [one]));
        expect({ facts: state.facts, deletedAt: state.deletedAt, history: told(state) }).toEqual(truth);
      }),
      { numRuns: 1000 },
    );
  });

  test('every delivery has exactly one outcome', () => {
    fc.assert(
      fc.property(arrival, ({ order, cuts }) => {
        const { outcomes } = run(drainsOf(order, cuts).map((one) => [one]));
        expect(outcomes.map(({ id }) => id).toSorted()).toEqual(order.map(({ id }) => id).toSorted());
      }),
      { numRuns: 200 },
    );
  });

  test('with deliveries lost on the way the facts are those of the newest that came', () => {
    const lossy = life.chain((lived) =>
      fc.shuffledSubarray(tell({ ...lived, isDeleted: false }).sent, { minLength: 1 }),
    );
    fc.assert(
      fc.property(lossy, (order) => {
        const newest = order.toSorted((a, b) => a.signedAt.getTime() - b.signedAt.getTime()).at(-1)!;
        expect(run(order.map((one) => [[one]])).state.facts).toEqual(newest.facts);
      }),
      { numRuns: 300 },
    );
  });
});
