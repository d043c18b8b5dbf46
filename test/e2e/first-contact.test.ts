import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { siteSyncWorkflowId } from '../../src/contract/workflow-ids.js';
import { openClient } from '../../src/temporal/connection.js';
import { scheduleId } from '../../src/temporal/schedules.js';
import { eventually } from '../support/eventually.js';
import { recordHistories } from '../support/histories.js';
import { createTestbed, type Testbed } from '../support/testbed.js';
import { differences } from '../support/truth.js';

let bed: Testbed;
let client: Client;

beforeAll(async () => {
  bed = await createTestbed({
    name: 'first_contact',
    sites: [
      { name: 'moved-in', withKey: true },
      { name: 'mailing', withKey: true, list: { confirmedOptIn: true } },
      { name: 'hooks-only' },
      { name: 'scheduled', withKey: true },
      { name: 'returning', withKey: true },
    ],
  });
  await bed.start();
  client = openClient(bed.stores.temporal);
});
afterAll(async () => {
  const types = ['siteSync', 'tick', 'deliveryCatchUp'].map((type) => `'${type}'`).join(', ');
  await recordHistories(client, bed.stores.temporal.address, 'sync', `WorkflowType IN (${types})`);
  await client.connection.close();
  await bed.stop();
});

const counts = (run: { counts: unknown }): Record<string, number> => run.counts as Record<string, number>;
const fieldsOf = (site: string, email: string): Record<string, string> =>
  Object.fromEntries(bed.subscriber(site, email)?.fields ?? []);

describe('a list that an earlier tool has filled', () => {
  const site = 'moved-in';

  it('is adopted: its history stays, who opted out stays out, strangers are left alone, nobody is welcomed', async () => {
    const { listId } = bed.list(site);
    const ghost = bed.ghost(site);
    ghost.dropWebhooks(true);
    ghost.members.importCsv([
      { email: 'paid@example.org', name: 'Paid', status: 'paid' },
      { email: 'gone@example.org', name: 'Gone' },
      { email: 'new@example.org', name: 'New' },
    ]);
    // the fields are made by whoever writes first
    await bed.sync(site, 'full', { dryRun: true });
    bed.cm.state.addByStaff(listId, 'stranger@example.org', {}, 'Stranger');
    bed.cm.state.addByStaff(listId, 'gone@example.org', {}, 'Gone');
    bed.cm.state.unsubscribe(listId, 'gone@example.org');
    const history = { ghost_status: 'paid', ghost_previous_status: 'free', ghost_status_changed_at: '2026-03-01' };
    const list = bed.list(site);
    for (const key of Object.keys(history))
      list.customFields.push({
        name: key,
        key,
        dataType: key.endsWith('_at') ? 'Date' : 'Text',
        options: [],
        visible: false,
      } as never);
    bed.cm.state.addByStaff(listId, 'paid@example.org', history, 'Paid');

    const run = await bed.sync(site, 'full');
    expect(run).toMatchObject({ result: 'done', first: true });
    expect(counts(run)).toMatchObject({ added: 1, removed: 0, failed: 0 });
    expect(fieldsOf(site, 'paid@example.org')).toMatchObject(history);
    expect(bed.subscriber(site, 'gone@example.org')?.state).toBe('Unsubscribed');
    expect(bed.cm.state.writesOf(listId, 'stranger@example.org')).toEqual([]);
    expect(bed.cm.state.automationsQueued).toEqual([]);
  });

  it('keeps that history in what it sends later', async () => {
    const ghost = bed.ghost(site);
    ghost.members.edit(ghost.members.byEmail('paid@example.org')!.id, { name: 'Paid Person' });
    await bed.sync(site, 'walk');
    expect(bed.subscriber(site, 'paid@example.org')?.name).toBe('Paid Person');
    expect(fieldsOf(site, 'paid@example.org')).toMatchObject({
      ghost_previous_status: 'free',
      ghost_status_changed_at: '2026-03-01',
    });
  });

  it('welcomes fresh sign-ups that only a walk finds, at most 25 of them', async () => {
    const rows = Array.from({ length: 30 }, (_, n) => ({ email: `fresh${n}@example.org` }));
    bed.ghost(site).members.importCsv(rows);
    await bed.sync(site, 'walk');
    expect(bed.cm.state.automationsQueued).toHaveLength(25);
  });
});

