import { describe, expect, test } from '@jest/globals';
import { settledOf, waitsAt } from '../../src/cli/member/evidence.js';
import type { AddressPast, MemberPast } from '../../src/ledger/history.js';

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 22, 10, minute));
const address = 'ann@example.org';
const push = (minute: number, outcome: string, more: object = {}) =>
  ({ address, at: at(minute), outcome, hash: `h${minute}`, ...more }) as AddressPast['pushes'][number];
const contact = (more: object) =>
  ({
    settledOutcome: 'confirmed',
    settledHash: 'now',
    settledAt: at(30),
    listState: 'Active',
    listStateAt: at(30),
    dueAt: null,
    ...more,
  }) as NonNullable<AddressPast['contact']>;

describe('how an address was settled', () => {
  const pushes = [
    push(10, 'confirmed'),
    push(15, 'skipped'),
    push(20, 'opted-out'),
    push(25, 'confirmed', { address: 'other' }),
  ];
  test.each<[string, Date | undefined, object | undefined]>([
    ['now', undefined, { outcome: 'confirmed', hash: 'now', state: 'Active' }],
    ['after the last time', at(35), { outcome: 'confirmed', hash: 'now' }],
    ['between two pushes', at(16), { outcome: 'confirmed', hash: 'h10', state: 'Active' }],
    ['after a refusal to add', at(29), { outcome: 'opted-out', hash: 'h20' }],
    ['before all', at(5), undefined],
  ])('%s', (_what, time, settled) => {
    const found = settledOf({ contact: contact({}), pushes }, address, time);
    if (settled === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(settled);
  });

  test('by being seen, without a call', () => {
    expect(settledOf({ contact: contact({}), pushes: [] }, address, at(40))).toMatchObject({ outcome: 'confirmed' });
  });

  test('never', () => {
    expect(settledOf({ contact: null, pushes: [] }, address)).toBeUndefined();
  });
});

describe('what was waited for at a time', () => {
  const delivery = (more: object) =>
    ({
      receivedAt: at(10),
      state: 'done',
      outcomeAt: at(12),
      replayedAt: null,
      ...more,
    }) as MemberPast['deliveries'][number];
  const change = { at: at(12) } as MemberPast['changes'][number];
  const there = { contact: null, pushes: [push(14, 'confirmed')] };
  test.each<
    [
      string,
      MemberPast['deliveries'],
      MemberPast['changes'],
      Pick<AddressPast, 'contact' | 'pushes'>,
      number,
      RegExp | undefined,
    ]
  >([
    ['before the delivery', [delivery({})], [change], there, 9, undefined],
    ['between receipt and outcome', [delivery({})], [change], there, 11, /delivery/],
    ['between change and push', [delivery({})], [change], there, 13, /push/],
    ['after the push', [delivery({})], [change], there, 15, undefined],
    ['still waiting', [delivery({ state: 'waiting', outcomeAt: null })], [], there, 20, /delivery/],
    [
      'replayed later: it had its outcome',
      [delivery({ replayedAt: at(30), outcomeAt: at(31) })],
      [],
      there,
      20,
      undefined,
    ],
    ['replayed before', [delivery({ replayedAt: at(20), outcomeAt: at(31) })], [], there, 25, /delivery/],
    ['settled without a push', [], [change], { contact: contact({ settledAt: at(16) }), pushes: [] }, 15, /push/],
    [
      'due to this day',
      [],
      [change],
      { contact: contact({ settledAt: at(5), dueAt: at(12) }), pushes: [] },
      15,
      /push/,
    ],
    ['never marked', [], [change], { contact: null, pushes: [] }, 15, undefined],
  ])('%s', (_what, deliveries, changes, past, minute, says) => {
    const waits = waitsAt({ deliveries, changes }, past, address, at(minute));
    if (says === undefined) expect(waits).toBeUndefined();
    else expect(waits).toMatch(says);
  });
});
