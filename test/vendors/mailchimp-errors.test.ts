import { describe, expect, test } from '@jest/globals';
import { VendorError } from '../../src/vendors/errors.js';
import { classifyMemberError, type MemberErrorReason } from '../../src/vendors/mailchimp/classify-member-error.js';
import { brokenItem } from '../../src/vendors/mailchimp/errors.js';

describe('why a person was declined', () => {
  const cases: [reason: MemberErrorReason, text: string, field?: string][] = [
    ['invalid', 'ERROR_GENERIC Please provide a valid email address.'],
    ['invalid', 'The username portion of the email address is invalid (the portion before the @: zoë)'],
    ['fake', 'ERROR_GENERIC ann@example.com looks fake or invalid, please enter a real email address.'],
    ['fake', 'compliance@fraud.example looks fake or invalid, please enter a real email address.'],
    ['role', 'admin@example.org seems to be a role-based or known invalid email address, and cannot be imported.'],
    [
      'too-many-signups',
      "ann@example.org has signed up to a lot of lists very recently; we're not allowing more signups for now",
    ],
    ['merge-fields', 'Invalid Resource Your merge fields were invalid. Please enter a number', 'GIFTS'],
    ['merge-fields', 'Please enter a complete address'],
    ['merge-fields', 'Data did not match any of the schemas described in anyOf.', 'merge_fields.GIFTS'],
    ['merge-fields', 'Bitte einen Wert eingeben', 'LASTGIFT'],
    [
      'compliance',
      'Member In Compliance State ann@example.org is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.',
    ],
    ['compliance', 'MEMBER IN COMPLIANCE STATE ann@example.org ist in einem Zustand'],
    [
      'forgotten',
      'Forgotten Email Not Subscribed ann@example.org was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.',
    ],
    ['exists', 'Member Exists ann@example.org is already a list member. Use PUT to insert or update list members.'],
    [
      'exists',
      'ERROR_CONTACT_EXISTS ann@example.org is already a list member, do you want to update? please provide update_existing:true in the request body',
    ],
    ['exists', 'Invalid Resource A Merge Field with the tag "GIFTS" already exists for this list.'],
    ['absent', 'Resource Not Found The requested resource could not be found.'],
    ['absent', 'Email addresses do not exist in this audience.'],
    ['not-subscribed', 'ann@example.org is not subscribed to this list'],
    ['unknown', 'fake.admin@compliance.example is odd'],
    ['unknown', 'Data did not match any of the schemas', 'members.item:0.status'],
    ['unknown', 'An internal error occurred, please try again later.'],
    ['unknown', ''],
  ];
  test.each(cases)('%s: %s', (...[reason, text, field]) => {
    expect(classifyMemberError(text, field)).toBe(reason);
  });
});

test.each<[fields: string[] | undefined, item: number | undefined]>([
  [['members.item:0.status'], 0],
  [['sync_tags', 'members.item:499.timestamp_opt', 'members.item:7.status'], 499],
  [['members.item:12'], 12],
  [['email address'], undefined],
  [[], undefined],
  [undefined, undefined],
])('of the fields %j the item that broke a batch is %s', (fields, item) => {
  const details = { vendor: 'mailchimp', operation: 'members.batch', kind: 'rejected', call: 'answered' } as const;
  expect(brokenItem(new VendorError({ ...details, fields }))).toBe(item);
});
