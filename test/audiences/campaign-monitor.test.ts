import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createCampaignMonitorList } from '../../src/audiences/campaign-monitor.js';
import type { Destination, ObservedPage } from '../../src/audiences/destination.js';
import { type Contact, memberFieldTypes, memberToContact } from '../../src/domain/contact.js';
import type { ListState } from '../../src/domain/plan-contact.js';
import type { ConsentToTrack } from '../../src/domain/site.js';
import type { FaultsPatch } from '../../src/sandbox/faults.js';
import {
  type CampaignMonitorOptions,
  sandboxListId as listId,
  type SandboxCampaignMonitor,
  startCampaignMonitor,
} from '../../src/sandbox/index.js';
import { createCampaignMonitorClient } from '../../src/vendors/campaign-monitor/client.js';
import { VendorError } from '../../src/vendors/errors.js';
import { startServer } from '../vendors/vendor-failure.js';

/** One destination on its stand-in, with the hands of people and staff at the vendor. */
interface Scene {
  destination: Destination;
  cm: SandboxCampaignMonitor;
}

const fields = memberFieldTypes;
const running: SandboxCampaignMonitor[] = [];
afterEach(async () => {
  for (const cm of running.splice(0)) await cm.close();
});

async function open(
  options: CampaignMonitorOptions = {},
  consentToTrack: ConsentToTrack = 'Unchanged',
): Promise<Scene> {
  const cm = await startCampaignMonitor(options);
  running.push(cm);
  const client = createCampaignMonitorClient({ url: cm.url, apiKey: 'sandbox-cm-key', timeoutMs: 5_000 });
  return { cm, destination: createCampaignMonitorList({ client, listId, consentToTrack, fields, timeoutMs: 5_000 }) };
}

const day = (text: string): Date => new Date(`${text}T23:30:00Z`);
function contact(email: string, more: { name?: string | null; labels?: string[]; isNewcomer?: boolean } = {}): Contact {
  const { name = 'Ann Lee', labels = ['VIP', 'press'], isNewcomer = false } = more;
  return memberToContact({
    facts: { email, name, status: 'paid', labels, emailEnabled: true, signedUpAt: day('2025-01-05') },
    changedAt: day('2026-11-20'),
    ...(isNewcomer ? {} : { lastTransition: { from: 'free', at: day('2026-02-28') } }),
  });
}
const quiet = { automations: false, resubscribe: false };
const ann = 'ann@example.org';

/** Puts somebody on the list in a state, as people, staff and mail servers do. */
function put({ cm: { state } }: Scene, email: string, listState: ListState): void {
  if (listState === 'Absent') return;
  if (listState === 'Suppressed') {
    state.suppress(email);
    return;
  }
  if (listState === 'Unconfirmed') {
    state.create(state.list(listId), email, 'Unconfirmed', 'Signed up');
    return;
  }
  state.addByStaff(listId, email);
  if (listState === 'Unsubscribed') state.unsubscribe(listId, email);
  if (listState === 'Bounced') state.bounce(listId, email);
  if (listState === 'Deleted') state.deleteByStaff(listId, email);
}
const stateOf = ({ cm }: Scene, email: string): string => cm.state.subscriber(listId, email)?.state ?? 'Absent';
const bodies = ({ cm }: Scene): unknown[] => cm.calls.filter(({ method }) => method !== 'GET').map(({ body }) => body);

let scene: Scene;
beforeEach(async () => {
  scene = await open();
});

