import { describe, expect, test } from '@jest/globals';
import {
  lastTransition,
  mergeStatusHistory,
  type StatusFact,
  type StatusTransition,
} from '../../src/domain/status-history.js';
import { at } from './people.js';

const fact = (status: string, seconds: number, before?: string): StatusFact => ({
  status,
  at: at(seconds),
  foundBy: 'webhook',
  before,
});
const transition = (from: string | null, status: string, seconds: number): StatusTransition => ({
  ...fact(status, seconds),
  from,
});
const shown = (history: readonly StatusTransition[]) =>
  history.map(({ from, status, at: when }) => [from, status, (when.getTime() - at(0).getTime()) / 1000]);

describe('merging facts into a history', () => {
  type Case = [
    name: string,
    history: StatusTransition[],
    facts: StatusFact[],
    expected: [string | null, string, number][],
  ];
  const cases: Case[] = [
    ['nothing makes nothing', [], [], []],
    ['the first fact has no from', [], [fact('free', 1)], [[null, 'free', 1]]],
    [
      'a repeated status is no transition',
      [],
      [fact('free', 1), fact('free', 2), fact('free', 3)],
      [[null, 'free', 1]],
    ],
    [
      'facts are put in the order of time',
      [],
      [fact('paid', 3), fact('free', 1)],
      [
        [null, 'free', 1],
        ['free', 'paid', 3],
      ],
    ],
    [
      'what was known is extended',
      [transition(null, 'free', 1)],
      [fact('paid', 3)],
      [
        [null, 'free', 1],
        ['free', 'paid', 3],
      ],
    ],
    [
      'a late fact takes its place between its neighbours',
      [transition(null, 'free', 1), transition('free', 'comped', 9)],
      [fact('paid', 5)],
      [
        [null, 'free', 1],
        ['free', 'paid', 5],
        ['paid', 'comped', 9],
      ],
    ],
    [
      'a late fact that repeats its predecessor changes nothing',
      [transition(null, 'free', 1), transition('free', 'paid', 9)],
      [fact('free', 5)],
      [
        [null, 'free', 1],
        ['free', 'paid', 9],
      ],
    ],
    [
      'a late fact equal to its successor moves the change back',
      [transition(null, 'free', 1), transition('free', 'paid', 9)],
      [fact('paid', 5)],
      [
        [null, 'free', 1],
        ['free', 'paid', 5],
      ],
    ],
    [
      'the status before, where the source said so, is known a millisecond earlier',
      [],
      [fact('paid', 3, 'free')],
      [
        [null, 'free', 2.999],
        ['free', 'paid', 3],
      ],
    ],
    [
      'a status before that contradicts what was known is a change that nobody told',
      [transition(null, 'free', 1)],
      [fact('comped', 9, 'paid')],
      [
        [null, 'free', 1],
        ['free', 'paid', 8.999],
        ['paid', 'comped', 9],
      ],
    ],
    [
      'merging the same facts again changes nothing',
      [transition(null, 'free', 1), transition('free', 'paid', 3)],
      [fact('free', 1), fact('paid', 3)],
      [
        [null, 'free', 1],
        ['free', 'paid', 3],
      ],
    ],
  ];
  test.each(cases)('%s', (_name, history, facts, expected) => {
    expect(shown(mergeStatusHistory(history, facts))).toEqual(expected);
  });

  test('who found a change is kept', () => {
    const merged = mergeStatusHistory(
      [{ ...transition(null, 'free', 1), foundBy: 'list' }],
      [{ ...fact('paid', 3), foundBy: 'walk' }],
    );
    expect(merged.map(({ foundBy }) => foundBy)).toEqual(['list', 'walk']);
  });
});

describe('the last transition', () => {
  type Case = [name: string, history: StatusTransition[], expected: { from: string; at: Date } | undefined];
  const cases: Case[] = [
    ['is none without a history', [], undefined],
    ['is none where nothing earlier is known', [transition(null, 'free', 1)], undefined],
    [
      'is the newest with two known sides',
      [transition(null, 'free', 1), transition('free', 'paid', 3), transition('paid', 'comped', 5)],
      { from: 'paid', at: at(5) },
    ],
  ];
  test.each(cases)('%s', (_name, history, expected) => {
    const last = lastTransition(history);
    expect(last && { from: last.from, at: last.at }).toEqual(expected);
  });
});
