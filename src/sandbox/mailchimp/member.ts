import type { MergeValue } from './merge-values.js';
import type { SandboxTag } from './tags.js';

/** Where a member of an audience stands. */
export type MemberStatus = 'subscribed' | 'unsubscribed' | 'cleaned' | 'pending' | 'transactional' | 'archived';
/** Who did something. */
export type Actor = 'api' | 'contact' | 'staff' | 'bounce' | 'seed';

/** One address in an audience, whatever its status. */
export interface SandboxMember {
  hash: string;
  email: string;
  status: MemberStatus;
  /** Who unsubscribed this person; stays through archiving, until subscribed again. */
  optedOutBy: Actor | undefined;
  /** Mail to this address bounced; stays through archiving. */
  bounced: boolean;
  /** By tag; what is not there is empty. */
  mergeFields: Map<string, MergeValue>;
  tags: { tag: SandboxTag; at: number }[];
  /** Marketing permissions that are given. */
  permissions: string[];
  /** Anything else that a client may set and reads back. */
  details: MemberDetails;
  /** How the member came, such as `API - Generic`. */
  source: string;
  webId: number;
  /** Milliseconds, to the second. */
  changedAt: number;
}

/** What a client may say of a member besides address, status, merge fields, tags and permissions. */
export interface MemberDetails {
  email_type: string;
  language: string;
  vip: boolean;
  ip_signup: string;
  ip_opt: string;
  timestamp_signup: string;
  timestamp_opt: string;
  interests: Record<string, boolean>;
  latitude: number;
  longitude: number;
}

/** A change of where an address stands; `moved` left it for another address, `forgotten` was deleted for good. */
export interface StatusChange {
  at: Date;
  address: string;
  from: MemberStatus | 'absent';
  to: MemberStatus | 'moved' | 'forgotten';
  by: Actor;
  /** What did it: an operation of the API, or words. */
  via: string;
}

/** A write of the API that was stored, in the order of storing. */
export interface MemberWrite {
  listId: string;
  address: string;
  /** `Date.now()` when it was stored. */
  at: number;
  operation: string;
  /** The member's status after it, or before when it removed the member. */
  status: MemberStatus;
  /** The values of this write that were stored. */
  mergeFields: Record<string, MergeValue>;
  tagsAdded: string[];
  tagsRemoved: string[];
  /** Whether the write changed anything of the member. */
  changed: boolean;
}

/** A tag that was given without `is_syncing`: an automation that waits for it would have started. */
export interface AutomationTrigger {
  at: Date;
  listId: string;
  address: string;
  tag: string;
  /** The operation that gave it. */
  via: string;
}

/** A member as tests read it. */
export interface MemberView {
  email: string;
  status: MemberStatus;
  optedOutBy: Actor | undefined;
  mergeFields: Record<string, MergeValue>;
  /** Names, in alphabetical order. */
  tags: string[];
  permissions: string[];
  vip: boolean;
  language: string;
  source: string;
  changedAt: Date;
}

/** A copy of a member for tests to look at. */
export function viewOf(member: SandboxMember): MemberView {
  const { email, status, optedOutBy, permissions, details, source, changedAt } = member;
  return {
    ...{ email, status, optedOutBy, permissions: [...permissions], source },
    mergeFields: Object.fromEntries(member.mergeFields),
    tags: member.tags.map(({ tag }) => tag.name).sort(),
    vip: details.vip,
    language: details.language,
    changedAt: new Date(changedAt),
  };
}