describe('check', () => {
  const wanted = {
    ghost_status: 'Text',
    ghost_signup_date: 'Date',
    ghost_last_updated: 'Date',
    ghost_status_changed_at: 'Date',
    ghost_previous_status: 'Text',
    ghost_labels: 'Text',
    ghost_email_enabled: 'Text',
  };
  const fieldsOf = ({ cm }: Scene) =>
    Object.fromEntries(cm.state.list(listId).customFields.map(({ name, type }) => [name, type]));

  test('creates the seven fields with their types, hidden from the preference centre', async () => {
    const found = await scene.destination.check();
    expect(found).toEqual({ title: 'Sandbox list', activeSubscribers: 0, doubleOptIn: false, problems: [] });
    expect(fieldsOf(scene)).toEqual(wanted);
    expect(Object.keys(wanted)).toEqual(Object.keys(memberFieldTypes));
    expect(scene.cm.state.list(listId).customFields.every(({ visible }) => !visible)).toBe(true);
  });

  test.each(['plain', 'bracketed', 'name'] as const)(
    'creates nothing the second time, keys being read %s',
    async (keyStyle) => {
      const styled = await open({ keyStyle });
      await styled.destination.check();
      const before = bodies(styled).length;
      expect((await styled.destination.check()).problems).toEqual([]);
      expect(bodies(styled)).toHaveLength(before);
    },
  );

  test('two at the same time agree on one set of fields', async () => {
    const both = await Promise.all([scene.destination.check(), scene.destination.check()]);
    expect(both.map(({ problems }) => problems)).toEqual([[], []]);
    expect(fieldsOf(scene)).toEqual(wanted);
  });

  test('reports a field of another type by name, and creates the others', async () => {
    scene.cm.state.list(listId).customFields.push({
      name: 'Ghost_Signup_Date',
      key: 'Ghost_Signup_Date',
      type: 'Text',
      options: [],
      visible: true,
    });
    const { problems } = await scene.destination.check();
    expect(problems).toEqual([expect.stringMatching(/ghost_signup_date.*Text.*Date/)]);
    expect(Object.keys(fieldsOf(scene))).toHaveLength(7);
  });

  test('counts the active ones and sees a double opt-in list', async () => {
    const double = await open({ lists: [{ listId, title: 'Double', confirmedOptIn: true }] });
    put(double, ann, 'Active');
    put(double, 'bob@example.org', 'Unsubscribed');
    expect(await double.destination.check()).toMatchObject({
      title: 'Double',
      activeSubscribers: 1,
      doubleOptIn: true,
    });
  });

  test('fails as a whole when the list is gone or the key is wrong', async () => {
    scene.cm.faults.set({ gone: true });
    await expect(scene.destination.check()).rejects.toThrow(VendorError);
    await expect(scene.destination.probe()).rejects.toThrow(/refused/);
    scene.cm.faults.set({ gone: false });
    await scene.destination.probe();
  });
});

