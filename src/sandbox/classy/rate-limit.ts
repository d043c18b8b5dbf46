import { tooMany } from './errors.js';

const windowMs = 60_000;
const documented = 1_800;

/** Counts the requests of every application over the last minute. */
export class RateLimit {
  readonly #asked = new Map<string, number[]>();

  constructor(readonly perMinute: number) {}

  /** The headers every data answer has, for an application or for nobody known. */
  headers(clientId?: string): Record<string, string> {
    const limit = Number.isFinite(this.perMinute) ? this.perMinute : documented;
    const used = clientId === undefined ? 0 : (this.#asked.get(clientId)?.length ?? 0);
    return { 'x-ratelimit-limit': String(limit), 'x-ratelimit-remaining': String(Math.max(0, limit - used)) };
  }

  /** Counts a request, or throws when the application asked too often in the last minute; what is refused is not counted. */
  take(clientId: string, isUnavailable: boolean): void {
    if (!Number.isFinite(this.perMinute)) return;
    const now = Date.now();
    const asked = (this.#asked.get(clientId) ?? []).filter((at) => at > now - windowMs);
    this.#asked.set(clientId, asked);
    if (asked.length >= this.perMinute) {
      const freeAt = (asked[0] ?? now) + windowMs;
      throw tooMany(Math.max(1, Math.ceil((freeAt - now) / 1000)), Math.ceil(freeAt / 1000), isUnavailable);
    }
    asked.push(now);
  }
}