describe('a double opt-in list', () => {
  const site = 'mailing';

  it('is not filled before somebody has said that its mails may go out', async () => {
    bed.ghost(site).members.importCsv([{ email: 'one@example.org' }, { email: 'two@example.org' }]);
    const refused = await bed.sync(site, 'full');
    expect(refused).toMatchObject({ result: 'refused' });
    expect(bed.cm.state.confirmationMails).toEqual([]);
    const run = await bed.sync(site, 'full', { confirmOptInMails: true });
    expect(run).toMatchObject({ result: 'done' });
    expect([...bed.cm.state.confirmationMails].sort()).toEqual(['one@example.org', 'two@example.org']);
  });
});

describe('a site with webhooks only', () => {
  const site = 'hooks-only';

  it('has its list read back and what differs there repaired', async () => {
    const { listId } = bed.list(site);
    bed.ghost(site).members.add({ email: 'ann@example.org', name: 'Ann' });
    await bed.settled();
    await bed.sync(site, 'full');
    bed.cm.state.addByStaff(listId, 'ann@example.org', {}, 'Somebody Else');
    const run = await bed.sync(site, 'full');
    expect(counts(run)).toMatchObject({ updated: 1 });
    expect(differences(bed, site)).toEqual([]);
  });

  it('cannot be walked, and says so', async () => {
    expect(await bed.sync(site, 'walk')).toMatchObject({ result: 'skipped' });
  });
});

describe('schedules', () => {
  const site = 'scheduled';

  it('run a walk under the site’s own id', async () => {
    bed.ghost(site).members.importCsv([{ email: 'sched@example.org' }]);
    await client.schedule.getHandle(scheduleId({ site, mode: 'walk' })).trigger();
    const run = await eventually(async () =>
      (await bed.ledger.runs.list({ site, limit: 1 })).find(({ result }) => result === 'done'),
    );
    expect(run).toMatchObject({ mode: 'walk', startedBy: 'schedule', read: 1, marks: false });
    expect((await client.workflow.getHandle(siteSyncWorkflowId(site)).describe()).type).toBe('siteSync');
  });

  it('only read while the first full sync has not been made by a person', async () => {
    await client.schedule.getHandle(scheduleId({ site, mode: 'full' })).trigger();
    await eventually(async () =>
      (await bed.ledger.runs.list({ site, limit: 1 })).some(({ mode, result }) => mode === 'full' && result === 'done'),
    );
    expect(bed.list(site).subscribers.size).toBe(0);
    expect(await bed.ledger.runs.isAdopted(bed.list(site).listId)).toBe(false);
  });

  it('give a slow Ghost its rest', async () => {
    await bed.sync(site, 'full');
    bed.ghost(site).faults.set({ latencyMs: 200 });
    await bed.sync(site, 'walk');
    bed.ghost(site).faults.set({ latencyMs: 0 });
    const before = (await bed.ledger.runs.list({ site, limit: 10 })).length;
    const skipped = await bed.sync(site, 'walk', { by: 'schedule' });
    expect(skipped).toMatchObject({ result: 'skipped', message: expect.stringContaining('rest') });
    expect(await bed.ledger.runs.list({ site, limit: 10 })).toHaveLength(before);
  });
});

describe('somebody whom we took off and who is back', () => {
  const site = 'returning';

  it('is reported, not re-subscribed, when only a walk says so', async () => {
    const ghost = bed.ghost(site);
    ghost.members.add({ email: 'back@example.org', name: 'Back' });
    await bed.settled();
    await bed.sync(site, 'full');
    ghost.members.remove(ghost.members.byEmail('back@example.org')!.id);
    await bed.settled();
    expect(bed.subscriber(site, 'back@example.org')?.state).toBe('Deleted');
    ghost.members.importCsv([{ email: 'back@example.org', name: 'Back' }]);
    const walk = await bed.sync(site, 'walk');
    expect(counts(walk)).toMatchObject({ added: 0, leftAlone: 1 });
    expect(counts(await bed.sync(site, 'full'))).toMatchObject({ added: 0, leftAlone: 1 });
    expect(bed.subscriber(site, 'back@example.org')?.state).toBe('Deleted');
  });
});
