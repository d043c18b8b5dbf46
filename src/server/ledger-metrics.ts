import { Gauge, type Registry } from 'prom-client';
import type { Ledger } from '../ledger/ledger.js';
import type { SiteQueue } from '../ledger/status.js';

/** Gauges that are read from the ledger at each scrape; where it does not answer they are left out. */
export function registerLedgerMetrics(registry: Registry, ledger: Ledger, sites: readonly string[]): void {
  const ofSites = async (figure: (queue: SiteQueue | undefined) => number) => {
    const queues = await ledger.status.sites();
    return sites.map((site) => ({ site, count: figure(queues.find((one) => one.site === site)) }));
  };
  gaugeOf(registry, 'steward_deliveries_waiting', 'Deliveries without an outcome', ['site'], () =>
    ofSites((queue) => queue?.waiting ?? 0),
  );
  gaugeOf(registry, 'steward_delivery_oldest_seconds', 'Age of the oldest delivery without an outcome', ['site'], () =>
    ofSites((queue) => queue?.oldestSeconds ?? 0),
  );
  gaugeOf(
    registry,
    'steward_contacts',
    'Contacts by how they were settled; due for those that wait',
    ['audience', 'state'],
    () => ledger.status.contacts(),
  );
  gaugeOf(
    registry,
    'steward_sync_last_success_timestamp_seconds',
    'When a sync last ended well, in seconds since 1970',
    ['kind', 'scope'],
    async () =>
      [
        ...(await ledger.runs.lastSuccesses()),
        ...(await ledger.organizationRuns.lastSuccesses()).map(({ organization, resource, mode, at }) => ({
          kind: mode,
          scope: `${organization}/${resource}`,
          at,
        })),
      ].map(({ kind, scope, at }) => ({ kind, scope, count: at.getTime() / 1000 })),
  );
  gaugeOf(registry, 'steward_parked', 'Members whose sync waits for an operator, by step', ['step'], () =>
    ledger.status.parked(),
  );
}

function gaugeOf<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: () => Promise<(Record<L, string> & { count: number })[]>,
): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const rows = await read().catch(() => []);
      gauge.reset();
      for (const { count, ...labels } of rows) gauge.set(labels as unknown as Record<L, string>, count);
    },
  });
}
