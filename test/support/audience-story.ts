import type { SandboxAudience, SandboxMailchimp } from '../../src/sandbox/index.js';
import { allAgree, filed, livingAt, modelContact, OUR_TAGS } from './audience-model.js';
import { daysAgo, type TestGift, type TestSupporter } from './mailchimp-bed.js';

type Member = NonNullable<ReturnType<SandboxAudience['at']>>;

/** Addresses that MailChimp or the rules never take. */
export const ODD = ['not-an-address', 'ünï@readers.org', 'a b@readers.org', 'fake@example.com', 'admin@readers.org'];
const AMOUNTS = [0, 0.01, 25, 99.99, 100, 400, 499.99, 500, 500.01, 999.99, 1000, 4000, 4999.99, 5000, 10_000];
const DAYS = [-1, 0, 1, 29, 30, 31, 90, 91, 180, 181, 365, 366, 700, 730, 731, 1200];
const FREQUENCIES = ['monthly', 'weekly', 'yearly', 'quarterly', 'daily', 'bi-weekly', 'bi-monthly', 'odd'];
const STATUSES = ['active', 'active', 'active', 'paused', 'canceled', 'ended', 'failing', 'attempted', 'draft'];
const FOREIGN_TAGS = ['VIP', 'Gala 2026', 'Classy-Board', 'Classy-Major Donors', 'Prospect'];

/** So long a call may be under way that was decided on before the ledger knew better. */
const IN_FLIGHT_MS = 8_000;

/** What this test did in Classy and at MailChimp, and what it saw Steward do there. */
export class AudienceStory {
  readonly supporters = new Map<number, TestSupporter>();
  readonly log: string[] = [];
  /** What was wrong as it happened. */
  readonly faults: string[] = [];
  /** When everybody at an address began, or ceased, to agree; `idle`: while nothing of Steward's ran. */
  readonly #consents = new Map<string, { at: number; agrees: boolean; idle: boolean }[]>();
  /** Supporters who were at an address of which somebody there, or MailChimp, said no. */
  readonly bound = new Set<number>();
  /** What staff keeps of members, which go along when they move: nobody else may touch it. */
  readonly #kept = new Map<Member, { tags: Set<string>; fields: Record<string, string | number> }>();
  /** Who came by the form or by staff since the API subscribed them. */
  readonly #cameBack = new WeakSet<Member>();
  /** Who ever lived at an address. */
  readonly #former = new Map<string, Set<number>>();
  readonly #emails: string[];
  readonly #staffTags = new Map<string, number>();
  /** Whether a sync runs or contacts are due. */
  isIdle = true;
  /** What the API did since the last `look`. */
  seen = { added: new Set<string>(), moved: new Set<string>(), removed: new Set<string>() };
  #nextId = 1;
  #nextGift = 1_000_000;
  #nextPlan = 1;
  #clock = Date.parse('2025-01-01T00:00:00Z');
  #changed = new Set<TestSupporter>();

  constructor(
    readonly random: () => number,
    readonly mailchimp: SandboxMailchimp,
    readonly audience: SandboxAudience,
    people: number,
  ) {
    this.#emails = Array.from({ length: Math.ceil(people * 1.6) }, (_, n) => `p${n}@readers.org`);
    this.#watch();
  }

  /** Told of every line as it is written. */
  onLog: (line: string) => void = () => undefined;

  note(line: string): void {
    this.log.push(line);
    this.onLog(line);
  }

