import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Destination, PersonTags, PushOutcome } from '../../src/audiences/destination.js';
import type { Contact, FieldTypes, FieldValue } from '../../src/domain/contact.js';
import type { ObservedSubscriber } from '../../src/domain/subscriber.js';
import { VendorError } from '../../src/vendors/errors.js';
import { type PutState, type World, worlds } from './worlds.js';

const fields: FieldTypes = { LEVEL: 'text', NOTE: 'text', TOTALAMT: 'number', DONCNT: 'number', LASTGIFT: 'date' };
const quiet = { automations: false, resubscribe: false };
const [ann, bob, cid] = ['ann@example.org', 'bob@example.org', 'cid@example.org'];

const text = (value: string): FieldValue => ({ type: 'text', value });
const number = (value: number): FieldValue => ({ type: 'number', value });
const date = (value: string): FieldValue => ({ type: 'date', value: new Date(value) });
const contact = (email: string, own: Contact['fields'] = {}, name = 'Ann Lee'): Contact => ({
  email,
  name,
  fields: { LEVEL: text('Major'), TOTALAMT: number(1250.5), LASTGIFT: date('2026-10-30T00:00:00Z'), ...own },
});

/** Everybody by lower-cased address; cursors go through JSON, as they do between runs. */
async function everybody(destination: Destination, since?: Date): Promise<Map<string, ObservedSubscriber>> {
  const found = new Map<string, ObservedSubscriber>();
  let cursor: string | undefined;
  do {
    const { subscribers, next } = await destination.readBack(cursor, since);
    for (const one of subscribers) found.set(one.email.toLowerCase(), one);
    cursor = JSON.parse(JSON.stringify({ next })).next;
  } while (cursor !== undefined);
  return found;
}

async function failureOf(work: () => Promise<unknown>): Promise<VendorError> {
  const error = await (async () => work())().then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  );
  if (!(error instanceof VendorError)) throw error;
  return error;
}

