import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from './log.js';
import { type Account, closedFolder } from './postgres-account.js';
import type { PostgresPrograms } from './postgres-programs.js';

/** The database role that owns everything in the embedded Postgres. */
export const clusterRole = 'steward';

/** A Postgres data directory that is ready to be started, and the password of its role. */
export interface Cluster {
  folder: string;
  password: string;
}

/** Opens `<dataDir>/postgres` or makes it by initdb; refuses, without touching anything, one of another major version. */
export async function openCluster(
  dataDir: string,
  programs: PostgresPrograms,
  account: Account | undefined,
  log: Log,
): Promise<Cluster> {
  const folder = join(dataDir, 'postgres');
  const passwordFile = join(dataDir, 'postgres-password');
  const found = await readIfThere(join(folder, 'PG_VERSION'));
  if (found !== undefined) {
    requireSameMajor(found.trim(), programs.major, folder);
    const password = await readIfThere(passwordFile);
    if (password === undefined) {
      throw new Error(
        `${passwordFile} is missing: restore it, it holds the only password of the database in ${folder}.`,
      );
    }
    return { folder, password: password.trim() };
  }
  const password = await initialise(folder, passwordFile, programs, account, log);
  return { folder, password };
}

/** Makes the data folder where it is missing; throws, naming the folder that is closed, when the account cannot reach it. */
export async function prepareDataFolder(dataDir: string, account: Account | undefined): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: account ? 0o711 : 0o700 });
  const closed = closedFolder(account, dataDir);
  if (closed === undefined) return;
  throw new Error(
    `Postgres runs as the system user "postgres", who cannot enter ${closed} on the way to ${dataDir}. ` +
      `Open it (chmod o+x ${closed}), choose another data folder (STEWARD_DATA_DIR), or set DATABASE_URL.`,
  );
}

function requireSameMajor(found: string, ours: string, folder: string): void {
  if (found === ours) return;
  throw new Error(
    `The database in ${folder} was made by Postgres ${found}, this Steward brings Postgres ${ours}. Nothing was touched. ` +
      `Start the Steward that made it, dump the database "steward" with pg_dump, move ${folder} away, start this one, and load the dump; ` +
      'or run a Postgres of your own and set DATABASE_URL.',
  );
}

async function initialise(
  folder: string,
  passwordFile: string,
  programs: PostgresPrograms,
  account: Account | undefined,
  log: Log,
): Promise<string> {
  log.info({ folder }, `creating a Postgres ${programs.major} database`);
  const password = randomBytes(24).toString('hex');
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  // initdb works in a folder of its own, so one that was killed half-way leaves nothing that looks like a database.
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (account) {
    await chown(unfinished, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  // The built-in provider sorts the same on every system and after every upgrade of the C library.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['--auth=scram-sha-256', `--username=${clusterRole}`, `--pwfile=${passwordFile}`];
  try {
    const options = { ...account, cwd: '/', env: postgresEnvironment() };
    await promisify(execFile)(programs.initdb, [`--pgdata=${unfinished}`, ...access, ...locale], options);
  } catch (cause) {
    throw new Error(
      `initdb could not create a database in ${folder}: ${(cause as { stderr?: string }).stderr?.trim()}`,
      { cause },
    );
  }
  await rename(unfinished, folder);
  return password;
}

/** The environment of Postgres programs: nothing of ours, neither secrets nor PG* variables. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
