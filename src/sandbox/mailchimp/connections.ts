/** How many requests each key has open, and how many it may have. */
export class Connections {
  /** The most that were open at once for any key. */
  highest = 0;
  /** Requests that were refused for being one too many. */
  refused = 0;
  readonly #open = new Map<string, number>();

  constructor(
    /** Open requests a key may have; may be changed at any time. */
    public limit: number,
  ) {}

  /** Takes a slot for a request; false when the key has all of its open. */
  take(key: string): boolean {
    const open = this.#open.get(key) ?? 0;
    if (open >= this.limit) {
      this.refused += 1;
      return false;
    }
    this.#open.set(key, open + 1);
    this.highest = Math.max(this.highest, open + 1);
    return true;
  }

  release(key: string): void {
    this.#open.set(key, (this.#open.get(key) ?? 1) - 1);
  }

  /** Requests that the key has open now. */
  open(key: string): number {
    return this.#open.get(key) ?? 0;
  }
}
