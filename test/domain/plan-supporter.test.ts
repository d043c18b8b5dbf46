import { describe, expect, test } from '@jest/globals';
import { type Contact, contactKey } from '../../src/domain/contact.js';
import {
  ABSENT,
  type AudienceRules,
  type ContactPlan,
  type DueContact,
  type Holder,
  planContact,
} from '../../src/domain/plan-contact.js';

const rules: AudienceRules = { keepsDeleted: false, takesOff: 'ours', comesBack: false, moves: true };
const contact: Contact = { email: 'ann@readers.org', name: 'Ann', fields: {}, tags: ['Classy-Prospect'] };
const hashOf = (text: string): string => `#${text}`;
const hash = hashOf(contactKey(contact));
const wanted: Holder = { memberId: '1', contact, standing: 'wanted' };
const withdrawn: Holder = { ...wanted, standing: { leaves: 'consent-withdrawn' } };
const silent: Holder = { ...wanted, standing: 'not-written' };
const due = (more: Partial<DueContact> = {}): DueContact => ({
  address: 'ann@readers.org',
  version: 1,
  settledMemberDeleted: false,
  settledMemberKnown: true,
  optedOut: false,
  addressOptedOut: false,
  removalOpen: false,
  formerUnderWay: false,
  welcome: false,
  approved: false,
  isOurs: false,
  ...more,
});

type Case = [name: string, contact: DueContact, expected: Partial<ContactPlan>, rules?: Partial<AudienceRules>];
const cases: Case[] = [
  ['who said yes is added', due({ holder: wanted }), { do: 'import', addition: true }],
  [
    'who is there is brought up to date',
    due({ holder: wanted, listState: 'Active' }),
    { do: 'import', addition: false },
  ],
  ['other tags are another hash', due({ holder: wanted, settledHash: `${hash} other` }), { do: 'import', hash }],
  ['who never said yes is not written to', due({ holder: silent }), { do: 'nothing', outcome: 'withheld' }],
  [
    'nor is who is there already, put there by others',
    due({ holder: silent, listState: 'Active' }),
    { do: 'nothing', outcome: 'withheld' },
  ],
  [
    'a withdrawn yes takes off whom we added',
    due({ holder: withdrawn, listState: 'Active', isOurs: true }),
    { do: 'remove', reason: 'consent-withdrawn', hash: ABSENT },
  ],
  [
    'and leaves whom others added',
    due({ holder: withdrawn, listState: 'Active' }),
    { do: 'nothing', outcome: 'kept', hash: ABSENT },
  ],
  [
    'who is gone at the source is taken off if we added them',
    due({ settledMemberId: '1', settledMemberDeleted: true, listState: 'Active', isOurs: true }),
    { do: 'remove', reason: 'deleted' },
  ],
  [
    'whom an organization added that had the audience before is left',
    due({
      settledMemberId: '9',
      settledMemberDeleted: true,
      settledMemberKnown: false,
      listState: 'Active',
      isOurs: true,
    }),
    { do: 'nothing', outcome: 'kept' },
  ],
  ...(['Unsubscribed', 'Bounced', 'Deleted', 'Suppressed'] as const).map(
    (listState): Case => [
      `nobody comes back from ${listState}`,
      due({ holder: wanted, listState }),
      { do: 'nothing', outcome: 'opted-out', hash },
    ],
  ),
  [
    'also not whom we took off, however signed',
    due({ holder: { ...wanted, addedAt: new Date() }, listState: 'Deleted', removal: { since: new Date(0) } }),
    { do: 'nothing', outcome: 'opted-out' },
  ],
  ['a changed address moves', due({ holder: wanted, formerAddress: 'old@readers.org' }), { do: 'move' }],
  [
    'a move whose answer never came is looked into, also where the new address is there by now',
    due({ holder: wanted, listState: 'Active', formerAddress: 'old@readers.org', addingSince: new Date() }),
    { do: 'move', from: 'old@readers.org' },
  ],
  [
    'a former address stays while the new one is nowhere',
    due({
      settledMemberId: '1',
      successor: { due: false, onList: false, saysNo: false },
      listState: 'Active',
      isOurs: true,
    }),
    { do: 'nothing', outcome: 'kept' },
  ],
  [
    'but goes where a no was said at the new one',
    due({
      settledMemberId: '1',
      successor: { due: false, onList: false, saysNo: true },
      listState: 'Active',
      isOurs: true,
    }),
    { do: 'remove', reason: 'moved' },
  ],
  [
    'perhaps ours, for want of an answer, is looked at',
    due({ holder: withdrawn, listState: 'Active', addingSince: new Date() }),
    { do: 'remove', reason: 'consent-withdrawn' },
  ],
  [
    'where addresses cannot be moved it is added',
    due({ holder: wanted, formerAddress: 'old@readers.org' }),
    { do: 'import', addition: true },
    { moves: false },
  ],
];

describe('what a supporter needs', () => {
  test.each(cases)('%s', (_name, one, expected, more = {}) => {
    expect(planContact(one, { ...rules, ...more }, new Date(), hashOf)).toMatchObject(expected);
  });
});
