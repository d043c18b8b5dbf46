import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { discardParked, memberStatus, retryParked } from '../../src/contract/signals.js';
import { memberWorkflowId } from '../../src/contract/workflow-ids.js';
import { openClient } from '../../src/temporal/connection.js';
import { eventually } from '../support/eventually.js';
import { recordHistories } from '../support/histories.js';
import { deliver, record } from '../support/recorded.js';
import { createTestbed, type Testbed, tickingClock } from '../support/testbed.js';

let bed: Testbed;
let client: Client;

beforeAll(async () => {
  bed = await createTestbed({
    name: 'operate',
    sites: [
      { name: 'plain', now: tickingClock() },
      { name: 'budget' },
      { name: 'keeps', variables: { ON_DELETE: 'keep', ON_EMAIL_DISABLED: 'withhold', CONSENT_TO_TRACK: 'No' } },
      { name: 'removes', withKey: true, variables: { ON_EMAIL_DISABLED: 'remove' } },
      { name: 'optin', list: { confirmedOptIn: true } },
    ],
  });
  await bed.start();
  client = openClient(bed.stores.temporal);
}, 60_000);
afterAll(async () => {
  await recordHistories(client, bed.stores.temporal.address, 'operate');
  await client.connection.close();
  await bed.stop();
});

describe('a parked member', () => {
  const park = async (email: string): Promise<string> => {
    bed.cm.faults.set({ refuseAddresses: [email] });
    const { id } = bed.ghost('plain').members.add({ email, name: 'Parked' });
    const workflowId = memberWorkflowId('plain', id);
    await eventually(async () => {
      const found = [];
      for await (const run of client.workflow.list({ query: "SyncState = 'Parked'" })) found.push(run.workflowId);
      return found.includes(workflowId);
    });
    return workflowId;
  };

  test('is found by its search attribute, says why, and goes through after retryParked', async () => {
    const workflowId = await park('retry@example.org');
    const handle = client.workflow.getHandle(workflowId);
    const { typedSearchAttributes } = await handle.describe();
    expect(Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]))).toMatchObject(
      { SyncState: 'Parked', FailedStep: 'pushContact', SiteName: 'plain' },
    );
    expect(await handle.query(memberStatus)).toMatchObject({
      state: 'parked',
      parked: { step: 'pushContact', type: 'AddressRefused' },
    });
    bed.cm.faults.clear();
    await handle.signal(retryParked);
    await handle.result();
    await bed.settled();
    expect(bed.subscriber('plain', 'retry@example.org')).toMatchObject({ state: 'Active' });
    expect(await bed.ledger.parked.list()).toEqual([]);
  });

  test('is parked again when it is retried in vain, and leaves after discardParked', async () => {
    const handle = client.workflow.getHandle(await park('discard@example.org'));
    await handle.signal(retryParked);
    await eventually(
      async () => bed.cm.calls.filter(({ addresses }) => addresses.includes('discard@example.org')).length >= 2,
    );
    await eventually(async () => (await bed.ledger.parked.list()).length === 1);
    await eventually(
      async () => (await client.workflow.getHandle(handle.workflowId).query(memberStatus)).state === 'parked',
    );
    await bed.signal('plain', handle.workflowId.split('/').at(-1)!, 'discardParked');
    await eventually(async () => (await bed.ledger.parked.list()).length === 0);
    await eventually(async () => (await handle.describe()).status.name === 'COMPLETED');
    bed.cm.faults.clear();
  });

  test('is started again by the relay when its run was lost', async () => {
    const workflowId = await park('lost@example.org');
    await client.workflow.getHandle(workflowId).terminate('lost');
    await bed.lookAfterParked();
    await eventually(async () => (await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING');
    await client.workflow.getHandle(workflowId).signal(discardParked);
    await eventually(async () => (await bed.ledger.parked.list()).length === 0);
    bed.cm.faults.clear();
  });
});

test('a signal that meets the close of a run is not lost: no delivery needs a second wake', async () => {
  const ghost = bed.ghost('plain');
  const deliveries = await record(ghost, () => {
    const { id } = ghost.members.add({ email: 'race@example.org', name: 'Version 0' });
    for (let n = 1; n <= 80; n += 1) ghost.members.edit(id, { name: `Version ${n}` });
  });
  await deliver(bed.url, 'plain', deliveries, 1);
  await bed.settled();
  expect(bed.subscriber('plain', 'race@example.org')?.name).toBe('Version 80');
  const rows = await bed.ledger.inbox.list({ site: 'plain', memberId: deliveries[0]!.memberId, limit: 100 });
  expect(rows).toHaveLength(81);
  expect(Math.max(...rows.map(({ wakes }) => wakes))).toBe(1);
});

