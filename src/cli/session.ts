import { existsSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { type Config, type ConfigSources, loadConfig, readEnvironment } from '../config/config.js';
import type { SiteConfig } from '../config/site-variables.js';
import { defaultDataDir, type RunInfo, readRunFile } from '../embedded/data-folder.js';
import type { KeyRing } from '../ledger/credentials.js';
import { openDatabase } from '../ledger/database.js';
import { createLedger, type Ledger } from '../ledger/ledger.js';
import { openClient } from '../temporal/connection.js';
import { createStarter, type Starter } from '../temporal/starter.js';
import { keyRingOf } from './credentials.js';
import { CliError, ExitCode } from './exit.js';

/** What a command works with. */
export interface Session {
  config: Config;
  ledger: Ledger;
  client: Client;
  starter: Starter;
  run: RunInfo | undefined;
  dataDir: string;
  /** Keys of credentials, read anew each time. */
  ring(): KeyRing;
  /** The configured site of that name. @throws CliError naming those there are */
  site(name: string): SiteConfig;
}

/** Configuration of this folder, and what a running Steward on its data folder says of itself. */
export async function loadSituation(): Promise<{ config: Config; dataDir: string; run: RunInfo | undefined }> {
  const sources = { env: process.env, folder: process.cwd() };
  const own = loadConfig(sources);
  const dataDir = own.dataDir ?? defaultDataDir(process.env);
  const run = await readRunFile(dataDir);
  const sandbox = own.sites.length === 0 && run?.sandbox ? { ...run.sandbox, ...ownPlaces(sources) } : undefined;
  return { config: sandbox ? loadConfig({ ...sources, env: { ...process.env, ...sandbox } }) : own, dataDir, run };
}

/** Where the user says that Classy and MailChimp are: the sandbox has none of its own then. */
const ownPlaces = (sources: ConfigSources): Record<string, string> =>
  Object.fromEntries(
    Object.entries(readEnvironment(sources)).flatMap(([name, value]) =>
      value && ['CLASSY_API_URL', 'CLASSY_TOKEN_URL', 'MAILCHIMP_API_URL'].includes(name) ? [[name, value]] : [],
    ),
  );

/** Connects to the ledger and Temporal of the configuration, or to those of the Steward that runs here, for one command. */
export async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const { config, dataDir, run } = await loadSituation();
  const databaseUrl = config.databaseUrl ?? run?.databaseUrl;
  const address = config.temporal.address ?? run?.temporalAddress;
  if (databaseUrl === undefined || address === undefined) {
    throw new CliError(
      `No Steward runs on ${dataDir}. Start it with \`npm start\` or \`steward daemon start\`, or set DATABASE_URL and TEMPORAL_ADDRESS.${existsSync('.env') ? '' : ` (There is no .env in ${process.cwd()}.)`}`,
    );
  }
  const ledger = createLedger(openDatabase({ connectionString: databaseUrl, poolSize: 4 }));
  const client = openClient({ ...config.temporal, address });
  try {
    await ledger.ping().catch(() => {
      throw new CliError(`Postgres at ${new URL(databaseUrl).host} does not answer.`);
    });
    const site = (name: string): SiteConfig => {
      const found = config.sites.find((one) => one.name === name);
      if (!found)
        throw new CliError(
          `There is no site "${name}". Configured: ${config.sites.map((one) => one.name).join(', ') || 'none'}.`,
          ExitCode.Usage,
        );
      return found;
    };
    const ring = keyRingOf(config, dataDir);
    return await work({ config, ledger, client, starter: createStarter(client), run, dataDir, ring, site });
  } finally {
    await client.connection.close();
    await ledger.close();
  }
}
