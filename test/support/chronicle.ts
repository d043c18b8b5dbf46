import type { Call, SandboxCampaignMonitor, SandboxGhost, SubscriberState, Write } from '../../src/sandbox/index.js';

/** Who held an address in Ghost, from when to when (`until`: still), in counted events. */
export interface Holding {
  memberId: string;
  from: number;
  until: number;
}

/** One thing that happened to an address at the list, as the list itself saw it. */
export interface ListEvent {
  /** Counts all events of Ghost and of the list. */
  seq: number;
  /** `Date.now()`. */
  at: number;
  what: 'created' | 'state' | 'moved-in' | 'moved-out' | 'write';
  by: 'us' | 'people';
  from: SubscriberState | 'Absent';
  to: SubscriberState | 'Absent';
  /** The other address of a move. */
  other?: string;
  /** Whether the list was failing then. */
  failing: boolean;
  write?: Write;
  /** Living holders then, the one with the largest id last. */
  holders: string[];
}

export const lower = (email: string): string => email.toLowerCase();

/**
 * Writes down, beside the stand-ins and knowing nothing of Steward, who held which address in Ghost and what was done to
 * it at the list by whom.
 */
export class Chronicle {
  readonly holdings = new Map<string, Holding[]>();
  readonly events = new Map<string, ListEvent[]>();
  /** Begins (counted events) of walks that read all members and ended well. */
  lastWalkBegan = 0;
  /** How far the list's clock is ahead of ours. */
  listAheadMs = 0;
  /** Told of each event at the list, before it is written down. */
  onEvent: (address: string, event: ListEvent) => void = () => undefined;
  #seq = 1;

  constructor(
    readonly ghost: SandboxGhost,
    readonly cm: SandboxCampaignMonitor,
    readonly listId: string,
  ) {
    this.#watchGhost();
    this.#watchList();
    Object.assign(cm.state.clock, { now: () => new Date(Date.now() + this.listAheadMs) });
  }

  /** Counted events so far. */
  get now(): number {
    return this.#seq;
  }

  of(address: string): ListEvent[] {
    return this.events.get(address) ?? [];
  }

  /** Holdings of an address; those that began and ended in one breath are there as well. */
  held(address: string): Holding[] {
    return this.holdings.get(address) ?? [];
  }

  /** Living members who hold an address, in order of their ids. */
  living(address: string): string[] {
    return this.held(address)
      .filter(({ until }) => until === Number.POSITIVE_INFINITY)
      .map(({ memberId }) => memberId)
      .sort();
  }

  stateOf(address: string): SubscriberState | 'Absent' {
    return this.cm.state.subscriber(this.listId, address)?.state ?? 'Absent';
  }

  /** The last call that read this one address. */
  lastLook(address: string): Call | undefined {
    return this.cm.calls.findLast(
      (call) => call.operation === 'subscriber.get' && call.status > 0 && call.addresses.includes(address),
    );
  }

  #watchGhost(): void {
    const { store } = this.ghost;
    const begin = (memberId: string, email: string): void => {
      const address = lower(email);
      const list = this.holdings.get(address) ?? [];
      list.push({ memberId, from: this.#seq++, until: Number.POSITIVE_INFINITY });
      this.holdings.set(address, list);
    };
    const end = (memberId: string, email: string): void => {
      const open = this.held(lower(email)).find(
        (one) => one.memberId === memberId && one.until === Number.POSITIVE_INFINITY,
      );
      if (open) open.until = this.#seq++;
    };
    const { insert, setEmail, delete: remove } = store;
    store.insert = (row) => {
      insert.call(store, row);
      begin(row.id, row.email);
    };
    store.setEmail = (row, email) => {
      end(row.id, row.email);
      setEmail.call(store, row, email);
      begin(row.id, email);
    };
    store.delete = (ids) => {
      for (const id of ids) {
        const row = store.byId(id);
        if (row) end(id, row.email);
      }
      remove.call(store, ids);
    };
  }

  #watchList(): void {
    const { state } = this.cm;
    const tell = (
      address: string,
      event: Pick<ListEvent, 'what' | 'by' | 'from' | 'to'> & Partial<ListEvent>,
    ): void => {
      const { faults } = this.cm;
      const failing = faults.failEvery !== undefined || faults.outage || faults.html;
      const full = { seq: this.#seq++, at: Date.now(), failing, holders: this.living(address), ...event };
      this.onEvent(address, full);
      const list = this.events.get(address) ?? [];
      list.push(full);
      this.events.set(address, list);
    };
    const { create, move, note, record } = state;
    state.create = (list, email, to, what) => {
      const by = what.startsWith('Added by staff') ? 'people' : 'us';
      tell(lower(email), { what: 'created', by, from: 'Absent', to });
      return create.call(state, list, email, to, what);
    };
    state.move = (list, subscriber, to, what) => {
      const from = subscriber.state;
      const by = what.endsWith('by the API') || what.startsWith('Resubscribed by') ? 'us' : 'people';
      if (from !== to) tell(lower(subscriber.email), { what: 'state', by, from, to });
      move.call(state, list, subscriber, to, what);
    };
    state.note = (subscriber, what) => {
      if (what.startsWith('Address changed from ')) {
        const source = lower(what.slice('Address changed from '.length));
        const [target] = [...state.list(this.listId).subscribers].find(([, one]) => one === subscriber)!;
        const { state: at } = subscriber;
        tell(source, { what: 'moved-out', by: 'us', from: at, to: 'Absent', other: target });
        tell(target, { what: 'moved-in', by: 'us', from: 'Absent', to: at, other: source });
      }
      note.call(state, subscriber, what);
    };
    state.record = (write) => {
      const at = this.stateOf(write.address);
      tell(write.address, { what: 'write', by: 'us', from: at, to: at, write });
      record.call(state, write);
    };
  }
}
