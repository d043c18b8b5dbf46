import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { NewDelivery } from '../../src/ledger/inbox.js';
import { createLog } from '../../src/observe/log.js';
import { openSpool, type Spool } from '../../src/server/spool.js';

const log = createLog({ level: 'silent', format: 'json' });
let dataDir: string;
let spool: Spool;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'steward-spool-test-'));
  spool = await openSpool(dataDir, log);
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const delivery = (id: string = randomUUID()): NewDelivery => ({
  id,
  site: 'mainblog',
  memberId: 'm',
  event: 'member.edited',
  signedAt: new Date(0),
  receivedAt: new Date(1),
  signature: id,
  payload: { current: { name: 'Zoë\n"quoted" \u2028' }, previous: {} },
  noise: false,
});
const up = async (): Promise<void> => undefined;
const down = async (): Promise<never> => {
  throw new Error('no database');
};
const files = async () => (await readdir(join(dataDir, 'spool'))).filter((name) => name.endsWith('.ndjson'));
/** A store that keeps what it is given. */
function keeper() {
  const kept: NewDelivery[] = [];
  return { kept, store: async (deliveries: readonly NewDelivery[]) => void kept.push(...deliveries) };
}

describe('the spool', () => {
  test('hands over what was appended, as it was, and forgets it', async () => {
    const sent = [delivery(), delivery()];
    await spool.append(sent);
    const { kept, store } = keeper();
    expect(await spool.feed(store, up)).toBe(2);
    expect(kept).toEqual(JSON.parse(JSON.stringify(sent)));
    expect([await files(), await spool.feed(store, up)]).toEqual([[], 0]);
  });

  test('keeps everything while nobody takes it, also over a restart', async () => {
    await spool.append([delivery('a')]);
    await expect(spool.feed(down, down)).rejects.toThrow('no database');
    await spool.append([delivery('b')]);
    const { kept, store } = keeper();
    const restarted = await openSpool(dataDir, log);
    expect(await restarted.feed(store, up)).toBe(2);
    expect(kept.map(({ id }) => id).toSorted()).toEqual(['a', 'b']);
  });

  test('holds people, so nobody else may read it', async () => {
    await spool.append([delivery()]);
    const [name] = await files();
    const mode = async (path: string) => (await stat(path)).mode & 0o777;
    expect([await mode(join(dataDir, 'spool')), await mode(join(dataDir, 'spool', name!))]).toEqual([0o700, 0o600]);
  });

  test('loses nothing that is appended while other deliveries are handed over', async () => {
    const { kept, store } = keeper();
    const slowStore = async (deliveries: readonly NewDelivery[]) => {
      for (let turn = 0; turn < 20; turn += 1) await nextTurn();
      await store(deliveries);
    };
    const ids = Array.from({ length: 300 }, (_, index) => `d${index}`);
    let isAppending = true;
    const feeding = (async () => {
      while (isAppending) {
        await spool.feed(slowStore, up);
        await nextTurn();
      }
    })();
    for (const id of ids) await spool.append([delivery(id)]);
    isAppending = false;
    await feeding;
    await spool.feed(store, up);
    expect(kept.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });

  test('skips an unfinished last line, which was never acknowledged', async () => {
    await spool.append([delivery('whole')]);
    const [name] = await files();
    await appendFile(join(dataDir, 'spool', name!), '{"id":"half","site":"main');
    const { kept, store } = keeper();
    await spool.feed(store, up);
    expect(kept.map(({ id }) => id)).toEqual(['whole']);
  });

  test('sets aside what the database refuses for ever and hands over the rest', async () => {
    await spool.append([delivery('a'), delivery('poison'), delivery('c')]);
    const { kept, store } = keeper();
    const picky = async (deliveries: readonly NewDelivery[]) => {
      if (deliveries.some(({ id }) => id === 'poison')) throw Object.assign(new Error('refused'), { code: '22P05' });
      await store(deliveries);
    };
    await spool.feed(picky, up);
    expect(kept.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(await readFile(join(dataDir, 'spool', 'refused'), 'utf8')).toContain('"poison"');
    expect(await files()).toEqual([]);
  });

  test('sets nothing aside when the database went away in the middle', async () => {
    const ids = Array.from({ length: 500 }, (_, index) => `d${index}`);
    await spool.append(ids.map((id) => delivery(id)));
    const first = keeper();
    let isUp = true;
    const failing = async (deliveries: readonly NewDelivery[]) => {
      if (!isUp) throw new Error('no database');
      await first.store(deliveries);
      isUp = false;
    };
    await expect(spool.feed(failing, () => (isUp ? up() : down()))).rejects.toThrow('no database');
    const { kept, store } = keeper();
    await spool.feed(store, up);
    expect(new Set([...first.kept, ...kept].map(({ id }) => id))).toEqual(new Set(ids));
    expect(await readdir(join(dataDir, 'spool'))).toEqual([]);
  });
});
