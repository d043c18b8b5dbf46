import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  contactKey,
  joinWithin,
  type MemberContactInput,
  memberFieldTypes,
  memberToContact,
} from '../../src/domain/contact.js';
import { addressOf } from '../../src/domain/member.js';
import { at, facts } from './people.js';

const input = (more: Partial<MemberContactInput> = {}): MemberContactInput => ({
  facts: facts(),
  changedAt: at(60),
  ...more,
});
const text = (value: string) => ({ type: 'text', value });
const date = (value: Date) => ({ type: 'date', value });

describe('the contact of a member', () => {
  test('has e-mail and name as typed and five fields when no transition is known', () => {
    expect(memberToContact(input())).toEqual({
      email: 'Ann@Example.org',
      name: 'Ann Lee',
      fields: {
        ghost_status: text('free'),
        ghost_signup_date: date(at(-3600)),
        ghost_last_updated: date(at(60)),
        ghost_labels: text('VIP'),
        ghost_email_enabled: text('true'),
      },
    });
  });

  test('has the two history fields once a transition between known statuses is', () => {
    const { fields } = memberToContact(input({ lastTransition: { from: 'paid', at: at(30) } }));
    expect(fields).toMatchObject({ ghost_previous_status: text('paid'), ghost_status_changed_at: date(at(30)) });
    expect(Object.keys(fields).toSorted()).toEqual(Object.keys(memberFieldTypes).toSorted());
  });

  test('has in every field the type that the field is created with', () => {
    const { fields } = memberToContact(input({ lastTransition: { from: 'paid', at: at(30) } }));
    const types = Object.fromEntries(Object.entries(fields).map(([key, { type }]) => [key, type]));
    expect(types).toEqual(memberFieldTypes);
  });

  const values: [name: string, member: Parameters<typeof facts>[0], field: string, expected: unknown][] = [
    ['no labels make an empty text, which clears', { labels: [] }, 'ghost_labels', text('')],
    ['labels are joined by commas in Ghost’s order', { labels: ['b', 'a', 'ü 1'] }, 'ghost_labels', text('b,a,ü 1')],
    ['a member without a newsletter says false', { emailEnabled: false }, 'ghost_email_enabled', text('false')],
    ['an unknown status goes as it is', { status: 'gift' }, 'ghost_status', text('gift')],
  ];
  test.each(values)('%s', (_name, member, field, expected) => {
    expect(memberToContact(input({ facts: facts(member) })).fields[field]).toEqual(expected);
  });

  test('a member without a name has an empty one', () => {
    expect(memberToContact(input({ facts: facts({ name: null }) })).name).toBe('');
  });
});

describe('labels within a limit', () => {
  const [long, fits] = ['x'.repeat(251), 'y'.repeat(250)];
  const cases: [labels: string[], limit: number, expected: string][] = [
    [[], 10, ''],
    [['abc'], 3, 'abc'],
    [['abc'], 2, ''],
    [['abc', 'def'], 7, 'abc,def'],
    [['abc', 'def'], 6, 'abc'],
    [['abc', 'def', 'g'], 6, 'abc'],
    [[fits, 'z'], 250, fits],
    [['z', long], 250, 'z'],
  ];
  test.each(cases)('%j within %i is %j', (labels, limit, expected) => {
    expect(joinWithin(labels, limit)).toBe(expected);
  });

  test('are always a row of whole labels from the beginning, as long as can be', () => {
    const label = fc.string({ minLength: 1, maxLength: 60 }).map((raw) => raw.replaceAll(',', ';'));
    fc.assert(
      fc.property(fc.array(label, { maxLength: 20 }), (labels) => {
        const joined = joinWithin(labels, 250);
        const count = joined === '' ? 0 : joined.split(',').length;
        expect(joined).toBe(labels.slice(0, count).join(','));
        expect(joined.length).toBeLessThanOrEqual(250);
        if (count < labels.length) expect(labels.slice(0, count + 1).join(',').length).toBeGreaterThan(250);
      }),
    );
  });
});

describe('the key of a contact', () => {
  const key = (more: Partial<MemberContactInput> = {}) => contactKey(memberToContact(input(more)));
  const cases: [name: string, more: Partial<MemberContactInput>, isSame: boolean][] = [
    ['ghost_last_updated does not count', { changedAt: at(86_400 * 9) }, true],
    ['what only decides whether we sync does not count', { facts: facts({ suppressed: true }) }, true],
    [
      'the time of day of a date does not count, since only days are sent',
      { facts: facts({ signedUpAt: at(-3000) }) },
      true,
    ],
    ['the day of a date counts', { facts: facts({ signedUpAt: at(-86_400) }) }, false],
    ['the name counts', { facts: facts({ name: 'Ann' }) }, false],
    ['the case of the address counts', { facts: facts({ email: 'ann@example.org' }) }, false],
    ['the status counts', { facts: facts({ status: 'paid' }) }, false],
    ['the labels count', { facts: facts({ labels: ['VIP', 'press'] }) }, false],
    ['the newsletters count', { facts: facts({ emailEnabled: false }) }, false],
    ['a transition counts', { lastTransition: { from: 'paid', at: at(1) } }, false],
  ];
  test.each(cases)('%s', (_name, more, isSame) => {
    expect(key(more) === key()).toBe(isSame);
  });

  test('does not depend on the order of fields', () => {
    const contact = memberToContact(input());
    const reversed = { ...contact, fields: Object.fromEntries(Object.entries(contact.fields).reverse()) };
    expect(contactKey(reversed)).toBe(contactKey(contact));
  });
});

test.each([
  ['Ann@Example.ORG', 'ann@example.org'],
  [' ann@example.org ', 'ann@example.org'],
  ["Zoë.O'Brien+news@Example.com", "zoë.o'brien+news@example.com"],
])('the contact of %j is %j', (email, address) => {
  expect(addressOf(email)).toBe(address);
});
