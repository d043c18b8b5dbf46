import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A secret under AES-256-GCM: which key, the nonce, and the cipher text with its tag at the end. */
export interface Sealed {
  keyId: string;
  nonce: Uint8Array<ArrayBuffer>;
  sealed: Uint8Array<ArrayBuffer>;
}

/** A key ring: 32 bytes each; the first one encrypts, all of them decrypt. */
export type KeyRing = readonly Buffer[];

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What cannot be decrypted, and what to do about it. */
export class CredentialsUnreadable extends Error {
  override readonly name = 'CredentialsUnreadable';
}

/** Tells keys apart without telling anything about them. */
export const keyIdOf = (key: Buffer): string =>
  createHash('sha256').update('steward-key-id').update(key).digest('hex').slice(0, 12);

/** Encrypts for one owner only: under another owner's name it does not decrypt. */
export function seal(ring: KeyRing, owner: string, secret: unknown): Sealed {
  const key = ring[0]!;
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner));
  const text = Buffer.concat([cipher.update(JSON.stringify(secret), 'utf8'), cipher.final()]);
  return {
    keyId: keyIdOf(key),
    nonce: new Uint8Array(nonce),
    sealed: new Uint8Array(Buffer.concat([text, cipher.getAuthTag()])),
  };
}

/** Decrypts what was sealed for this owner. @throws CredentialsUnreadable where the key is not ours or it was sealed for another owner */
export function unseal(ring: KeyRing, owner: string, { keyId, nonce, sealed }: Sealed): unknown {
  const key = ring.find((one) => keyIdOf(one) === keyId);
  if (!key)
    throw new CredentialsUnreadable(
      `The credentials of ${owner} were encrypted with key ${keyId}, which is not there (there is ${ring.map(keyIdOf).join(', ') || 'none'}). Put that key back into STEWARD_ENCRYPTION_KEY or the key file, or enter the credentials anew with \`steward organization update\`.`,
    );
  try {
    const bytes = Buffer.from(sealed);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString('utf8'));
  } catch {
    throw new CredentialsUnreadable(
      `The credentials of ${owner} do not decrypt though their key ${keyId} is there: the row was changed or comes from another organization. Enter them anew with \`steward organization update\`.`,
    );
  }
}
