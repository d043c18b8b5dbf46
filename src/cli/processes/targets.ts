import type { AudienceOf, AudienceTarget } from '../../../activities/audience-target.js';
import type { SiteSource } from '../../../activities/ghost.js';
import type { Destination } from '../../audiences/destination.js';
import { destinationKinds } from '../../audiences/registry.js';
import type { Config } from '../../config/config.js';
import type { SiteConfig } from '../../config/site-variables.js';
import { memberFieldTypes } from '../../domain/contact.js';
import { segmentRulesOf } from '../../domain/segment-rules.js';
import type { KeyRing } from '../../ledger/credentials.js';
import type { Ledger } from '../../ledger/ledger.js';
import { membersOf } from '../../ledger/people.js';
import type { Metrics } from '../../observe/metrics.js';
import { createAdmission } from '../../temporal/limiter.js';
import { type ClassyClient, createClassyClient } from '../../vendors/classy/client.js';
import type { ClassyCredentials } from '../../vendors/classy/token.js';
import { createGhostClient } from '../../vendors/ghost/client.js';
import { credentialsOf } from '../credentials.js';
import { createDestination } from './create-destination.js';
import { createOrganizationTargets } from './organization-targets.js';

/** What the activities work on. */
export interface Targets {
  sites: Map<string, SiteSource>;
  audienceOf: AudienceOf;
  /** Task queues of the destinations there may be. */
  destinationQueues: readonly string[];
  /** Adds up what the donors of an organization have given. */
  reckon(organization: string): Promise<{ donors: number }>;
}

/** Builds what the activities work on from the configuration and the ledger. */
export function createTargets(
  config: Config,
  ledger: Ledger,
  metrics: Metrics,
  stores: { ring: () => KeyRing; dataDir: string },
): Targets {
  const sites = new Map(
    config.sites.map((site) => [site.name, { site, ghost: ghostOf(config, site, ledger, metrics) }]),
  );
  const ofSites = new Map(
    config.sites.map((site): [string, AudienceTarget] => {
      const destination = destinationOf(config, site, ledger, metrics);
      const place = { audience: site.audience, destination: 'campaign-monitor' };
      return [site.audience, { place, destination, people: async () => membersOf(site) }];
    }),
  );
  const ofOrganizations = createOrganizationTargets({ config, ledger, metrics, ...stores });
  return {
    sites,
    audienceOf: async (audience) => ofSites.get(audience) ?? (await ofOrganizations(audience)),
    destinationQueues: queuesOf(config),
    reckon: (organization) => ledger.donors.reckon(organization, segmentRulesOf(config.segments, organization)),
  };
}

/** Organizations come and go while the worker runs; kinds that only the configuration file can ask for do not. */
const queuesOf = ({ audiences }: Config): string[] => [
  ...new Set(['campaign-monitor', 'mailchimp', ...Object.values(audiences).map(({ destination }) => destination)]),
];

/** The client of a site's Ghost; undefined for a site with webhooks only. */
export function ghostOf({ timeouts, rateLimits }: Config, { ghost }: SiteConfig, ledger: Ledger, metrics: Metrics) {
  return (
    ghost &&
    createGhostClient({
      ...ghost,
      timeoutMs: timeouts.ghost,
      observe: metrics.observeRequest,
      admit: createAdmission(ledger, 'ghost', ghost.adminApiKey, rateLimits.ghost),
    })
  );
}

/** The Campaign Monitor list of a site. */
export const destinationOf = (config: Config, site: SiteConfig, ledger: Ledger, metrics: Metrics): Destination =>
  createDestination(
    { config, ledger, metrics, dataDir: '' },
    destinationKinds['campaign-monitor'],
    { apiKey: site.campaignMonitorKey, listId: site.audience, consentToTrack: site.consentToTrack },
    { audience: site.audience, fields: memberFieldTypes, onRemoval: 'archive' },
  );

/** A client of Classy with these credentials. */
export function classyClientOf(
  { classyUrl, classyTokenUrl, classy, timeouts, rateLimits }: Config,
  credentials: ClassyCredentials,
  ledger: Ledger,
  metrics?: Metrics,
): ClassyClient {
  return createClassyClient({
    url: classyUrl,
    tokenUrl: classyTokenUrl,
    credentials,
    headers: classy.headers,
    timeoutMs: timeouts.classy,
    observe: metrics?.observeRequest,
    admit: createAdmission(ledger, 'classy', credentials.clientId, rateLimits.classy),
  });
}

/** Clients of the organizations in the ledger, each made once for its present credentials, so that tokens are kept. */
export function createClassySource(
  config: Config,
  ledger: Ledger,
  metrics: Metrics,
  ring: () => KeyRing,
): (organization: string) => Promise<ClassyClient | undefined> {
  const clients = new Map<string, { nonce: string; client: ClassyClient }>();
  return async (id) => {
    const organization = await ledger.organizations.find(id);
    if (!organization?.sealed || organization.removedAt) return undefined;
    const nonce = Buffer.from(organization.sealed.nonce).toString('hex');
    const known = clients.get(id);
    if (known?.nonce === nonce) return known.client;
    const client = classyClientOf(config, credentialsOf(organization, ring()), ledger, metrics);
    clients.set(id, { nonce, client });
    return client;
  };
}