  below(most: number): number {
    return Math.floor(this.random() * most);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  address(): string {
    return this.pick(this.#emails);
  }

  /** Every address that anything may have happened to. */
  get addresses(): string[] {
    const ofMembers = this.audience.members().map(({ email }) => filed(email));
    const ofPeople = [...this.supporters.values()].flatMap(({ email }) => (email == null ? [] : [filed(email)]));
    return [...new Set([...this.#emails, ...ofMembers, ...ofPeople])].sort();
  }

  #watch(): void {
    const { audience } = this;
    const setStatus = audience.setStatus.bind(audience);
    audience.setStatus = (member, status, cause) => {
      const from = member.status;
      if (from !== status && cause.by === 'api') this.#apiSets(member, from, status);
      setStatus(member, status, cause);
      if (from !== status) this.#noteNo(member, status, cause.by);
    };
    const create = audience.create.bind(audience);
    audience.create = (email, status, cause) => {
      const member = create(email, status, cause);
      if (cause.by === 'api') this.seen.added.add(filed(email));
      else this.#cameBack.add(member);
      this.#noteNo(member, status, cause.by);
      return member;
    };
    const move = audience.move.bind(audience);
    audience.move = (member, email, cause) => {
      const from = filed(member.email);
      move(member, email, cause);
      this.seen.moved.add(filed(email));
      const people = livingAt(this.supporters.values(), filed(email));
      this.note(`  api moves ${from} to ${filed(email)}`);
      if (people.length === 0) this.faults.push(`${from} was moved to ${filed(email)} where nobody is`);
    };
    const forget = audience.forget.bind(audience);
    audience.forget = (member, cause) => {
      if (cause.by === 'api') this.faults.push(`${member.email} was deleted for good`);
      this.#bind(filed(member.email));
      forget(member, cause);
    };
  }

  #apiSets(member: Member, from: string, status: string): void {
    const address = filed(member.email);
    this.note(`  api sets ${address} from ${from} to ${status}`);
    if (status === 'unsubscribed' || status === 'archived') {
      this.seen.removed.add(address);
      if (member.source !== 'API - Generic') this.faults.push(`${address} was not added by us and was taken off`);
      if (this.#agreesForLong(address)) this.faults.push(`${address} has consent and was taken off`);
    } else this.faults.push(`${address} was set from ${from} to ${status}`);
  }

  #noteNo(member: Member, status: string, by: string): void {
    if (status === 'subscribed' && by !== 'api') this.#cameBack.add(member);
    if (status !== 'subscribed') this.#bind(filed(member.email));
  }

  #bind(address: string): void {
    for (const { id } of livingAt(this.supporters.values(), address)) this.bound.add(id);
  }

  kept(member: Member): { tags: Set<string>; fields: Record<string, string | number> } {
    const known = this.#kept.get(member) ?? { tags: new Set<string>(), fields: {} };
    this.#kept.set(member, known);
    return known;
  }

  /** Long enough that nothing decided before is on its way any more. */
  #agreesForLong(address: string): boolean {
    const last = this.#consents.get(address)?.at(-1);
    return last?.agrees === true && this.agrees(address) && (last.idle || Date.now() - last.at > IN_FLIGHT_MS);
  }

  agrees(address: string): boolean {
    return allAgree(livingAt(this.supporters.values(), address));
  }

  /** Notes who agrees from now on; gives those changed, to be put into the ledger. */
  async commit(give: (changed: readonly TestSupporter[]) => Promise<void>): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    if (changed.length === 0) return;
    const before = Date.now();
    await give(changed);
    const after = Date.now();
    for (const address of this.addresses) {
      const agrees = this.agrees(address);
      const known = this.#consents.get(address) ?? [];
      if ((known.at(-1)?.agrees ?? false) === agrees) continue;
      this.#consents.set(address, [...known, { at: agrees ? before : after, agrees, idle: this.isIdle }]);
    }
    // those at an address that said no are bound by it as soon as the ledger knows them there
    for (const address of this.addresses) {
      const member = this.audience.at(address);
      if (this.audience.forgotten.size > 0 || (member && member.status !== 'subscribed')) this.#bindIfNo(address);
    }
  }