describe('push', () => {
  beforeEach(() => scene.destination.check());

  type Case = [state: ListState, outcome: object, stateAfter: string];
  const cases: Case[] = [
    ['Absent', { kind: 'stored' }, 'Active'],
    ['Active', { kind: 'stored' }, 'Active'],
    ['Unsubscribed', { kind: 'respected', state: 'Unsubscribed', code: 206 }, 'Unsubscribed'],
    ['Bounced', { kind: 'respected', state: 'Bounced', code: 207 }, 'Bounced'],
    ['Deleted', { kind: 'respected', state: 'Deleted', code: 205 }, 'Deleted'],
    ['Unconfirmed', { kind: 'respected', state: 'Unconfirmed', code: 208 }, 'Unconfirmed'],
  ];
  test.each(cases)('somebody %s', async (state, outcome, stateAfter) => {
    put(scene, ann, state);
    expect(await scene.destination.push([contact(ann)], quiet)).toEqual([outcome]);
    expect(stateOf(scene, ann)).toBe(stateAfter);
  });

  test.each([204, 206] as const)(
    'somebody who left all lists of the client is respected (code %i)',
    async (unsubscribedCode) => {
      const strict = await open({
        lists: [{ listId, title: 'All', unsubscribeSetting: 'AllClientLists' }],
        unsubscribedCode,
      });
      put(strict, ann, 'Active');
      put(strict, ann, 'Unsubscribed');
      put(strict, 'new@example.org', 'Suppressed');
      expect(await strict.destination.push([contact(ann), contact('new@example.org')], quiet)).toEqual([
        { kind: 'respected', state: unsubscribedCode === 204 ? 'Suppressed' : 'Unsubscribed', code: unsubscribedCode },
        { kind: 'respected', state: 'Suppressed', code: 204 },
      ]);
    },
  );

  test('one of each kind in one call: an outcome for everybody, in order, and nobody held up', async () => {
    put(scene, 'gone@example.org', 'Unsubscribed');
    scene.cm.faults.set({ refuseAddresses: ['refused@example.org'] });
    const addresses = [
      'refused@example.org',
      'Ann@Example.org',
      'GONE@example.org',
      'zoë@example.org',
      'bob@example.org',
    ];
    const outcomes = await scene.destination.push(
      addresses.map((email) => contact(email)),
      quiet,
    );
    expect(outcomes).toEqual([
      { kind: 'refused', code: 1 },
      { kind: 'stored' },
      { kind: 'respected', state: 'Unsubscribed', code: 206 },
      { kind: 'refused', code: 1 },
      { kind: 'stored' },
    ]);
    expect([stateOf(scene, ann), stateOf(scene, 'bob@example.org')]).toEqual(['Active', 'Active']);
    expect(scene.cm.calls.at(-1)).toMatchObject({ operation: 'import', status: 400 });
  });

  test('the seven values stand on the list as they should', async () => {
    await scene.destination.push([contact(ann)], quiet);
    expect(Object.fromEntries(scene.cm.state.subscriber(listId, ann)!.fields)).toEqual({
      ghost_status: 'paid',
      ghost_signup_date: '2025-01-05',
      ghost_last_updated: '2026-11-20',
      ghost_labels: 'VIP,press',
      ghost_email_enabled: 'true',
      ghost_status_changed_at: '2026-02-28',
      ghost_previous_status: 'free',
    });
  });

  test('the exact body of a call', async () => {
    await scene.destination.push([contact('Ann@Example.org', { labels: [], isNewcomer: true })], {
      automations: true,
      resubscribe: false,
    });
    expect(bodies(scene).at(-1)).toEqual({
      Subscribers: [
        {
          EmailAddress: 'Ann@Example.org',
          Name: 'Ann Lee',
          ConsentToTrack: 'Unchanged',
          CustomFields: [
            { Key: 'ghost_status', Value: 'paid' },
            { Key: 'ghost_signup_date', Value: '2025/01/05' },
            { Key: 'ghost_last_updated', Value: '2026/11/20' },
            { Key: 'ghost_labels', Value: '', Clear: true },
            { Key: 'ghost_email_enabled', Value: 'true' },
          ],
        },
      ],
      Resubscribe: false,
      QueueSubscriptionBasedAutoResponders: true,
      RestartSubscriptionBasedAutoresponders: false,
    });
  });

  test.each(['Yes', 'No', 'Unchanged'] as const)('consent to track %s is sent with everybody', async (consent) => {
    const consenting = await open({}, consent);
    await consenting.destination.push([contact(ann), contact('bob@example.org')], quiet);
    const [body] = bodies(consenting) as [{ Subscribers: { ConsentToTrack: string }[] }];
    expect(body.Subscribers.map(({ ConsentToTrack }) => ConsentToTrack)).toEqual([consent, consent]);
  });

  test.each([true, false])('automations start for additions only when told (%s)', async (automations) => {
    put(scene, 'there@example.org', 'Active');
    await scene.destination.push([contact(ann), contact('there@example.org')], { automations, resubscribe: false });
    expect(scene.cm.state.automationsQueued).toEqual(automations ? [ann] : []);
  });

  test.each(['Deleted', 'Unsubscribed'] as const)('somebody %s comes back only with resubscribe', async (state) => {
    put(scene, ann, state);
    await scene.destination.push([contact(ann)], quiet);
    expect(stateOf(scene, ann)).toBe(state);
    expect(await scene.destination.push([contact(ann)], { automations: false, resubscribe: true })).toEqual([
      { kind: 'stored' },
    ]);
    expect(stateOf(scene, ann)).toBe('Active');
    expect(bodies(scene).at(-1)).toMatchObject({ Resubscribe: true });
  });

  test('on a double opt-in list additions wait unconfirmed and are mailed once', async () => {
    const double = await open({ lists: [{ listId, title: 'Double', confirmedOptIn: true }] });
    expect(await double.destination.push([contact(ann)], quiet)).toEqual([{ kind: 'stored' }]);
    expect([stateOf(double, ann), double.cm.state.confirmationMails]).toEqual(['Unconfirmed', [ann]]);
  });

  const failures: [name: string, faults: FaultsPatch, kind: string][] = [
    ['is down', { failEvery: { nth: 1, status: 500 } }, 'down'],
    ['is busy', { failEvery: { nth: 1, status: 429 } }, 'rate-limited'],
    ['refuses the key', { unauthorized: true }, 'refused'],
    ['chokes on one of them', { poisonAddresses: [ann] }, 'down'],
  ];
  test.each(failures)('a call fails as a whole when the vendor %s', async (_name, faults, kind) => {
    scene.cm.faults.set(faults);
    const failure = await scene.destination
      .push([contact(ann), contact('bob@example.org')], quiet)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(VendorError);
    expect((failure as VendorError).details.kind).toBe(kind);
    expect(stateOf(scene, 'bob@example.org')).toBe('Absent');
  });
});

