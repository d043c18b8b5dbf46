import { randomUUID } from 'node:crypto';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { Delivery } from '../../src/sandbox/index.js';
import { readWebhook } from '../../src/vendors/ghost/webhook.js';

/** Stores recorded deliveries as the server does, without its HTTP: for backlogs of many. A repeat is stored once. */
export async function storeDeliveries(
  ledger: Ledger,
  site: string,
  deliveries: readonly Delivery[],
): Promise<string[]> {
  return ledger.inbox.store(
    deliveries.map(({ body, event, t, signature }) => {
      const { disagrees: _, ...webhook } = readWebhook(JSON.parse(body), event);
      return { id: randomUUID(), site, ...webhook, signedAt: new Date(t), signature: `${signature}` };
    }),
  );
}
