import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { type Config, loadConfig } from '../../config/config.js';
import { lockDataFolder, type RunInfo } from '../../embedded/data-folder.js';
import { startEmbeddedStores } from '../../embedded/embedded-stores.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import type { KeyRing } from '../../ledger/credentials.js';
import { openDatabase } from '../../ledger/database.js';
import { createLedger, type Ledger } from '../../ledger/ledger.js';
import { applyMigrations } from '../../ledger/migrate.js';
import { openClient } from '../../temporal/connection.js';
import { keyRingOf } from '../credentials.js';
import { CliError, ExitCode } from '../exit.js';
import { migrationsDir } from '../folders.js';
import { loadSituation } from '../session.js';

/** What the commands of organizations work with: the ledger, and Temporal where there is one. */
export interface Registry {
  /** The user's own: the sandbox's Classy is not in it. */
  config: Config;
  dataDir: string;
  ledger: Ledger;
  /** Undefined while no Temporal is known: schedules are then set by the next start. */
  client: Client | undefined;
  run: RunInfo | undefined;
  /** Read anew each time. */
  ring(): KeyRing;
  /** An organization that is configured or was. @throws CliError naming those there are */
  organization(id: string): Promise<Organization>;
  /** One that is configured. @throws CliError */
  configured(id: string): Promise<Organization>;
}

/** Opens the configured ledger, that of the running Steward, or the embedded one, which is started for as long as the command takes. */
export async function withRegistry<T>(work: (registry: Registry) => Promise<T>): Promise<T> {
  const { dataDir, run } = await loadSituation();
  const config = loadConfig({ env: process.env, folder: process.cwd() });
  const databaseUrl = config.databaseUrl ?? run?.databaseUrl;
  return databaseUrl === undefined
    ? withEmbeddedPostgres(dataDir, (url) => withLedger(url, { config, dataDir, run }, work))
    : withLedger(databaseUrl, { config, dataDir, run }, work);
}

/** Refuses while what runs here is the sandbox and its Classy is made up. */
export function refuseInSandbox({ run }: Registry): void {
  // started where the user says where Classy is, it has none of its own
  if (!run?.sandbox?.['CLASSY_API_URL']) return;
  throw new CliError(
    'Refused: what runs here is the sandbox, whose Classy is made up. Stop it (steward daemon stop, or Ctrl-C where it runs) and do this again: it works while nothing runs.',
    ExitCode.Refused,
  );
}

type Surroundings = Pick<Registry, 'config' | 'dataDir' | 'run'>;

async function withLedger<T>(
  databaseUrl: string,
  { config, dataDir, run }: Surroundings,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const ledger = createLedger(openDatabase({ connectionString: databaseUrl, poolSize: 4 }));
  const address = config.temporal.address ?? run?.temporalAddress;
  const client = address === undefined ? undefined : openClient({ ...config.temporal, address });
  const organization = async (id: string): Promise<Organization> =>
    (await ledger.organizations.find(id)) ?? (await refuseUnknown(ledger, `There is no organization ${id}.`));
  try {
    await ledger.ping().catch(() => {
      throw new CliError(`Postgres at ${new URL(databaseUrl).host} does not answer.`);
    });
    return await work({
      ...{ config, dataDir, run, ledger, client, organization },
      ring: keyRingOf(config, dataDir),
      async configured(id) {
        const found = await organization(id);
        return found.removedAt ? refuseUnknown(ledger, `Organization ${id} was removed.`) : found;
      },
    });
  } catch (error) {
    if (!isTableMissing(error)) throw error;
    throw new CliError("The ledger's tables are not there yet: run steward db migrate, or start Steward.");
  } finally {
    await client?.connection.close();
    await ledger.close();
  }
}

async function refuseUnknown(ledger: Ledger, what: string): Promise<never> {
  const known = (await ledger.organizations.list()).map(({ id, name }) => `${id} (${name})`).join(', ');
  throw new CliError(`${what} There ${known === '' ? 'is none' : `are: ${known}`}.`, ExitCode.Usage);
}

/** As Prisma and as Postgres say it. */
const isTableMissing = (error: unknown): boolean =>
  ['P2021', '42P01'].includes(String((error as { code?: unknown } | null)?.code));

const stderrLog = {
  info: () => undefined,
  warn: (_details: object, message: string) => void process.stderr.write(`${message}\n`),
  error: (_details: object, message: string) => void process.stderr.write(`${message}\n`),
};

async function withEmbeddedPostgres<T>(dataDir: string, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const lock = await lockDataFolder(dataDir).catch((error: Error) => {
    throw new CliError(error.message, ExitCode.Refused);
  });
  const isFirst = !existsSync(join(dataDir, 'postgres'));
  process.stderr.write(
    `Steward does not run: its Postgres in ${dataDir} is ${isFirst ? 'set up and ' : ''}started for this command.\n`,
  );
  try {
    const stores = await startEmbeddedStores({
      ...{ dataDir, postgres: true, temporal: false, temporalCli: undefined, namespace: '', searchAttributes: [] },
      log: stderrLog,
    });
    // Postgres has a process group of its own: Ctrl-C must not leave it behind
    const onSignal = (): void => void stores.stop().finally(() => process.exit(ExitCode.Interrupted));
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    try {
      await applyMigrations(stores.databaseUrl!, migrationsDir);
      return await work(stores.databaseUrl!);
    } finally {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      await stores.stop();
    }
  } finally {
    await lock.release();
  }
}
