import { Faults } from './faults.js';
import type { AudienceInput, AudienceSurroundings } from './mailchimp/audience.js';
import { Connections } from './mailchimp/connections.js';
import { Credentials } from './mailchimp/credentials.js';
import { openEdge } from './mailchimp/edge.js';
import { failureAnswer } from './mailchimp/errors.js';
import type { Account, Context } from './mailchimp/exchange.js';
import { Quirks } from './mailchimp/quirks.js';
import { answerMailchimp, basePath } from './mailchimp/routes.js';
import { SandboxAudience } from './mailchimp/sandbox-audience.js';
import { dumpAudience, loadAudience } from './mailchimp/saved.js';
import { openSnapshot, type Snapshot } from './snapshot.js';
import { type Call, serve } from './stand-in.js';

/** An account at MailChimp: each of its keys opens all of its audiences. */
export interface MailchimpAccount {
  /** Such as `0123456789abcdef0123456789abcdef-us21`. */
  keys: string[];
  audiences: AudienceInput[];
}

/** How a stand-in of MailChimp is set up; everything has a default. */
export interface MailchimpOptions {
  port?: number;
  /** Default: one, with `sandboxMailchimpKey` and the audience `sandboxAudienceId`. */
  accounts?: MailchimpAccount[];
  /** Which data centre this is; keys that end otherwise are refused with 403. Default `us21`. */
  dataCentre?: string;
  /** Open requests that a key may have; default 10. */
  connections?: number;
  /** Milliseconds every call takes, besides the work; default 0. */
  latencyMs?: number;
  now?: () => Date;
  /** Where the state is kept over restarts; default: nowhere. */
  snapshotFile?: string;
}

/** A running stand-in of MailChimp. */
export interface SandboxMailchimp {
  /** Base URL, such as `http://127.0.0.1:4000/3.0`. */
  url: string;
  port: number;
  faults: Faults;
  quirks: Quirks;
  calls: Call[];
  connections: Connections;
  /** The audience of an id, of whatever account; the only one when none is named. Throws when there is none. */
  audience(id?: string): SandboxAudience;
  /** From now on the key (all keys when none is named) is answered 401. */
  revokeKey(key?: string): void;
  restoreKey(key?: string): void;
  close(): Promise<void>;
}

/** The key a stand-in has when no accounts are given. */
export const sandboxMailchimpKey = '5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a-us21';
/** The audience a stand-in has when no accounts are given. */
export const sandboxAudienceId = 'a1b2c3d4e5';

const firstId = 9_001;

interface Saved {
  nextId: number;
  audiences: { id: string }[];
}

/** Starts MailChimp's Marketing API 3.0 on 127.0.0.1 as shared/vendors/mailchimp.md describes it. */
export async function startMailchimp(options: MailchimpOptions = {}): Promise<SandboxMailchimp> {
  const { accounts = [{ keys: [sandboxMailchimpKey], audiences: [{ id: sandboxAudienceId }] }] } = options;
  const [faults, quirks] = [new Faults(), new Quirks()];
  const connections = new Connections(options.connections ?? 10);
  faults.latencyMs = options.latencyMs ?? 0;
  let snapshot: Snapshot | undefined;
  let nextId = firstId;
  const surroundings: AudienceSurroundings = {
    now: options.now ?? (() => new Date()),
    takeId: () => {
      nextId += 1;
      return nextId - 1;
    },
    changed: () => snapshot?.changed(),
  };
  const credentials = new Credentials<Account>(options.dataCentre ?? 'us21');
  const audiences = new Map<string, SandboxAudience>();
  for (const { keys, audiences: inputs } of accounts) {
    const account = { audiences: inputs.map((input) => new SandboxAudience(input, surroundings)) };
    for (const one of account.audiences) audiences.set(one.id, one);
    for (const key of keys) credentials.add(key, account);
  }
  const dump = () => ({ nextId, audiences: [...audiences.values()].map(dumpAudience) });
  const load = (saved: unknown) => {
    for (const one of (saved as Saved).audiences) {
      const audience = audiences.get(one.id);
      if (audience) loadAudience(audience, one);
    }
    nextId = (saved as Saved).nextId;
  };
  snapshot = openSnapshot(options.snapshotFile, load, dump);

  let url = '';
  const context: Context = { credentials, faults, quirks, url: () => url };
  const server = await serve({
    faults,
    answer: (request, call) => answerMailchimp(context, request, call),
    failure: ({ status }) => failureAnswer(status, connections.limit),
    dump,
  });
  const { calls, port: behind } = server;
  const edge = await openEdge({ port: options.port, behind, calls, connections });
  url = `http://127.0.0.1:${edge.port}${basePath}`;
  return {
    ...{ url, port: edge.port, faults, quirks, calls, connections },
    audience: (id) => {
      const [first] = audiences.values();
      const found = id === undefined && audiences.size === 1 ? first : audiences.get(id ?? '');
      if (!found) throw new Error(`the sandbox has no audience ${id}`);
      return found;
    },
    revokeKey: (key) => credentials.revoke(key),
    restoreKey: (key) => credentials.restore(key),
    close: async () => {
      await server.close();
      await edge.close();
      snapshot?.close();
    },
  };
}