test('60 members deleted in a minute: the budget lets 25 go and holds the rest; released, they all go', async () => {
  const { members } = bed.ghost('budget');
  const ids = Array.from(
    { length: 60 },
    (_, n) => members.add({ email: `d${n}@example.org`, name: `Deleted ${n}` }).id,
  );
  await bed.settled();
  const states = (): string[] => [...bed.list('budget').subscribers.values()].map(({ state }) => state);
  expect(states().filter((state) => state === 'Active')).toHaveLength(60);
  for (const id of ids) members.remove(id);
  await bed.settled(60_000);
  expect(states().filter((state) => state === 'Deleted')).toHaveLength(25);
  const { audience } = bed.config.sites.find(({ name }) => name === 'budget')!;
  const held = await bed.ledger.holds.list({ audience });
  expect(held).toHaveLength(35);
  expect(held[0]).toMatchObject({ kind: 'removal', reason: 'deleted' });
  // looked at again for whatever reason, they stay held
  await bed.markDue(
    'budget',
    held.map(({ address }) => address),
  );
  await bed.settled();
  expect(await bed.ledger.holds.list({ audience })).toHaveLength(35);
  // one of them signs up again meanwhile: its removal is void
  const again = [...bed.list('budget').subscribers.values()].find(({ state }) => state === 'Active')!.email;
  members.add({ email: again, name: 'Back' });
  await bed.settled();
  expect(await bed.ledger.holds.list({ audience })).toHaveLength(34);
  expect(await bed.ledger.holds.release({ audience })).toBe(34);
  await bed.settled(60_000);
  expect(states().filter((state) => state === 'Active')).toHaveLength(1);
  expect(bed.subscriber('budget', again)).toMatchObject({ name: 'Back', state: 'Active' });
}, 120_000);

test('a site that keeps deleted members and withholds those without a newsletter does so, with the consent it says', async () => {
  const { members } = bed.ghost('keeps');
  const kept = members.add({ email: 'kept@example.org', name: 'Kept' });
  members.add({ email: 'withheld@example.org', name: 'Withheld', newsletters: [] });
  await bed.settled();
  members.remove(kept.id);
  await bed.settled();
  expect(bed.subscriber('keeps', 'kept@example.org')?.state).toBe('Active');
  expect(bed.subscriber('keeps', 'withheld@example.org')).toBeUndefined();
  expect(
    bed.subscriber('keeps', 'kept@example.org')?.consentToTrack ?? bed.cm.state.consents.get('kept@example.org'),
  ).toBe('No');
});

test('a site that takes members without a newsletter off does so, and never adds who is suppressed in Ghost', async () => {
  const { members } = bed.ghost('removes');
  const { id } = members.add({ email: 'leaves@example.org', name: 'Leaves' });
  await bed.settled();
  members.edit(id, { newsletters: [] });
  const suppressed = members.add({ email: 'suppressed@example.org', name: 'Suppressed' });
  members.suppress(suppressed.id, 'spam');
  await bed.settled();
  expect(bed.subscriber('removes', 'leaves@example.org')?.state).toBe('Deleted');
  expect(bed.subscriber('removes', 'suppressed@example.org')).toBeUndefined();
});

test('on a double opt-in list additions are held, and mailed only once an operator releases them', async () => {
  const { members } = bed.ghost('optin');
  members.add({ email: 'asks@example.org', name: 'Asks' });
  await bed.settled();
  const { audience } = bed.config.sites.find(({ name }) => name === 'optin')!;
  expect(bed.cm.state.confirmationMails).toEqual([]);
  expect(await bed.ledger.holds.list({ audience })).toMatchObject([{ kind: 'addition' }]);
  await bed.ledger.holds.release({ audience });
  await bed.settled();
  expect(bed.cm.state.confirmationMails).toEqual(['asks@example.org']);
  expect(bed.subscriber('optin', 'asks@example.org')?.state).toBe('Unconfirmed');
});
