import type { Contact } from '../domain/contact.js';
import type { ListState } from '../domain/plan-contact.js';
import type { ObservedSubscriber, SubscriberView } from '../domain/subscriber.js';

/** What became of one contact of a call, by the destination's own answer. */
export type PushOutcome =
  | { kind: 'stored' }
  /** Not stored because of the state it is in there: respected, never overridden. */
  | { kind: 'respected'; state: ListState; code: number }
  /** Will never be accepted as it is. */
  | { kind: 'refused'; code: number }
  /** Declined for a reason that we do not know. */
  | { kind: 'unknown'; code: number };

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
  /** Sentences about what is wrong but does not stop us. */
  problems: string[];
}

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
  /** How long one call may take, in milliseconds. */
  timeoutMs: number;
}

/**
 * A place where contacts are kept: one audience at one vendor. All methods throw `VendorError`; kinds other than
 * `rejected` concern the whole audience.
 */
export interface Destination {
  readonly audience: string;
  readonly limits: DestinationLimits;
  /** Reads the audience's settings, creates the fields that are missing, reports what is wrong. */
  check(): Promise<AudienceCheck>;
  /** Answers when the audience can be reached with its key, changing nothing: tells a poisonous contact from an outage. */
  probe(): Promise<Pick<AudienceCheck, 'doubleOptIn'>>;
  /** Adds or updates contacts, one outcome for each, in order. */
  push(contacts: readonly Contact[], flags: PushFlags): Promise<PushOutcome[]>;
  /** One subscriber, in any state; `Absent` is told as undefined. */
  read(address: string): Promise<SubscriberView | undefined>;
  /** Reads the whole audience back page by page, in every state; pass each page's `next` on. `next` is opaque and JSON-safe. */
  readBack(cursor: string | undefined): Promise<ObservedPage>;
  /**
   * What a contact's fields read back as once stored, by our own field names; '' where they are cleared. Fields that the
   * destination would drop in silence are absent.
   */
  storedFields(contact: Contact): Record<string, string>;
  /** Gives the subscriber at `from` the contact's address and fields, keeping its state. `taken`: the address is there already. */
  move(from: string, contact: Contact): Promise<PushOutcome | { kind: 'taken' } | { kind: 'absent' }>;
  /** Takes an address off, such that only our own deed leaves it in that state. */
  remove(address: string): Promise<void>;
}
