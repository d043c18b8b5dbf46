import type { Chronicle, ListEvent } from './chronicle.js';

/** Somebody's no at the list: it binds the address and who held it, until staff or the person takes it back there. */
interface OptOut {
  address: string;
  at: number;
  memberId: string | undefined;
  /** Whether we had written to the address for that member before, so that the ledger knows whose it was. */
  wasOurs: boolean;
  takenBack: boolean;
  /** It came between our reading the list and the call that reading led to, which nobody can see. */
  raced: boolean;
}

/** What is wrong, and about which address. */
export interface Fault {
  address: string;
  what: string;
}

/** Rules of the test that are not about what must be true but about what is still unmended. */
export type Lenience =
  | 'person-opt-out-elsewhere'
  | 'moved-onto-a-no'
  | 'full-writes-again'
  | 'same-edit-again'
  | 'walks-alone';

/**
 * The independent model: what a list must hold, from Ghost's members and from what people and staff did at the list alone;
 * and what may never happen on the way, judged at the moment it happens.
 */
export class Judge {
  readonly faults: Fault[] = [];
  readonly #optOuts = new Map<string, OptOut[]>();
  /** Names begin with these; so a write tells whose it is. */
  readonly keys = new Map<string, string>();
  /** When signed sign-ups of a member were sent to Steward, and accepted. */
  readonly signedAdds = new Map<string, Set<number>>();

  constructor(
    readonly chronicle: Chronicle,
    readonly lenient: ReadonlySet<Lenience> = new Set(),
  ) {
    chronicle.onEvent = (address, event) => this.#judge(address, event);
  }

