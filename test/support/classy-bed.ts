import { randomUUID } from 'node:crypto';
import { sealCredentials } from '../../src/cli/credentials.js';
import { loadConfig } from '../../src/config/config.js';
import type {
  OrganizationSyncInput,
  OrganizationSyncOutcome,
  ResourceScope,
} from '../../src/contract/organization-sync.js';
import type { OrganizationRun } from '../../src/ledger/classy/organization-runs.js';
import { type ClassyOptions, type SandboxClassy, startClassy } from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { eventually } from './eventually.js';
import { createTestbed, type Testbed } from './testbed.js';

/** An organization of a test, as the stand-in and the ledger know it. */
export interface TestOrganization {
  id: number;
  currency?: string;
  timeZone?: string;
}

/** A testbed without sites and with a stand-in of Classy. */
export interface ClassyBed {
  bed: Testbed;
  classy: SandboxClassy;
  /** Runs a sync to its end; gives what the ledger says of it, or the outcome where it is of all resources. */
  sync(
    resource: ResourceScope,
    mode: OrganizationSyncInput['mode'],
    more?: Partial<OrganizationSyncInput>,
  ): Promise<OrganizationSyncOutcome>;
  /** The run as the ledger holds it. */
  run(id: string): Promise<OrganizationRun>;
  stop(): Promise<void>;
}

const credentialsOfTest = (id: number) => ({ clientId: `client-${id}`, clientSecret: `secret-${id}` });

/** Makes one; the organizations are configured, nothing runs by itself. */
export async function createClassyBed(options: {
  name: string;
  organizations?: readonly TestOrganization[];
  classy?: ClassyOptions;
  file?: object;
}): Promise<ClassyBed> {
  const { name, organizations = [{ id: 34 }], file = {} } = options;
  const classy = await startClassy({
    perMinute: Number.POSITIVE_INFINITY,
    organizations: organizations.map(({ id, ...more }) => ({
      id,
      name: `Organization ${id}`,
      ...credentialsOfTest(id),
      ...more,
    })),
    ...options.classy,
  });
  const quiet = {
    supporters: '31d',
    transactions: '31d',
    campaigns: '31d',
    recurringPlans: '31d',
    organizationFull: '31d',
  };
  const bed = await createTestbed({
    name,
    sites: [],
    file: {
      rateLimits: { classy: { perMinute: null } },
      ...file,
      schedules: { siteWalk: '31d', siteFull: '31d', ...quiet },
    },
    variables: { CLASSY_API_URL: classy.url, CLASSY_TOKEN_URL: classy.tokenUrl },
  });
  const ring = loadConfig({ env: bed.env, folder: bed.folder }).encryptionKeys;
  for (const { id, currency = 'USD', timeZone = 'UTC' } of organizations)
    await bed.ledger.organizations.save({
      id: String(id),
      name: `Organization ${id}`,
      timeZone,
      currency,
      mailchimpListId: undefined,
      isSandbox: false,
      sealed: sealCredentials(ring, String(id), credentialsOfTest(id)),
    });
  await bed.startWorker();
  const client = openClient(bed.stores.temporal);
  return {
    bed,
    classy,
    async sync(resource, mode, more = {}) {
      const input = {
        organization: String(organizations[0]!.id),
        resource,
        mode,
        run: randomUUID(),
        by: 'command' as const,
        ...more,
      };
      // the run before this one may still be closing
      const handle = await eventually(() => createStarter(client).startOrganizationSync(input));
      return handle.result();
    },
    run: async (id) => (await bed.ledger.organizationRuns.find(id))!,
    async stop() {
      await client.connection.close();
      await bed.stop();
      await classy.close();
    },
  };
}
