import { timeOf } from './times.js';

/** A record as it is stored and sent; tests may put any value anywhere. */
export type Row = Record<string, unknown> & { readonly id: number };

/** A record in a collection: its number, its `updated_at` in milliseconds, its place in the order nobody asked for. */
export interface Entry {
  readonly id: number;
  readonly shuffle: number;
  at: number;
  row: Row;
}

/** What a collection needs from its surroundings. */
export interface Surroundings {
  /** The next id when none is given, and the same id when one is. */
  takeId(given: unknown): number;
  stamp(): string;
  changed(): void;
}

/** The rows of one resource of one organization, in the order of ids and, once asked for, of `updated_at` and id. */
export class Collection {
  /** Counts the changes. */
  version = 0;
  readonly #byId = new Map<number, Entry>();
  #inIdOrder: Entry[] = [];
  #inTimeOrder: Entry[] | undefined;
  #shuffled: Entry[] | undefined;

  constructor(
    readonly surroundings: Surroundings,
    /** Fills what a new row leaves out. */
    readonly complete: (row: Record<string, unknown>, id: number) => Record<string, unknown>,
  ) {}

  get size(): number {
    return this.#inIdOrder.length;
  }

  /** All rows in the order of their ids. */
  list(): Row[] {
    return this.#inIdOrder.map(({ row }) => row);
  }

  get(id: number): Row | undefined {
    return this.#byId.get(id)?.row;
  }

  /** Stores a row, full or partial, values verbatim; a row of the same id is replaced. */
  put(row: Record<string, unknown> = {}): Row {
    const id = this.surroundings.takeId(row['id']);
    this.remove(id);
    const stored = this.complete(row, id) as Row;
    const entry = { id, shuffle: shuffled(id), at: timeOf(stored['updated_at']), row: stored };
    this.#byId.set(id, entry);
    insert(this.#inIdOrder, entry, byId);
    if (this.#inTimeOrder) insert(this.#inTimeOrder, entry, byTime);
    this.#shuffled = undefined;
    this.#changed();
    return stored;
  }

  /** Changes a row; `updated_at` becomes now unless the patch or `updatedAt` says otherwise (false: it stands still). */
  edit(id: number, patch: Record<string, unknown>, { updatedAt }: { updatedAt?: string | false } = {}): Row {
    const entry = this.#byId.get(id);
    if (!entry) throw new Error(`there is no record ${id} in the sandbox`);
    if (this.#inTimeOrder) take(this.#inTimeOrder, entry, byTime);
    const moved = updatedAt === false ? {} : { updated_at: updatedAt ?? this.surroundings.stamp() };
    entry.row = { ...entry.row, ...(updatedAt !== undefined ? { ...patch, ...moved } : { ...moved, ...patch }) };
    entry.at = timeOf(entry.row['updated_at']);
    if (this.#inTimeOrder) insert(this.#inTimeOrder, entry, byTime);
    this.#changed();
    return entry.row;
  }

  /** Removes a row for good; false when there is none. */
  remove(id: number): boolean {
    const entry = this.#byId.get(id);
    if (!entry) return false;
    this.#byId.delete(id);
    take(this.#inIdOrder, entry, byId);
    if (this.#inTimeOrder) take(this.#inTimeOrder, entry, byTime);
    this.#shuffled = undefined;
    this.#changed();
    return true;
  }

  /** The entries in the order of ids; not to be changed. */
  get inIdOrder(): readonly Entry[] {
    return this.#inIdOrder;
  }

  /** The entries in the order of `updated_at` and id; not to be changed. */
  get inTimeOrder(): readonly Entry[] {
    this.#inTimeOrder ??= this.#inIdOrder.slice().sort(byTime);
    return this.#inTimeOrder;
  }

  /** The entries in an order that means nothing and is always the same; not to be changed. */
  get inNoOrder(): readonly Entry[] {
    this.#shuffled ??= this.#inIdOrder.slice().sort((a, b) => a.shuffle - b.shuffle);
    return this.#shuffled;
  }

  #changed(): void {
    this.version += 1;
    this.surroundings.changed();
  }
}

/** Where the first entry is for which `isThere` holds, given that it holds for all after it. */
export function firstIndex(entries: readonly Entry[], isThere: (entry: Entry) => boolean): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isThere(entries[middle] as Entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}

type Order = (a: Entry, b: Entry) => number;
const byId: Order = (a, b) => a.id - b.id;
const byTime: Order = (a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1);

function insert(entries: Entry[], entry: Entry, order: Order): void {
  const last = entries.at(-1);
  if (!last || order(last, entry) < 0) entries.push(entry);
  else {
    const index = firstIndex(entries, (other) => order(other, entry) > 0);
    entries.splice(index, 0, entry);
  }
}

function take(entries: Entry[], entry: Entry, order: Order): void {
  const index = firstIndex(entries, (other) => order(other, entry) >= 0);
  entries.splice(index, 1);
}

/** A number that has nothing to do with the id's size, but is always the same for it. */
function shuffled(id: number): number {
  const mixed = Math.imul(id ^ (id >>> 15), 0x2c1b3c6d);
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0;
}
