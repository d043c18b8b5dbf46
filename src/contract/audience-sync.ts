import type { SyncResult, SyncStep } from './site-sync.js';

/** What a run of `audienceSync` does: what changed, everything, or what a plan says. */
export type AudienceSyncMode = 'incremental' | 'full' | 'apply';

/** Arguments of `audienceSync`: ids and flags only. */
export interface AudienceSyncInput {
  audience: string;
  /** Task queue of its destination. */
  queue: string;
  mode: AudienceSyncMode;
  /** Id of this run in the ledger. */
  run: string;
  by: 'schedule' | 'command';
  /** Reads both sides and writes a plan, nothing else. */
  dryRun?: boolean;
  /** Only so many people, in the order of their addresses. */
  limit?: number;
  /** The plan to apply: the id of the run that left it. */
  plan?: string;
  /** Tags of a first sync go by hundreds, though that may start automations. */
  fast?: boolean;
}

/** What a run does after its beginning was noted, or why it does nothing. */
export type AudienceSyncBeginning = { go: false; result: SyncResult; message: string } | { go: true };

/** The activities of `audienceSync` that no sync of a site has. */
export interface AudienceSyncActivities {
  /** Notes the run, or tells why it does nothing. */
  beginAudienceSync(input: AudienceSyncInput): Promise<AudienceSyncBeginning>;
  /** Adds up what everybody has given, as of one instant. */
  reckonDonors(input: AudienceSyncInput): Promise<void>;
  /** The same as `compareSite`, for the people of an organization. */
  compareAudience(input: AudienceSyncInput): Promise<void>;
  /** Takes people off within the budget, or leaves them as a plan. */
  removeWithdrawn(input: AudienceSyncInput): Promise<SyncStep>;
}
