import { z } from 'zod';
import type { Config } from '../config/config.js';
import { readKeyFile } from '../embedded/encryption-key.js';
import type { Organization } from '../ledger/classy/organizations.js';
import { CredentialsUnreadable, type KeyRing, type Sealed, seal, unseal } from '../ledger/credentials.js';

/** What is sealed for an organization. */
export interface OrganizationCredentials {
  clientId: string;
  clientSecret: string;
  mailchimpApiKey?: string | undefined;
}

const credentialsSchema = z.object({
  clientId: z.string(),
  clientSecret: z.string(),
  mailchimpApiKey: z.string().optional(),
});

/** For whom credentials are sealed: another organization's row does not decrypt them. */
const ownerOf = (organization: string): string => `organization ${organization}`;

/**
 * Keys of the configuration, or of the key file in the data folder. Read anew each time: `key rotate` may have run.
 * @throws CredentialsUnreadable where the file is damaged
 */
export const keyRingOf =
  ({ encryptionKeys }: Config, dataDir: string): (() => KeyRing) =>
  () => {
    if (encryptionKeys.length > 0) return encryptionKeys;
    try {
      return readKeyFile(dataDir);
    } catch (error) {
      throw new CredentialsUnreadable(error instanceof Error ? error.message : String(error));
    }
  };

/** Seals credentials for their organization. */
export const sealCredentials = (ring: KeyRing, organization: string, credentials: OrganizationCredentials): Sealed =>
  seal(ring, ownerOf(organization), credentials);

/** Opens sealed credentials. @throws CredentialsUnreadable */
export const unsealCredentials = (ring: KeyRing, organization: string, sealed: Sealed): OrganizationCredentials =>
  credentialsSchema.parse(unseal(ring, ownerOf(organization), sealed));

/** The credentials of an organization in the ledger. @throws CredentialsUnreadable */
export function credentialsOf({ id, sealed }: Organization, ring: KeyRing): OrganizationCredentials {
  if (!sealed) throw new CredentialsUnreadable(`Organization ${id} was removed: it has no credentials.`);
  return unsealCredentials(ring, id, sealed);
}
