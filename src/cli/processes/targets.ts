import type { AudienceTarget } from '../../../activities/audience-push.js';
import type { SiteSource } from '../../../activities/ghost.js';
import { createCampaignMonitorList } from '../../audiences/campaign-monitor.js';
import type { Config } from '../../config/config.js';
import type { SiteConfig } from '../../config/site-variables.js';
import type { KeyRing } from '../../ledger/credentials.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { Metrics } from '../../observe/metrics.js';
import { createAdmission } from '../../temporal/limiter.js';
import { createCampaignMonitorClient } from '../../vendors/campaign-monitor/client.js';
import { type ClassyClient, createClassyClient } from '../../vendors/classy/client.js';
import type { ClassyCredentials } from '../../vendors/classy/token.js';
import { createGhostClient } from '../../vendors/ghost/client.js';
import { credentialsOf } from '../credentials.js';

/** Vendor clients and destinations of the configured sites. */
export interface Targets {
  sites: Map<string, SiteSource>;
  audiences: Map<string, AudienceTarget>;
}

/** Builds what the activities work on from the configuration. */
export function createTargets(config: Config, ledger: Ledger, metrics: Metrics): Targets {
  const sites = new Map(
    config.sites.map((site) => [site.name, { site, ghost: ghostOf(config, site, ledger, metrics) }]),
  );
  const audiences = new Map(
    config.sites.map((site) => [site.audience, { site, destination: destinationOf(config, site, ledger, metrics) }]),
  );
  return { sites, audiences };
}

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
export function destinationOf(
  { timeouts, rateLimits, campaignMonitorUrl }: Config,
  site: SiteConfig,
  ledger: Ledger,
  metrics: Metrics,
) {
  const timeoutMs = timeouts['campaign-monitor'];
  const client = createCampaignMonitorClient({
    url: campaignMonitorUrl,
    apiKey: site.campaignMonitorKey,
    timeoutMs,
    observe: metrics.observeRequest,
    admit: createAdmission(ledger, 'campaign-monitor', site.campaignMonitorKey, rateLimits['campaign-monitor']),
  });
  return createCampaignMonitorList({ client, listId: site.audience, consentToTrack: site.consentToTrack, timeoutMs });
}

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
