import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sealCredentials } from '../../src/cli/credentials.js';
import type { RunningRole } from '../../src/cli/processes/server-role.js';
import { startWorkerRole } from '../../src/cli/processes/worker-role.js';
import { loadConfig } from '../../src/config/config.js';
import type { AudienceSyncInput } from '../../src/contract/audience-sync.js';
import { openDatabase } from '../../src/ledger/database.js';
import type { SyncRun } from '../../src/ledger/runs.js';
import {
  type MailchimpOptions,
  type SandboxAudience,
  type SandboxMailchimp,
  sandboxAudienceId,
  sandboxMailchimpKey,
  startMailchimp,
} from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { installRuntime } from '../../src/temporal/workers.js';
import { eventually } from './eventually.js';
import { createTestbed, type Testbed } from './testbed.js';

/** A gift of a supporter of a test. */
export interface TestGift {
  id?: number;
  amount: number;
  /** ISO 8601 or a day. */
  at: string;
  status?: string;
  currency?: string;
  plan?: number;
}

/** A supporter of a test as the ledger would hold it after a sync. */
export interface TestSupporter {
  id: number;
  email: string | null;
  optIn?: boolean | null;
  first?: string | null;
  last?: string | null;
  updatedAt?: string;
  missing?: boolean;
  gifts?: readonly TestGift[];
  plans?: readonly { id: number; amount: number; frequency: string; status: string; isPaused?: boolean }[];
}

/** A testbed with one organization whose supporters are in the ledger already, and a stand-in of MailChimp. */
export interface MailchimpBed {
  bed: Testbed;
  mailchimp: SandboxMailchimp;
  audience: SandboxAudience;
  organization: string;
  /** Configures another one, with the same audience and key. */
  addOrganization(id: string): Promise<void>;
  /** Writes supporters with all that they gave; those of the same id are replaced. */
  give(supporters: readonly TestSupporter[]): Promise<void>;
  /** Runs SQL in the ledger's database. */
  sql(text: string): Promise<unknown[]>;
  /** Runs a sync to its end; gives what the ledger says of it. */
  sync(more?: Partial<AudienceSyncInput>): Promise<SyncRun>;
  /** Stops the worker; starts another one, with this configuration where one is given. */
  restart(file?: object): Promise<void>;
  stop(): Promise<void>;
}

export const ORGANIZATION = '34';

let isRuntimeInstalled = false;

/** Makes one; nothing runs by itself. */
export async function createMailchimpBed(options: {
  name: string;
  mailchimp?: MailchimpOptions;
  file?: object;
  variables?: Readonly<Record<string, string>>;
  /** Roles that are started; default: both. */
  start?: boolean;
}): Promise<MailchimpBed> {
  const { name, file = {}, start = true } = options;
  const mailchimp = await startMailchimp(options.mailchimp ?? {});
  const quiet = { supporters: '31d', transactions: '31d', campaigns: '31d', recurringPlans: '31d' };
  const schedules = { siteWalk: '31d', siteFull: '31d', organizationFull: '31d', audience: '31d', ...quiet };
  const bed = await createTestbed({
    name,
    sites: [],
    file: { ...file, schedules },
    variables: { MAILCHIMP_API_URL: mailchimp.url, ...options.variables },
  });
  const ring = loadConfig({ env: bed.env, folder: bed.folder }).encryptionKeys;
  const addOrganization = (id: string): Promise<void> =>
    bed.ledger.organizations.save({
      id,
      name: `Organization ${id}`,
      timeZone: 'UTC',
      currency: 'USD',
      mailchimpListId: sandboxAudienceId,
      isSandbox: false,
      sealed: sealCredentials(ring, id, {
        clientId: 'client',
        clientSecret: 'secret',
        mailchimpApiKey: sandboxMailchimpKey,
      }),
    });
  await addOrganization(ORGANIZATION);
  let { config } = bed;
  let worker: RunningRole | undefined;
  const startWorker = async (): Promise<void> => {
    if (!isRuntimeInstalled) installRuntime(bed.log);
    isRuntimeInstalled = true;
    worker = await startWorkerRole({ config, stores: bed.stores, log: bed.log });
  };
  if (start) await bed.startServer();
  if (start) await startWorker();
  const client = openClient(bed.stores.temporal);
  const database = openDatabase({ connectionString: bed.stores.databaseUrl, poolSize: 2 });
  return {
    bed,
    mailchimp,
    audience: mailchimp.audience(),
    organization: ORGANIZATION,
    addOrganization,
    give: async (supporters) => {
      // at once: nobody is gone for a moment while a sync looks
      await database.prisma.$transaction(
        statementsOf(supporters).map((statement) => database.prisma.$executeRawUnsafe(statement)),
      );
    },
    sql: (text) => database.prisma.$queryRawUnsafe(text),
    async sync(more = {}) {
      const input = {
        audience: sandboxAudienceId,
        queue: 'mailchimp',
        mode: 'incremental' as const,
        run: randomUUID(),
        by: 'command' as const,
        ...more,
      };
      // the run before this one may still be closing
      const handle = await eventually(() => createStarter(client).startAudienceSync(input, ORGANIZATION));
      const { result, message = null } = await handle.result();
      return (await bed.ledger.runs.find(input.run)) ?? ({ id: input.run, result, message } as SyncRun);
    },
    async restart(changed) {
      if (changed) await writeFile(join(bed.folder, 'steward.config.json'), JSON.stringify({ ...changed, schedules }));
      config = loadConfig({ env: bed.env, folder: bed.folder });
      const before = worker;
      worker = undefined;
      await before?.stop();
      await startWorker();
    },
    async stop() {
      await client.connection.close();
      await database.close();
      await worker?.stop();
      await bed.stop();
      await mailchimp.close();
    },
  };
}

