import { describe, expect, test } from '@jest/globals';
import { tagChange } from '../../src/domain/tag-change.js';

const ours = new Set(['classy-major donor', 'classy-prospect', 'classy-old name']);

describe('the tags to be given and to be taken', () => {
  test.each([
    ['nothing where all is right', ['Classy-Prospect'], ['Classy-Prospect'], [], []],
    ['what is missing is given', [], ['Classy-Prospect'], ['Classy-Prospect'], []],
    ['ours that are not wanted are taken', ['Classy-Prospect'], [], [], ['Classy-Prospect']],
    ['a name that was ours once is taken', ['Classy-Old Name'], [], [], ['Classy-Old Name']],
    ['others are left, also with our prefix', ['VIP', 'Classy-Board'], ['Classy-Prospect'], ['Classy-Prospect'], []],
    ['case makes no other name', ['CLASSY-PROSPECT'], ['Classy-Prospect'], [], []],
    ['a taken one is named as it is there', ['CLASSY-PROSPECT'], [], [], ['CLASSY-PROSPECT']],
  ] as const)('%s', (_name, had, wanted, add, remove) => {
    expect(tagChange(had, wanted, ours)).toEqual({ add, remove });
  });

  test('a source or a destination without tags asks for nothing', () => {
    expect(tagChange(undefined, ['Classy-Prospect'], ours)).toEqual({ add: [], remove: [] });
    expect(tagChange(['Classy-Prospect'], undefined, ours)).toEqual({ add: [], remove: [] });
  });
});
