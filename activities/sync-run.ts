import { ApplicationFailure } from '@temporalio/common';
import type { Destination } from '../src/audiences/destination.js';
import type { SiteSyncInput } from '../src/contract/site-sync.js';
import type { Site } from '../src/domain/site.js';
import type { RemovalBudget } from '../src/ledger/removals.js';
import type { SyncRun } from '../src/ledger/runs.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';
import type { AudienceTarget } from './audience-push.js';
import type { GhostActivityDeps } from './ghost.js';

/** What the activities of `siteSync` work with. */
export interface SyncActivityDeps extends GhostActivityDeps {
  audiences: ReadonlyMap<string, AudienceTarget>;
  budget: RemovalBudget;
  /** Aborted when the process stops: long work ends after its present page. */
  stopping: AbortSignal;
  /** Largest share of the time during which scheduled walks may keep a site's Ghost busy, above 0 to 1. */
  sourceShare: number;
}

/** A run with what it works on. */
export interface CurrentRun {
  run: SyncRun;
  site: Site;
  ghost: GhostClient | undefined;
  destination: Destination;
}

/** The run of these arguments. @throws SiteChanged, not retried, when the site is not what it was when the run began */
export async function currentRun(
  { ledger, sites, audiences }: SyncActivityDeps,
  input: SiteSyncInput,
): Promise<CurrentRun> {
  const run = await ledger.runs.find(input.run);
  const source = sites.get(input.site);
  const target = source && audiences.get(source.site.audience);
  if (!run || !source || !target || run.audience !== source.site.audience) {
    throw ApplicationFailure.nonRetryable(
      `site ${input.site} is configured for another list now, or not at all; start the run again`,
      'SiteChanged',
    );
  }
  return { run, site: source.site, ghost: source.ghost, destination: target.destination };
}
