import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createTagging } from '../../src/audiences/mailchimp-tagging.js';
import { remarksOn, stateWord } from '../../src/cli/audience/audience-states.js';
import { fastIsIgnored, wordsOfFirstSync, wordsOfLimitedPlan } from '../../src/cli/audience/first-sync.js';
import { estimateOf, readPlannedTags } from '../../src/cli/sync/estimate.js';
import { detailOf, type Person } from '../../src/cli/sync/people.js';
import { leftAloneInWords, printTags, showEstimate } from '../../src/cli/sync/print-report.js';
import { leftAloneBy, outcomesOf, toldReasons } from '../../src/cli/sync/report.js';
import type { SyncSubject, WritingLimits } from '../../src/cli/sync/subject.js';
import type { MailchimpClient } from '../../src/vendors/mailchimp/client.js';

const limits: WritingLimits = {
  title: 'MailChimp',
  batchSize: 500,
  pageSize: 10_000,
  callsAtOnce: 8,
  perMinute: undefined,
  removalCalls: 3,
  tagging: createTagging({} as MailchimpClient, 'abc'),
  tagsStartAutomations: true,
};
const subject: SyncSubject = {
  ...{ kind: 'audience', name: 'abc', filedUnder: 'organization/7', workflowId: '' },
  ...{ removed: 'unsubscribed', limits },
};

async function* once(people: Person[]) {
  yield people;
}
const tag = (from: string, to: string) => ({ field: 'tag', from, to });
const person = (number: number, ...changes: { field: string; from: string; to: string }[]): Person => ({
  ...{ address: `p${number}@example.org`, memberId: String(number), action: 'update', changes },
});

describe('what a plan of an audience takes', () => {
  const people = [
    ...Array.from({ length: 600 }, (_, index) => person(index, tag('', 'Major'), tag('Small', ''))),
    person(600, { field: 'TOTALAMT', from: '10', to: '20' }),
  ];

  it('is a call a person with other tags where automations are kept from starting, else one a tag and 500 people', async () => {
    const planned = await readPlannedTags(once(people), limits);
    expect(planned).toEqual({
      tags: { Major: { given: 600, taken: 0 }, Small: { given: 0, taken: 600 } },
      quiet: { many: 0, one: 600 },
      fast: { many: 4, one: 0 },
      withheldBy: { consent: 0, address: 0 },
    });
    const actions = { added: 0, updated: 601, moved: 0, removed: 1 };
    // 600 at 300 ms, and 5 others at 400 ms, eight at a time
    expect(estimateOf(actions, { listCallMs: 400 }, limits, planned.quiet)).toEqual({ calls: 605, seconds: 23 });
    expect(estimateOf(actions, { listCallMs: 400 }, limits, planned.fast)).toEqual({ calls: 9, seconds: 1 });
  });

  it('collects tags over as many people as the destination does, so that a call more may be needed', async () => {
    const { fast } = await readPlannedTags(once(people), { ...limits, pageSize: 300 });
    expect(fast).toEqual({ many: 4, one: 0 });
    expect((await readPlannedTags(once(people), { ...limits, tagging: undefined })).fast).toEqual({ many: 0, one: 0 });
  });

  it('is told with both ways', () => {
    const figures = { estimate: { calls: 605, seconds: 130 }, estimateFast: { calls: 9, seconds: 2 } };
    expect(showEstimate(figures, subject)).toBe(
      'Carrying it out takes 605 calls to MailChimp, about 2 min. It is quiet: tags go person by person, so that no automation starts; with --fast it takes 9 calls, about 2 s, and automations that start by "tag added" may start.',
    );
    const equal = { estimate: { calls: 9, seconds: 2 }, estimateFast: { calls: 9, seconds: 2 } };
    expect(showEstimate(equal, subject)).toMatch(
      /It is quiet: .*; with --fast it takes as many calls, and automations/,
    );
    expect(showEstimate({ estimate: { calls: 1, seconds: 1 } }, subject)).toBe(
      'Carrying it out takes 1 call to MailChimp, about 1 s.',
    );
  });
});

