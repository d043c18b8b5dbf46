import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCsvFile } from '../../src/audiences/csv.js';
import type { Destination } from '../../src/audiences/destination.js';
import type { Contact, FieldTypes } from '../../src/domain/contact.js';
import { failureOf } from '../vendors/vendor-failure.js';

const fields: FieldTypes = { LEVEL: 'text', TOTALAMT: 'number' };
const quiet = { automations: false, resubscribe: false };
const now = () => new Date('2026-11-21T10:00:00.000Z');
const ann: Contact = {
  email: 'Ann@example.org',
  name: 'Ann Lee',
  fields: { LEVEL: { type: 'text', value: 'Major' }, TOTALAMT: { type: 'number', value: 1250.5 } },
};
const bob: Contact = { ...ann, email: 'bob@example.org', name: 'Bob' };

let folder: string;
let path: string;
let destination: Destination;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steward-csv-'));
  path = join(folder, 'csv', 'donors.csv');
  destination = open();
});
afterEach(() => rm(folder, { recursive: true }));

const open = (file = 'donors.csv'): Destination => createCsvFile({ file, folder, audience: 'csv/test', fields, now });
const text = (): Promise<string> => readFile(path, 'utf8');
async function type(content: string | Buffer): Promise<void> {
  await mkdir(join(folder, 'csv'), { recursive: true });
  await writeFile(path, content);
}

