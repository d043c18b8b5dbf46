import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';

import type { Log } from './log.js';

/** A system user that Postgres runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/** Who Postgres runs as: undefined for ourselves; started as root, which Postgres refuses, the user `postgres`, created if missing. */
export function postgresAccount(log: Log): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = lookUp();
  if (found) return found;
  log.info({ user: 'postgres' }, 'creating the system user postgres: Postgres refuses to run as root');
  try {
    const flags = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin'];
    execFileSync('useradd', [...flags, 'postgres'], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (cause) {
    throw new Error(
      'Postgres refuses to run as root, and the system user "postgres" could not be created. Create it (useradd --system postgres), start Steward as another user, or set DATABASE_URL.',
      { cause },
    );
  }
  const created = lookUp();
  if (!created) throw new Error('The system user "postgres" was created but cannot be found.');
  return created;
}

/** The outermost folder on the way to `path` that the account cannot enter; undefined when it reaches it. */
export function closedFolder(account: Account | undefined, path: string): string | undefined {
  const target = resolve(path);
  if (canEnter(account, target)) return undefined;
  const way = [target];
  for (let folder = target; folder !== dirname(folder); ) {
    folder = dirname(folder);
    way.unshift(folder);
  }
  return way.find((folder) => !canEnter(account, folder)) ?? target;
}

/** Asks the system itself: modes alone say nothing about access lists and mount options. */
function canEnter(account: Account | undefined, folder: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' }).status === 0;
}

function lookUp(): Account | undefined {
  try {
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}
