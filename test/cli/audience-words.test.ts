import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createTagging } from '../../src/audiences/mailchimp-tagging.js';
import { remarksOn, stateWord } from '../../src/cli/audience/audience-states.js';
import { wordsOfFirstSync } from '../../src/cli/audience/first-sync.js';
import { estimateOf, readPlannedTags } from '../../src/cli/sync/estimate.js';
import { detailOf, type Person } from '../../src/cli/sync/people.js';
import { printTags, showEstimate } from '../../src/cli/sync/print-report.js';
import { leftAloneBy, outcomesOf } from '../../src/cli/sync/report.js';
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
};
const subject: SyncSubject = { kind: 'audience', name: 'abc', filedUnder: 'organization/7', workflowId: '', limits };

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
      'Carrying it out takes 605 calls to MailChimp, about 2 min. Tags go person by person, so that no automation starts; with --fast it takes 9 calls, about 2 s, and automations that start by "tag added" may start.',
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
});

describe('the first sync of an audience', () => {
  const first = { audience: 'abc', title: 'MailChimp', hasTags: true, fast: false, limit: undefined };

  it('says that it is quiet, or what --fast may set off', () => {
    expect(wordsOfFirstSync(first)).toMatch(/first sync of abc \(MailChimp\).*\nTags are given person by person/);
    expect(wordsOfFirstSync({ ...first, fast: true })).toMatch(/tag added.*docs\/destinations\.md/);
    expect(wordsOfFirstSync({ ...first, hasTags: false, fast: true })).not.toContain('Tags');
    expect(wordsOfFirstSync({ ...first, limit: 10 })).toContain('does not count as the first one');
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
    misconfigured: null,
  };
  const paused = { since: new Date(), type: 'KeyRefused', message: 'mailchimp refused at lists.read' };

  it.each([
    [{}, 'ok', []],
    [{ waitsFor: 'steward x' }, 'waits for its first sync', ['waits for its first sync: steward x']],
    [{ paused }, 'PAUSED (KeyRefused)', [`${paused.message}; it goes on by itself, see steward doctor`]],
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
