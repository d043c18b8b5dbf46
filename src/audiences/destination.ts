import type { Contact } from '../domain/contact.js';
import type { DeclineReason } from '../domain/decline-reason.js';
import type { ListState } from '../domain/plan-contact.js';
import type { ObservedSubscriber, SubscriberView } from '../domain/subscriber.js';
import type { TagChange } from '../domain/tag-change.js';

/** What became of one contact of a call, by the destination's own answer. */
export type PushOutcome =
  /**
   * `created`: whether it was not there before; `since`: when it came there by an API; `tags`: those that it has now, `isPartial`
   * where there may be more. Where the destination tells it.
   */
  | { kind: 'stored'; created?: boolean; since?: string | undefined; tags?: readonly string[]; isPartial?: boolean }
  /** Not stored because of the state it is in there: respected, never overridden. */
  | { kind: 'respected'; state: ListState; code?: number; reason?: DeclineReason }
  /** Will never be accepted as it is; with `isForNow` perhaps at another time. */
  | { kind: 'refused'; code?: number; reason?: DeclineReason; isForNow?: boolean }
  /** Declined for a reason that we do not know, or not confirmed. */
  | { kind: 'unknown'; code?: number };

/** One page of a reading back; `next` is absent on the last one. */
export interface ObservedPage {
  subscribers: ObservedSubscriber[];
  next?: string | undefined;
}

/** What checking an audience found. */
export interface AudienceCheck {
  title: string;
  activeSubscribers: number;
  /** Everybody added would be mailed and only then subscribed. */
  doubleOptIn: boolean;
  /** Sentences about what is wrong but does not stop us; one that begins with `NOTE` is only worth knowing. */
  problems: string[];
  /** Fields that it does not have, or has in another type: they are left out of what is written. */
  missingFields?: string[];
}

/** Begins what a check found that is no illness. */
export const NOTE = 'Note: ';

/** What one call may be told. */
export interface PushFlags {
  /** Whether additions start the welcome mails of the list. */
  automations: boolean;
  /** Whether somebody whom we removed comes back; only ever for one contact, read as Deleted immediately before. */
  resubscribe: boolean;
}

/** Limits of a destination. */
export interface DestinationLimits {
  /** Most contacts in one call. */
  batchSize: number;
  /** Most contacts looked at together; more than one call's where tags are collected over many. */
  pageSize: number;
  /** Calls about different people that may be open at a time. */
  callsAtOnce: number;
  /** How long one call may take, in milliseconds. */
  timeoutMs: number;
  /** Pauses in place after a 429 that names no time, in milliseconds. */
  busyPausesMs: readonly number[];
  /** Whether such a 429 may be about what is in the call; else it is about the key, and so about everybody. */
  isBusyWithCall: boolean;
}

/** What a destination can do beside storing fields. */
export interface Capabilities {
  tags: boolean;
  /** Whether a tag that is given can start automations there, which a quiet sync keeps from starting. */
  tagsStartAutomations: boolean;
  /** Gives a subscriber another address. */
  moves: boolean;
  /** Subscribes somebody again whom we took off. */
  resubscribes: boolean;
  /** The state that `remove` leaves somebody in. */
  removedState: 'Deleted' | 'Unsubscribed';
}

/** What is to be changed of one subscriber's tags. */
export interface PersonTags extends TagChange {
  email: string;
}

/** One call that changes tags of some people. */
export interface TagCall {
  /** Whom it is about: places in the list that the calls were made from. */
  people: readonly number[];
  /** One outcome for each of them, in order. */
  send(): Promise<PushOutcome[]>;
}

/** How a destination changes tags. */
export interface Tagging {
  /** The fewest calls that make these changes; `quiet`: such that no automation starts. No two are about the same tag of a person. */
  calls(changes: readonly PersonTags[], quiet: boolean): TagCall[];
}

/**
 * A place where contacts are kept: one audience at one vendor. All methods throw `VendorError`; kinds other than
 * `rejected` concern the whole audience.
 */
export interface Destination {
  readonly audience: string;
  readonly limits: DestinationLimits;
  readonly capabilities: Capabilities;
  /** Undefined where there are no tags. */
  readonly tagging?: Tagging;
  /** Reads the audience's settings, reports what is wrong and, unless it only looks, creates the fields that are missing. */
  check(looksOnly?: boolean): Promise<AudienceCheck>;
  /** Answers when the audience can be reached with its key, changing nothing: tells a poisonous contact from an outage. */
  probe(): Promise<Pick<AudienceCheck, 'doubleOptIn'>>;
  /** Adds or updates contacts, one outcome for each, in order. */
  push(contacts: readonly Contact[], flags: PushFlags): Promise<PushOutcome[]>;
  /** One subscriber, in any state; `Absent` is told as undefined. */
  read(address: string): Promise<SubscriberView | undefined>;
  /**
   * Reads the whole audience back page by page, in every state; pass each page's `next` on. `next` is opaque and JSON-safe.
   * `since`: only what changed after it, where the destination can tell; else it reads everything.
   */
  readBack(cursor: string | undefined, since?: Date): Promise<ObservedPage>;
  /** Whether `readBack` knows `since`. */
  readonly readsChanges: boolean;
  /**
   * What a contact's fields read back as once stored, by our own field names; '' where they are cleared. Fields that the
   * destination would drop in silence are absent; `name` is told where it does not read back as it is.
   */
  storedFields(contact: Contact): Record<string, string>;
  /** Gives the subscriber at `from` the contact's address and fields, keeping its state. `taken`: the address is there already. */
  move(from: string, contact: Contact): Promise<PushOutcome | { kind: 'taken' } | { kind: 'absent' }>;
  /** Takes an address off, such that only our own deed leaves it in that state. */
  remove(address: string): Promise<void>;
}
