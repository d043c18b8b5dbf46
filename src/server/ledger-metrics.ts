import { Gauge, type Registry } from 'prom-client';
import type { Ledger } from '../ledger/ledger.js';

/** Gauges that are read from the ledger at each scrape; where it does not answer they are left out. */
export function registerLedgerMetrics(registry: Registry, ledger: Ledger, sites: readonly string[]): void {
  const registers = [registry];
  const waiting = new Gauge({ name: 'steward_deliveries_waiting', help: 'Deliveries without an outcome', labelNames: ['site'] as const, registers });
  const oldest = new Gauge({
    name: 'steward_delivery_oldest_seconds',
    help: 'Age of the oldest delivery without an outcome',
    labelNames: ['site'] as const,
    registers,
    async collect() {
      waiting.reset();
      oldest.reset();
      const queues = await ledger.status.sites().catch(() => undefined);
      if (!queues) return;
      for (const site of sites) {
        const queue = queues.find((one) => one.site === site);
        waiting.set({ site }, queue?.waiting ?? 0);
        oldest.set({ site }, queue?.oldestSeconds ?? 0);
      }
    },
  });
  gaugeOf(registry, 'steward_contacts', 'Contacts by how they were settled; due for those that wait', ['audience', 'state'], () => ledger.status.contacts());
  gaugeOf(registry, 'steward_parked', 'Members whose sync waits for an operator, by step', ['step'], () => ledger.status.parked());
}

function gaugeOf<L extends string>(registry: Registry, name: string, help: string, labelNames: readonly L[], read: () => Promise<(Record<L, string> & { count: number })[]>): void {
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
