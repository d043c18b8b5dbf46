import { describe, expect, test } from '@jest/globals';
import { type Evidence, memberVerdict, type Settled } from '../../src/domain/member-verdict.js';

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 22, 10, minute));
const settled = (outcome: Settled['outcome'], more: Partial<Settled> = {}): Settled => ({
  outcome,
  hash: 'h',
  at: at(10),
  state: undefined,
  ...more,
});
const confirmed = settled('confirmed', { state: 'Active' });
const seen = (
  state: 'Active' | 'Absent' | 'Unsubscribed' | 'Deleted' | 'Unconfirmed',
  minute: number,
  field?: string,
) => ({
  state,
  at: at(minute),
  changes: field === undefined ? [] : [{ field, from: 'a', to: 'b' }],
});
const evidence = (more: Partial<Evidence>): Evidence => ({
  wanted: 'on',
  hash: 'h',
  optedOut: false,
  leftBehind: [],
  adopted: true,
  ...more,
});

const table: [what: string, Partial<Evidence>, verdict: string, why: RegExp | null][] = [
  ['confirmed and unchanged since', { settled: confirmed }, 'true', null],
  ['confirmed, and seen so later', { settled: confirmed, seen: seen('Active', 20) }, 'true', null],
  ['seen so, never pushed', { seen: seen('Active', 20) }, 'true', null],
  ['moved there', { settled: settled('moved') }, 'true', null],
  ['confirmed as something else', { settled: { ...confirmed, hash: 'old' } }, 'differs', /last sent is not/],
  ['confirmed, then no hash', { settled: { ...confirmed, hash: undefined } }, 'differs', /last sent is not/],
  [
    'seen with other values later',
    { settled: confirmed, seen: seen('Active', 20, 'ghost_labels') },
    'differs',
    /ghost_labels/,
  ],
  ['seen with other values before', { settled: confirmed, seen: seen('Active', 5, 'ghost_labels') }, 'true', null],
  ['not seen on the list later', { settled: confirmed, seen: seen('Absent', 20) }, 'differs', /Absent/],
  ['never pushed', {}, 'differs', /nothing was pushed yet$/],
  ['never pushed, list not adopted', { adopted: false }, 'differs', /first full sync/],
  ['parked', { parked: 'pushContact: AddressRefused: no', waits: 'x', settled: confirmed }, 'parked', /AddressRefused/],
  ['refused at the last call', { settled: settled('refused') }, 'parked', /refused/],
  ['waits', { waits: 'a delivery waits', settled: confirmed }, 'on the way', /delivery/],
  ['held', { held: 'removal, deleted', wanted: 'off', settled: confirmed }, 'differs', /steward held list/],
  ['at the former address as well', { leftBehind: ['a@example.org'], settled: confirmed }, 'differs', /a@example.org/],
  [
    'opted out by the last call',
    { settled: settled('opted-out', { state: 'Unsubscribed' }) },
    'opted out there',
    /Unsubscribed/,
  ],
  ['opted out seen later', { settled: confirmed, seen: seen('Unsubscribed', 20) }, 'opted out there', /Unsubscribed/],
  ['opted out before, on the list again', { settled: settled('opted-out'), seen: seen('Active', 20) }, 'true', null],
  ['opted out under another address', { optedOut: true }, 'opted out there', /said no/],
  ['deleted there by staff', { settled: confirmed, seen: seen('Deleted', 20) }, 'opted out there', /Deleted/],
  ['removed by us, wanted again', { settled: settled('removed', { state: 'Deleted' }) }, 'differs', /Deleted/],
  [
    'back without a signed sign-up',
    { settled: settled('returned-unsigned', { state: 'Deleted' }) },
    'differs',
    /by hand/,
  ],
  ['discarded', { settled: settled('discarded') }, 'differs', /discarded/],
  [
    'not confirmed by the person',
    { settled: settled('unconfirmed', { state: 'Unconfirmed' }) },
    'differs',
    /confirmed/,
  ],
  ['confirmed by the person since', { settled: settled('unconfirmed'), seen: seen('Active', 20) }, 'true', null],
  ['withheld', { wanted: 'not added', settled: settled('withheld') }, 'true', /not added/],
  ['not to be added, on the list before', { wanted: 'not added', settled: confirmed }, 'true', /on the list before/],
  ['not to be added, nor looked at', { wanted: 'not added' }, 'true', /not added/],
  ['removed', { wanted: 'off', hash: 'absent', settled: settled('removed', { state: 'Deleted' }) }, 'true', null],
  [
    'removed, put back by others',
    { wanted: 'off', settled: settled('removed'), seen: seen('Active', 20) },
    'differs',
    /others/,
  ],
  ['should be off but is on', { wanted: 'off', settled: confirmed }, 'differs', /still/],
  ['should be off, was never on', { wanted: 'off' }, 'true', null],
  [
    'opted out, then deleted in Ghost',
    { wanted: 'off', settled: settled('opted-out', { state: 'Unsubscribed' }) },
    'true',
    null,
  ],
  ['deleted and kept', { wanted: 'left', settled: settled('kept', { state: 'Active' }) }, 'true', /keeps/],
  ['of an unknown time', { wanted: 'unknown', settled: confirmed }, 'unknown', /does not know/],
];

describe('verdict', () => {
  test.each(table)('%s', (_what, more, verdict, why) => {
    expect(memberVerdict(evidence(more))).toEqual({ verdict, why: why === null ? null : expect.stringMatching(why) });
  });
});
