import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { Ledger } from '../ledger/ledger.js';
import { openClient, type TemporalAddress } from '../temporal/connection.js';
import { createStarter } from '../temporal/starter.js';
import { keyRingOf, sealCredentials } from './credentials.js';
import { ringToSeal } from './organization/key-ring.js';
import type { SandboxOrganization } from './processes/messages.js';

/** Configures the sandbox's organization, and its audience, as `organization add` does. */
export async function saveSandboxOrganization(
  ledger: Ledger,
  config: Config,
  dataDir: string,
  { credentials, mailchimpListId, ...entry }: SandboxOrganization,
): Promise<void> {
  const ring = await ringToSeal({ ledger, dataDir, ring: keyRingOf(config, dataDir) }, { anew: true });
  const sealed = sealCredentials(ring, entry.id, credentials);
  await ledger.organizations.save({ ...entry, mailchimpListId, isSandbox: true, sealed });
}

/** Reads the sandbox's organization at once, so that there is something to look at; the schedules go on from there. */
export async function readSandboxOrganization(temporal: TemporalAddress, organization: string): Promise<void> {
  const client = openClient(temporal);
  try {
    const input = { organization, resource: 'all', mode: 'incremental', run: randomUUID(), by: 'command' } as const;
    // one that goes on already, or a Temporal that is slow, is as good
    await createStarter(client)
      .startOrganizationSync(input)
      .catch(() => undefined);
  } finally {
    await client.connection.close();
  }
}
