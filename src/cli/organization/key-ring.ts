import { keyFilePath, newKey, writeKeyFile } from '../../embedded/encryption-key.js';
import { type KeyRing, keyIdOf } from '../../ledger/credentials.js';
import { CliError } from '../exit.js';
import type { Registry } from './registry.js';

/**
 * The keys to seal with; where there is none yet, the key file is made, aloud. @throws CliError where credentials need a key that is
 * lost, unless they are being entered anew
 */
export async function ringToSeal(
  { ring, ledger, dataDir }: Pick<Registry, 'ring' | 'ledger' | 'dataDir'>,
  { anew = false }: { anew?: boolean } = {},
): Promise<KeyRing> {
  const keys = ring();
  if (keys.length > 0) return keys;
  const sealed = (await ledger.organizations.list()).flatMap((one) => (one.isSandbox ? [] : (one.sealed ?? [])));
  const needed = [...new Set(sealed.map(({ keyId }) => keyId))].join(', ');
  const path = keyFilePath(dataDir);
  if (needed !== '' && !anew)
    throw new CliError(
      `Refused to make a new key: credentials in the ledger were encrypted with key ${needed}, and there is none. Restore ${path} from a backup, or set STEWARD_ENCRYPTION_KEY. If it is lost, enter the credentials of those organizations anew: steward organization update.`,
    );
  const key = newKey();
  await writeKeyFile(dataDir, [key]);
  process.stderr.write(
    `A key was made for the credentials (${keyIdOf(key)}): ${path}, readable for you only. Keep a copy of it, apart from the backups of the database: without it the credentials must be entered anew.\n`,
  );
  if (needed !== '')
    process.stderr.write(
      `Other credentials were encrypted with key ${needed}: if you find it, add it as a second line of that file.\n`,
    );
  return [key];
}
