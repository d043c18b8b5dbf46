import type { ClientClock } from './clock.js';
import type { CustomField } from './fields.js';

/** Where a subscriber of a list stands. */
export type SubscriberState = 'Active' | 'Unconfirmed' | 'Unsubscribed' | 'Bounced' | 'Deleted';
/** What an unsubscription on the list means for the client's other lists. */
type UnsubscribeSetting = 'AllClientLists' | 'OnlyThisList';

/** One address on one list. */
export interface Subscriber {
  email: string;
  name: string;
  state: SubscriberState;
  /** Time of the last change of state; edits do not move it. */
  date: Date;
  joined: Date;
  consentToTrack: 'Yes' | 'No';
  /** By key without brackets; the options of a select of many are joined by `||`. */
  fields: Map<string, string>;
  mobileNumber: string;
  consentToSendSms: string;
  history: { at: Date; what: string }[];
}

/** A write that was stored, in the order of storing. */
export interface Write {
  listId: string;
  address: string;
  /** `Date.now()` when it was stored. */
  at: number;
  operation: 'import' | 'add' | 'update';
  name: string;
  /** The fields of this write that were stored, an empty text for a cleared one. */
  fields: Record<string, string>;
}

/** A list, its fields, and its subscribers by lower-cased address. */
export interface SandboxList {
  listId: string;
  title: string;
  confirmedOptIn: boolean;
  unsubscribeSetting: UnsubscribeSetting;
  customFields: CustomField[];
  subscribers: Map<string, Subscriber>;
  /** Counts whatever may change an ordered page: membership, states, dates, addresses, names. */
  version: number;
}

/** What a list is made from. */
export interface ListInput {
  listId: string;
  title: string;
  confirmedOptIn?: boolean;
  unsubscribeSetting?: UnsubscribeSetting;
}

const keptHistory = 100;
const keptWrites = 500_000;

/** Everything the stand-in knows, for tests to look at and to play the people and the staff. */
export class CampaignMonitorState {
  readonly lists = new Map<string, SandboxList>();
  /** Suppressed addresses of the client, lower-cased. */
  readonly suppression = new Map<string, { reason: string; date: Date }>();
  /** Consent by lower-cased address, across the client. */
  readonly consents = new Map<string, 'Yes' | 'No'>();
  /** Every stored write, oldest first. */
  readonly writes: Write[] = [];
  /** Addresses for which a call with automations on created or reactivated a subscriber. */
  readonly automationsQueued: string[] = [];
  /** Addresses that were sent a confirmation mail, once per mail. */
  readonly confirmationMails: string[] = [];
  readonly #writesBy = new Map<string, Write[]>();
  readonly #revoked = new Set<string>();

  constructor(
    readonly clock: ClientClock,
    readonly apiKeys: string[],
    readonly changed: () => void,
  ) {}

  addList(input: ListInput): SandboxList {
    const list: SandboxList = {
      confirmedOptIn: false,
      unsubscribeSetting: 'OnlyThisList',
      ...input,
      customFields: [],
      subscribers: new Map(),
      version: 0,
    };
    this.lists.set(input.listId, list);
    this.changed();
    return list;
  }

  /** The list; throws when the sandbox has none of that id. */
  list(listId: string): SandboxList {
    const list = this.lists.get(listId);
    if (!list) throw new Error(`the sandbox has no list ${listId}`);
    return list;
  }

  /** The subscriber in whatever state, or undefined. */
  subscriber(listId: string, email: string): Subscriber | undefined {
    return this.list(listId).subscribers.get(email.toLowerCase());
  }

  /** The stored writes of one address, oldest first. */
  writesOf(listId: string, email: string): readonly Write[] {
    return this.#writesBy.get(`${listId} ${email.toLowerCase()}`) ?? [];
  }

