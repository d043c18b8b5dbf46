/** What of a Classy organization is kept in the ledger. */
export type Resource = (typeof RESOURCES)[number];

/** All resources, parents first. */
export const RESOURCES = ['campaigns', 'supporters', 'transactions', 'recurring-plans'] as const;

/** One resource, or all of them in their order. */
export type ResourceScope = Resource | 'all';

/** `incremental`: what changed since the last time; `full`: everything, and what is not there any more. */
export type OrganizationSyncMode = 'incremental' | 'full';

/** Arguments of `organizationSync`: ids and flags only. */
export interface OrganizationSyncInput {
  /** Classy's id. */
  organization: string;
  resource: ResourceScope;
  mode: OrganizationSyncMode;
  /** Id of this run in the ledger. */
  run: string;
  by: 'schedule' | 'command';
  /** Reads and counts what would change; writes nothing. */
  dryRun?: boolean;
  /** The person in charge knows that so many records are gone: the guard does not stop it. */
  confirmMissing?: boolean;
}

/** How a run of one resource ended. */
export type OrganizationSyncResult = 'done' | 'partly' | 'refused' | 'failed';

/** The worst of several results; `done` where there are none. */
export const worstOf = (results: readonly string[]): OrganizationSyncResult =>
  (['failed', 'refused', 'partly'] as const).find((one) => results.includes(one)) ?? 'done';

/** What `organizationSync` returns; `runs` where it went through several resources. */
export interface OrganizationSyncOutcome {
  run: string;
  resource: ResourceScope;
  result: OrganizationSyncResult;
  message?: string | undefined;
  runs?: OrganizationSyncOutcome[];
}

/** A run of one resource. */
export type ResourceSyncInput = OrganizationSyncInput & { resource: Resource };

/** The activities of `organizationSync` that need the ledger alone. */
export interface OrganizationRunActivities {
  /** Notes the run, or tells why it does nothing. */
  beginResource(input: ResourceSyncInput): Promise<{ go: boolean; message?: string }>;
  /** Writes the run's result. */
  endResource(input: ResourceSyncInput & { failure?: string }): Promise<OrganizationSyncOutcome>;
}

/** The activity of `organizationSync` that reads Classy. */
export interface ReadResourceActivities {
  /** Reads page by page and stores what differs, up to the end; then marks what a full sync did not find. */
  readResource(input: ResourceSyncInput): Promise<void>;
}
