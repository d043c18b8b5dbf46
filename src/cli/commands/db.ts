import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { lockDataFolder } from '../../embedded/data-folder.js';
import { freePort } from '../../embedded/free-port.js';
import { startPostgresServer } from '../../embedded/postgres-server.js';
import { applyMigrations, migrationStatus, resetDatabase, rollbackLast } from '../../ledger/migrate.js';
import { createLog } from '../../observe/log.js';
import { CliError, ExitCode } from '../exit.js';
import { migrationsDir } from '../folders.js';
import { print, printJson, printTable, showTime } from '../output.js';
import { loadSituation } from '../session.js';

const POSTGRES_PORT = 54329;

/** `steward db migrate|rollback|seed|reset|status`. */
export function registerDb(program: Command): void {
  const db = program.command('db').description("the ledger's tables");
  db.command('migrate')
    .description('apply the migrations that are pending (a start does so too)')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withDatabase(async (url) => {
        const applied = await applyMigrations(url, migrationsDir);
        if (json) printJson({ applied });
        else
          print(applied.length === 0 ? 'Nothing to do: all migrations are applied.' : `Applied: ${applied.join(', ')}`);
      }),
    );
  db.command('status')
    .description('which migrations are applied')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withDatabase(async (url) => {
        const status = await migrationStatus(url, migrationsDir);
        if (json) return printJson(status);
        printTable(
          ['MIGRATION', 'STATE'],
          [
            ...status.applied.map(({ name, at }) => [name, `applied ${showTime(new Date(at))}`]),
            ...status.pending.map((name) => [name, 'pending: run steward db migrate']),
            ...status.failed.map(({ name }) => [name, 'failed: run steward db migrate again']),
          ],
        );
      }),
    );
  db.command('rollback')
    .description('undo the last migration, with its data')
    .option('--yes', 'do not ask', false)
    .action(({ yes }: { yes: boolean }) =>
      withDatabase(async (url) => {
        await confirm('Undo the last migration? What only its tables hold is lost.', yes);
        const name = await rollbackLast(url, migrationsDir);
        print(name === undefined ? 'There is nothing to undo.' : `Undone: ${name}`);
      }),
    );
  db.command('seed')
    .description("write the sandbox's reference data: nothing yet that a start does not make by itself")
    .action(() =>
      withDatabase(async (url) => {
        await applyMigrations(url, migrationsDir);
        print('The tables are there. The sandbox brings its own people: start Steward without a site.');
      }),
    );
  db.command('reset')
    .description('drop everything and lay the tables anew; refuses in production')
    .option('--yes', 'do not ask', false)
    .action(async ({ yes }: { yes: boolean }) => {
      const { config, run } = await loadSituation();
      if (config.isProduction)
        throw new CliError(
          'Refused: NODE_ENV is production. The ledger is the only place that knows who opted out and what was sent.',
          ExitCode.Refused,
        );
      if (run) throw new CliError(`Refused: Steward runs (pid ${run.pid}). Stop it first.`, ExitCode.Refused);
      await confirm('Drop every table of the ledger? History, opt-outs and waiting deliveries are lost.', yes);
      await withDatabase(async (url) => {
        await resetDatabase(url);
        await applyMigrations(url, migrationsDir);
        print('The ledger is empty.');
      });
    });
}

async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new CliError('Nobody is there to ask: add --yes.', ExitCode.Usage);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} Type yes to go on: `);
  terminal.close();
  if (answer.trim().toLowerCase() !== 'yes') throw new CliError('Nothing was done.', ExitCode.Refused);
}

/** The configured database, that of the running Steward, or the embedded one started for this command. */
async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const { config, dataDir, run } = await loadSituation();
  const url = config.databaseUrl ?? run?.databaseUrl;
  if (url !== undefined) return work(url);
  const lock = await lockDataFolder(dataDir);
  try {
    const postgres = await startPostgresServer({
      dataDir,
      port: await freePort(POSTGRES_PORT),
      log: createLog({ ...config.log, level: 'warn' }),
    });
    try {
      await work(postgres.connectionString);
    } finally {
      await postgres.stop();
    }
  } finally {
    await lock.release();
  }
}
