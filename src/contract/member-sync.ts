/** Arguments of `memberSync`: ids only, no person (house decision 1). */
export interface MemberSyncInput {
  site: string;
  memberId: string;
}

/** Why a person is parked, without personal data. */
export interface ParkedFailure {
  /** `readMember` or `pushContact`. */
  step: string;
  type: string;
  message: string;
}

/** What `syncMember` does with what waits: drain it, send in any case, or give it up. */
export type SyncAction = 'drain' | 'retry' | 'discard';

/** What one activity of `memberSync` found. `waiting`: the site is paused and somebody else probes it. */
export interface SyncMemberResult {
  state: 'settled' | 'waiting';
  parked?: ParkedFailure;
}

/** Answer of the `status` query of `memberSync`. */
export interface MemberSyncStatus {
  state: 'running' | 'parked';
  parked?: ParkedFailure;
}

/** The activities that `memberSync` uses. */
export interface MemberSyncActivities {
  /** Applies all that waits for the member to the ledger. @throws SourceDown, SourceRefused (retried as long as it takes) */
  syncMember(input: MemberSyncInput & { action: SyncAction }): Promise<SyncMemberResult>;
}
