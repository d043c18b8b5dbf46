import { createHash } from 'node:crypto';
import type { Webhook } from './webhooks.js';

/** How a member pays. */
export type MemberStatus = 'free' | 'paid' | 'comped' | 'gift';

/** A member as stored; the lists hold ids. Times are ISO texts of whole seconds. */
export interface MemberRow {
  id: string;
  uuid: string;
  email: string;
  name: string | null;
  note: string | null;
  geolocation: string | null;
  status: MemberStatus;
  created_at: string;
  updated_at: string;
  last_seen_at: string | null;
  labels: string[];
  newsletters: string[];
  tiers: string[];
  suppression: { reason: string; timestamp: string } | null;
}

/** A label as it is answered. */
export interface Label {
  id: string;
  name: string;
  slug: string;
  created_at: string;
  updated_at: string;
}

/** A newsletter as stored. */
export interface Newsletter {
  id: string;
  name: string;
  slug: string;
  description: string | null;
  status: 'active' | 'archived';
  subscribe_on_signup: boolean;
  sort_order: number;
}

/** A tier as it is answered; only what a sync looks at is typed. */
export interface Tier {
  id: string;
  name: string;
  slug: string;
  [key: string]: unknown;
}

/** Everything a stand-in of Ghost keeps over restarts. */
export interface SavedGhost {
  members: MemberRow[];
  labels: Label[];
  newsletters: Newsletter[];
  tiers: Tier[];
  webhooks: Webhook[];
}

/** The tables: members in order of their ids, found by id and by address; labels, newsletters, tiers. */
export class GhostStore {
  readonly labels = new Map<string, Label>();
  readonly newsletters = new Map<string, Newsletter>();
  readonly tiers = new Map<string, Tier>();
  /** Counts the changes. */
  version = 0;
  readonly #machine: string;
  #rows: MemberRow[] = [];
  readonly #byId = new Map<string, MemberRow>();
  readonly #byEmail = new Map<string, MemberRow>();
  #lastSeconds = 0;
  #counter = 0;

  constructor(
    readonly title: string,
    readonly now: () => Date,
    /** MySQL and MariaDB take `A@x.org` and `a@x.org` for the same address, SQLite does not. */
    readonly caseSensitiveEmails: boolean,
    readonly onChange: () => void,
  ) {
    this.#machine = createHash('sha256').update(title).digest('hex').slice(0, 10);
  }

  /** Says that something was changed; whoever changes a row calls it. */
  changed(): void {
    this.version += 1;
    this.onChange();
  }

  /** The members in order of their ids; not to be changed. */
  get rows(): readonly MemberRow[] {
    return this.#rows;
  }

  /** Now, in whole seconds, as Ghost says it. */
  stamp(): string {
    return wholeSeconds(this.now());
  }

  /** A new ObjectId: larger than every id before, whatever the clock does. */
  newId(): string {
    this.#lastSeconds = Math.max(this.#lastSeconds, Math.floor(this.now().getTime() / 1000));
    this.#counter += 1;
    return hex(this.#lastSeconds, 8) + this.#machine + hex(this.#counter % 0x1000000, 6);
  }

  byId(id: string): MemberRow | undefined {
    return this.#byId.get(id);
  }

  byEmail(email: string): MemberRow | undefined {
    return this.#byEmail.get(this.#emailKey(email));
  }

  insert(row: MemberRow): void {
    this.#rows.push(row);
    this.#byId.set(row.id, row);
    this.#byEmail.set(this.#emailKey(row.email), row);
    this.changed();
  }

  setEmail(row: MemberRow, email: string): void {
    this.#byEmail.delete(this.#emailKey(row.email));
    row.email = email;
    this.#byEmail.set(this.#emailKey(email), row);
  }

  delete(ids: Set<string>): void {
    for (const id of ids) {
      const row = this.#byId.get(id);
      if (!row) continue;
      this.#byId.delete(id);
      this.#byEmail.delete(this.#emailKey(row.email));
    }
    if (ids.size === 1) {
      const [id = ''] = ids;
      const index = this.indexAbove(id) - 1;
      if (this.#rows[index]?.id === id) this.#rows.splice(index, 1);
    } else {
      this.#rows = this.#rows.filter((row) => !ids.has(row.id));
    }
    this.changed();
  }

  /** Where the first member with a larger id is. */
  indexAbove(id: string): number {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#rows[middle]?.id ?? '') > id) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The label of this name, made when there is none. */
  labelNamed(name: string): Label {
    const slug = slugOf(name);
    for (const label of this.labels.values()) if (label.name === name || label.slug === slug) return label;
    const at = this.stamp();
    const label = { id: this.newId(), name, slug, created_at: at, updated_at: at };
    this.labels.set(label.id, label);
    return label;
  }

  addNewsletter(name: string, subscribeOnSignup = true): Newsletter {
    const newsletter: Newsletter = {
      id: this.newId(),
      name,
      slug: slugOf(name),
      description: null,
      status: 'active',
      subscribe_on_signup: subscribeOnSignup,
      sort_order: this.newsletters.size,
    };
    this.newsletters.set(newsletter.id, newsletter);
    this.changed();
    return newsletter;
  }

  /** What a new site has: one newsletter and one paid tier, both called like the site. */
  furnish(): void {
    const at = this.stamp();
    this.addNewsletter(this.title);
    const id = this.newId();
    this.tiers.set(id, {
      id,
      name: this.title,
      slug: 'default-product',
      active: true,
      welcome_page_url: null,
      visibility: 'public',
      trial_days: 0,
      description: null,
      type: 'paid',
      currency: 'USD',
      monthly_price: 500,
      yearly_price: 5000,
      created_at: at,
      updated_at: at,
      monthly_price_id: null,
      yearly_price_id: null,
    });
  }

  load(saved: SavedGhost): void {
    for (const label of saved.labels) this.labels.set(label.id, label);
    for (const newsletter of saved.newsletters) this.newsletters.set(newsletter.id, newsletter);
    for (const tier of saved.tiers) this.tiers.set(tier.id, tier);
    for (const row of saved.members) this.insert(row);
    for (const { id } of [...saved.labels, ...saved.newsletters, ...saved.tiers, ...saved.members]) {
      this.#lastSeconds = Math.max(this.#lastSeconds, Number.parseInt(id.slice(0, 8), 16));
      this.#counter = Math.max(this.#counter, Number.parseInt(id.slice(18), 16));
    }
  }

  dump(): Omit<SavedGhost, 'webhooks'> {
    const [labels, newsletters, tiers] = [this.labels, this.newsletters, this.tiers].map((map) => [...map.values()]);
    return { members: this.#rows, labels, newsletters, tiers } as Omit<SavedGhost, 'webhooks'>;
  }

  #emailKey(email: string): string {
    return this.caseSensitiveEmails ? email : email.toLowerCase();
  }
}

/** A time as Ghost says it: UTC, whole seconds, `.000Z`. */
function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}.000Z`;
}

/** `Event 2026` becomes `event-2026`. */
function slugOf(name: string): string {
  const plain = name.normalize('NFKD').replace(/[^\x20-\x7e]/g, '');
  return plain
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