describe('people of an audience', () => {
  it('are told field by field, tags with their sign, and reasons in the words of their source', () => {
    const changes = [
      { field: 'TOTALAMT', from: '10', to: '20' },
      tag('', 'Classy-Major Donor'),
      tag('Classy-Prospect', ''),
    ];
    expect(detailOf(person(1, ...changes), 'audience')).toBe(
      '  TOTALAMT: "10" -> "20"; +Classy-Major Donor; -Classy-Prospect',
    );
    const leaving: Person = { address: 'a@b.c', memberId: '1', action: 'remove', why: 'consent-withdrawn' };
    expect(detailOf(leaving, 'audience')).toBe('  have taken their consent back in Classy');
    expect(detailOf({ ...leaving, why: 'deleted' }, 'site')).toBe('  deleted in Ghost');
  });

  it('are told their name once, and which of both causes keeps them from being written to', () => {
    const named = ['name', 'FNAME', 'LNAME'].map((field) => ({ field, from: '', to: field }));
    expect(detailOf(person(1, ...named), 'audience')).toBe('  FNAME: "" -> "FNAME"; LNAME: "" -> "LNAME"');
    expect(detailOf(person(1, named[0]!), 'audience')).toBe('  name: "" -> "name"');
    const withheld: Person = { address: 'a@b.example', memberId: '1', action: 'leave', why: 'withheld' };
    expect(detailOf(withheld, 'audience')).toBe('  have not said yes in Classy: never written to the audience');
    expect(detailOf({ ...withheld, address: 'a@localhost' }, 'audience')).toContain('address that cannot be mailed');
    expect(detailOf(withheld, 'site')).toBe('  no newsletter, or suppressed in Ghost: not added');
  });

  it('whom the destination does not take are counted by reason with the next step, those of earlier runs among them', () => {
    const reasons = [
      { outcome: 'confirmed', reason: null, count: 40, isEarlier: false },
      { outcome: 'declined', reason: 'fake-address', count: 10, isEarlier: false },
      { outcome: 'declined', reason: 'fake-address', count: 2, isEarlier: true },
    ];
    expect(outcomesOf(reasons)).toEqual([
      { outcome: 'confirmed', reason: null, count: 40 },
      { outcome: 'declined', reason: 'fake-address', count: 12, next: expect.stringContaining('ask the person') },
    ]);
    expect(leftAloneBy({ findings: { 'leave:declined': 2, 'leave:no-change': 7 } }, reasons)).toEqual({ declined: 12 });
  });

  it('are told once, by reason where there is one and by cause where that can be told', () => {
    const left = {
      leftAloneBy: { declined: 12, withheld: 5, kept: 1, 'deleted-there': 3 },
      outcomes: [
        { outcome: 'confirmed', reason: null, count: 40 },
        { outcome: 'declined', reason: 'fake-address', count: 10, next: 'ask' },
        { outcome: 'opted-out', reason: 'forgotten', count: 3, leftAloneAs: 'deleted-there' },
      ],
      withheldBy: { consent: 4, address: 1 },
    };
    expect(leftAloneInWords(left, 'audience').map(([count, words]) => `${count} ${words.slice(0, 34)}`)).toEqual([
      '10 fake-address: ask',
      '4 withheld: have not said yes in Cla',
      '3 forgotten',
      '2 declined: not taken by the destina',
      '1 withheld: have an address that can',
      '1 kept: have no consent any more, bu',
    ]);
    expect(leftAloneInWords({ leftAloneBy: { withheld: 2 } }, 'audience')).toEqual([
      [2, expect.stringContaining('or have an address that cannot be mailed')],
    ]);
  });

  it('with reasons of earlier runs are told by a run that came upon them again, and by no other', () => {
    const reason = (name: string, count: number, more: object = {}) => ({
      ...{ outcome: 'declined', reason: name, count, isEarlier: true },
      ...more,
    });
    const [fake, role] = [reason('fake-address', 2), reason('role-address', 1)];
    const now = reason('fake-address', 5, { isEarlier: false });
    const told = (findings: Record<string, number>, reasons: ReturnType<typeof reason>[]) =>
      toldReasons({ findings }, reasons).map(({ reason: name, count, leftAloneAs }) => [
        ...[name, count],
        ...(leftAloneAs ? [leftAloneAs] : []),
      ]);
    expect(told({}, [now, fake, role])).toEqual([['fake-address', 5]]);
    expect(told({ 'leave:declined': 3 }, [fake, role, reason('too-many-sign-ups', 4)])).toEqual([
      ['fake-address', 2],
      ['role-address', 1],
    ]);
    // which one was not looked at is not known
    expect(told({ 'leave:declined': 2 }, [fake, role])).toEqual([]);
    expect(told({ 'leave:declined': 1 }, [fake])).toEqual([['fake-address', 1]]);
    expect(told({ 'leave:deleted-there': 1 }, [reason('forgotten', 1, { outcome: 'opted-out' })])).toEqual([
      ['forgotten', 1, 'deleted-there'],
    ]);
  });
});

