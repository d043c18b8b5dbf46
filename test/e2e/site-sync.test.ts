import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestbed, type Testbed } from '../support/testbed.js';
import { differences } from '../support/truth.js';

let bed: Testbed;
const site = 'walks';

beforeAll(async () => {
  bed = await createTestbed({
    name: 'site_sync',
    sites: [{ name: site, withKey: true }],
    file: { guard: { people: 3, share: 0 } },
  });
  await bed.start();
});
afterAll(() => bed.stop());

const counts = (run: { counts: unknown }): Record<string, number> => run.counts as Record<string, number>;
/** Signs people up as an import does: without a webhook. */
const importPeople = (from: number, to: number): void => {
  const rows = Array.from({ length: to - from }, (_, n) => ({
    email: `p${from + n}@example.org`,
    name: `Person ${from + n}`,
  }));
  bed.ghost(site).members.importCsv(rows);
};

describe('a site from its first contact on', () => {
  it('records what a walk finds, but marks nothing due before the first full sync', async () => {
    importPeople(0, 250);
    const run = await bed.sync(site, 'walk');
    expect(run).toMatchObject({ result: 'done', read: 250, complete: true });
    expect(bed.list(site).subscribers.size).toBe(0);
  });

  it('shows in a dry run what the first full sync would do, and changes nothing', async () => {
    const run = await bed.sync(site, 'full', { dryRun: true });
    expect(run).toMatchObject({ result: 'done', planState: 'open' });
    expect(counts(run)).toMatchObject({ read: 250, added: 250, updated: 0, removed: 0 });
    expect(bed.list(site).subscribers.size).toBe(0);
  });

  it('brings everybody onto the list by the first full sync', async () => {
    const run = await bed.sync(site, 'full');
    expect(run).toMatchObject({ result: 'done', first: true });
    expect(counts(run)).toMatchObject({ read: 250, added: 250, failed: 0, unchanged: 0 });
    expect(differences(bed, site)).toEqual([]);
  });

  it('calls Campaign Monitor for nobody when a walk finds nothing', async () => {
    const calls = bed.cm.calls.length;
    const run = await bed.sync(site, 'walk');
    expect(counts(run)).toMatchObject({ read: 250, unchanged: 250, added: 0, updated: 0 });
    expect(bed.cm.calls.slice(calls).filter(({ path }) => path.includes('import'))).toEqual([]);
  });

  it('finds by walk what no webhook told', async () => {
    bed.ghost(site).dropWebhooks(true);
    const [first, second] = bed.ghost(site).members.ids();
    bed.ghost(site).members.edit(first!, { name: 'Renamed' });
    bed.ghost(site).members.edit(second!, { labels: ['vip'] });
    importPeople(250, 260);
    const run = await bed.sync(site, 'walk');
    expect(counts(run)).toMatchObject({ read: 260, added: 10, updated: 2, unchanged: 248 });
    expect(differences(bed, site)).toEqual([]);
  });

  it('takes off only whom two complete walks in a row missed, and only within the budget', async () => {
    const ids = bed.ghost(site).members.ids();
    for (const id of ids.slice(0, 2)) bed.ghost(site).members.remove(id);
    expect(counts(await bed.sync(site, 'walk'))).toMatchObject({ removed: 0 });
    expect(counts(await bed.sync(site, 'walk'))).toMatchObject({ removed: 2 });
    expect(differences(bed, site)).toEqual([]);
    for (const id of ids.slice(2, 8)) bed.ghost(site).members.remove(id);
    await bed.sync(site, 'walk');
    const refused = await bed.sync(site, 'walk');
    expect(refused).toMatchObject({ result: 'refused', planState: 'open' });
    const applied = await bed.sync(site, 'apply', { plan: refused.id });
    expect(counts(applied)).toMatchObject({ removed: 6 });
    expect(differences(bed, site)).toEqual([]);
  });
});
