import { ApplicationFailure } from '@temporalio/common';
import type { Destination } from '../src/audiences/destination.js';
import type { SiteSyncInput, SyncInput } from '../src/contract/site-sync.js';
import type { Site } from '../src/domain/site.js';
import type { People } from '../src/ledger/people.js';
import type { RemovalBudget } from '../src/ledger/removals.js';
import type { SyncRun } from '../src/ledger/runs.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';
import type { AudienceOf } from './audience-target.js';
import type { GhostActivityDeps } from './ghost.js';

/** What the activities of syncs work with. */
export interface SyncActivityDeps extends GhostActivityDeps {
  audienceOf: AudienceOf;
  budget: RemovalBudget;
  /** Aborted when the process stops: long work ends after its present page. */
  stopping: AbortSignal;
  /** Largest share of the time during which scheduled walks may keep a site's Ghost busy, above 0 to 1. */
  sourceShare: number;
}

/** A run with what it works on. */
export interface CurrentRun {
  run: SyncRun;
  audience: string;
  people: People;
  destination: Destination;
  /** Tag names that are ours to give and to take here, in lower case. */
  managedTags: ReadonlySet<string>;
}

/** A run of a site. */
export interface CurrentSiteRun extends CurrentRun {
  site: Site;
  ghost: GhostClient | undefined;
}

/** The run of these arguments. @throws AudienceChanged, not retried, when what it syncs is not what it was when it began */
export async function currentRun(
  { ledger, audienceOf, sites }: SyncActivityDeps,
  input: SyncInput,
): Promise<CurrentRun> {
  const run = await ledger.runs.find(input.run);
  const audience = 'site' in input ? sites.get(input.site)?.site.audience : input.audience;
  const target = audience === undefined ? undefined : await audienceOf(audience);
  const people = await target?.people();
  if (!run || !target || !people || run.audience !== audience || run.site !== people.scope) {
    const what = 'site' in input ? `site ${input.site}` : `audience ${input.audience}`;
    throw ApplicationFailure.nonRetryable(
      `${what} is configured for another list now, or not at all; start the run again`,
      'AudienceChanged',
    );
  }
  const managedTags = await ledger.audiences.manageTags(target.destination.audience, people.catalogue);
  return { run, audience: target.destination.audience, people, destination: target.destination, managedTags };
}

/** The same for what only sites have. */
export async function currentSiteRun(deps: SyncActivityDeps, input: SiteSyncInput): Promise<CurrentSiteRun> {
  const current = await currentRun(deps, input);
  const source = deps.sites.get(input.site)!;
  return { ...current, site: source.site, ghost: source.ghost };
}