describe('the first sync of an audience', () => {
  const first = { audience: 'abc', title: 'MailChimp', tagsStartAutomations: true, fast: false };

  it('says that it is quiet, or what --fast may set off', () => {
    expect(wordsOfFirstSync(first)).toMatch(/first sync of abc \(MailChimp\).*\nTags are given person by person/);
    expect(wordsOfFirstSync({ ...first, fast: true })).toMatch(/tag added.*docs\/destinations\.md/);
    expect(wordsOfFirstSync({ ...first, tagsStartAutomations: false, fast: true })).not.toMatch(/tags|automation/i);
    expect(fastIsIgnored('a CSV file')).toMatch(/^--fast is ignored: tags start no automations in a CSV file/);
  });

  it('is still to be done after a run or a plan of some people, and a plan says what it is about', () => {
    const due = 'The first sync of abc (MailChimp) still has to be done: steward audience sync abc';
    const words = (more: object) => wordsOfFirstSync({ ...first, ...more });
    expect(words({ limit: 10 })).toMatch(/^Only the first 10 people are compared/);
    expect(words({ plan: { of: 'some', people: 10 } })).toMatch(
      /^This plan covers only the 10 people who were compared/,
    );
    expect(words({ plan: { of: 'removals' } })).toBe(`This plan only takes people off. ${due}`);
    for (const more of [{ limit: 10 }, { plan: { of: 'some', people: 1 } }]) {
      expect(words(more)).toContain(`${due}\nTags are given person by person`);
      expect(words(more)).not.toMatch(/This is the first sync|everybody with consent/);
    }
    expect(words({ plan: { of: 'everybody' } })).toMatch(/^This is the first sync of abc.*as the plan means them/);
  });

  it('is named beside the command that carries out the plan of some people', () => {
    expect(wordsOfLimitedPlan({ people: 10, firstSyncIsDue: true }, subject)).toBe(
      'This plan covers only the 10 people who were compared, up to its --limit. It gives tags quietly, person by person. The first sync still has to be done after it: steward audience sync abc',
    );
    expect(wordsOfLimitedPlan({ people: 1, firstSyncIsDue: false }, subject)).toBe(
      'This plan covers only the one person who was compared, up to its --limit.',
    );
  });
});

describe('an audience in the list', () => {
  const state = {
    ...{
      audience: 'abc',
      site: null,
      organization: { id: '7', name: 'Relief' },
      destination: 'mailchimp',
      title: 'Donors',
    },
    ...{ activeSubscribers: 3, adoptedAt: new Date(), waitsFor: null, last: null, paused: null, problems: [] },
    ...{ stoppedBy: null, misconfigured: null },
  };
  const paused = { since: new Date(), type: 'KeyRefused', message: 'mailchimp refused at lists.read' };

  it.each([
    [{}, 'ok', []],
    [{ waitsFor: 'steward x' }, 'waits for its first sync', ['waits for its first sync: steward x']],
    [{ paused }, 'PAUSED (KeyRefused)', [`${paused.message}; it goes on by itself, see steward doctor`]],
    [{ stoppedBy: 'steward y' }, 'stopped by the guard', ['stopped by the guard: steward y']],
    [{ misconfigured: 'no key' }, 'MISCONFIGURED', ['no key']],
    [{ problems: ['Note: double'] }, 'ok, see below', ['Note: double']],
  ])('with %j is %s', (more, word, remarks) => {
    expect([stateWord({ ...state, ...more }), remarksOn({ ...state, ...more })]).toEqual([word, remarks]);
  });
});

describe('the table of tags', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('is in the order of names, and absent where none changes', () => {
    let printed = '';
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
    printTags({});
    expect(printed).toBe('');
    printTags({ 'Classy-B': { given: 1, taken: 0 }, 'Classy-A': { given: 0, taken: 12 } });
    expect(printed).toMatch(/^\nTAG +GIVEN +TAKEN\nClassy-A +0 +12\nClassy-B +1 +0\n$/);
  });
});