describe('move', () => {
  beforeEach(() => scene.destination.check());
  const to = contact('new@example.org');

  test.each(['Active', 'Unsubscribed', 'Bounced', 'Deleted', 'Unconfirmed'] as const)(
    'takes somebody %s along, state kept',
    async (state) => {
      put(scene, ann, state);
      expect(await scene.destination.move(ann, to)).toEqual({ kind: 'stored' });
      expect([stateOf(scene, ann), stateOf(scene, 'new@example.org')]).toEqual(['Absent', state]);
      expect(scene.cm.state.subscriber(listId, 'new@example.org')?.fields.get('ghost_status')).toBe('paid');
      expect(bodies(scene).at(-1)).toMatchObject({ EmailAddress: 'new@example.org', Resubscribe: false });
    },
  );

  test('to an address that the list cannot hold is refused', async () => {
    put(scene, ann, 'Active');
    expect(await scene.destination.move(ann, contact('zoë@example.org'))).toEqual({ kind: 'refused', code: 211 });
    expect(stateOf(scene, ann)).toBe('Active');
  });

  test('from an address that the list cannot hold is absent', async () => {
    expect(await scene.destination.move('zoë@example.org', to)).toEqual({ kind: 'absent' });
  });
});

describe('remove', () => {
  test('leaves the person Deleted, on this list only and not suppressed', async () => {
    const other = 'b58ee1d3039b8bec838e6d1482a8a965';
    const strict = await open({
      lists: [
        { listId, title: 'One', unsubscribeSetting: 'AllClientLists' },
        { listId: other, title: 'Two', unsubscribeSetting: 'AllClientLists' },
      ],
    });
    put(strict, ann, 'Active');
    strict.cm.state.addByStaff(other, ann);
    await strict.destination.remove(ann);
    expect(stateOf(strict, ann)).toBe('Deleted');
    expect(strict.cm.state.subscriber(other, ann)?.state).toBe('Active');
    expect(strict.cm.state.suppression.size).toBe(0);
    expect(strict.cm.calls.map(({ operation }) => operation)).toEqual(['subscriber.delete']);
  });

  test('can be told by its date from a later removal by staff', async () => {
    let now = day('2026-11-20');
    const timed = await open({ now: () => now });
    put(timed, ann, 'Active');
    await timed.destination.remove(ann);
    const ours = await timed.destination.read(ann);
    now = day('2026-11-21');
    timed.cm.state.addByStaff(listId, ann);
    timed.cm.state.deleteByStaff(listId, ann);
    const staffs = await timed.destination.read(ann);
    expect([ours?.state, staffs?.state]).toEqual(['Deleted', 'Deleted']);
    expect(staffs?.stateDate).not.toBe(ours?.stateDate);
  });
});

describe('read', () => {
  test('the date of the state does not move with a push', async () => {
    let now = day('2026-11-20');
    const timed = await open({ now: () => now });
    put(timed, ann, 'Active');
    const before = await timed.destination.read(ann);
    now = day('2026-11-21');
    await timed.destination.push([contact(ann)], quiet);
    expect(await timed.destination.read(ann)).toEqual(before);
  });
});

