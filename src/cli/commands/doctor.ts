import { statfs } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Config } from '../../config/config.js';
import type { SiteConfig } from '../../config/site-variables.js';
import { defaultDataDir } from '../../embedded/data-folder.js';
import { openDatabase } from '../../ledger/database.js';
import { createLedger, type Ledger } from '../../ledger/ledger.js';
import { migrationStatus } from '../../ledger/migrate.js';
import { createMetrics } from '../../observe/metrics.js';
import { openClient } from '../../temporal/connection.js';
import { VendorError } from '../../vendors/errors.js';
import { examineAudiences, examineOrganization } from '../doctor/examine-organizations.js';
import { type Finding, UNLIMITED } from '../doctor/finding.js';
import { ExitCode } from '../exit.js';
import { migrationsDir } from '../folders.js';
import { print, printJson } from '../output.js';
import { destinationOf, ghostOf } from '../processes/targets.js';
import { loadSituation } from '../session.js';

const LOW_DISK_BYTES = 1024 ** 3;
const MARKS = { ok: 'ok     ', warning: 'WARNING', wrong: 'WRONG  ' } as const;

/** `steward doctor`. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check everything that can be checked, and say what to do')
    .option('--json', 'print JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const findings = await examine();
      if (json) printJson(findings);
      else
        for (const { what, state, found, advice } of findings)
          print(`${MARKS[state]} ${what}: ${found}${advice === undefined ? '' : `\n        ${advice}`}`);
      if (findings.some(({ state }) => state === 'wrong')) process.exitCode = ExitCode.Failed;
    });
}

async function examine(): Promise<Finding[]> {
  const { config, dataDir, run } = await loadSituation();
  const databaseUrl = config.databaseUrl ?? run?.databaseUrl;
  const findings: Finding[] = [
    run
      ? { what: 'Steward', state: 'ok', found: `runs, pid ${run.pid}, since ${run.startedAt}` }
      : {
          what: 'Steward',
          state: 'warning',
          found: `does not run on ${dataDir}`,
          advice: 'Start it: npm start, or steward daemon start.',
        },
    await examineDisk(config.dataDir ?? defaultDataDir(process.env)),
    databaseUrl === undefined
      ? { what: 'Postgres', state: 'warning', found: 'embedded, not running' }
      : await examinePostgres(databaseUrl),
    await examineTemporal(config, config.temporal.address ?? run?.temporalAddress),
  ];
  const ledger = createLedger(
    openDatabase({ connectionString: databaseUrl ?? 'postgresql://127.0.0.1:1/none', poolSize: 2 }),
  );
  try {
    for (const site of config.sites) findings.push(...(await examineSite(config, site, ledger, run?.httpUrl)));
    const organizations = await ledger.organizations.list().catch(() => []);
    for (const organization of organizations)
      findings.push(await examineOrganization(config, dataDir, organization, ledger));
    if (organizations.length > 0) findings.push(...(await examineAudiences(config, dataDir, ledger)));
    if (config.sites.length + organizations.length === 0)
      findings.push({
        what: 'Sites',
        state: 'warning',
        found: 'none is configured, and no organization either',
        advice: 'Copy .env.example to .env and fill in SITE1_…, or run steward organization add.',
      });
  } finally {
    await ledger.close();
  }
  return findings;
}

async function examineDisk(dataDir: string): Promise<Finding> {
  const stats = await statfs(dataDir).catch(() => undefined);
  if (!stats) return { what: 'Data folder', state: 'ok', found: `${dataDir} is made at the first start` };
  const free = stats.bavail * stats.bsize;
  const found = `${dataDir}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return free < LOW_DISK_BYTES
    ? { what: 'Data folder', state: 'wrong', found, advice: 'Free some space: Postgres stops when the disk is full.' }
    : { what: 'Data folder', state: 'ok', found };
}

async function examinePostgres(url: string): Promise<Finding> {
  try {
    const { pending, failed } = await migrationStatus(url, migrationsDir);
    const open = pending.length + failed.length;
    return open === 0
      ? { what: 'Postgres', state: 'ok', found: `${new URL(url).host} answers, all migrations applied` }
      : {
          what: 'Postgres',
          state: 'wrong',
          found: `${open} migrations are not applied`,
          advice: 'Run steward db migrate, or restart Steward.',
        };
  } catch {
    return {
      what: 'Postgres',
      state: 'wrong',
      found: `${new URL(url).host} does not answer`,
      advice: 'Is it running, and are user and password in DATABASE_URL right?',
    };
  }
}

async function examineTemporal(config: Config, address: string | undefined): Promise<Finding> {
  if (address === undefined) return { what: 'Temporal', state: 'warning', found: 'embedded, not running' };
  const client = openClient({ ...config.temporal, address });
  try {
    const { namespace } = config.temporal;
    await client.withDeadline(Date.now() + 5_000, () => client.workflowService.describeNamespace({ namespace }));
    return { what: 'Temporal', state: 'ok', found: `${address} answers, namespace ${namespace}` };
  } catch {
    return {
      what: 'Temporal',
      state: 'wrong',
      found: `${address} or its namespace ${config.temporal.namespace} does not answer`,
      advice: 'Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the key or certificates.',
    };
  } finally {
    await client.connection.close();
  }
}

async function examineSite(
  config: Config,
  site: SiteConfig,
  ledger: Ledger,
  httpUrl: string | undefined,
): Promise<Finding[]> {
  const free = { ...config, rateLimits: UNLIMITED };
  const metrics = createMetrics();
  const findings: Finding[] = [];
  const ghost = ghostOf(free, site, ledger, metrics);
  if (ghost) findings.push(await examineGhost(site, ghost));
  else
    findings.push({
      what: `${site.name}: Ghost`,
      state: 'warning',
      found: 'webhooks only, no Admin API key',
      advice: `Set the site's GHOST_URL and GHOST_ADMIN_API_KEY, so that what webhooks miss is found.`,
    });
  findings.push(await examineList(site, destinationOf(free, site, ledger, metrics)));
  if (site.consentToTrack === 'Unchanged') {
    findings.push({
      what: `${site.name}: consent to track`,
      state: 'ok',
      found: 'Unchanged: Campaign Monitor takes it as consent for a new address',
    });
  }
  findings.push(await examineWebhookTarget(site, httpUrl ?? `http://${config.http.host}:${config.http.port}`));
  return findings;
}

async function examineGhost(site: SiteConfig, ghost: NonNullable<ReturnType<typeof ghostOf>>): Promise<Finding> {
  const what = `${site.name}: Ghost`;
  try {
    const { version } = await ghost.site();
    await ghost.probe();
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const isOld = major < 5 || (major === 5 && minor < 130);
    return isOld
      ? {
          what,
          state: 'warning',
          found: `version ${version} answers`,
          advice: 'Steward is tried with 5.130 to 6.65: update Ghost.',
        }
      : { what, state: 'ok', found: `version ${version} answers, the Admin API key works` };
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    const advice =
      error.details.kind === 'refused'
        ? 'Check GHOST_ADMIN_API_KEY: the Admin API key of the custom integration.'
        : 'Check GHOST_URL: the address of the admin screen, without /ghost.';
    return { what, state: 'wrong', found: error.message, advice };
  }
}

async function examineList(site: SiteConfig, destination: ReturnType<typeof destinationOf>): Promise<Finding> {
  const what = `${site.name}: Campaign Monitor list`;
  try {
    const { title, activeSubscribers, doubleOptIn, problems } = await destination.check();
    const found = `"${title}", ${activeSubscribers} active, the key works, the seven fields are there`;
    if (problems.length > 0) return { what, state: 'wrong', found: `"${title}"`, advice: problems.join('\n        ') };
    return doubleOptIn
      ? {
          what,
          state: 'warning',
          found,
          advice:
            'The list asks everybody added to confirm by mail; additions are held until released (steward held list).',
        }
      : { what, state: 'ok', found };
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    const advice =
      error.details.kind === 'refused'
        ? 'Check CM_API_KEY and CM_LIST_ID.'
        : 'Try again later; check CM_API_URL if you set it.';
    return { what, state: 'wrong', found: error.message, advice };
  }
}

/** Only Ghost itself can tell whether it reaches the address; here it is tried from this machine, without leaving a trace in the log. */
async function examineWebhookTarget(site: SiteConfig, base: string): Promise<Finding> {
  const what = `${site.name}: webhook target`;
  const target = `${base}/webhook/ghost/${site.name}?event=member.added`;
  const answer = await fetch(target, { signal: AbortSignal.timeout(5_000) })
    .then((response) => response.json() as Promise<{ error?: { code?: string } }>)
    .catch(() => undefined);
  if (answer?.error?.code !== 'not-found')
    return {
      what,
      state: 'wrong',
      found: `${target} does not answer as Steward`,
      advice: 'Start Steward, or free the port.',
    };
  const isLocal = /127\.0\.0\.1|localhost/.test(base);
  return isLocal && site.ghost && !/127\.0\.0\.1|localhost/.test(site.ghost.url)
    ? {
        what,
        state: 'warning',
        found: `${target} answers here`,
        advice:
          'Ghost must reach it from outside: put a proxy with https in front, and type that address into the webhooks. Ghost 6.27 and later refuses private addresses.',
      }
    : { what, state: 'ok', found: `${target} answers` };
}