  #optOutsOf(address: string): OptOut[] {
    return this.#optOuts.get(address) ?? [];
  }

  #openOptOut(address: string): OptOut | undefined {
    return this.#optOutsOf(address).find(({ takenBack }) => !takenBack);
  }

  #judge(address: string, event: ListEvent): void {
    const wrong = (what: string): void => {
      this.faults.push({ address, what: `${what} (event ${event.seq})` });
    };
    if (event.by === 'people') {
      this.#byPeople(address, event);
      return;
    }
    if (this.chronicle.held(address).length === 0) wrong(`touched though never a member's: ${event.what}`);
    if (event.what === 'write') this.#judgeWrite(address, event, wrong);
    if (event.what === 'moved-in') this.#carryOver(address, event);
    if (event.to === 'Active' && event.from !== 'Active') this.#judgeSubscription(address, event, wrong);
    if (event.what === 'state' && event.to === 'Deleted') this.#judgeRemoval(address, event, wrong);
  }

  #byPeople(address: string, { at, to, holders }: ListEvent): void {
    if (to === 'Active') {
      for (const one of this.#optOutsOf(address)) one.takenBack = true;
      return;
    }
    const memberId = holders.at(-1);
    const wasOurs = this.chronicle
      .of(address)
      .some(({ what, holders: then }) => what === 'write' && memberId !== undefined && then.at(-1) === memberId);
    const optOut = { address, at, memberId, wasOurs, takenBack: false, raced: false };
    this.#optOuts.set(address, [...this.#optOutsOf(address), optOut]);
  }

  /** Whoever opted out takes that along to another address. */
  #carryOver(address: string, { other, to, at }: ListEvent): void {
    const open = this.#openOptOut(other!);
    if (to === 'Active' || !open) return;
    open.raced = this.#isRaced(open);
    const carried = { ...open, address, at, takenBack: false };
    this.#optOuts.set(address, [...this.#optOutsOf(address), carried]);
  }

  /** Whether a no came after our last look at its address. */
  #isRaced({ address, at }: OptOut): boolean {
    const look = this.chronicle.lastLook(address);
    return look === undefined || at >= (look.endedAt ?? 0);
  }

  /** Nobody who said no is subscribed again, neither the address nor the person (house decisions 8 and 16). */
  #judgeSubscription(address: string, { what, from, holders }: ListEvent, wrong: (what: string) => void): void {
    if (what === 'moved-in' && this.lenient.has('moved-onto-a-no'))
      for (const one of this.#optOutsOf(address)) one.raced = true;
    const open = this.#optOutsOf(address).find(({ takenBack, raced }) => !takenBack && !raced);
    if (open) wrong(`subscribed by ${what} from ${from} though the address opted out`);
    const last = this.chronicle.of(address).findLast((one) => one.what !== 'write');
    const isOurRemoval = last?.by === 'us' && last.to === 'Deleted';
    if (what === 'state' && !isOurRemoval) wrong(`subscribed again from ${from}, which was not our removal`);
    // a move carries the subscription that the person has; only a new one needs a yes
    if (what === 'moved-in' || this.lenient.has('person-opt-out-elsewhere')) return;
    const memberId = holders.at(-1);
    for (const one of [...this.#optOuts.values()].flat()) {
      const isTheirs = one.memberId === memberId && memberId !== undefined && one.wasOurs && !one.takenBack;
      if (isTheirs && one.address !== address && !this.#isRaced(one) && !one.raced)
        wrong(`subscribed by ${what} though its member ${memberId} opted out at ${one.address}`);
      else if (isTheirs && one.address !== address && !one.raced)
        wrong(
          `subscribed by ${what} though its member ${memberId} opted out at ${one.address}, where nobody looked since`,
        );
    }
  }

  #judgeRemoval(address: string, { from, holders }: ListEvent, wrong: (what: string) => void): void {
    const open = this.#openOptOut(address);
    const isRaced = open !== undefined && this.#isRaced(open);
    if (from !== 'Active' && !isRaced) wrong(`removed though it was ${from}: an own no now looks like our removal`);
    if (isRaced) open.raced = true;
    // whom a complete walk showed living at this address is not to be taken off it
    const lives = this.chronicle
      .held(address)
      .some(
        ({ memberId, from: since, until }) =>
          holders.includes(memberId) && until === Number.POSITIVE_INFINITY && since < this.chronicle.lastWalkBegan,
      );
    if (lives) wrong('removed though a member lived there since before the last complete walk');
  }

  #judgeWrite(address: string, { write, to }: ListEvent, wrong: (what: string) => void): void {
    const names = this.chronicle.held(address).map(({ memberId }) => this.keys.get(memberId));
    const isOfHolder = names.some((key) => key !== undefined && write!.name.startsWith(`${key} `));
    if (!isOfHolder) wrong(`written ${JSON.stringify(write!.name)}, who never held it`);
    if (to !== 'Active' && write!.operation === 'import') wrong(`imported over ${to}`);
  }

  /** What is wrong with an address in the end. */
  verdict(address: string): string | undefined {
    const memberId = this.chronicle.living(address).at(-1);
    return memberId === undefined ? this.#verdictOnNobodys(address) : this.#verdictOnMembers(address, memberId);
  }

  #verdictOnMembers(address: string, memberId: string): string | undefined {
    const { cm, listId, ghost } = this.chronicle;
    const member = ghost.members.get(memberId)!;
    const there = cm.state.subscriber(listId, address);
    const state = this.chronicle.stateOf(address);
    // a race that lost is a fault nowhere but at the vendor, which has no conditional call
    const open = this.#optOutsOf(address).find(({ takenBack, raced }) => !takenBack && !raced);
    if (state !== 'Active') return this.#maybeMissing(address, memberId, state);
    if (open) return 'Active though it opted out';
    const seen = {
      name: there!.name,
      status: there!.fields.get('ghost_status') ?? '',
      labels: there!.fields.get('ghost_labels') ?? '',
      enabled: there!.fields.get('ghost_email_enabled') ?? '',
      signedUp: there!.fields.get('ghost_signup_date') ?? '',
    };
    const should = {
      name: member.name ?? '',
      status: member.status,
      labels: member.labels.map(({ name }) => name).join(','),
      enabled: String(member.subscribed),
      signedUp: member.created_at.slice(0, 10),
    };
    if (JSON.stringify(seen) === JSON.stringify(should)) return undefined;
    return `holds ${JSON.stringify(seen)} but should ${JSON.stringify(should)}`;
  }

  /** Reasons for which a living member may be missing; everybody else must be there. */
  #maybeMissing(address: string, memberId: string, state: string): string | undefined {
    const { chronicle } = this;
    // the address, or one that its holder ever had, said no once: the stricter wins, even after it was taken back
    const isTainted = [...this.#optOuts.keys()].some(
      (one) => one === address || chronicle.held(one).some((holding) => holding.memberId === memberId),
    );
    if (isTainted) return undefined;
    const { suppressed } = chronicle.ghost.members.get(memberId)!['email_suppression'] as { suppressed: boolean };
    if (suppressed) return undefined;
    const last = chronicle.of(address).findLast(({ what }) => what !== 'write');
    if (state === 'Deleted' && last?.by === 'us') {
      const returned = [...(this.signedAdds.get(memberId) ?? [])].some((sentAt) => sentAt > last.at);
      // a return that only a walk saw may be a CSV import: reported, not acted on (house decision 16)
      if (!returned) return undefined;
      // without the list's date of our removal nobody can tell it from one by staff
      if (last.failing) return undefined;
      return 'is Deleted by us and signed up again since, signed, but is not back';
    }
    return `is ${state} but should be Active`;
  }

  #verdictOnNobodys(address: string): string | undefined {
    const { chronicle } = this;
    const state = chronicle.stateOf(address);
    const ours = chronicle.of(address).filter(({ by }) => by === 'us');
    const events = chronicle.of(address).filter(({ what }) => what !== 'write');
    const activation = events.findLast(({ to }) => to === 'Active');
    const byStaff = activation?.by === 'people' ? activation : undefined;
    const held = chronicle.held(address);
    if (state === 'Active') {
      // ours is what we wrote while somebody held it who still did when staff put it there, or later
      const isOurs = held.some(
        ({ from, until }) => until > (byStaff?.seq ?? 0) && ours.some(({ seq }) => seq > from && seq < until),
      );
      return byStaff && !isOurs ? undefined : 'is Active though no member holds it';
    }
    // taken off once by us: whoever is put there by others afterwards is theirs, unless a member took the address since
    const before = byStaff && events.findLast(({ seq }) => seq < byStaff.seq);
    const wasTakenOff = before === undefined || (before.by === 'us' && before.to === 'Deleted');
    const heldSince = held.some(({ until }) => until > (before?.seq ?? 0));
    const isTheirs = byStaff && wasTakenOff && !heldSince;
    if (isTheirs && events.at(-1)?.by === 'us') return 'was put there by staff after our removal, and removed again';
    return undefined;
  }

  /** Everything that was written down about an address, for the reader of a failure. */
  story(address: string): string {
    const holdings = this.chronicle
      .held(address)
      .map(({ memberId, from, until }) => `  held by ${memberId} from ${from} until ${until}`);
    const events = this.chronicle.of(address).map((event) => `  ${tell(event)}`);
    return [`${address}: ${this.chronicle.stateOf(address)}`, ...holdings, ...events].join('\n');
  }
}

function tell({ seq, at, by, what, from, to, other, write, failing, holders }: ListEvent): string {
  const time = new Date(at).toISOString().slice(11, 23);
  const more = [
    other,
    write && `${write.operation} ${write.name} ${JSON.stringify(write.fields)}`,
    failing && 'failing',
  ];
  return `${seq} ${time} ${by} ${what} ${from}->${to} [${holders.join(' ')}] ${more.filter(Boolean).join(' ')}`;
}
