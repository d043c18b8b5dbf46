import { describe, expect, test } from '@jest/globals';
import { standingOf } from '../../src/cli/member/standing.js';
import type { MemberFacts } from '../../src/domain/member.js';
import type { MemberPast } from '../../src/ledger/history.js';

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 22, 10, minute));
const facts = (name: string): MemberFacts => ({
  email: 'ann@example.org',
  name,
  status: 'free',
  labels: [],
  emailEnabled: true,
  suppressed: false,
  signedUpAt: at(0),
});
const change = (minute: number, kind: string, name: string | null): MemberPast['changes'][number] => ({
  memberId: 'm',
  at: at(minute),
  kind,
  foundBy: 'webhook',
  runId: null,
  facts: name === null ? null : facts(name),
});
const row = (more: object = {}): MemberPast['row'] =>
  ({
    memberId: 'm',
    ...facts('Now'),
    deletedAt: null,
    changedAt: at(30),
    observedAt: at(40),
    ...more,
  }) as MemberPast['row'];
const past = (changes: MemberPast['changes'], more: object = {}, transitions: MemberPast['transitions'] = []) => ({
  row: row(more),
  changes,
  transitions,
});

describe('what a member was at a time', () => {
  test.each([
    ['after the last change', 35, 'known', 'Now'],
    ['between two', 20, 'known', 'Before'],
    ['before the first', 5, 'not yet', undefined],
  ])('%s', (_what, minute, knowledge, name) => {
    const standing = standingOf(past([change(10, 'added', 'Before'), change(30, 'edited', 'Now')]), at(minute));
    expect(standing).toMatchObject({ knowledge });
    expect(standing.facts?.name).toBe(name);
  });

  test('deleted, with what it was before where the deletion told nothing', () => {
    const standing = standingOf(past([change(10, 'added', 'Before'), change(20, 'deleted', null)]), at(25));
    expect(standing).toMatchObject({ knowledge: 'known', deletedAt: at(20), facts: { name: 'Before' } });
  });

  test('back again after walks had concluded that it was gone', () => {
    const changes = [change(10, 'added', 'A'), change(20, 'deleted', null), change(30, 'edited', 'A')];
    expect(standingOf(past(changes), at(31)).deletedAt).toBeNull();
  });

  test.each([
    ['unchanged since: as it is', 35, 'known'],
    ['changed since: unknown', 20, 'unknown'],
  ])('of before changes were recorded, %s', (_what, minute, knowledge) => {
    expect(standingOf(past([]), at(minute)).knowledge).toBe(knowledge);
  });

  test('of before changes were recorded, with an edit since: unknown', () => {
    expect(standingOf(past([change(30, 'edited', 'Now')]), at(20)).knowledge).toBe('unknown');
  });

  test('has the last transition of then', () => {
    const transitions = [
      { at: at(0), from: null, to: 'free', foundBy: 'webhook' as const, fromSeen: false },
      { at: at(10), from: 'free', to: 'paid', foundBy: 'webhook' as const, fromSeen: true },
      { at: at(30), from: 'paid', to: 'comped', foundBy: 'webhook' as const, fromSeen: true },
    ];
    const changes = [change(0, 'added', 'A'), change(10, 'edited', 'A'), change(30, 'edited', 'A')];
    expect(standingOf(past(changes, {}, transitions), at(20)).lastTransition).toMatchObject({
      from: 'free',
      at: at(10),
    });
  });
});