describe('the file', () => {
  test('has a line a person, and a column for each thing', async () => {
    await destination.push([ann], quiet);
    const [call] = destination.tagging!.calls([{ email: ann.email, add: ['Donor', 'A; B'], remove: [] }], false);
    await call!.send();
    expect(await text()).toBe(
      'email,name,state,state_date,LEVEL,TOTALAMT,tags\n' +
        'Ann@example.org,Ann Lee,Active,2026-11-21T10:00:00.000Z,Major,1250.5,Donor;A\\; B\n',
    );
  });

  test('is made by the check, for this user alone, and leaves nothing else behind', async () => {
    await destination.check();
    expect(await text()).toBe('email,name,state,state_date,LEVEL,TOTALAMT,tags\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'csv'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'csv'))).toEqual(['donors.csv']);
  });

  test('is closed to others again when it is written', async () => {
    await type('email\n');
    await chmod(path, 0o644);
    await destination.push([ann], quiet);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('may lie elsewhere, in a folder that is there', async () => {
    const elsewhere = join(folder, 'list.csv');
    await open(elsewhere).push([ann], quiet);
    expect(await readFile(elsewhere, 'utf8')).toContain('Ann@example.org');
  });

  test('is not written where nothing changes', async () => {
    await destination.push([ann], quiet);
    const before = await stat(path, { bigint: true });
    await destination.push([ann], quiet);
    await open().push([ann], quiet);
    await destination.remove('nobody@example.org');
    expect((await stat(path, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
  });
});

describe('what somebody typed in', () => {
  test('stays: people, columns, order, and cells as they are', async () => {
    await type(
      '\uFEFFShoe size,Email,phone,state\r\n44,cid@example.org,+49 123,\r\n45,"bob@example.org",=1+1,Active\r\n,,"no, address",\r\n',
    );
    await destination.push([ann, bob], quiet);
    expect(await text()).toBe(
      '\uFEFFShoe size,Email,phone,state,name,state_date,LEVEL,TOTALAMT,tags\n' +
        '44,cid@example.org,+49 123,,,,,,\n' +
        '45,bob@example.org,=1+1,Active,Bob,,Major,1250.5,\n' +
        ',,"no, address",,,,,,\n' +
        ',Ann@example.org,,Active,Ann Lee,2026-11-21T10:00:00.000Z,Major,1250.5,\n',
    );
  });

  test('counts at once, also where the file was just read', async () => {
    await destination.push([ann, bob], quiet);
    await writeFile(path, (await text()).replace(/(Ann.*),Active,/, '$1,UNSUBSCRIBED,'));
    expect(await destination.push([ann, bob], quiet)).toMatchObject([
      { kind: 'respected', state: 'Unsubscribed' },
      { kind: 'stored', created: false },
    ]);
    await destination.remove(ann.email);
    expect((await destination.read(ann.email))?.state).toBe('Unsubscribed');
  });

  test.each([
    ['', 'Active'],
    [' deleted ', 'Deleted'],
    ['left', 'Suppressed'],
    ['Absent', 'Suppressed'],
  ])('state "%s" is read as %s', async (typed, state) => {
    await type(`email,state\nann@example.org,${typed}\n`);
    expect((await destination.read(ann.email))?.state).toBe(state);
  });

  test('of two lines with one address the one that says no counts, and both are removed', async () => {
    await type(
      'email,state\nann@example.org,Active\nbob@example.org,\nANN@example.org,Unsubscribed\nbob@example.org,\n',
    );
    const { problems, activeSubscribers } = await destination.check();
    expect({ problems, activeSubscribers }).toEqual({
      problems: [expect.stringMatching(/^2 addresses are on more than one line/)],
      activeSubscribers: 1,
    });
    expect(await destination.push([ann], quiet)).toEqual([{ kind: 'respected', state: 'Unsubscribed' }]);
    await destination.remove(bob.email);
    expect((await text()).match(/bob@example.org,Deleted/g)).toHaveLength(2);
    expect((await destination.readBack(undefined)).subscribers).toHaveLength(2);
  });

  test('while Steward writes is not lost: the file is read and written again', async () => {
    await destination.push([ann], quiet);
    const others = [open(), open(), open()];
    await Promise.all(others.map((other, index) => other.push([{ ...bob, email: `p${index}@example.org` }], quiet)));
    expect((await destination.readBack(undefined)).subscribers).toHaveLength(4);
    expect(await readdir(join(folder, 'csv'))).toEqual(['donors.csv']);
  });
});

describe('cells', () => {
  test('that spreadsheets would take for a formula are made harmless, plain numbers are not', async () => {
    const evil = '=cmd|"/C calc"!A0';
    await destination.push(
      [
        {
          ...ann,
          name: evil,
          fields: { LEVEL: { type: 'text', value: '@x' }, TOTALAMT: { type: 'number', value: -5 } },
        },
      ],
      quiet,
    );
    expect(await text()).toContain(`"'=cmd|""/C calc""!A0",Active,2026-11-21T10:00:00.000Z,'@x,-5`);
    expect((await destination.readBack(undefined)).subscribers).toMatchObject([
      { name: evil, fields: { LEVEL: '@x', TOTALAMT: '-5' } },
    ]);
  });

  test('of any text read back as foretold', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('=', '+', "'", '"', ',', ';', '\\', '\n', '\r', '\t', ' ', 'a', '\ud83c') }),
    );
    await fc.assert(
      fc.asyncProperty(cell, cell, fc.array(cell), async (name, level, names) => {
        const told: Contact = { ...ann, name, fields: { LEVEL: { type: 'text', value: level } } };
        const add = names.map((tag) => tag.trim()).filter((tag) => tag !== '' && tag.isWellFormed());
        await rm(path, { force: true });
        await destination.push([told], quiet);
        await destination.tagging!.calls([{ email: ann.email, add, remove: [] }], false)[0]!.send();
        const { name: kept = name, LEVEL = '' } = destination.storedFields(told);
        const [seen] = (await open().readBack(undefined)).subscribers;
        expect(seen).toMatchObject({ name: kept, fields: LEVEL === '' ? {} : { LEVEL }, tags: add });
      }),
      { numRuns: 60 },
    );
  });
});

test('pages cover everybody once, their cursors name nobody, and lines that go meanwhile hide nobody', async () => {
  const people = Array.from({ length: 12_000 }, (_, index) => ({ ...bob, email: `p${index}@example.org` }));
  await destination.push(people, quiet);
  const seen: string[] = [];
  let pages = 0;
  for (let cursor: string | undefined; pages === 0 || cursor !== undefined; ) {
    const page = await destination.readBack(cursor);
    seen.push(...page.subscribers.map(({ email }) => email));
    if (pages === 0)
      await writeFile(
        path,
        (await text())
          .split('\n')
          .filter((_, line) => line === 0 || line > 2_000)
          .join('\n'),
      );
    pages += 1;
    cursor = page.next;
    expect(cursor ?? '0').toMatch(/^\d+$/);
  }
  expect(pages).toBe(3);
  expect(new Set(seen).size).toBe(seen.length);
  expect(people.slice(2_000).every(({ email }) => seen.includes(email))).toBe(true);
});

describe('a file that cannot be used says what to do', () => {
  const cases: [code: string, content: string | Buffer][] = [
    ['BEGIN_WITH_A_LINE_THAT_NAMES_COLUMN_email', 'ann@example.org,Ann\n'],
    ['NAME_EACH_COLUMN_ONCE', 'email,state,State\nann@example.org,,\n'],
    ['MEND_LINE_3', 'email,name\nbob@example.org,Bob\nann@example.org,Ann,Lee\n'],
    ['MEND_LINE_2', 'email,name\nann@example.org,A"nn\n'],
    ['SAVE_AS_UTF_8', Buffer.from('email,name\nzoe@example.org,Zo\xeb\n', 'latin1')],
  ];
  test.each(cases)('%s', async (code, content) => {
    await type(content);
    for (const work of [destination.check(), destination.probe(), destination.push([bob], quiet)]) {
      const { kind, message, cause, code: told } = await failureOf(work);
      expect({ kind, told, cause }).toEqual({ kind: 'refused', told: code, cause: undefined });
      expect(message).not.toMatch(/ann|zo/i);
    }
    expect(await readFile(path)).toEqual(Buffer.from(content));
  });

  test('NAME_A_FILE_NOT_A_FOLDER', async () => {
    await mkdir(path, { recursive: true });
    expect(await failureOf(destination.check())).toMatchObject({ kind: 'refused', code: 'NAME_A_FILE_NOT_A_FOLDER' });
  });

  test('MAKE_THE_FOLDER, which may be a disk that is not mounted', async () => {
    const elsewhere = open(join(folder, 'missing', 'list.csv'));
    for (const work of [elsewhere.probe(), elsewhere.check(), elsewhere.push([ann], quiet)])
      expect(await failureOf(work)).toMatchObject({ kind: 'refused', code: 'MAKE_THE_FOLDER' });
  });

  test('and is used again once it is mended', async () => {
    await type('nothing\n');
    await failureOf(destination.push([ann], quiet));
    await type('email\n');
    expect(await destination.push([ann], quiet)).toMatchObject([{ kind: 'stored', created: true }]);
  });
});