describe('readBack', () => {
  beforeEach(() => scene.destination.check());
  async function pagesOf({ destination }: Scene): Promise<ObservedPage[]> {
    const pages: ObservedPage[] = [];
    let cursor: string | undefined;
    do {
      const page = await destination.readBack(cursor);
      pages.push(page);
      cursor = JSON.parse(JSON.stringify({ next: page.next })).next;
    } while (cursor !== undefined);
    return pages;
  }
  const everybody = async (of: Scene) => (await pagesOf(of)).flatMap(({ subscribers }) => subscribers);

  /** The same list behind a proxy that answers for the paths below `/clients`. */
  async function behind(status: number, body: unknown): Promise<{ destination: Destination; close(): Promise<void> }> {
    const { origin, pathname } = new URL(scene.cm.url);
    const server = await startServer(async (request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url?.startsWith(`${pathname}/clients`)) {
        response.writeHead(status).end(JSON.stringify(body));
        return;
      }
      const { authorization = '' } = request.headers;
      const answer = await fetch(`${origin}${request.url}`, { headers: { authorization } });
      response.writeHead(answer.status).end(await answer.text());
    });
    const url = `${server.url}${pathname}`;
    const client = createCampaignMonitorClient({ url, apiKey: 'sandbox-cm-key', timeoutMs: 5_000 });
    const list = { client, listId, consentToTrack: 'Unchanged', fields, timeoutMs: 5_000 } as const;
    return { destination: createCampaignMonitorList(list), close: server.close };
  }

  test('everybody is told with state and date, the suppressed last and with a reason', async () => {
    for (const state of ['Deleted', 'Bounced', 'Unsubscribed', 'Unconfirmed', 'Active', 'Suppressed'] as const)
      put(scene, `${state}@Example.org`, state);
    const stateDate = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const listed = (['Active', 'Unconfirmed', 'Unsubscribed', 'Bounced', 'Deleted'] as const).map((state) => ({
      ...{ email: `${state}@Example.org`, name: '', state, stateDate, fields: {} },
    }));
    expect(await everybody(scene)).toEqual([
      ...listed,
      {
        ...{ email: 'suppressed@example.org', name: '', state: 'Suppressed', stateDate, fields: {} },
        reason: 'Reason Unavailable',
      },
    ]);
  });

  test('2,500 active ones and 1,200 suppressed ones are read over their pages, each once', async () => {
    for (let index = 0; index < 2_500; index += 1) put(scene, `p${index}@example.org`, 'Active');
    for (let index = 0; index < 1_200; index += 1) put(scene, `s${index}@example.org`, 'Suppressed');
    const before = scene.cm.calls.length;
    const pages = await pagesOf(scene);
    expect(pages.map(({ subscribers }) => subscribers.length)).toEqual([1000, 1000, 500, 0, 0, 0, 0, 1000, 200]);
    expect(new Set(pages.flatMap(({ subscribers }) => subscribers.map(({ email }) => email))).size).toBe(3_700);
    const operations = scene.cm.calls.slice(before).map(({ operation }) => operation);
    expect(operations.filter((operation) => operation === 'clients.list')).toHaveLength(1);
    expect(operations).not.toContain('client.get');
  });

  test.each(['plain', 'bracketed', 'name'] as const)(
    'what was pushed reads back as foretold, keys being read %s',
    async (keyStyle) => {
      const styled = await open({ keyStyle });
      const { customFields } = styled.cm.state.list(listId);
      const foreign = { type: 'Text', options: [], visible: true };
      customFields.push({ ...foreign, name: 'Ghost Status', key: 'GhostStatus' });
      customFields.push({ ...foreign, name: 'ghost_ labels', key: 'ghost_labels' });
      await styled.destination.check();
      const told = contact(ann, { labels: [' two  words\r\n', 'ü'] });
      await styled.destination.push([told], quiet);
      styled.cm.state.addByStaff(listId, ann, { GhostStatus: 'not ours' });
      expect(await everybody(styled)).toMatchObject([{ email: ann, name: 'Ann Lee', state: 'Active' }]);
      expect((await everybody(styled))[0]?.fields).toEqual(styled.destination.storedFields(told));
    },
  );

  test('dates are told as days, and empty values not at all', async () => {
    const CustomFields = [
      { Key: 'ghost_signup_date', Value: '2010-03-09 00:00:00' },
      { Key: '[ghost_last_updated]', Value: '2010-03-10' },
      { Key: 'ghost_status', Value: '' },
      { Key: 'ghost_labels', Value: null },
      { Key: 'ghost_email_enabled', Value: 24 },
      { Key: 'shoe size', Value: '44' },
    ];
    const row = { EmailAddress: ann, Name: null, Date: '2026-11-01 10:28:00', State: 'Odd', CustomFields };
    const server = await startServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ Results: [row], NumberOfPages: 1 }));
    });
    const client = createCampaignMonitorClient({ url: server.url, apiKey: 'x', timeoutMs: 5_000 });
    const list = createCampaignMonitorList({ client, listId, consentToTrack: 'Unchanged', fields, timeoutMs: 5_000 });
    const { subscribers } = await list.readBack('deleted/1');
    await server.close();
    expect(subscribers).toEqual([
      {
        ...{ email: ann, name: '', state: 'Suppressed', stateDate: '2026-11-01 10:28:00' },
        fields: { ghost_signup_date: '2010-03-09', ghost_last_updated: '2010-03-10', ghost_email_enabled: '24' },
      },
    ]);
  });

  const blind: [name: string, status: number, body: unknown][] = [
    ['a key that may not read clients', 403, { Code: 403, Message: 'x' }],
    ['a key to whom the client is invalid', 401, { Code: 102, Message: 'x' }],
    ['a key that shows no client', 200, []],
  ];
  test.each(blind)('the suppressed are left out for %s', async (_name, status, body) => {
    put(scene, ann, 'Active');
    put(scene, 'bob@example.org', 'Suppressed');
    const { destination, close } = await behind(status, body);
    const found = await everybody({ ...scene, destination });
    await close();
    expect(found.map(({ email }) => email)).toEqual([ann]);
  });

  test('a failure of the vendor is one, also at the suppression list', async () => {
    scene.cm.faults.set({ failEvery: { nth: 1, status: 500, match: '/clients' } });
    await expect(everybody(scene)).rejects.toThrow(/down/);
    scene.cm.faults.set({ failEvery: null, gone: true });
    await expect(everybody(scene)).rejects.toThrow(/refused/);
  });

  test.each(['', 'active', 'active/0', 'active/x', 'retired/1'])('"%s" is no cursor', async (cursor) => {
    await expect(scene.destination.readBack(cursor)).rejects.toThrow(RangeError);
  });
});

