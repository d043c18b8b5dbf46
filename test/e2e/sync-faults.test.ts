import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sandboxAdminApiKey } from '../../src/sandbox/ghost.js';
import { type Between, type Meddle, type Passing, startBetween } from '../support/between.js';
import { eventually } from '../support/eventually.js';
import { createTestbed, type Testbed } from '../support/testbed.js';
import { differences } from '../support/truth.js';

const SITES = [
  'busy',
  'html',
  'truncated',
  'repeating',
  'changing',
  'odd',
  'revoked',
  'listdown',
  'paused',
  'halved',
  'small',
  'off',
];
const BUDGET = 10;
let bed: Testbed;
const between = new Map<string, Between>();

beforeAll(async () => {
  for (const site of SITES) between.set(site, await startBetween());
  bed = await createTestbed({
    name: 'sync_faults',
    sites: SITES.map((name) => ({
      name,
      withKey: true,
      variables: {
        GHOST_URL: between.get(name)!.url,
        GHOST_ADMIN_API_KEY: sandboxAdminApiKey,
        ...(name === 'off' ? { ON_EMAIL_DISABLED: 'remove' } : {}),
      },
    })),
    file: { guard: { people: BUDGET, share: 0 }, rateLimits: { ghost: { perMinute: 100_000, burst: 1000 } } },
  });
  for (const site of SITES) between.get(site)!.target = bed.ghost(site).url;
  await bed.start();
});
afterAll(async () => {
  await bed.stop();
  for (const one of between.values()) await one.close();
});

const counts = (run: { counts: unknown }): Record<string, number> => run.counts as Record<string, number>;

/** A site whose people are all on the list: its first full sync is over, and no webhook tells of what comes. */
async function settledSite(site: string, people: number): Promise<string[]> {
  const { members } = bed.ghost(site);
  bed.ghost(site).dropWebhooks(true);
  members.importCsv(
    Array.from({ length: people }, (_, n) => ({
      email: `p${n}@${site}.example.org`,
      name: `Person ${n}`,
      created_at: '2024-05-01T00:00:00.000Z',
    })),
  );
  expect(await bed.sync(site, 'full')).toMatchObject({ result: 'done', read: people });
  expect(differences(bed, site)).toEqual([]);
  return members.ids();
}

/** The id after which a page of a walk begins; undefined for every other request. */
function pageAfter(path: string): string | undefined {
  return /id:>'([0-9a-f]{24})'/.exec(decodeURIComponent(path))?.[1];
}

/** Spoils the page of a walk with this number, counted from 0, the first time it passes. */
function spoilOnce(
  site: string,
  page: number,
  spoil: (answer: Passing, firstPage: string) => Passing | Promise<Passing>,
): void {
  const seen: string[] = [];
  let firstPage = '';
  let isSpoilt = false;
  meddle(site, (path, answer) => {
    const after = pageAfter(path);
    if (after === undefined) return answer;
    if (!seen.includes(after)) seen.push(after);
    if (seen.length === 1) firstPage = answer.body;
    if (seen.indexOf(after) !== page || isSpoilt) return answer;
    isSpoilt = true;
    return spoil(answer, firstPage);
  });
}

function meddle(site: string, how: Meddle | undefined): void {
  between.get(site)!.meddle = how;
}

/** Leaves members out of every page of a walk; asked for one by one they are there. */
function hide(site: string, isHidden: (id: string) => boolean): void {
  meddle(site, (path, answer) => {
    if (pageAfter(path) === undefined) return answer;
    const { members, ...rest } = JSON.parse(answer.body) as { members: { id: string }[] };
    return { ...answer, body: JSON.stringify({ ...rest, members: members.filter(({ id }) => !isHidden(id)) }) };
  });
}

/** Edits without a webhook one person of each page. */
function editSome(site: string, ids: readonly string[], name: string): void {
  for (let n = 0; n < ids.length; n += 60) bed.ghost(site).members.edit(ids[n]!, { name });
}

