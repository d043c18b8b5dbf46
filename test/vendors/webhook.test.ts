import { describe, expect, test } from '@jest/globals';
import { toWaitingDelivery } from '../../src/vendors/ghost/member-facts.js';
import { readWebhook, WebhookMalformed } from '../../src/vendors/ghost/webhook.js';
import { capture, captures } from './captures.js';

const edited = capture('member-edited-name').json;
const { current } = edited.member;
const body = (event: string | undefined, previous: object = { name: 'Jane' }, now: object = current) => ({
  ...(event === undefined ? {} : { event }),
  member: { current: now, previous },
});

describe('captured deliveries', () => {
  const noise = new Set(['member-edited-last-seen']);
  test.each(captures.map((one) => [one.name, one] as const))('%s is read', (name, { json, urlEvent, ghost }) => {
    const { member } = json;
    const webhook = readWebhook(json, urlEvent);
    expect(webhook).toEqual({
      memberId: urlEvent === 'member.deleted' ? member.previous['id'] : member.current['id'],
      event: urlEvent,
      disagrees: false,
      payload: member,
      noise: noise.has(name),
    });
    expect(json.event === undefined).toBe(ghost !== '6.65.0');
  });

  const said: [name: string, expected: object][] = [
    [
      'member-added',
      { email: 'jane.doe@example.com', name: 'Jane Doe', status: 'free', labels: ['VIP'], emailEnabled: true },
    ],
    ['member-added-minimal', { email: "Zoë.O'Brien+news@example.com", name: null, labels: [], emailEnabled: false }],
    ['member-edited-name', { name: 'Jane Smith' }],
    ['member-edited-email', { email: 'jane.smith@example.com' }],
    ['member-edited-labels', { labels: ['VIP', 'Event 2026'] }],
    ['member-edited-newsletters', { emailEnabled: false }],
    ['member-deleted', { email: 'jane.smith@example.com', labels: ['VIP', 'Event 2026'] }],
    ['old-6.44-member-added-no-event', { email: 'jane.doe@example.com', labels: ['VIP'], emailEnabled: true }],
    ['old-6.44-member-deleted-no-event', { email: 'jane.doe@example.com', labels: ['VIP'], emailEnabled: true }],
    ['old-6.20-member-edited-empty-previous', { email: 'jane.doe@example.com', status: 'free' }],
  ];
  test.each(said)('%s tells the facts', (name, expected) => {
    const { json, urlEvent, t } = capture(name);
    const { event, payload } = readWebhook(json, urlEvent);
    const waiting = toWaitingDelivery({ id: 'd', event, payload, signedAt: new Date(t), receivedAt: new Date(t) });
    expect(waiting.facts).toMatchObject(expected);
    expect(waiting.facts?.suppressed).toBeUndefined();
  });
});

describe('the event', () => {
  const cases: [
    name: string,
    inBody: string | undefined,
    inUrl: string | undefined,
    event: string,
    disagrees: boolean,
  ][] = [
    ['is that of both', 'member.edited', 'member.edited', 'member.edited', false],
    ['is that of the URL where the body names none', undefined, 'member.edited', 'member.edited', false],
    ['is that of the body where the URL names none', 'member.added', undefined, 'member.added', false],
    ['is that of the body where they disagree', 'member.added', 'member.edited', 'member.added', true],
    ['is that of the body where the URL names nonsense', 'member.added', 'nonsense', 'member.added', false],
    ['member.updated in the URL is member.edited', undefined, 'member.updated', 'member.edited', false],
    ['member.updated in the body is member.edited', 'member.updated', undefined, 'member.edited', false],
    ['member.updated and member.edited agree', 'member.edited', 'member.updated', 'member.edited', false],
  ];
  test.each(cases)('%s', (_name, inBody, inUrl, event, disagrees) => {
    expect(readWebhook(body(inBody), inUrl)).toMatchObject({ event, disagrees });
  });

  test('an edit with an empty previous is not taken for an addition', () => {
    expect(readWebhook(body(undefined, {}), 'member.edited')).toMatchObject({ event: 'member.edited', noise: false });
  });
});

describe('noise', () => {
  const cases: [name: string, event: string, previous: object, isNoise: boolean][] = [
    ['only last_seen_at moved', 'member.edited', { last_seen_at: null, updated_at: 'x' }, true],
    ['only a count of mails moved', 'member.edited', { email_opened_count: 3, email_open_rate: 1 }, true],
    ['only the place moved', 'member.edited', { geolocation: null }, true],
    ['the name moved as well', 'member.edited', { last_seen_at: null, name: 'Jane' }, false],
    ['a key that we do not know moved', 'member.edited', { last_seen_at: null, loyalty: 1 }, false],
    ['nothing is said to have moved', 'member.edited', {}, false],
    ['an addition is never noise', 'member.added', { last_seen_at: null }, false],
  ];
  test.each(cases)('%s: %s %j', (_name, event, previous, isNoise) => {
    expect(readWebhook(body(event, previous), undefined).noise).toBe(isNoise);
  });

  test('a deletion is never noise', () => {
    expect(
      readWebhook(
        { event: 'member.deleted', member: { current: {}, previous: { id: '1', last_seen_at: null } } },
        undefined,
      ).noise,
    ).toBe(false);
  });
});

describe('what cannot be read', () => {
  const secretive = 'ann@example.org';
  const cases: [name: string, json: unknown, url: string | undefined][] = [
    ['null', null, 'member.added'],
    ['a text', secretive, 'member.added'],
    ['a list', [body('member.added')], 'member.added'],
    ['nothing', {}, 'member.added'],
    ['a member that is a text', { member: secretive }, 'member.added'],
    ['no current', { member: { previous: {} } }, 'member.added'],
    ['a current that is a list', { member: { current: [], previous: {} } }, 'member.added'],
    ['no id', body('member.added', {}, { email: secretive }), undefined],
    ['an empty id', body('member.added', {}, { id: '', email: secretive }), undefined],
    ['an id that is a number', body('member.added', {}, { id: 7 }), undefined],
    ['an id of 101 characters', body('member.added', {}, { id: 'x'.repeat(101) }), undefined],
    ['an e-mail that is a number', body('member.added', {}, { id: '1', email: 7 }), undefined],
    ['labels that are a text', body('member.added', {}, { id: '1', labels: secretive }), undefined],
    ['a time that is none', body('member.added', {}, { id: '1', created_at: 'yesterday' }), undefined],
    ['a deletion without previous', { event: 'member.deleted', member: { current } }, undefined],
    [
      'a deletion whose previous has no id',
      { event: 'member.deleted', member: { current: {}, previous: {} } },
      undefined,
    ],
    ['no event anywhere', body(undefined), undefined],
    ['an unknown event in the URL alone', body(undefined), 'post.published'],
    [
      'an unknown event in the signed body, whatever the URL says',
      body('member.anonymised', { ...current }),
      'member.deleted',
    ],
    ['an event of another type in the signed body', { ...body(undefined), event: 7 }, 'member.added'],
  ];
  test.each(cases)('%s is refused, without a word of it in the message', (_name, json, url) => {
    const read = () => readWebhook(json, url);
    expect(read).toThrow(WebhookMalformed);
    expect(read).not.toThrow(secretive);
  });

  test('keys that later versions add do no harm and are kept', () => {
    const webhook = readWebhook(
      body('member.edited', { name: 'x', novelty: 1 }, { ...current, novelty: { a: [1] } }),
      undefined,
    );
    expect(webhook.payload.current).toMatchObject({ novelty: { a: [1] } });
  });
});
