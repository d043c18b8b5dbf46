import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { RequestObserver } from '../vendors/http.js';

/** The process's own counters; what the ledger knows is read from it at each scrape. No label holds a person. */
export type Metrics = ReturnType<typeof createMetrics>;

/** A registry with every metric that processes count themselves. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: 'steward_vendor_requests_total',
    help: 'Requests to vendors',
    labelNames: ['vendor', 'operation', 'status'] as const,
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'steward_vendor_request_seconds',
    help: 'Duration of requests to vendors',
    labelNames: ['vendor', 'operation'] as const,
    buckets: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120],
    registers,
  });
  const observeRequest: RequestObserver = ({ vendor, operation, status, seconds }) => {
    requests.inc({ vendor, operation, status });
    requestSeconds.observe({ vendor, operation }, seconds);
  };
  return {
    registry,
    observeRequest,
    deliveries: new Counter({
      name: 'steward_deliveries_total',
      help: 'Webhook deliveries by what became of the request',
      labelNames: ['site', 'event', 'result'] as const,
      registers,
    }),
    pushes: new Counter({
      name: 'steward_pushes_total',
      help: 'Contacts settled by the writers',
      labelNames: ['audience', 'outcome'] as const,
      registers,
    }),
    deliveryToDestination: new Histogram({
      name: 'steward_delivery_to_destination_seconds',
      help: 'From receipt of a delivery to the confirmation of its push',
      labelNames: ['site'] as const,
      buckets: [0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600],
      registers,
    }),
    syncRuns: new Counter({
      name: 'steward_sync_runs_total',
      help: 'Walks, full syncs and applied plans by their result',
      labelNames: ['kind', 'scope', 'result'] as const,
      registers,
    }),
    records: new Counter({
      name: 'steward_records_total',
      help: 'Records of Classy by what a sync found of them',
      labelNames: ['organization', 'resource', 'change'] as const,
      registers,
    }),
    changesFound: new Counter({
      name: 'steward_changes_found_total',
      help: 'Changes of members by which net found them',
      labelNames: ['site', 'by'] as const,
      registers,
    }),
  };
}