/** How often the page after this id was asked for. */
const askedFor = (site: string, after: string): number =>
  bed.ghost(site).calls.filter(({ path }) => pageAfter(path) === after).length;

const FIRST = '0'.repeat(24);
const writesTo = (site: string): number =>
  bed.cm.state.writes.filter(({ listId }) => listId === bed.list(site).listId).length;

describe('a Ghost that answers badly in the middle of a walk', () => {
  const spoils: Record<string, (answer: Passing, firstPage: string) => Passing> = {
    busy: (answer) => ({
      ...answer,
      status: 429,
      headers: { ...answer.headers, 'retry-after': '1' },
      body: JSON.stringify({ errors: [{ type: 'TooManyRequestsError', message: 'busy', code: null }] }),
    }),
    html: () => ({ status: 502, headers: { 'content-type': 'text/html' }, body: '<html>Bad Gateway</html>' }),
    truncated: (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) }),
    repeating: (answer, firstPage) => ({ ...answer, body: firstPage }),
  };

  it.each(Object.keys(spoils))('goes on where it was and misses nobody: %s', async (site) => {
    const ids = await settledSite(site, 250);
    editSome(site, ids, 'Edited');
    const before = askedFor(site, FIRST);
    spoilOnce(site, 1, spoils[site]!);
    const run = await bed.sync(site, 'walk');
    expect(run).toMatchObject({ result: 'done', read: 250, complete: true });
    expect(counts(run)).toMatchObject({ updated: 5, unchanged: 245, removed: 0, failed: 0 });
    expect(askedFor(site, FIRST) - before).toBe(1);
    expect(differences(bed, site)).toEqual([]);
    expect((await bed.ledger.sites.pauses()).has(site)).toBe(false);
  });
});

describe('members that change while they are walked over', () => {
  const site = 'changing';
  let ids: string[];

  it('finds who came, and neither brings back nor takes off anybody by an old page', async () => {
    ids = await settledSite(site, 250);
    const { members } = bed.ghost(site);
    const [deleted, edited, quietlyGone, quietlyGoneBefore] = [ids[110]!, ids[120]!, ids[230]!, ids[10]!];
    // the second page is on its way with both of them while webhooks bring the deletion and the edit
    spoilOnce(site, 1, async (answer) => {
      members.bulkDelete([quietlyGone, quietlyGoneBefore]);
      members.importCsv([{ email: 'import@changing.example.org', name: 'Import' }]);
      bed.ghost(site).dropWebhooks(false);
      members.remove(deleted);
      members.edit(edited, { name: 'By webhook' });
      members.add({ email: 'signup@changing.example.org', name: 'Sign-up' });
      await bed.settled();
      bed.ghost(site).dropWebhooks(true);
      return answer;
    });
    const run = await bed.sync(site, 'walk');
    expect(run).toMatchObject({ result: 'done', complete: true });
    expect(bed.subscriber(site, `p110@${site}.example.org`)?.state).toBe('Deleted');
    expect(bed.subscriber(site, `p120@${site}.example.org`)?.name).toBe('By webhook');
    expect(bed.subscriber(site, 'import@changing.example.org')?.state).toBe('Active');
    // the one deleted behind the walk was seen by it, the other one was missed once
    expect(differences(bed, site)).toHaveLength(2);
    expect(counts(run)).toMatchObject({ removed: 0, failed: 0 });
  });

  it('does not send again in a full sync who was put on the list after the list was read', async () => {
    spoilOnce(site, 0, async (answer) => {
      bed.ghost(site).dropWebhooks(false);
      bed.ghost(site).members.add({ email: 'meanwhile@changing.example.org', name: 'Meanwhile' });
      await bed.settled();
      bed.ghost(site).dropWebhooks(true);
      return answer;
    });
    const run = await bed.sync(site, 'full');
    expect(bed.cm.state.writesOf(bed.list(site).listId, 'meanwhile@changing.example.org')).toHaveLength(1);
    expect(counts(run)).toMatchObject({ added: 0, updated: 0, failed: 0 });
  });

  it('takes off by the next walks who was deleted behind its back, and nobody who signed up meanwhile', async () => {
    meddle(site, undefined);
    expect(counts(await bed.sync(site, 'walk'))).toMatchObject({ removed: 1 });
    expect(counts(await bed.sync(site, 'walk'))).toMatchObject({ removed: 0, updated: 0, added: 0 });
    expect(differences(bed, site)).toEqual([]);
  });
});

