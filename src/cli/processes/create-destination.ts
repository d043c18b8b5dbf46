import type { Destination } from '../../audiences/destination.js';
import type { DestinationContext, DestinationKind } from '../../audiences/destination-kind.js';
import type { Config } from '../../config/config.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { Metrics } from '../../observe/metrics.js';
import { createAdmission } from '../../temporal/limiter.js';

/** What destinations are made from. */
export interface DestinationSources {
  config: Config;
  ledger: Ledger;
  metrics?: Metrics | undefined;
  dataDir: string;
}

/** Of a vendor that the configuration does not name yet, in milliseconds. */
const OTHER_TIMEOUT_MS = 60_000;

/** Makes a destination of its kind, with the time-outs and limits of its vendor. */
export function createDestination(
  { config, ledger, metrics, dataDir }: DestinationSources,
  kind: DestinationKind,
  settings: unknown,
  about: Pick<DestinationContext, 'audience' | 'fields' | 'onRemoval'>,
): Destination {
  const vendor = kind.name as keyof Config['timeouts'] & keyof Config['rateLimits'];
  const timeouts: Readonly<Record<string, number | undefined>> = config.timeouts;
  const urls: Record<string, string | undefined> = {
    'campaign-monitor': config.campaignMonitorUrl,
    mailchimp: config.mailchimpUrl,
  };
  return kind.create(settings, {
    ...about,
    url: urls[vendor],
    folder: dataDir,
    http: (credential) => ({
      timeoutMs: timeouts[vendor] ?? OTHER_TIMEOUT_MS,
      observe: metrics?.observeRequest,
      admit: createAdmission(ledger, vendor, credential, config.rateLimits[vendor]),
    }),
  });
}