  /** The person unsubscribes; on an `AllClientLists` list from every list of the client, and becomes suppressed. */
  unsubscribe(listId: string, email: string): void {
    const list = this.list(listId);
    this.move(list, this.#require(listId, email), 'Unsubscribed', 'Unsubscribed');
    if (list.unsubscribeSetting !== 'AllClientLists') return;
    this.suppress(email, 'Unsubscribed');
    for (const other of this.lists.values()) {
      const subscriber = other.subscribers.get(email.toLowerCase());
      if (subscriber?.state === 'Active' || subscriber?.state === 'Unconfirmed') {
        this.move(other, subscriber, 'Unsubscribed', 'Unsubscribed on another list of the client');
      }
    }
  }

  /** A mail to the person bounces hard. */
  bounce(listId: string, email: string): void {
    this.move(this.list(listId), this.#require(listId, email), 'Bounced', 'Bounced');
  }

  /** The person follows the link of the confirmation mail. */
  confirm(listId: string, email: string): void {
    this.move(this.list(listId), this.#require(listId, email), 'Active', 'Confirmed');
  }

  /** Staff deletes somebody in Campaign Monitor's own pages. */
  deleteByStaff(listId: string, email: string): void {
    this.move(this.list(listId), this.#require(listId, email), 'Deleted', 'Deleted by staff');
  }

  /** Staff adds (or edits) somebody in Campaign Monitor's own pages; field keys are without brackets. */
  addByStaff(listId: string, email: string, fields: Record<string, string> = {}, name = ''): Subscriber {
    const list = this.list(listId);
    const subscriber = this.subscriber(listId, email) ?? this.create(list, email, 'Active', 'Added by staff');
    if (name) subscriber.name = name;
    for (const [key, value] of Object.entries(fields)) subscriber.fields.set(key, value);
    if (subscriber.state !== 'Active') this.move(list, subscriber, 'Active', 'Reactivated by staff');
    list.version += 1;
    this.changed();
    return subscriber;
  }

  suppress(email: string, reason = 'Reason Unavailable'): void {
    this.suppression.set(email.toLowerCase(), { reason, date: this.clock.now() });
    this.changed();
  }

  /** From now on the key (all keys when none is named) is answered 401, code 100. */
  revokeKey(key?: string): void {
    for (const one of key ? [key] : this.apiKeys) this.#revoked.add(one);
  }

  restoreKey(key?: string): void {
    for (const one of key ? [key] : this.apiKeys) this.#revoked.delete(one);
  }

  /** Whether the key is one of the account's and not revoked. */
  accepts(key: string): boolean {
    return this.apiKeys.includes(key) && !this.#revoked.has(key);
  }

  /** Puts a new subscriber on a list. */
  create(list: SandboxList, email: string, state: SubscriberState, what: string): Subscriber {
    const at = this.clock.now();
    const address = email.toLowerCase();
    const consentToTrack = this.consents.get(address) ?? 'Yes';
    this.consents.set(address, consentToTrack);
    const subscriber: Subscriber = {
      email,
      name: '',
      state,
      date: at,
      joined: at,
      consentToTrack,
      fields: new Map(),
      mobileNumber: '',
      consentToSendSms: 'No',
      history: [{ at, what }],
    };
    list.subscribers.set(address, subscriber);
    list.version += 1;
    return subscriber;
  }

  /** Changes a subscriber's state and its date; nothing happens when it is in that state already. */
  move(list: SandboxList, subscriber: Subscriber, state: SubscriberState, what: string): void {
    if (subscriber.state === state) return;
    subscriber.state = state;
    subscriber.date = this.clock.now();
    list.version += 1;
    this.note(subscriber, what);
    this.changed();
  }

  /** Consent belongs to the address, on all lists of the client. */
  setConsent(address: string, consent: 'Yes' | 'No'): void {
    if (this.consents.get(address) === consent) return;
    this.consents.set(address, consent);
    for (const list of this.lists.values()) {
      const subscriber = list.subscribers.get(address);
      if (subscriber) subscriber.consentToTrack = consent;
    }
  }

  note(subscriber: Subscriber, what: string): void {
    subscriber.history.push({ at: this.clock.now(), what });
    if (subscriber.history.length > keptHistory) subscriber.history.shift();
  }

  record(write: Write): void {
    this.writes.push(write);
    this.#index(write);
    if (this.writes.length <= keptWrites) return;
    this.writes.splice(0, keptWrites / 10);
    this.#writesBy.clear();
    for (const kept of this.writes) this.#index(kept);
  }

  #index(write: Write): void {
    const key = `${write.listId} ${write.address}`;
    const known = this.#writesBy.get(key);
    if (known) known.push(write);
    else this.#writesBy.set(key, [write]);
  }

  #require(listId: string, email: string): Subscriber {
    const subscriber = this.subscriber(listId, email);
    if (!subscriber) throw new Error(`${email} is not on the sandbox's list ${listId}`);
    return subscriber;
  }
}