describe('a member that cannot be read', () => {
  const site = 'odd';
  let ids: string[];

  it('costs the others nothing, is told, and is not taken for deleted', async () => {
    ids = await settledSite(site, 130);
    const row = bed.ghost(site).store.byId(ids[40]!)!;
    const createdAt = row.created_at;
    row.created_at = 'nonsense';
    editSome(site, ids, 'Edited');
    for (const updated of [3, 0, 0]) {
      const run = await bed.sync(site, 'walk');
      expect(run).toMatchObject({ result: 'partly', read: 129, unreadable: 1 });
      expect(counts(run)).toMatchObject({ updated, removed: 0, failed: 1 });
    }
    row.created_at = createdAt;
    expect(await bed.sync(site, 'walk')).toMatchObject({ result: 'done', read: 130, unreadable: 0 });
    expect(differences(bed, site)).toEqual([]);
  });
});

describe('a member who should be taken off and cannot be read', () => {
  const site = 'off';

  it('stays, and holds up neither the others nor the run nor the site', async () => {
    const ids = await settledSite(site, 30);
    bed.ghost(site).members.bulkUnsubscribe(ids.slice(0, BUDGET + 1));
    const refused = await bed.sync(site, 'walk');
    expect(refused).toMatchObject({ result: 'refused', planState: 'open' });
    const row = bed.ghost(site).store.byId(ids[3]!)!;
    row.created_at = 'nonsense';
    const running = bed.sync(site, 'apply', { plan: refused.id });
    const isPaused = eventually(async () => (await bed.ledger.sites.pauses()).has(site), { withinMs: 10_000 });
    const first = await Promise.race([running, isPaused.catch(() => 'not paused')]);
    // lets the run end in any case
    if (first === true) row.created_at = '2024-05-01T00:00:00.000Z';
    const run = await running;
    expect(first).not.toBe(true);
    expect(counts(run)).toMatchObject({ removed: BUDGET });
    expect(bed.subscriber(site, `p3@${site}.example.org`)?.state).toBe('Active');
  });
});

