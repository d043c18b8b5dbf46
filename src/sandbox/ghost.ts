import { Faults } from './faults.js';
import { GhostError } from './ghost/errors.js';
import { GhostMembers } from './ghost/members.js';
import { answerGhost, type Context } from './ghost/routes.js';
import { browseShape } from './ghost/shapes.js';
import { GhostStore, type SavedGhost } from './ghost/store.js';
import { type GhostVersion, traitsOf } from './ghost/version.js';
import { type Delivery, GhostWebhooks } from './ghost/webhooks.js';
import { openSnapshot, type Snapshot } from './snapshot.js';
import { type Call, serve } from './stand-in.js';

/** How a stand-in of a Ghost site is set up; everything has a default. */
export interface GhostOptions {
  port?: number;
  /** `{24 hex}:{64 hex}`; default `sandboxAdminApiKey`. */
  adminApiKey?: string;
  /** Default `6.65`. */
  version?: GhostVersion;
  /** The site's name, and that of its newsletter and its tier. */
  title?: string;
  /** The clock of members' times; tokens and signatures always use the real one. */
  now?: () => Date;
  /** True: addresses that differ in case only are different people, as on SQLite. Default false, as on MySQL. */
  caseSensitiveEmails?: boolean;
  /** Where the state is kept over restarts; default: nowhere. */
  snapshotFile?: string;
}

/** A running stand-in of a Ghost site. */
export interface SandboxGhost {
  /** URL of the site, without a slash at its end; the Admin API is below `/ghost/api/admin/`. */
  url: string;
  port: number;
  adminApiKey: string;
  version: GhostVersion;
  faults: Faults;
  members: GhostMembers;
  webhooks: GhostWebhooks;
  store: GhostStore;
  /** Every delivery attempted. */
  delivered: Delivery[];
  calls: Call[];
  revokeKey(): void;
  restoreKey(): void;
  /** True: deliveries are lost before they are sent. */
  dropWebhooks(drop: boolean): void;
  /** Resolves when no delivery is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** The Admin API key a stand-in has when none is given. */
export const sandboxAdminApiKey = `6b0209f1ad0abd2bc5ac1f00:${'5a'.repeat(32)}`;

/** Starts a Ghost site's Admin API and webhooks on 127.0.0.1 as shared/vendors/ghost.md describes them. */
export async function startGhost(options: GhostOptions = {}): Promise<SandboxGhost> {
  const { version = '6.65', adminApiKey = sandboxAdminApiKey } = options;
  const faults = new Faults();
  const traits = traitsOf(version);
  let snapshot: Snapshot | undefined;
  let isRevoked = false;
  let url = '';
  const store = new GhostStore(
    options.title ?? 'Sandbox Blog',
    options.now ?? (() => new Date()),
    options.caseSensitiveEmails ?? false,
    () => snapshot?.changed(),
  );
  const webhooks = new GhostWebhooks(store, traits);
  const members = new GhostMembers(store, traits, webhooks, (row) =>
    browseShape(store, traits, row, url, { tiers: true, attribution: false }),
  );
  const load = (saved: unknown) => {
    store.load(saved as SavedGhost);
    webhooks.list.push(...(saved as SavedGhost).webhooks);
  };
  snapshot = openSnapshot(options.snapshotFile, load, () => ({ ...store.dump(), webhooks: webhooks.list }));
  if (store.newsletters.size === 0) store.furnish();

  const keyIsKnown = () => !isRevoked && !faults.unauthorized;
  const siteUrl = () => url;
  const context: Context = { store, members, webhooks, faults, traits, version, adminApiKey, keyIsKnown, siteUrl };
  const server = await serve({
    faults,
    port: options.port,
    answer: (request, call) => answerGhost(context, request, call),
    failure: ({ status }) => new GhostError(status, failureTypes[status], `Answered ${status} by a fault`).answer(),
    dump: () => ({ ...store.dump(), webhooks: webhooks.list.map((one) => ({ ...one, secret: undefined })) }),
  });
  url = `http://127.0.0.1:${server.port}`;
  const revoke = (revoked: boolean) => {
    isRevoked = revoked;
  };
  return {
    ...{ url, port: server.port, adminApiKey, version, faults, members, webhooks, store, calls: server.calls },
    delivered: webhooks.delivered,
    revokeKey: () => revoke(true),
    restoreKey: () => revoke(false),
    dropWebhooks: (drop) => {
      webhooks.dropping = drop;
    },
    settled: () => webhooks.settled(),
    close: async () => {
      await webhooks.close();
      await server.close();
      snapshot?.close();
    },
  };
}

const failureTypes = { 500: 'InternalServerError', 429: 'TooManyRequestsError', 503: 'MaintenanceError' } as const;