const text = (value: string | null | undefined): string =>
  value == null ? 'NULL' : `'${value.replaceAll("'", "''")}'`;

/** In as few statements as there are tables: tests with many people are quick, too. */
function statementsOf(supporters: readonly TestSupporter[]): string[] {
  const now = new Date().toISOString();
  const ids = supporters.map(({ id }) => id).join(',') || '0';
  const rows = supporters.map(
    ({ id, email, optIn = true, first, last, updatedAt = now, missing = false }) =>
      `(${id}, ${ORGANIZATION}, ${text(email)}, ${text(email?.trim().toLowerCase())}, ${text(first)}, ${text(last)}, ${optIn}, '${updatedAt}', '{}', now(), ${missing ? 'now()' : 'NULL'})`,
  );
  const gifts = supporters.flatMap(({ id, gifts: given = [] }) =>
    given.map(
      (gift, index) =>
        `(${gift.id ?? id * 1000 + index}, ${ORGANIZATION}, ${id}, ${text(gift.status ?? 'success')}, ${gift.amount}, ${gift.amount}, ${text(gift.currency ?? 'USD')}, '${gift.at}', ${gift.plan ?? 'NULL'}, '${now}', '{}', now())`,
    ),
  );
  const plans = supporters.flatMap(({ id, plans: of = [] }) =>
    of.map(
      (plan) =>
        `(${plan.id}, ${ORGANIZATION}, ${id}, ${text(plan.status)}, ${text(plan.frequency)}, ${plan.amount}, ${plan.isPaused ?? false}, '${now}', '{}', now())`,
    ),
  );
  return [
    `DELETE FROM transactions WHERE supporter_id IN (${ids})`,
    `DELETE FROM recurring_plans WHERE supporter_id IN (${ids})`,
    `DELETE FROM supporters WHERE id IN (${ids})`,
    ...(rows.length > 0
      ? [
          `INSERT INTO supporters (id, organization_id, email_address, address, first_name, last_name, email_opt_in, classy_updated_at, raw, observed_at, missing_since) VALUES ${rows.join(',')}`,
        ]
      : []),
    ...(gifts.length > 0
      ? [
          `INSERT INTO transactions (id, organization_id, supporter_id, status, total_gross_amount, donation_gross_amount, currency_code, purchased_at, recurring_plan_id, classy_updated_at, raw, observed_at) VALUES ${gifts.join(',')}`,
        ]
      : []),
    ...(plans.length > 0
      ? [
          `INSERT INTO recurring_plans (id, organization_id, supporter_id, status, frequency, amount, is_paused, classy_updated_at, raw, observed_at) VALUES ${plans.join(',')}`,
        ]
      : []),
  ];
}

/** A day so many days before today, `YYYY-MM-DD`. */
export const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