describe('storedFields', () => {
  beforeEach(() => scene.destination.check());
  const text = (value: string) => ({ type: 'text', value }) as const;
  const date = (value: string) => ({ type: 'date', value: new Date(value) }) as const;
  const withFields = (fields: Contact['fields']): Contact => ({ email: ann, name: 'Ann', fields });
  const stored = () => Object.fromEntries(scene.cm.state.subscriber(listId, ann)!.fields);

  test('days at the edge are kept', async () => {
    const edge = withFields({
      ghost_signup_date: date('1900-01-01T00:00:00Z'),
      ghost_last_updated: date('2076-06-06T23:59:59Z'),
    });
    await scene.destination.push([edge], quiet);
    expect(stored()).toEqual({ ghost_signup_date: '1900-01-01', ghost_last_updated: '2076-06-06' });
    expect(scene.destination.storedFields(edge)).toEqual(stored());
  });

  test.each(['1899-12-31T23:59:59Z', '2076-06-07T00:00:00Z', '-000001-01-01T00:00:00Z', '+010000-01-01T00:00:00Z'])(
    'a date that would be dropped (%s) is neither foretold nor sent',
    async (far) => {
      const odd = withFields({ ghost_status: text('paid'), ghost_signup_date: date(far) });
      await scene.destination.push([odd], quiet);
      await scene.destination.move(ann, odd);
      expect(JSON.stringify(bodies(scene).slice(-2))).not.toContain('ghost_signup_date');
      expect(scene.destination.storedFields(odd)).toEqual({ ghost_status: 'paid' });
      expect(stored()).toEqual({ ghost_status: 'paid' });
    },
  );

  test('a text longer than a field is cut alike', async () => {
    const long = withFields({
      ghost_status: text('x'.repeat(300)),
      ghost_previous_status: text(` ${'y'.repeat(250)}`),
    });
    await scene.destination.push([long], quiet);
    expect(stored()).toEqual({ ghost_status: 'x'.repeat(250), ghost_previous_status: ` ${'y'.repeat(249)}` });
    expect(scene.destination.storedFields(long)).toEqual(stored());
  });
});
