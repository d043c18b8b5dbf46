import { describe, expect, test } from '@jest/globals';
import {
  canBeMailed,
  type DonorContactInput,
  donorFieldTypes,
  donorToContact,
} from '../../src/domain/donor-contact.js';
import { defaultSegmentRules, OPTIONAL_DONOR_FIELDS, type OptionalDonorField } from '../../src/domain/segment-rules.js';
import { donor, gifts } from './donors.js';

const everyField = Object.keys(OPTIONAL_DONOR_FIELDS) as OptionalDonorField[];
const text = (value: string) => ({ type: 'text', value });
const number = (value: number) => ({ type: 'number', value });
const input = (more: Partial<DonorContactInput> = {}): DonorContactInput => ({
  email: 'Ann@Example.org',
  firstName: 'Ann',
  lastName: 'Lee',
  supporterId: '4711',
  inputs: { ...gifts([600, '2024-06-30'], [400.5, '2025-06-30']), activePlans: 1, monthlyRecurringAmount: 12.5 },
  rules: defaultSegmentRules,
  asOfDay: '2025-06-30',
  ...more,
});

describe('the contact of a donor', () => {
  test('has the six core fields and the tags', () => {
    expect(donorToContact(input())).toEqual({
      email: 'Ann@Example.org',
      name: 'Ann Lee',
      fields: {
        FNAME: text('Ann'),
        LNAME: text('Lee'),
        TOTALAMT: number(1000.5),
        DONCNT: number(2),
        RECAMT: number(12.5),
        ACTIVESUB: text('Yes'),
      },
      tags: ['Major Donor', '$1K+ Lifetime', 'Recent Donor', 'Repeat Donor', 'Recurring Donor'].map(
        (name) => `Classy-${name}`,
      ),
    });
  });

  test('has the optional fields that are asked for', () => {
    const { fields } = donorToContact(input({ rules: { ...defaultSegmentRules, fields: everyField } }));
    expect(fields).toMatchObject({
      FIRSTGIFT: { type: 'date', value: new Date('2024-06-30T00:00:00Z') },
      LASTGIFT: { type: 'date', value: new Date('2025-06-30T00:00:00Z') },
      LASTAMT: number(400.5),
      LARGEGIFT: number(600),
      DONORLEVEL: text('Major Donor'),
      ENGAGEMENT: text('Recent Donor'),
      FREQUENCY: text('Repeat Donor'),
      CLASSYID: text('4711'),
    });
  });

  test('without a gift clears dates and segments, and says nothing for amounts', () => {
    const rules = { ...defaultSegmentRules, fields: everyField };
    expect(donorToContact(input({ inputs: donor(), rules })).fields).toMatchObject({
      TOTALAMT: number(0),
      DONCNT: number(0),
      RECAMT: number(0),
      ACTIVESUB: text('No'),
      FIRSTGIFT: text(''),
      LASTGIFT: text(''),
      LASTAMT: number(0),
      LARGEGIFT: number(0),
      DONORLEVEL: text('Prospect'),
      ENGAGEMENT: text(''),
      FREQUENCY: text(''),
    });
  });

  test('has an empty level where the family is switched off', () => {
    const rules = { ...defaultSegmentRules, value: false, fields: ['DONORLEVEL'] } as const;
    expect(donorToContact(input({ rules })).fields['DONORLEVEL']).toEqual(text(''));
  });

  test('has exactly the fields, with the types, that are created in the audience', () => {
    for (const fields of [[], ['LASTGIFT'], everyField] as OptionalDonorField[][]) {
      const rules = { ...defaultSegmentRules, fields };
      const sent = donorToContact(input({ rules })).fields;
      const types = Object.fromEntries(Object.entries(sent).map(([field, { type }]) => [field, type]));
      expect(types).toEqual(donorFieldTypes(rules));
    }
  });

  const names: [first: string | null | undefined, last: string | null | undefined, name: string][] = [
    [' Ann ', '\tLee\n', 'Ann Lee'],
    ['Ann', null, 'Ann'],
    [undefined, 'Lee', 'Lee'],
    ['  ', ' Lee', 'Lee'],
    [null, undefined, ''],
  ];
  test.each(names)('of first name %j and last name %j is named %j', (firstName, lastName, name) => {
    const contact = donorToContact(input({ firstName, lastName }));
    expect(contact.name).toBe(name);
    expect(contact.fields).toMatchObject({ FNAME: text(firstName?.trim() ?? ''), LNAME: text(lastName?.trim() ?? '') });
  });

  test('has its address without the spaces around it', () => {
    expect(donorToContact(input({ email: ' Ann@Example.org ' })).email).toBe('Ann@Example.org');
  });

  test.each([
    [1.005, 1.01],
    [0.145, 0.15],
    [999.995, 1000],
    [19.99, 19.99],
  ])('writes %d as %d, rounded half up', (exact, cents) => {
    const inputs = donor({ lifetimeAmount: exact, monthlyRecurringAmount: exact });
    expect(donorToContact(input({ inputs })).fields).toMatchObject({ TOTALAMT: number(cents), RECAMT: number(cents) });
  });

  test('is put into a segment by what was given, not by what is written', () => {
    const { fields, tags } = donorToContact(input({ inputs: donor({ lifetimeAmount: 999.995 }) }));
    expect(fields['TOTALAMT']).toEqual(number(1000));
    expect(tags).toEqual(['Classy-Mid-Level Donor']);
  });
});

describe('an address', () => {
  const label63 = 'd'.repeat(63);
  const domain = `${label63}.${label63}.${label63}`;
  const good = [
    'ann@example.org',
    ' Ann@Example.ORG\n',
    "o'neil+news@sub.example.co.uk",
    "!#$%&'*+/=?^_`{|}~-@example.org",
    '.ann..lee.@example.org',
    'ann@1-a.2-b.example',
    'ann@xn--mller-kva.example',
    `ann@${label63}.org`,
    `${'a'.repeat(254 - 1 - domain.length)}@${domain}`,
  ];
  test.each(good)('%j can be mailed', (email) => {
    expect(canBeMailed(email)).toBe(true);
  });

  const bad = [
    '',
    ' ',
    'ann',
    '@example.org',
    'ann@',
    'ann@localhost',
    'ann@example.',
    'ann@.example.org',
    'ann@example..org',
    'ann@-example.org',
    'ann@example-.org',
    'ann@exam_ple.org',
    'ann lee@example.org',
    'ann@exam ple.org',
    'ann@example.org, bob@example.org',
    'ann@@example.org',
    'Ann <ann@example.org>',
    '"ann lee"@example.org',
    'ann@[127.0.0.1]',
    'änn@example.org',
    '\u017Fann@example.org',
    'ann@ex\u212Aample.org',
    'ann@müller.example',
    `ann@${label63}d.org`,
    `${'a'.repeat(255 - 1 - domain.length)}@${domain}`,
    'ann@example.org\u0000',
  ];
  test.each(bad)('%j cannot', (email) => {
    expect(canBeMailed(email)).toBe(false);
  });
});