describe('keys and outages', () => {
  it('waits in the middle of a walk while the Ghost key is revoked, and goes on once it is back', async () => {
    const site = 'revoked';
    const ids = await settledSite(site, 250);
    editSome(site, ids, 'Edited');
    const ghost = bed.ghost(site);
    const before = askedFor(site, FIRST);
    spoilOnce(site, 0, (answer) => {
      ghost.revokeKey();
      return answer;
    });
    const running = bed.sync(site, 'walk');
    await eventually(async () => (await bed.ledger.sites.pauses()).get(site)?.type === 'SourceRefused');
    ghost.dropWebhooks(false);
    ghost.members.edit(ids[7]!, { name: 'Waits' });
    await eventually(async () =>
      (await bed.ledger.status.sites()).some((one) => one.site === site && one.waiting === 1),
    );
    ghost.restoreKey();
    const run = await running;
    expect(run).toMatchObject({ result: 'done', read: 250, complete: true });
    expect(askedFor(site, FIRST) - before).toBe(1);
    await bed.settled();
    expect((await bed.ledger.sites.pauses()).has(site)).toBe(false);
    expect(differences(bed, site)).toEqual([]);
  });

  it('reads the list back once Campaign Monitor is up again, and then repairs it', async () => {
    const site = 'listdown';
    const ids = await settledSite(site, 120);
    const { listId } = bed.list(site);
    editSome(site, ids, 'Edited');
    bed.cm.state.addByStaff(listId, `p5@${site}.example.org`, { ghost_status: 'wrong' });
    bed.cm.faults.set({ outage: true });
    const running = bed.sync(site, 'full');
    await eventually(async () => (await bed.ledger.audiences.pauses()).get(listId)?.type === 'DestinationDown');
    bed.cm.faults.clear();
    // a list that takes its time to store: nothing but its answers ends the pause
    bed.cm.faults.set({ latencyMs: 500, latencyMatch: 'import' });
    const run = await running;
    bed.cm.faults.clear();
    expect(run).toMatchObject({ result: 'done', read: 120, listRead: 120 });
    expect(counts(run)).toMatchObject({ updated: 3, leftAlone: 0, unchanged: 117, failed: 0 });
    expect((await bed.ledger.audiences.pauses()).has(listId)).toBe(false);
    expect(differences(bed, site)).toEqual([]);
  });

  it('ends as partly while the list is paused; what it found is pushed once the list is back', async () => {
    const site = 'paused';
    const ids = await settledSite(site, 120);
    editSome(site, ids, 'Edited');
    bed.cm.state.revokeKey();
    const run = await bed.sync(site, 'walk');
    expect(run).toMatchObject({ result: 'partly', read: 120 });
    expect(run.message).toMatch(/paused/);
    expect(counts(run)).toMatchObject({ updated: 0, failed: 2 });
    bed.cm.state.restoreKey();
    await bed.settled(60_000);
    expect(differences(bed, site)).toEqual([]);
    expect(await bed.ledger.parked.list({ site })).toEqual([]);
  });
});

describe('a source that does not show everybody', () => {
  const site = 'halved';
  const PEOPLE = 60;
  let ids: string[];
  let writes: number;

  /** Nobody is gone: not from the list, not from the ledger, and nothing was written to anybody. */
  async function nothingHappened(): Promise<void> {
    expect(differences(bed, site)).toEqual([]);
    expect(writesTo(site)).toBe(writes);
    for (const id of [ids[0]!, ids[31]!, ids[59]!])
      expect((await bed.ledger.status.members(site, id))[0]).toMatchObject({ deletedAt: null, suspectedGoneAt: null });
  }

  it('ends every walk as refused and takes nobody off while half of them are missing', async () => {
    ids = await settledSite(site, PEOPLE);
    writes = writesTo(site);
    hide(site, (id) => ids.indexOf(id) % 2 === 0);
    for (const mode of ['walk', 'walk', 'walk', 'full'] as const) {
      const run = await bed.sync(site, mode);
      expect(run).toMatchObject({ result: 'refused', read: PEOPLE / 2 });
      expect(run.message).toMatch(/nobody was taken off/);
      expect(counts(run)).toMatchObject({ removed: 0, held: 0, failed: 0 });
      await nothingHappened();
    }
  });

  it('does the same while it is empty', async () => {
    hide(site, () => true);
    for (const mode of ['walk', 'full', 'walk'] as const) {
      expect(await bed.sync(site, mode)).toMatchObject({ result: 'refused', read: 0 });
      await nothingHappened();
    }
  });

  it('keeps the changes that it finds among those who are shown', async () => {
    hide(site, (id) => ids.indexOf(id) >= 20);
    bed.ghost(site).members.edit(ids[3]!, { name: 'Found' });
    const run = await bed.sync(site, 'walk');
    expect(run).toMatchObject({ result: 'refused', read: 20 });
    expect(counts(run)).toMatchObject({ updated: 1, removed: 0 });
    writes += 1;
    await nothingHappened();
  });

  it('takes nobody off by the plan that such a run leaves, as long as Ghost knows them one by one', async () => {
    hide(site, (id) => ids.indexOf(id) >= 20);
    const { result, planId } = await bed.sync(site, 'walk');
    expect(result).toBe('refused');
    const applied = await bed.sync(site, 'apply', { plan: planId! });
    expect(applied).toMatchObject({ result: 'done' });
    expect(counts(applied)).toMatchObject({ removed: 0, held: 0 });
    await nothingHappened();
  });

  it('also beyond the budget without being halved, when they are gone one by one as well: as with an old backup', async () => {
    const { store, members } = bed.ghost(site);
    meddle(site, undefined);
    expect(await bed.sync(site, 'walk')).toMatchObject({ result: 'done' });
    const all = [...store.rows];
    members.bulkDelete(ids.slice(PEOPLE - BUDGET - 1));
    expect(await bed.sync(site, 'walk')).toMatchObject({ result: 'done' });
    for (const mode of ['walk', 'full', 'walk'] as const) {
      const run = await bed.sync(site, mode);
      expect(run).toMatchObject({ result: 'refused' });
      expect(await bed.ledger.plans.countActions(run.planId!)).toMatchObject({ remove: BUDGET + 1 });
    }
    members.bulkDelete(store.rows.map(({ id }) => id));
    for (const row of all) store.insert(row);
    await nothingHappened();
  });

  it('is as if nothing had happened once the source is whole again', async () => {
    for (const mode of ['walk', 'walk', 'full'] as const) {
      const run = await bed.sync(site, mode);
      expect(run).toMatchObject({ result: 'done', read: PEOPLE });
      expect(counts(run)).toMatchObject({
        unchanged: PEOPLE,
        added: 0,
        updated: 0,
        removed: 0,
        leftAlone: 0,
        failed: 0,
      });
      await nothingHappened();
    }
    for (const id of ids) {
      const { transitions, deliveries } = await bed.ledger.history.ofMember(site, id);
      const { pushes } = await bed.ledger.history.ofAddress(bed.list(site).listId, '', id);
      expect({ transitions: transitions.length, deliveries: deliveries.length }).toEqual({
        transitions: 1,
        deliveries: 0,
      });
      expect(pushes.filter(({ operation }) => operation !== 'none')).toHaveLength(id === ids[3] ? 2 : 1);
    }
  });
});

