import type { Command } from 'commander';
import { keyFilePath, newKey, writeKeyFile } from '../../embedded/encryption-key.js';
import { CredentialsUnreadable, type KeyRing, keyIdOf } from '../../ledger/credentials.js';
import { sealCredentials, unsealCredentials } from '../credentials.js';
import { type Registry, withRegistry } from '../organization/registry.js';
import { print, printJson } from '../output.js';

/** `steward key rotate`. */
export function registerKey(program: Command): void {
  const key = program.command('key').description('the key that encrypts the credentials of organizations');
  key
    .command('rotate')
    .description(
      'encrypt all credentials anew: under the first of STEWARD_ENCRYPTION_KEY, or under a new key of the key file',
    )
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withRegistry(async (registry) => {
        const rotated = await (registry.config.encryptionKeys.length > 0 ? rotateConfigured : rotateFile)(registry);
        if (json) return printJson(rotated);
        const { reencrypted, keyId, keys } = rotated;
        print(
          `${reencrypted} ${reencrypted === 1 ? 'organization' : 'organizations'} encrypted anew, with key ${keyId}.`,
        );
        print(
          keys === 'key file'
            ? `It alone is in ${keyFilePath(registry.dataDir)} now: put the file into your backups.`
            : adviceOn(registry),
        );
      }),
    );
}

interface Rotated {
  reencrypted: number;
  /** Of the key that all credentials are encrypted with now. */
  keyId: string;
  keys: 'environment' | 'key file';
}

async function rotateConfigured({ config, ledger }: Registry): Promise<Rotated> {
  const reencrypted = await reseal(ledger, config.encryptionKeys);
  return { reencrypted, keyId: keyIdOf(config.encryptionKeys[0]!), keys: 'environment' };
}

function adviceOn({ config }: Registry): string {
  return config.encryptionKeys.length > 1
    ? 'The other keys can be taken out of STEWARD_ENCRYPTION_KEY now, once every Steward was started with the first one in it.'
    : 'It is the only key in STEWARD_ENCRYPTION_KEY: for another one put the new key in front, separated by a comma, restart Steward, and rotate again.';
}

/** In this order a reader of the file has the key it needs whenever it looks, and a kill in between loses none. */
async function rotateFile({ ledger, ring, dataDir }: Registry): Promise<Rotated> {
  const old = ring();
  for (const { id, sealed } of await ledger.organizations.list()) if (sealed) unsealCredentials(old, id, sealed);
  const fresh = newKey();
  await writeKeyFile(dataDir, [fresh, ...old]);
  try {
    const reencrypted = await reseal(ledger, [fresh, ...old]);
    await writeKeyFile(dataDir, [fresh]);
    return { reencrypted, keyId: keyIdOf(fresh), keys: 'key file' };
  } catch (error) {
    // of any other failure nobody knows whether it came after the commit: then both keys stay
    if (error instanceof CredentialsUnreadable) await writeKeyFile(dataDir, old);
    throw error;
  }
}

/** All of them in one transaction, or none. */
const reseal = ({ organizations }: Registry['ledger'], ring: KeyRing): Promise<number> =>
  organizations.reseal((id, sealed) => sealCredentials(ring, id, unsealCredentials(ring, id, sealed)));
