import { ApplicationFailure, activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { MemberSyncActivities, MemberSyncInput, SyncMemberResult } from '../src/contract/member-sync.js';
import type { MemberRead } from '../src/domain/apply-deliveries.js';
import type { Site } from '../src/domain/site.js';
import type { Ledger } from '../src/ledger/ledger.js';
import type { Logger } from '../src/observe/log.js';
import type { Metrics } from '../src/observe/metrics.js';
import { VendorError } from '../src/vendors/errors.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';
import { toFacts, toWaitingDelivery } from '../src/vendors/ghost/member-facts.js';
import { concernsAll, pauseSource } from './source-pause.js';

/** A site and, where there is an Admin API key, its Ghost. */
export interface SiteSource {
  site: Site;
  ghost?: GhostClient | undefined;
}

/** What the activities on Ghost's side work with. */
export interface GhostActivityDeps {
  ledger: Ledger;
  sites: ReadonlyMap<string, SiteSource>;
  log: Logger;
  metrics: Metrics;
}

/** Failed reads of one member, while its Ghost answers others, before it parks. */
const MOST_READ_TRIES = 10;
const HEARTBEAT_MS = 2_500;

/** Activities that read Ghost and apply what waits to the ledger. */
export function createGhostActivities(deps: GhostActivityDeps): MemberSyncActivities {
  const { ledger, sites } = deps;

  return {
    async syncMember({ site: name, memberId, action }): Promise<SyncMemberResult> {
      const source = sites.get(name);
      // no longer configured: its deliveries wait until it is again
      if (!source) return { state: 'waiting' };
      if (action === 'discard') {
        await ledger.parked.discard(name, memberId);
        deps.log.info({ site: name, memberId }, 'parked member was discarded by an operator');
        return { state: 'settled' };
      }
      const begun = source.ghost ? await readUnderLease(deps, source.ghost, { site: name, memberId }) : {};
      const stopped = begun === 'waiting' || begun === 'parked' ? begun : undefined;
      const isParked =
        stopped !== undefined || (await drain(deps, source.site, memberId, begun as UnderLease | object));
      if (action === 'retry' && stopped !== 'parked') {
        await ledger.parked.retry(name, memberId);
        deps.log.info({ site: name, memberId }, 'parked member is tried again by an operator');
      }
      if (stopped) return parkedOr(ledger, name, memberId, stopped);
      if (isParked && action === 'drain') await ledger.parked.unparkIfChanged(name, memberId);
      return isParked ? parkedOr(ledger, name, memberId, 'settled') : { state: 'settled' };
    },
  };
}

async function parkedOr(
  ledger: Ledger,
  site: string,
  memberId: string,
  state: 'waiting' | 'parked' | 'settled',
): Promise<SyncMemberResult> {
  const parked = await ledger.parked.find(site, memberId);
  return { state: state === 'waiting' ? 'waiting' : 'settled', ...(parked ? { parked } : {}) };
}

/** Applies what waits to the ledger; tells whether the member is parked. */
async function drain(
  deps: GhostActivityDeps,
  site: Site,
  memberId: string,
  under: UnderLease | object,
): Promise<boolean> {
  const { ledger, metrics } = deps;
  const { busy, changed, parked } = await ledger.drain.drain({
    site: site.name,
    audience: site.audience,
    items: [{ memberId, ...under }],
    lane: 'live',
    toWaiting: toWaitingDelivery,
  });
  if (busy.length > 0) throw memberBusy();
  for (const { foundBy } of changed) metrics.changesFound.inc({ site: site.name, by: foundBy });
  return parked.length > 0;
}

interface UnderLease {
  lease: string;
  read: MemberRead;
}

/** Reads the member while holding its lease; `waiting` when the site is paused and another run probes it. */
async function readUnderLease(
  deps: GhostActivityDeps,
  ghost: GhostClient,
  member: MemberSyncInput,
): Promise<UnderLease | 'waiting' | 'parked'> {
  const { ledger, log } = deps;
  const { site, memberId } = member;
  const { workflowExecution, activityId, attempt } = activityInfo();
  const token = `${workflowExecution?.runId}:${activityId}:${attempt}`;
  const lease = await ledger.drain.lease(site, memberId, token);
  if (!lease) throw memberBusy();
  if (lease.sitePaused && !(await ledger.sites.probes(site, memberId))) {
    await ledger.drain.unlease(site, memberId, token);
    return 'waiting';
  }
  const beating = setInterval(heartbeat, HEARTBEAT_MS);
  try {
    const found = await ghost.readMember(memberId, cancellationSignal());
    if (lease.sitePaused && (await ledger.sites.resume(site))) {
      await ledger.inbox.wakeAll(site);
      log.info({ site }, 'Ghost answers again: its pause is over');
    }
    return { lease: token, read: { asOf: lease.asOf, facts: found && toFacts(found), foundBy: 'webhook' } };
  } catch (error) {
    await ledger.drain.unlease(site, memberId, token);
    if (!(error instanceof VendorError)) throw error;
    return await readFailed(deps, ghost, member, error);
  } finally {
    clearInterval(beating);
  }
}

/** What concerns the whole source pauses it, with one run as its probe; what concerns one member is retried, then parked. */
async function readFailed(
  { ledger, log }: GhostActivityDeps,
  ghost: GhostClient,
  { site, memberId }: MemberSyncInput,
  error: VendorError,
): Promise<'waiting' | 'parked'> {
  const { kind } = error.details;
  if (kind === 'rate-limited') throw error;
  if (!(await concernsAll(ghost, error))) {
    if (!(await ledger.parked.countReadFailure(site, memberId, MOST_READ_TRIES))) throw error;
    log.warn({ site, memberId, step: 'readMember' }, 'member is parked; see steward parked list');
    await ledger.parked.parkRead(
      site,
      memberId,
      'MemberUnreadable',
      `${error.message}; look at the member in Ghost, then retry or discard.`,
    );
    return 'parked';
  }
  await pauseSource({ ledger, log }, site, memberId, error);
  if (await ledger.sites.probes(site, memberId)) throw error;
  return 'waiting';
}

/** Somebody else drains the member: looked at again each second. */
const memberBusy = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'MemberBusy',
    message: 'another processor holds the lease on this member',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: '1 second',
  });