describe('a small loss within the budget', () => {
  const site = 'small';
  let ids: string[];
  const walk = async (...hidden: number[]) => {
    hide(site, (id) => hidden.includes(ids.indexOf(id)));
    return counts(await bed.sync(site, 'walk'));
  };

  it('of two people in one walk only takes nobody off, and different people in walks that follow each other neither', async () => {
    ids = await settledSite(site, 30);
    const writes = writesTo(site);
    for (const hidden of [[3, 4], [], [5, 6], [3, 4], [5, 6], []])
      expect(await walk(...hidden)).toMatchObject({ removed: 0, failed: 0 });
    expect(differences(bed, site)).toEqual([]);
    expect(writesTo(site)).toBe(writes);
  });

  it('does not count a walk that read only some, or a dry run, as the second one', async () => {
    const { members, store } = bed.ghost(site);
    const all = [...store.rows];
    members.bulkDelete([ids[3]!, ids[4]!]);
    expect(await walk()).toMatchObject({ removed: 0 });
    await bed.sync(site, 'walk', { limit: 10 });
    await bed.sync(site, 'full', { dryRun: true });
    expect(bed.subscriber(site, `p3@${site}.example.org`)?.state).toBe('Active');
    members.bulkDelete(store.rows.map(({ id }) => id));
    for (const row of all) store.insert(row);
    expect(await walk()).toMatchObject({ removed: 0 });
    expect(differences(bed, site)).toEqual([]);
  });

  it('takes nobody off whom every walk misses but Ghost shows when asked for', async () => {
    const writes = writesTo(site);
    for (let n = 0; n < 3; n += 1) expect(await walk(3, 4)).toMatchObject({ removed: 0, failed: 0 });
    expect(differences(bed, site)).toEqual([]);
    expect(writesTo(site)).toBe(writes);
  });
});