describe.each(worlds)('%s', (_name, open) => {
  let world: World;
  let destination: Destination;
  beforeEach(async () => {
    world = await open(fields);
    ({ destination } = world);
  });
  afterEach(() => world.close());

  const push = (...contacts: Contact[]): Promise<PushOutcome[]> => destination.push(contacts, quiet);
  const seen = async (email: string) => (await everybody(destination)).get(email);
  const stateOf = async (email: string) => (await destination.read(email))?.state ?? 'Absent';
  async function changeTags(changes: readonly PersonTags[], isQuiet = false): Promise<PushOutcome[]> {
    const outcomes: PushOutcome[] = [];
    for (const call of destination.tagging!.calls(changes, isQuiet)) {
      const told = await call.send();
      expect(told).toHaveLength(call.people.length);
      for (const [index, place] of call.people.entries()) outcomes[place] = told[index]!;
    }
    return outcomes;
  }
  /** Name and fields that a contact reads back with, those that are cleared being absent. */
  const foretold = (told: Contact) => {
    const { name = told.name, ...values } = destination.storedFields(told);
    const kept = Object.entries(values).filter(([, value]) => value !== '');
    return { name, fields: Object.fromEntries(kept) };
  };
  const hasTags = () => destination.tagging !== undefined;

  describe('check', () => {
    test('tells title and number, and nothing wrong the second time either', async () => {
      const empty = { title: world.title, activeSubscribers: 0, doubleOptIn: false, problems: [] };
      expect(await destination.check()).toMatchObject(empty);
      await push(contact(ann), contact(bob));
      await world.put(cid, 'Unsubscribed');
      expect(await destination.check()).toMatchObject({ ...empty, activeSubscribers: 2 });
    });

    test('makes what is missing: then every field is kept', async () => {
      await destination.check();
      await push(contact(ann));
      expect(await seen(ann)).toMatchObject(foretold(contact(ann)));
    });

    test('takes nothing from who is there already', async () => {
      await world.put(ann, 'Active');
      await world.put(bob, 'Unsubscribed');
      await destination.check();
      expect([await stateOf(ann), await stateOf(bob)]).toEqual(['Active', 'Unsubscribed']);
    });
  });

  test('a probe answers and changes nothing', async () => {
    await destination.check();
    await push(contact(ann));
    const before = await everybody(destination);
    expect(await destination.probe()).toEqual({ doubleOptIn: false });
    expect(await everybody(destination)).toEqual(before);
  });

  test('limits are ones that a writer can keep', () => {
    const { batchSize, pageSize, callsAtOnce, timeoutMs } = destination.limits;
    expect(batchSize).toBeGreaterThan(0);
    expect(pageSize).toBeGreaterThanOrEqual(batchSize);
    expect(callsAtOnce).toBeGreaterThan(0);
    expect(timeoutMs).toBeGreaterThan(0);
  });

  describe('push', () => {
    beforeEach(() => destination.check());

    test('adds somebody, then brings them up to date, and tells which where it can', async () => {
      const [added] = await push(contact(ann));
      const [updated] = await push(contact(ann, { LEVEL: text('Minor') }, 'Ann Lee-Smith'));
      expect([added, updated]).toMatchObject([{ kind: 'stored' }, { kind: 'stored' }]);
      const told = [added, updated].map((outcome) => (outcome?.kind === 'stored' ? outcome.created : undefined));
      expect([JSON.stringify([true, false]), JSON.stringify([null, null])]).toContain(JSON.stringify(told));
      const found = await seen(ann);
      expect(found).toMatchObject({ name: 'Ann Lee-Smith', state: 'Active', fields: { LEVEL: 'Minor' } });
    });

    test('pushing twice is harmless', async () => {
      await push(contact(ann));
      const before = await everybody(destination);
      await push(contact(ann));
      expect([...(await everybody(destination)).values()]).toEqual([...before.values()]);
    });

    test('fields that are not told are left as they are, and empty ones are cleared', async () => {
      await push(contact(ann, { NOTE: text('a note'), DONCNT: number(3) }));
      await push(contact(ann, { LEVEL: text(''), LASTGIFT: text('') }));
      expect((await seen(ann))?.fields).toEqual({ NOTE: 'a note', DONCNT: '3', TOTALAMT: '1250.5' });
    });

    test('an address in other letters is the same person', async () => {
      await push(contact(ann));
      expect(await push(contact('Ann@Example.ORG', { LEVEL: text('Minor') }))).toMatchObject([{ kind: 'stored' }]);
      const found = [...(await everybody(destination)).values()];
      expect(found).toMatchObject([{ fields: { LEVEL: 'Minor' } }]);
      expect(await stateOf('ANN@example.org')).toBe('Active');
    });

    const respected: PutState[] = ['Unsubscribed', 'Bounced', 'Deleted', 'Unconfirmed'];
    test.each(respected)('somebody %s is respected and stays so', async (state) => {
      await world.put(ann, state);
      expect(await push(contact(ann))).toMatchObject([{ kind: 'respected', state }]);
      expect(await stateOf(ann)).toBe(state);
    });

    test('somebody who says no after we added them is respected for ever', async () => {
      await push(contact(ann));
      await world.leave(ann);
      for (const flags of [quiet, { automations: true, resubscribe: false }])
        expect(await destination.push([contact(ann)], flags)).toMatchObject([
          { kind: 'respected', state: 'Unsubscribed' },
        ]);
      expect(await stateOf(ann)).toBe('Unsubscribed');
    });

    test('one call, an outcome each, in the order of the contacts', async () => {
      await world.put('no@example.org', 'Unsubscribed');
      await world.put('there@example.org', 'Active');
      const addresses = [
        'new1@example.org',
        'not an address',
        'NO@example.org',
        'there@example.org',
        'new2@example.org',
      ];
      const outcomes = await push(...addresses.map((email) => contact(email)));
      expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'refused', 'respected', 'stored', 'stored']);
      const found = await everybody(destination);
      expect([...found.keys()].sort()).toEqual([
        'new1@example.org',
        'new2@example.org',
        'no@example.org',
        'there@example.org',
      ]);
      expect(found.get('there@example.org')).toMatchObject({ name: 'Ann Lee', fields: { LEVEL: 'Major' } });
    });

    test('a full call is stored, and read back over its pages, each person once', async () => {
      const { batchSize } = destination.limits;
      const all = Array.from({ length: batchSize }, (_, index) => contact(`p${index}@example.org`));
      const outcomes = await push(...all);
      expect(outcomes.filter(({ kind }) => kind === 'stored')).toHaveLength(batchSize);
      expect((await everybody(destination)).size).toBe(batchSize);
    });
  });

  describe('what is stored', () => {
    beforeEach(() => destination.check());

    const cases: [name: string, told: { own?: Contact['fields']; name?: string }][] = [
      ['texts', { own: { NOTE: text('Ünïcode, "quotes"; semicolons & <tags>') } }],
      ['emoji', { own: { NOTE: text('👩‍👧‍👦 gives 🎁') }, name: 'Zoë 🌻 O’Hara' }],
      ['formulas', { own: { NOTE: text('=1+1'), LEVEL: text("'-x") }, name: '@Ann =x' }],
      ['lines', { own: { NOTE: text('one\ntwo\r\nthree\t') } }],
      ['long texts', { own: { NOTE: text('x'.repeat(700)) } }],
      ['long texts of many bytes', { own: { NOTE: text('né'.repeat(200)), LEVEL: text('🎁'.repeat(200)) } }],
      ['numbers', { own: { TOTALAMT: number(-0.5), DONCNT: number(12_345_678.9) } }],
      ['zero', { own: { TOTALAMT: number(0), DONCNT: number(0) } }],
      ['days', { own: { LASTGIFT: date('2024-02-29T23:59:59Z') } }],
      ['cleared ones', { own: { LEVEL: text(''), NOTE: text(''), LASTGIFT: text(''), TOTALAMT: text('') } }],
      ['a name that is empty', { name: '' }],
    ];
    test.each(cases)('reads back as foretold: %s', async (_case, { own, name }) => {
      const told = contact(ann, own, name);
      await push(contact(ann), contact(bob));
      await push(told);
      const { name: kept, fields: values } = (await seen(ann))!;
      expect({ name: kept, fields: values }).toEqual(foretold(told));
      expect(await seen(bob)).toMatchObject(foretold(contact(bob)));
    });
  });

  describe('reading back', () => {
    beforeEach(() => destination.check());
    const states: PutState[] = ['Active', 'Unsubscribed', 'Bounced', 'Deleted', 'Unconfirmed'];

    test('tells everybody in every state, as a single read does', async () => {
      for (const state of states) await world.put(`${state}@example.org`, state);
      const found = await everybody(destination);
      expect(found.size).toBe(states.length);
      for (const state of states) {
        const single = (await destination.read(`${state}@Example.org`))!;
        expect(single.state).toBe(state);
        expect(found.get(`${state.toLowerCase()}@example.org`)).toMatchObject({ state, stateDate: single.stateDate });
      }
    });

    test('tells nothing of an empty audience, nor of somebody who is not there', async () => {
      expect((await everybody(destination)).size).toBe(0);
      expect(await destination.read(ann)).toBeUndefined();
      expect(await destination.read('zoë@example.org')).toBeUndefined();
    });

    test('tells all tags where there are tags, else none', async () => {
      await world.put(ann, 'Active', ['Press', 'Staff']);
      const { tags } = (await seen(ann))!;
      expect(tags && [...tags].sort()).toEqual(hasTags() ? ['Press', 'Staff'] : undefined);
    });

    test('changes only, where it says so: nobody who changed is missing', async () => {
      await push(contact(ann), contact(bob));
      const since = new Date();
      await push(contact(bob, { LEVEL: text('Minor') }), contact(cid));
      const found = await everybody(destination, since);
      expect([...found.keys()]).toEqual(expect.arrayContaining([bob, cid]));
      const later = await everybody(destination, new Date(Date.now() + 60_000));
      expect(later.size).toBe(destination.readsChanges ? 0 : 3);
    });

    test('a cursor of somebody else is refused', async () => {
      await expect((async () => destination.readBack('elsewhere/x'))()).rejects.toThrow(RangeError);
    });
  });

  describe('tags', () => {
    beforeEach(() => destination.check());
    const tagsOf = async (email: string) => [...((await seen(email))?.tags ?? [])].sort();

    test('are there where the capabilities say so', () => {
      expect(destination.capabilities.tags).toBe(hasTags());
    });

    test.each([true, false])('are given and taken, foreign ones untouched (quiet: %s)', async (isQuiet) => {
      if (!hasTags()) return;
      await world.put(ann, 'Active', ['Press', 'Old']);
      await push(contact(bob));
      const outcomes = await changeTags(
        [
          { email: ann, add: ['Donor; major', 'Regular'], remove: ['Old'] },
          { email: bob, add: ['Regular'], remove: [] },
        ],
        isQuiet,
      );
      expect(outcomes).toMatchObject([{ kind: 'stored' }, { kind: 'stored' }]);
      expect(await tagsOf(ann)).toEqual(['Donor; major', 'Press', 'Regular']);
      expect(await tagsOf(bob)).toEqual(['Regular']);
    });

    test('are the same whatever their case', async () => {
      if (!hasTags()) return;
      await world.put(ann, 'Active', ['Press', 'Regular']);
      await changeTags([{ email: 'ANN@example.org', add: ['press'], remove: ['REGULAR'] }]);
      expect(await tagsOf(ann)).toEqual(['Press']);
    });

    test('stay with a push, which tells them', async () => {
      if (!hasTags()) return;
      await world.put(ann, 'Active', ['Press']);
      expect(await push(contact(ann), contact(bob))).toMatchObject([
        { kind: 'stored', tags: ['Press'] },
        { kind: 'stored', tags: [] },
      ]);
      expect(await tagsOf(ann)).toEqual(['Press']);
    });

    test('of somebody who is not there are not told to be changed, and create nobody', async () => {
      if (!hasTags()) return;
      await push(contact(ann));
      const change = { add: ['Regular'], remove: [] };
      const [there, absent] = await changeTags([
        { email: ann, ...change },
        { email: bob, ...change },
      ]);
      expect(there).toMatchObject({ kind: 'stored' });
      expect(absent?.kind).not.toBe('stored');
      expect(await stateOf(bob)).toBe('Absent');
    });

    test('no call is made for nobody', () => {
      if (!hasTags()) return;
      expect(destination.tagging!.calls([], true)).toEqual([]);
      expect(destination.tagging!.calls([], false)).toEqual([]);
    });
  });

  describe('move', () => {
    beforeEach(() => destination.check());

    test.each<PutState>(['Active', 'Unsubscribed'])('takes somebody %s along, with state and tags', async (state) => {
      await world.put(ann, state, ['Press']);
      expect(destination.capabilities.moves).toBe(true);
      expect(await destination.move(ann, contact(bob))).toMatchObject({ kind: 'stored' });
      expect([await stateOf(ann), await stateOf(bob)]).toEqual(['Absent', state]);
      const found = await seen(bob);
      expect(found).toMatchObject(foretold(contact(bob)));
      expect(found?.tags).toEqual(hasTags() ? ['Press'] : undefined);
    });

    test.each<PutState>(['Active', 'Deleted'])(
      'to an address that is there (%s) is taken, and changes nothing',
      async (state) => {
        await world.put(ann, 'Active');
        await world.put(bob, state);
        expect(await destination.move(ann, contact(bob))).toEqual({ kind: 'taken' });
        expect([await stateOf(ann), await stateOf(bob)]).toEqual(['Active', state]);
      },
    );

    test('of somebody who is not there is absent, and creates nobody', async () => {
      expect(await destination.move(ann, contact(bob))).toEqual({ kind: 'absent' });
      expect(await stateOf(bob)).toBe('Absent');
    });

    test('to what is no address is refused', async () => {
      await world.put(ann, 'Active');
      expect(await destination.move(ann, contact('not an address'))).toMatchObject({ kind: 'refused' });
      expect(await stateOf(ann)).toBe('Active');
    });

    test('to the same address in other letters keeps the person', async () => {
      await world.put(ann, 'Active');
      expect(await destination.move(ann, contact('Ann@example.org'))).toMatchObject({ kind: 'stored' });
      expect((await everybody(destination)).size).toBe(1);
      expect(await stateOf(ann)).toBe('Active');
    });
  });

  describe('remove', () => {
    beforeEach(() => destination.check());

    test('leaves somebody in the state that it says, with fields and tags, and again is harmless', async () => {
      await push(contact(ann), contact(bob));
      const { removedState } = destination.capabilities;
      await destination.remove(ann);
      const removed = await destination.read(ann);
      expect(removed?.state).toBe(removedState);
      await destination.remove(ann);
      expect(await stateOf(ann)).toBe(removedState);
      expect(await stateOf(bob)).toBe('Active');
      expect(await seen(ann)).toMatchObject(foretold(contact(ann)));
    });

    test('of somebody is respected by the next push', async () => {
      await push(contact(ann));
      await destination.remove(ann);
      const { removedState: state } = destination.capabilities;
      expect(await push(contact(ann))).toMatchObject([{ kind: 'respected', state }]);
      expect(await stateOf(ann)).toBe(state);
    });

    test('is taken back by a push only where the capabilities say so', async () => {
      await push(contact(ann));
      await destination.remove(ann);
      const { resubscribes, removedState } = destination.capabilities;
      const [outcome] = await destination.push([contact(ann)], { automations: false, resubscribe: true });
      expect(outcome?.kind).toBe(resubscribes ? 'stored' : 'respected');
      expect(await stateOf(ann)).toBe(resubscribes ? 'Active' : removedState);
    });
  });

  describe('where it is refused', () => {
    const personal = /ann|bob|example/i;
    const methods: [name: string, call: (refused: Destination) => Promise<unknown>][] = [
      ['check', (refused) => refused.check()],
      ['probe', (refused) => refused.probe()],
      ['push', (refused) => refused.push([contact(ann), contact(bob)], quiet)],
      ['push of one', (refused) => refused.push([contact(ann)], quiet)],
      ['read', (refused) => refused.read(ann)],
      ['readBack', (refused) => refused.readBack(undefined)],
      ['move', (refused) => refused.move(ann, contact(bob))],
      ['remove', (refused) => refused.remove(ann)],
    ];
    test.each(methods)('%s says so, and names nobody', async (_method, call) => {
      const failure = await failureOf(() => call(world.refused));
      expect(failure.details.kind).toBe('refused');
      expect(failure.message).not.toMatch(personal);
    });

    test.each([true, false])('tags say so, and name nobody (quiet: %s)', async (isQuiet) => {
      const change = { email: ann, add: ['Regular'], remove: ['Old'] };
      for (const call of world.refused.tagging?.calls([change], isQuiet) ?? []) {
        const failure = await failureOf(() => call.send());
        expect(failure.details.kind).toBe('refused');
        expect(failure.message).not.toMatch(personal);
      }
    });
  });
});
