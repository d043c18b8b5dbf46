import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own folder, from sources as well as from dist. */
export const packageDir = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** Migrations of the ledger. */
export const migrationsDir = join(packageDir, 'prisma', 'migrations');

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}
