import type { Faults } from '../faults.js';
import type { ClassyBooks } from './books.js';
import type { RateLimit } from './rate-limit.js';
import type { Tokens } from './tokens.js';

/** What the API needs besides the request. */
export interface Context {
  faults: Faults;
  tokens: Tokens;
  limit: RateLimit;
  books: Map<number, ClassyBooks>;
  /** The last list answer sent for each path. */
  pages: Map<string, string>;
  /** Called after each list answer was computed. */
  listened: ((resource: string, answered: number) => void)[];
  now(): Date;
  /** Scheme, host and port, in front of every path. */
  url(): string;
}
