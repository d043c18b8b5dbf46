import { ClassyBooks, type SavedBooks } from './classy/books.js';
import type { Surroundings } from './classy/collection.js';
import type { Context } from './classy/context.js';
import { failureAnswer } from './classy/errors.js';
import { RateLimit } from './classy/rate-limit.js';
import { answerClassy, basePath, dated, tokenPath } from './classy/routes.js';
import { stampOf } from './classy/times.js';
import { Tokens } from './classy/tokens.js';
import { Faults } from './faults.js';
import { openSnapshot, type Snapshot } from './snapshot.js';
import { type Call, serve } from './stand-in.js';

/** An organization at Classy and the credentials of its application. */
export interface ClassyOrganization {
  id: number;
  name: string;
  clientId: string;
  clientSecret: string;
  /** Default `USD`. */
  currency?: string;
  /** Default `America/Los_Angeles`. */
  timeZone?: string;
}

/** How a stand-in of Classy is set up; everything has a default. */
export interface ClassyOptions {
  port?: number;
  /** Default: one, `sandboxOrganization`. */
  organizations?: ClassyOrganization[];
  /** Seconds a token is good for, on the real clock; default 7200. */
  expiresIn?: number;
  /** Requests a minute per application, on the real clock; default 1800, Infinity for no limit. */
  perMinute?: number;
  /** The clock of the records' times and of the `Date` header. */
  now?: () => Date;
  /** Where the records are kept over restarts; default: nowhere. */
  snapshotFile?: string;
}

/** A running stand-in of Classy. */
export interface SandboxClassy {
  /** Base URL, such as `http://127.0.0.1:4000/2.0`. */
  url: string;
  tokenUrl: string;
  port: number;
  faults: Faults;
  calls: Call[];
  /** The records of one organization; throws when there is no such organization. */
  organization(id: number): ClassyBooks;
  /** Makes all tokens handed out so far void. */
  revokeTokens(): void;
  /** Refuses the credentials of an organization's application and makes its tokens void. */
  revokeClient(id: number): void;
  restoreClient(id: number): void;
  /** Calls back after each list answer was computed, before it is sent: a test changes records between two pages. */
  onList(callback: (resource: string, answered: number) => void): void;
  close(): Promise<void>;
}

/** The organization a stand-in has when none is given. */
export const sandboxOrganization = {
  id: 34,
  name: 'Sandbox Relief',
  clientId: 'sandbox-classy-client',
  clientSecret: 'sandbox-classy-secret',
  currency: 'USD',
  timeZone: 'America/Los_Angeles',
} as const satisfies ClassyOrganization;

const firstId = 1_000;

interface Saved {
  nextId: number;
  organizations: Record<string, SavedBooks>;
}

/** Starts Classy's API v2 on 127.0.0.1 as shared/vendors/classy.md describes it. */
export async function startClassy(options: ClassyOptions = {}): Promise<SandboxClassy> {
  const { organizations = [sandboxOrganization], now = () => new Date() } = options;
  const faults = new Faults();
  const tokens = new Tokens(organizations, options.expiresIn ?? 7_200);
  let snapshot: Snapshot | undefined;
  let nextId = firstId;
  const surroundings: Surroundings = {
    takeId: (given) => {
      const id = given === undefined ? nextId : Number(given);
      if (!Number.isSafeInteger(id)) throw new Error(`an id at Classy is a whole number, not ${String(given)}`);
      nextId = Math.max(nextId, id + 1);
      return id;
    },
    stamp: () => stampOf(now()),
    changed: () => snapshot?.changed(),
  };
  const books = new Map(organizations.map((one) => [one.id, new ClassyBooks(one, surroundings)]));
  const dump = (): Saved => ({
    nextId,
    organizations: Object.fromEntries([...books].map(([id, one]) => [id, one.dump()])),
  });
  const load = (saved: unknown) => {
    for (const [id, one] of Object.entries((saved as Saved).organizations)) books.get(Number(id))?.load(one);
    nextId = Math.max(nextId, (saved as Saved).nextId);
  };
  snapshot = openSnapshot(options.snapshotFile, load, dump);

  let origin = '';
  const limit = new RateLimit(options.perMinute ?? 1_800);
  const context: Context = { faults, tokens, limit, books, pages: new Map(), listened: [], now, url: () => origin };
  const server = await serve({
    faults,
    port: options.port,
    answer: (request, call) => answerClassy(context, request, call),
    failure: ({ status }) => dated(context, failureAnswer(status)),
    dump,
  });
  origin = `http://127.0.0.1:${server.port}`;
  const organization = (id: number): ClassyBooks => {
    const found = books.get(id);
    if (!found) throw new Error(`there is no organization ${id} in the sandbox`);
    return found;
  };
  return {
    ...{ url: origin + basePath, tokenUrl: origin + tokenPath, port: server.port, faults, calls: server.calls },
    organization,
    revokeTokens: () => tokens.void(),
    revokeClient: (id) => tokens.revoke(organization(id).organization.clientId),
    restoreClient: (id) => tokens.restore(organization(id).organization.clientId),
    onList: (callback) => void context.listened.push(callback),
    close: async () => {
      await server.close();
      snapshot?.close();
    },
  };
}
