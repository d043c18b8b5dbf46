import { expect, test } from '@jest/globals';
import type { AudienceEvidence } from '../../src/cli/classy/audience-evidence.js';
import { supporterVerdict } from '../../src/cli/classy/supporter-verdict.js';
import type { Finding } from '../../src/domain/compare-contact.js';

const at = new Date('2026-03-01T10:00:00Z');
const address = 'ann@example.org';
const leave = (why: Extract<Finding, { do: 'leave' }>['why']): Finding => ({ do: 'leave', why, memberId: '1' });
const remove: Finding = { do: 'remove', hash: 'absent', memberId: '1', why: 'consent-withdrawn' };
const add: Finding = { do: 'add', hash: 'x', memberId: '1', changes: [] };
const named = ['name', 'FNAME'].map((field) => ({ field, from: '', to: 'Ann' }));
const removal = { doneAt: at, reason: 'consent-withdrawn' };
const optOut = (where: string, when = at) => ({
  address: where,
  state: 'Unsubscribed',
  listDate: '2026-02-01T00:00:00Z',
  at: when,
});

interface Known {
  finding: Finding;
  waits?: boolean;
  contact?: object;
  place?: object;
  holds?: object[];
  removals?: object[];
  optOuts?: object[];
  onOptOut?: string;
  seen?: object;
}

const evidence = (known: Known): AudienceEvidence =>
  ({
    ...{ holds: [], removals: [], optOuts: [], pushes: [], seen: undefined, isSeenLast: false },
    place: { adoptedAt: at, ...known.place },
    found: { audience: 'list', rules: { onOptOut: known.onOptOut ?? 'unsubscribe' } },
    one: { address, waits: known.waits ?? false },
    ...known,
  }) as unknown as AudienceEvidence;

const yes = { living: ['1'], denying: [], isMailable: true, pending: [] };
const no = { ...yes, living: ['1', '2'], denying: ['2'] };
const gone = { ...yes, living: [] };

test.each<[string, Known, object, string, string | RegExp | null]>([
  ['as it should be', { finding: leave('no-change') }, yes, 'true', null],
  [
    'due',
    { finding: leave('on-the-way'), waits: true, contact: { dueAt: at, tries: 2 } },
    yes,
    'on the way',
    'its push is due, tried 2 times',
  ],
  [
    'due, and paused',
    {
      finding: leave('on-the-way'),
      waits: true,
      contact: { dueAt: at, tries: 0 },
      place: { pausedSince: at, pausedMessage: 'key refused' },
    },
    yes,
    'on the way',
    'its push is due; the audience is paused: key refused',
  ],
  ['new', { finding: add }, yes, 'on the way', 'the next sync adds them'],
  [
    'new, and not seen in the audience',
    { finding: { ...add, changes: [{ field: 'tag', from: '', to: 'Classy-Prospect' }] } },
    yes,
    'on the way',
    'the next sync adds them',
  ],
  [
    'seen to differ',
    { finding: { ...add, do: 'update', changes: named }, seen: { at } },
    yes,
    'differs',
    'FNAME empty → Ann (as read on 2026-03-01 10:00:00)',
  ],
  [
    'new in a new audience',
    { finding: add, place: { adoptedAt: null } },
    yes,
    'waits for the first sync',
    /^a person starts it: steward audience sync list --dry-run, then without. It adds them$/,
  ],
  [
    'moved',
    { finding: { do: 'move', hash: 'x', memberId: '1', from: 'old@example.org' } },
    yes,
    'on the way',
    'the next sync moves them there from old@example.org',
  ],
  [
    'held',
    { finding: leave('held'), holds: [{ kind: 'removal', reason: 'consent-withdrawn', since: at, releasedAt: null }] },
    no,
    'held',
    'removal, consent withdrawn, since 2026-03-01 10:00:00: an operator decides, see steward held list',
  ],
  [
    'added by us, consent withdrawn',
    { finding: remove, contact: { listState: 'Active', addedByUs: true } },
    no,
    'on the way',
    'opt_in is not true for supporter 2: the next sync takes them off, within the removal budget',
  ],
  [
    'the same where they stay',
    { finding: leave('withheld'), contact: { listState: 'Active', addedByUs: true }, onOptOut: 'leave' },
    no,
    'no consent',
    /stay there as configured \(onOptOut: leave\)$/,
  ],
  [
    'never written',
    { finding: leave('withheld') },
    no,
    'no consent',
    'not in the audience: opt_in is not true for supporter 2',
  ],
  [
    'taken off',
    { finding: leave('not-on-list'), contact: { listState: 'Deleted' }, removals: [removal] },
    no,
    'taken off',
    'by Steward on 2026-03-01 10:00:00 since consent was withdrawn',
  ],
  [
    'taken off, and yes again',
    { finding: leave('deleted-there'), contact: { listState: 'Deleted' }, removals: [removal] },
    yes,
    'taken off',
    /since consent was withdrawn; they must sign up again through the form$/,
  ],
  [
    'taken off, then said no there',
    {
      finding: leave('opted-out'),
      contact: { listState: 'Unsubscribed' },
      removals: [removal],
      optOuts: [optOut(address, new Date('2026-04-01T00:00:00Z'))],
    },
    yes,
    'opted out there',
    'unsubscribed on 2026-02-01: must sign up again through the form',
  ],
  [
    'said no elsewhere',
    { finding: leave('opted-out'), optOuts: [optOut('old@example.org')] },
    yes,
    'opted out there',
    'unsubscribed as old@example.org on 2026-02-01: must sign up again through the form',
  ],
  [
    'bounced',
    { finding: leave('bounced'), contact: { listState: 'Bounced' } },
    yes,
    'opted out there',
    'mail bounced (cleaned): must sign up again through the form',
  ],
  [
    'in a compliance state',
    { finding: leave('opted-out'), contact: { listState: 'Unsubscribed', settledReason: 'compliance' } },
    yes,
    'opted out there',
    /must sign up again through the form$/,
  ],
  [
    'declined for now',
    { finding: add, contact: { settledReason: 'too-many-sign-ups' } },
    yes,
    'declined',
    /^too many sign ups: .*tried again with each sync$/,
  ],
  ['gone', { finding: leave('not-on-list') }, gone, 'gone', 'not in the audience: not at Classy any more'],
  ['discarded', { finding: leave('discarded') }, yes, 'differs', 'left as it is by an operator'],
])('%s', (_, known, judged, verdict, why) => {
  expect(supporterVerdict({ ...yes, ...judged, evidence: evidence(known) })).toEqual({
    verdict,
    why: why instanceof RegExp ? expect.stringMatching(why) : why,
  });
});
