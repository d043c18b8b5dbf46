import { describe, expect, test } from '@jest/globals';
import { contactKey, type MemberContactInput, memberToContact } from '../../src/domain/contact.js';
import { memberHolder, siteRules } from '../../src/domain/member-holder.js';
import { ABSENT, type ContactPlan, type DueContact, planContact } from '../../src/domain/plan-contact.js';
import type { Site } from '../../src/domain/site.js';
import { at, facts } from './people.js';

const site: Site = {
  name: 'mainblog',
  audience: 'list',
  onDelete: 'delete',
  onEmailDisabled: 'field',
  consentToTrack: 'Unchanged',
};
const hours = 3600;
const now = at(0);

/** A living member; the site that is asked tells how they stand to its list. */
type Member = MemberContactInput & { memberId: string; addedAt?: Date | undefined };
type Due = Omit<DueContact, 'holder'> & { holder?: Member };

const holder = (more: Partial<Member> = {}): Member => ({
  memberId: 'm1',
  facts: facts(),
  changedAt: at(-60),
  ...more,
});
const disabled = holder({ facts: facts({ emailEnabled: false }) });
const suppressed = holder({ facts: facts({ suppressed: true }) });
const due = (more: Partial<Due> = {}): Due => ({
  address: 'ann@example.org',
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
const hashOf = (text: string): string => `#${text}`;
const planFor = ({ holder: member, ...contact }: Due, of: Site = site): ContactPlan => {
  const held = member && memberHolder(member.memberId, member, of, member.addedAt);
  return planContact({ ...contact, holder: held }, siteRules(of), now, hashOf);
};
const hashFor = (one: Member): string => hashOf(contactKey(memberToContact(one)));

type Case = [name: string, contact: Due, expected: Partial<ContactPlan>, site?: Partial<Site>];
const plan = ([, contact, expected, changed]: Case): void => {
  expect(planFor(contact, { ...site, ...changed })).toMatchObject(expected);
};
const run = (cases: Case[]): void =>
  test.each(cases.map((one) => [one[0], one] as const))('%s', (_name, one) => plan(one));

describe('who holds the address (decision 8)', () => {
  run([
    ['somebody who holds it is imported', due({ holder: holder() }), { do: 'import', addition: true }],
    [
      'an address that nobody holds is removed',
      due({ listState: 'Active', settledMemberDeleted: true }),
      { do: 'remove', reason: 'deleted', hash: ABSENT, released: false },
    ],
    [
      'a removal is void while another living member holds the address',
      due({
        listState: 'Active',
        settledMemberId: 'gone',
        settledMemberDeleted: true,
        holder: holder({ memberId: 'm2' }),
      }),
      { do: 'import', addition: false },
    ],
    [
      'somebody whose former address nobody holds moves',
      due({ holder: holder(), formerAddress: 'old@example.org' }),
      { do: 'move', from: 'old@example.org' },
    ],
    [
      'somebody on the list under the new address already is imported there, not moved',
      due({ holder: holder(), listState: 'Active', formerAddress: 'old@example.org' }),
      { do: 'import', addition: false },
    ],
    [
      'a left address waits while the move of its former holder is due',
      due({ listState: 'Active', successor: { due: true, onList: true, saysNo: false } }),
      { do: 'wait' },
    ],
    [
      'a left address that the move did not take along is removed',
      due({ listState: 'Active', successor: { due: false, onList: true, saysNo: false } }),
      { do: 'remove', reason: 'moved' },
    ],
    [
      'a left address is removed also where deleted members are kept',
      due({ listState: 'Active', successor: { due: false, onList: true, saysNo: false } }),
      { do: 'remove', reason: 'moved' },
      { onDelete: 'keep' },
    ],
    [
      'a swap imports at each address its living holder',
      due({ listState: 'Active', settledMemberId: 'm2', holder: holder() }),
      { do: 'import', addition: false },
    ],
  ]);
});

describe('level, not edge (decision 9)', () => {
  run([
    [
      'what is settled already needs nothing',
      due({ holder: holder(), listState: 'Active', settledHash: hashFor(holder()) }),
      { do: 'nothing', outcome: 'unchanged', hash: hashFor(holder()) },
    ],
    [
      'what differs from the settled is imported',
      due({ holder: holder(), listState: 'Active', settledHash: '#other' }),
      { do: 'import', hash: hashFor(holder()) },
    ],
    ['a cleared hash is sent again', due({ holder: holder(), listState: 'Active' }), { do: 'import' }],
    [
      'a released addition is sent though its hash is settled',
      due({ holder: holder(), settledHash: hashFor(holder()), hold: { kind: 'addition', released: true } }),
      { do: 'import', addition: true },
    ],
    [
      'an addition that is held is not asked again',
      due({ holder: holder(), settledHash: hashFor(holder()), hold: { kind: 'addition', released: false } }),
      { do: 'nothing', outcome: 'unchanged' },
    ],
    [
      'a removal that is settled needs nothing',
      due({ settledMemberDeleted: true, listState: 'Deleted', settledHash: ABSENT }),
      { do: 'nothing', outcome: 'unchanged', hash: ABSENT },
    ],
    [
      'who is not on the list needs no removal',
      due({ settledMemberDeleted: true, listState: 'Absent' }),
      { do: 'nothing', outcome: 'absent', hash: ABSENT },
    ],
  ]);
});

describe('never more consent than given (decision 16)', () => {
  const removal = { since: at(-hours), listDate: '2026-11-21 21:00:00' };
  const returned = holder({ addedAt: at(-60) });
  run([
    ['somebody suppressed in Ghost is not added', due({ holder: suppressed }), { do: 'nothing', outcome: 'withheld' }],
    [
      'somebody suppressed in Ghost who is on the list keeps true fields',
      due({ holder: suppressed, listState: 'Active' }),
      { do: 'import', addition: false },
    ],
    [
      'somebody suppressed in Ghost does not come back',
      due({ holder: { ...suppressed, addedAt: at(-60) }, listState: 'Deleted', removal }),
      { do: 'nothing', outcome: 'withheld' },
    ],
    [
      'somebody suppressed in Ghost does not move',
      due({ holder: suppressed, formerAddress: 'old@example.org' }),
      { do: 'nothing', outcome: 'withheld' },
    ],
    [
      'somebody who opted out is asked for at the list first',
      due({ holder: holder(), listState: 'Unsubscribed', optedOut: true }),
      { do: 'recheck' },
    ],
    [
      'an opt-out under another address of the same person is asked for as well',
      due({ holder: holder(), optedOut: true }),
      { do: 'recheck' },
    ],
    [
      'somebody whom we perhaps removed is asked for first',
      due({ holder: holder(), removalOpen: true }),
      { do: 'recheck' },
    ],
    [
      'somebody whom we perhaps removed and last knew as active is asked for first',
      due({ holder: holder(), listState: 'Active', removalOpen: true }),
      { do: 'recheck' },
    ],
    [
      'a signed sign-up after our removal is a return',
      due({ holder: returned, listState: 'Deleted', removal }),
      { do: 'return', listDate: removal.listDate, automations: true },
    ],
    [
      'a return without a signed sign-up is reported and not acted on',
      due({ holder: holder(), listState: 'Deleted', removal }),
      { do: 'nothing', outcome: 'returned-unsigned' },
    ],
    [
      'a sign-up before our removal is no return',
      due({ holder: holder({ addedAt: at(-2 * hours) }), listState: 'Deleted', removal }),
      { do: 'nothing', outcome: 'returned-unsigned' },
    ],
    [
      'a sign-up at the very moment of our removal is no return',
      due({ holder: holder({ addedAt: removal.since }), listState: 'Deleted', removal }),
      { do: 'nothing', outcome: 'returned-unsigned' },
    ],
    [
      'the opt-out of a person outweighs the return to an address that we removed',
      due({ holder: returned, listState: 'Deleted', removal, optedOut: true }),
      { do: 'recheck' },
    ],
    [
      'somebody deleted at the list by others is asked for, not brought back',
      due({ holder: holder({ addedAt: at(-60) }), listState: 'Deleted', optedOut: true }),
      { do: 'recheck' },
    ],
    [
      'without a newsletter and by default the fields say so',
      due({ holder: disabled }),
      { do: 'import', addition: true },
    ],
    [
      'without a newsletter and with withhold nobody new is added',
      due({ holder: disabled }),
      { do: 'nothing', outcome: 'withheld' },
      { onEmailDisabled: 'withhold' },
    ],
    [
      'without a newsletter and with withhold who is on the list stays',
      due({ holder: disabled, listState: 'Active' }),
      { do: 'import', addition: false },
      { onEmailDisabled: 'withhold' },
    ],
    [
      'without a newsletter and with remove they are taken off',
      due({ holder: disabled, listState: 'Active' }),
      { do: 'remove', reason: 'email-disabled', hash: ABSENT },
      { onEmailDisabled: 'remove' },
    ],
    [
      'without a newsletter and with remove who is not there stays away',
      due({ holder: disabled, listState: 'Absent' }),
      { do: 'nothing', outcome: 'absent' },
      { onEmailDisabled: 'remove' },
    ],
    [
      'a withheld person whose newsletter comes back has another hash',
      due({ holder: holder(), settledHash: `#${contactKey(memberToContact(holder()))} withheld` }),
      { do: 'import', addition: true },
    ],
  ]);

  test('nothing but a proven return ever plans to resubscribe', () => {
    const states = [
      undefined,
      'Active',
      'Unsubscribed',
      'Bounced',
      'Deleted',
      'Unconfirmed',
      'Suppressed',
      'Absent',
    ] as const;
    const returns = [];
    for (const listState of states)
      for (const one of [undefined, removal])
        for (const addedAt of [undefined, at(-2 * hours), at(-60)])
          for (const optedOut of [false, true]) {
            const contact = due({ holder: holder({ addedAt }), listState, removal: one, optedOut });
            if (planFor(contact).do === 'return')
              returns.push({ listState, isOurs: one === removal, addedAt, optedOut });
          }
    expect(returns).toEqual([{ listState: 'Deleted', isOurs: true, addedAt: at(-60), optedOut: false }]);
  });
});

describe('removals (decision 17)', () => {
  const gone = { settledMemberDeleted: true, listState: 'Active' } as const;
  run([
    [
      'a removal that is held waits',
      due({ ...gone, hold: { kind: 'removal', released: false } }),
      { do: 'nothing', outcome: 'held', hash: ABSENT },
    ],
    [
      'a removal that was released goes without drawing again',
      due({ ...gone, hold: { kind: 'removal', released: true } }),
      { do: 'remove', released: true },
    ],
    [
      'a released removal goes though its hash is settled',
      due({ ...gone, settledHash: ABSENT, hold: { kind: 'removal', released: true } }),
      { do: 'remove', released: true },
    ],
    [
      'a released removal of somebody who signed up again is void',
      due({ ...gone, holder: holder(), hold: { kind: 'removal', released: true } }),
      { do: 'import', addition: false },
    ],
    [
      'the hold of an addition does not release a removal',
      due({ ...gone, hold: { kind: 'addition', released: true } }),
      { do: 'remove', released: false },
    ],
    [
      'deleted members stay on a list that keeps them',
      due(gone),
      { do: 'nothing', outcome: 'kept' },
      { onDelete: 'keep' },
    ],
    [
      'an opted-out person is looked at before the removal like everybody',
      due({ ...gone, listState: 'Unsubscribed', optedOut: true }),
      { do: 'remove', released: false },
    ],
  ]);
});

describe('automations (decision 18)', () => {
  const signedUp = (secondsAgo: number) => holder({ addedAt: at(-secondsAgo) });
  run([
    [
      'start for an addition whose webhook is younger than 48 hours',
      due({ holder: signedUp(48 * hours - 1) }),
      { do: 'import', addition: true, automations: true },
    ],
    [
      'do not start for an addition whose webhook is 48 hours old',
      due({ holder: signedUp(48 * hours) }),
      { do: 'import', addition: true, automations: false },
    ],
    [
      'do not start without a signed addition',
      due({ holder: holder() }),
      { do: 'import', addition: true, automations: false },
    ],
    [
      'do not start for somebody on the list',
      due({ holder: signedUp(1), listState: 'Active' }),
      { do: 'import', addition: false, automations: false },
    ],
    [
      'start for a return whose webhook is young',
      due({ holder: signedUp(60), listState: 'Deleted', removal: { since: at(-hours) } }),
      { do: 'return', automations: true },
    ],
    [
      'do not start for a return whose webhook is old',
      due({ holder: signedUp(49 * hours), listState: 'Deleted', removal: { since: at(-50 * hours) } }),
      { do: 'return', automations: false },
    ],
  ]);

  test('the two history fields are planned only when the ledger holds a transition', () => {
    const fieldsOf = (one: Member) => {
      const planned = planFor(due({ holder: one }));
      return 'contact' in planned ? Object.keys(planned.contact.fields) : [];
    };
    expect(fieldsOf(holder())).not.toEqual(expect.arrayContaining(['ghost_previous_status']));
    expect(fieldsOf(holder({ lastTransition: { from: 'paid', at: at(-90) } }))).toEqual(
      expect.arrayContaining(['ghost_previous_status', 'ghost_status_changed_at']),
    );
  });
});
