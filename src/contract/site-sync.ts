import type { AudienceSyncInput } from './audience-sync.js';

/** What a run of `siteSync` does: compare members, compare the list as well, or carry out a plan. */
export type SyncMode = 'walk' | 'full' | 'apply';

/** Arguments of `siteSync`: ids and flags only. */
export interface SiteSyncInput {
  site: string;
  mode: SyncMode;
  /** Id of this run in the ledger. */
  run: string;
  by: 'schedule' | 'command';
  /** Reads both sides and writes a plan, nothing else. */
  dryRun?: boolean;
  /** Only so many members, in the order of their ids. */
  limit?: number;
  /** The plan to apply: the id of the run that left it. */
  plan?: string;
  /** The person in charge knows that additions on this double opt-in list are mailed. */
  confirmOptInMails?: boolean;
}

/** How a run ended. `skipped`: by schedule, and its time has not come. */
export type SyncResult = 'done' | 'partly' | 'refused' | 'failed' | 'skipped';

/** What a run does after its beginning was noted, or why it does nothing. */
export type SyncBeginning =
  | { go: false; result: SyncResult; message: string }
  | { go: true; readsList: boolean; readsMembers: boolean };

/** Why a step ends the run early; undefined when it does not. */
export interface SyncStep {
  result?: Extract<SyncResult, 'partly' | 'refused'>;
  message?: string;
  /** The list is paused: nothing more can be done in this run. */
  isPaused?: boolean;
}

/** Arguments of any run that compares people with an audience. */
export type SyncInput = SiteSyncInput | AudienceSyncInput;

/** The activities of `siteSync` that need no vendor. */
export interface SyncActivities {
  /** Notes the run, or tells why it does nothing. */
  beginSync(input: SiteSyncInput): Promise<SyncBeginning>;
  /** Takes what a dry run read into the ledger. */
  takeOverPlan(input: SiteSyncInput): Promise<SyncStep>;
  /** Compares address by address; marks what differs due, settles what is true, writes a dry run's plan. */
  compareSite(input: SiteSyncInput): Promise<void>;
  /** Waits until everything that the run made due has its outcome, or its audience is paused. */
  awaitPushes(input: SyncInput): Promise<SyncStep>;
  /** Writes the run's result and figures. */
  endSync(input: SyncInput & { result: SyncResult; message?: string | undefined }): Promise<{ result: SyncResult }>;
}

/** The activities of `siteSync` that read Ghost. */
export interface WalkActivities {
  /** Reads all members page by page and applies what changed to the ledger. */
  walkMembers(input: SiteSyncInput): Promise<void>;
  /** Takes people off within the budget, each read again in Ghost first; otherwise leaves them as a plan. */
  removeFound(input: SiteSyncInput): Promise<SyncStep>;
}

/** The activity that reads an audience. */
export interface ListActivities {
  /** Reads the whole list back, or what changed in it, and stores what it holds. */
  readList(input: SyncInput): Promise<SyncStep>;
}

/** What `siteSync` returns. */
export interface SyncOutcome {
  run: string;
  result: SyncResult;
  message?: string | undefined;
}
