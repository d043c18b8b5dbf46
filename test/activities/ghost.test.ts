import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createGhostActivities } from '../../activities/ghost.js';
import { createTargets } from '../../src/cli/processes/targets.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

const SITE = 'alone';
let bed: Testbed;

beforeAll(async () => {
  bed = await createTestbed({ name: 'activities_ghost', sites: [{ name: SITE, withKey: true }] });
}, 60_000);
afterAll(() => bed.stop());

/** Runs the activity as a worker would, without a server. */
function syncMember(memberId: string): Promise<unknown> {
  const { ledger, log, config } = bed;
  const metrics = createMetrics();
  const { sites } = createTargets(config, ledger, metrics, { ring: () => [], dataDir: '' });
  const { syncMember: activity } = createGhostActivities({ ledger, sites, log, metrics });
  return new MockActivityEnvironment().run(activity, { site: SITE, memberId, action: 'drain' as const });
}

test('a member whose lease somebody else holds is looked at again after a second, and nothing is written', async () => {
  const { id } = bed.ghost(SITE).members.add({ email: 'leased@example.org', name: 'Leased' });
  await bed.ledger.drain.lease(SITE, id, 'somebody-else');
  const failure = await syncMember(id).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ type: 'MemberBusy', nonRetryable: false, nextRetryDelay: '1 second' });
  expect((await bed.ledger.status.members(SITE, id))[0]?.email).toBeNull();
  await bed.ledger.drain.unlease(SITE, id, 'somebody-else');
  expect(await syncMember(id)).toEqual({ state: 'settled' });
  expect((await bed.ledger.status.members(SITE, id))[0]?.email).toBe('leased@example.org');
});

test('while the site is paused only the member that probes it asks Ghost', async () => {
  const ghost = bed.ghost(SITE);
  const [first, second] = ['first', 'second'].map(
    (name) => ghost.members.add({ email: `${name}@example.org`, name }).id,
  ) as [string, string];
  ghost.revokeKey();
  await expect(syncMember(first)).rejects.toMatchObject({ details: { kind: 'refused' } });
  const calls = ghost.calls.length;
  expect(await syncMember(second)).toEqual({ state: 'waiting' });
  expect(ghost.calls).toHaveLength(calls);
  ghost.restoreKey();
  expect(await syncMember(first)).toEqual({ state: 'settled' });
  expect((await bed.ledger.sites.pauses()).size).toBe(0);
});