  #bindIfNo(address: string): void {
    const member = this.audience.at(address);
    const isForgotten = this.audience.historyOf(address).some(({ to }) => to === 'forgotten');
    if (isForgotten || (member && member.status !== 'subscribed')) this.#bind(address);
  }

  /** Whether the ledger knew everybody's yes when something was written; what is on its way already may still arrive. */
  mayBeWritten(address: string, at: number): boolean {
    const known = this.#consents.get(address) ?? [];
    const present = known.findLast((one) => one.at <= at);
    if (present?.agrees) return true;
    return present !== undefined && !present.idle && at - present.at < IN_FLIGHT_MS;
  }

  /** Where those live now who ever lived at an address, and what MailChimp holds there. */
  whereabouts(address: string): string {
    return [...(this.#former.get(address) ?? [])]
      .map((id) => this.supporters.get(id)!)
      .map(({ id, email, optIn, missing }) => {
        const there = email == null ? '' : filed(email);
        const others = livingAt(this.supporters.values(), there).map((one) => `${one.id} ${one.optIn}`);
        const states = this.audience.historyOf(there).map(({ to, by }) => `${to} by ${by}`);
        return `${id} at ${email} optIn ${optIn} missing ${missing}; all there: ${others}; there: ${states}`;
      })
      .join('\n');
  }

  consentStory = (address: string): string => JSON.stringify(this.#consents.get(address) ?? []);

  #edit(id: number, change: Partial<TestSupporter>): string {
    const before = this.supporters.get(id)!;
    if (this.random() < 0.9) this.#clock += 1_000;
    const after = { ...before, ...change, updatedAt: new Date(this.#clock).toISOString() };
    this.supporters.set(id, after);
    if (after.email != null)
      this.#former.set(filed(after.email), (this.#former.get(filed(after.email)) ?? new Set()).add(id));
    for (const one of this.#changed) if (one.id === id) this.#changed.delete(one);
    this.#changed.add(after);
    return `${id} (${before.email}) ${JSON.stringify(change)}`;
  }

  #anybody(): TestSupporter {
    return this.pick([...this.supporters.values()]);
  }

  #gift(): TestGift {
    this.#nextGift += 1;
    const [luck, amount, at] = [this.random(), this.pick(AMOUNTS), daysAgo(this.pick(DAYS))];
    const how = luck < 0.1 ? { status: 'refunded' } : luck < 0.15 ? { currency: 'EUR' } : {};
    return { id: this.#nextGift, amount, at, ...how };
  }

  #plan(): NonNullable<TestSupporter['plans']>[number] {
    this.#nextPlan += 1;
    const isPaused = this.random() < 0.1;
    const [amount, frequency, status] = [
      this.pick([1.74, 10, 25, 99.99, 100, 0.5]),
      this.pick(FREQUENCIES),
      this.pick(STATUSES),
    ];
    return { id: this.#nextPlan, amount, frequency, status, isPaused };
  }

  signUp(): string {
    const id = this.#nextId;
    this.#nextId += 1;
    const luck = this.random();
    const email = luck < 0.04 ? this.pick(ODD) : luck < 0.08 ? null : this.#written(this.address());
    const gifts = Array.from({ length: this.random() < 0.05 ? 27 : this.below(5) }, () => this.#gift());
    const plans = this.random() < 0.3 ? [this.#plan()] : [];
    this.supporters.set(id, { id, email: null });
    const optIn = luck > 0.3 ? true : this.pick([false, null, true]);
    return `new ${this.#edit(id, { email, optIn, first: this.#name(), last: this.#name(), gifts, plans })}`;
  }

  /** As people type it. */
  #written(address: string): string {
    const luck = this.random();
    if (luck < 0.1) return address.toUpperCase();
    return luck < 0.15 ? ` ${address} ` : address;
  }

  #name(): string | null {
    return this.pick([
      'Ann',
      'Ødegård',
      "O'Grin",
      ' Bo ',
      '',
      null,
      'x'.repeat(300),
      'Zoë 🦊',
      `N${this.below(1_000)}`,
    ]);
  }

  /** What happens in Classy, and how often. */
  readonly #classy: readonly [number, () => string][] = [
    [5, () => this.signUp()],
    [5, () => this.#add()],
    [2, () => this.#refund()],
    [1.5, () => this.#edit(this.#anybody().id, { optIn: this.pick([false, null]) })],
    [4, () => this.#edit(this.#anybody().id, { optIn: true })],
    [4, () => this.#edit(this.#anybody().id, { email: this.#written(this.address()) })],
    [1, () => this.#edit(this.#anybody().id, { email: this.pick([...ODD, null]) })],
    [2, () => this.#swap()],
    [2, () => this.#edit(this.#anybody().id, { first: this.#name(), last: this.#name() })],
    [1, () => this.#goMissing()],
    [2, () => this.#comeBack()],
    [2, () => this.#replan()],
  ];

  #add(): string {
    const one = this.#anybody();
    return this.#edit(one.id, { gifts: [...(one.gifts ?? []), this.#gift()] });
  }

  #refund(): string {
    const { id, gifts = [] } = this.#anybody();
    const place = this.below(Math.max(1, gifts.length));
    return this.#edit(id, { gifts: gifts.map((gift, n) => (n === place ? { ...gift, status: 'refunded' } : gift)) });
  }

  #replan(): string {
    const { id, plans = [] } = this.#anybody();
    const [first, ...rest] = plans;
    if (!first) return this.#edit(id, { plans: [this.#plan()] });
    return this.#edit(id, {
      plans: [{ ...first, status: this.pick(STATUSES), isPaused: this.random() < 0.2 }, ...rest],
    });
  }

  #swap(): string {
    const [a, b] = [this.#anybody(), this.#anybody()];
    if (a.id === b.id) return 'nobody swaps';
    return `${this.#edit(a.id, { email: b.email })} and ${this.#edit(b.id, { email: a.email })}`;
  }

  #goMissing(): string {
    return `missing ${this.#edit(this.#anybody().id, { missing: true })}`;
  }

  #comeBack(): string {
    const gone = [...this.supporters.values()].find(({ missing }) => missing);
    return gone ? this.#edit(gone.id, { missing: false }) : 'nobody is missing';
  }

  #someMember(): Member | undefined {
    const all = [...this.audience.byHash.values()];
    return all.length === 0 ? undefined : this.pick(all);
  }

  #withMember(deed: (email: string, member: Member) => string | undefined): string {
    const member = this.#someMember();
    if (!member) return 'nobody there';
    const [email, status] = [filed(member.email), member.status];
    return `${email} (${status}) ${deed(email, member) ?? ''}`;
  }

  /** What happens at MailChimp, and how often. */
  readonly #there: readonly [number, () => string][] = [
    [1.5, () => this.#at('unsubscribe', 'unsubscribes')],
    [3, () => this.#signUpAgain()],
    [1, () => this.#signUpThere()],
    [0.5, () => this.#at('bounce', 'bounces')],
    [0.5, () => this.#at('archiveByStaff', 'is archived by staff')],
    [0.5, () => this.#at('unsubscribeByStaff', 'is unsubscribed by staff')],
    [0.5, () => this.#at('forgetByStaff', 'is deleted for good by staff')],
    [3, () => this.#addByStaff()],
    [3, () => this.#withMember((email, member) => this.#tag(email, member))],
    [2, () => this.#withMember((email, member) => this.#untag(email, member))],
    [2, () => this.#withMember((email) => this.#editOurs(email))],
    [2, () => this.#withMember((email, member) => this.#editTheirs(email, member))],
  ];

  #at(
    deed: 'unsubscribe' | 'signUp' | 'bounce' | 'archiveByStaff' | 'unsubscribeByStaff' | 'forgetByStaff',
    told: string,
  ) {
    return this.#withMember((email) => {
      this.audience[deed](email);
      return told;
    });
  }

  #signUpAgain(): string {
    const gone = [...this.audience.byHash.values()].filter(({ status }) => status !== 'subscribed');
    if (gone.length === 0) return 'nobody left';
    const { email, status } = this.pick(gone);
    this.audience.signUp(email);
    return `${filed(email)} (${status}) signs up by the form again`;
  }

  #signUpThere(): string {
    const email = this.address();
    this.audience.signUp(email);
    return `${email} signs up by the form`;
  }

  #addByStaff(): string {
    const email = this.address();
    if (this.audience.at(email)) return `${email} is there already`;
    const status = this.pick(['subscribed', 'subscribed', 'subscribed', 'unsubscribed', 'pending'] as const);
    this.audience.addByStaff(email, { status });
    const member = this.audience.at(email)!;
    this.#editTheirs(email, member);
    return `${email} is added by staff as ${status}, ${this.#tag(email, member)}`;
  }

  #tag(email: string, member: Member): string {
    if (this.random() < 0.3 && this.#mayTagOurs(email)) {
      const name = this.pick([...OUR_TAGS]);
      this.audience.tagByStaff(email, name);
      return `is given our tag ${name}`;
    }
    const name = this.pick(FOREIGN_TAGS);
    this.audience.tagByStaff(email, name);
    this.kept(member).tags.add(name);
    return `is given the tag ${name}`;
  }

  #untag(email: string, member: Member): string {
    const held = member.tags.map(({ tag }) => tag.name);
    if (held.length === 0) return 'has no tag';
    const name = this.pick(held);
    if (OUR_TAGS.has(name) && !this.#mayTagOurs(email)) return 'keeps our tags';
    this.audience.untagByStaff(email, name);
    this.kept(member).tags.delete(name);
    return `loses the tag ${name}`;
  }

  /** The same difference is repaired three times only, so staff does not do it over and over. */
  #mayTagOurs(email: string): boolean {
    const times = this.#staffTags.get(email) ?? 0;
    this.#staffTags.set(email, times + 1);
    return times < 2;
  }

  #editOurs(email: string): string {
    const value = this.below(100_000);
    this.audience.editByStaff(email, this.random() < 0.5 ? { FNAME: `Staff ${value}` } : { TOTALAMT: value });
    return 'has our fields edited by staff';
  }

  #editTheirs(email: string, member: Member): string {
    const fields = { PHONE: String(this.below(100_000)) };
    this.audience.editByStaff(email, fields);
    Object.assign(this.kept(member).fields, fields);
    return 'has other fields edited by staff';
  }

  happenInClassy(times: number): void {
    this.#happen(this.#classy, times);
  }

  happenThere(times: number): void {
    this.#happen(this.#there, times);
  }

  #happen(deeds: readonly [number, () => string][], times: number): void {
    for (let n = 0; n < times; n += 1) {
      let luck = this.random() * deeds.reduce((sum, [weight]) => sum + weight, 0);
      const deed = deeds.find(([weight]) => {
        luck -= weight;
        return luck < 0;
      })!;
      this.note(deed[1]());
    }
  }

  /** Whether somebody who agrees left this address for one that is not taken: mistyped, or a role. */
  #movedToNowhere(address: string): boolean {
    return [...(this.#former.get(address) ?? [])].some((id) => {
      const { email, missing, optIn } = this.supporters.get(id)!;
      return !missing && optIn === true && email != null && ODD.includes(filed(email));
    });
  }

  /** Addresses at which all that a person should look like is to be seen. */
  get shown(): string[] {
    return this.addresses.filter((one) => this.audience.at(one)?.status === 'subscribed' && this.agrees(one));
  }

  /** What is wrong at an address now that everything is calm. */
  verdict(address: string, today: string): string | undefined {
    const member = this.audience.at(address);
    const people = livingAt(this.supporters.values(), address);
    const isWanted = allAgree(people) && !ODD.includes(address);
    if (member) {
      const { tags, fields } = this.kept(member);
      const foreign = namesOf(member).filter((name) => !OUR_TAGS.has(name));
      if (!isSame(foreign, [...tags].sort())) return `foreign tags are ${foreign} and not ${[...tags].sort()}`;
      for (const [tag, value] of Object.entries(fields))
        if (member.mergeFields.get(tag) !== value) return `${tag} is ${member.mergeFields.get(tag)} and not ${value}`;
    }
    if (!isWanted) {
      const isOurs = member?.source === 'API - Generic' && !this.#cameBack.has(member);
      if (this.#movedToNowhere(address)) return undefined;
      return member?.status === 'subscribed' && isOurs
        ? 'was added by us and is still there without consent'
        : undefined;
    }
    if (!member) {
      const isNo = this.audience.historyOf(address).some(({ to }) => to === 'forgotten');
      return isNo || people.some(({ id }) => this.bound.has(id)) ? undefined : 'is missing';
    }
    if (member.status !== 'subscribed') return undefined;
    const expected = modelContact(people, today);
    for (const [tag, value] of Object.entries(expected.fields)) {
      const there = member.mergeFields.get(tag) ?? '';
      if (there !== cut(value)) return `${tag} is ${there} and not ${value}`;
    }
    const ours = namesOf(member).filter((name) => OUR_TAGS.has(name));
    return isSame(ours, expected.tags) ? undefined : `tags are ${ours} and not ${expected.tags}`;
  }
}

const namesOf = ({ tags }: Member): string[] => tags.map(({ tag }) => tag.name).sort();

const isSame = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Longest text that MailChimp keeps is 255 bytes; long names here are ASCII. */
const cut = (value: string | number): string | number => (typeof value === 'string' ? value.slice(0, 255) : value);
