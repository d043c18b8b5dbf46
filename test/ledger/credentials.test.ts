import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { credentialsOf, sealCredentials, unsealCredentials } from '../../src/cli/credentials.js';
import { CredentialsUnreadable, keyIdOf, type Sealed, seal, unseal } from '../../src/ledger/credentials.js';

const [key, other] = [randomBytes(32), randomBytes(32)];
const secret = { clientId: 'client-of-the-test', clientSecret: 'a-very-secret-word', mailchimpApiKey: 'k-us1' };
const reasonOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof CredentialsUnreadable) return error.message;
    throw error;
  }
  return 'it was read';
};
const flipped = (bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> => {
  const copy = new Uint8Array(bytes);
  copy[at]! ^= 1;
  return copy;
};

describe('sealed credentials', () => {
  test('come back as they were, for their owner', () => {
    expect(unsealCredentials([key], '34', sealCredentials([key], '34', secret))).toEqual(secret);
  });

  test('hold nothing of the secret in the clear, and look different each time', () => {
    const [first, second] = [sealCredentials([key], '34', secret), sealCredentials([key], '34', secret)];
    for (const word of Object.values(secret)) expect(Buffer.from(first.sealed).includes(word)).toBe(false);
    expect(Buffer.from(first.nonce)).not.toEqual(Buffer.from(second.nonce));
    expect(Buffer.from(first.sealed)).not.toEqual(Buffer.from(second.sealed));
    expect([first.nonce.length, second.keyId]).toEqual([12, keyIdOf(key)]);
  });

  test('are encrypted with the first key and decrypted with whichever it was', () => {
    const sealed = sealCredentials([key], '34', secret);
    expect(unsealCredentials([other, key], '34', sealed)).toEqual(secret);
    expect(sealCredentials([other, key], '34', secret).keyId).toBe(keyIdOf(other));
  });

  test('do not decrypt for another organization', () => {
    const sealed = sealCredentials([key], '34', secret);
    const reason = reasonOf(() => unsealCredentials([key], '35', sealed));
    expect(reason).toMatch(/organization 35 do not decrypt .* comes from another organization/);
    // an owner whose name begins as this one's does is another one, too
    expect(reasonOf(() => unsealCredentials([key], '3', sealed))).toMatch(/do not decrypt/);
  });

  test('of a key that is not there say which one it was and which there are', () => {
    const sealed = sealCredentials([key], '34', secret);
    expect(reasonOf(() => unsealCredentials([other], '34', sealed))).toMatch(
      new RegExp(`encrypted with key ${keyIdOf(key)}, which is not there \\(there is ${keyIdOf(other)}\\)`),
    );
    expect(reasonOf(() => unsealCredentials([], '34', sealed))).toMatch(/there is none/);
  });

  test('of an organization that was removed say so', () => {
    const organization = { id: '34', sealed: undefined } as Parameters<typeof credentialsOf>[0];
    expect(reasonOf(() => credentialsOf(organization, [key]))).toMatch(/Organization 34 was removed/);
  });
});

describe('what was tampered with does not decrypt', () => {
  const sealed = seal([key], 'organization 34', secret);
  const last = sealed.sealed.length - 1;
  const cases: [string, Sealed][] = [
    ['the first byte of the text', { ...sealed, sealed: flipped(sealed.sealed, 0) }],
    ['the last byte of the text', { ...sealed, sealed: flipped(sealed.sealed, last - 16) }],
    ['the first byte of the tag', { ...sealed, sealed: flipped(sealed.sealed, last - 15) }],
    ['the last byte of the tag', { ...sealed, sealed: flipped(sealed.sealed, last) }],
    ['the nonce', { ...sealed, nonce: flipped(sealed.nonce, 5) }],
    ['the text, cut short', { ...sealed, sealed: sealed.sealed.slice(0, -1) }],
    ['the tag, cut to four bytes', { ...sealed, sealed: sealed.sealed.slice(-4) }],
    ['everything, emptied', { ...sealed, sealed: new Uint8Array() }],
    ['the nonce, emptied', { ...sealed, nonce: new Uint8Array() }],
    ['the key id of another key that is there', { ...sealed, keyId: keyIdOf(other) }],
  ];
  test.each(cases)('%s', (_what, tampered) => {
    expect(unseal([key, other], 'organization 34', sealed)).toEqual(secret);
    const reason = reasonOf(() => unseal([key, other], 'organization 34', tampered));
    expect(reason).toMatch(/do not decrypt though their key/);
    for (const word of Object.values(secret)) expect(reason).not.toContain(word);
  });

  test('every single byte of it', () => {
    for (let at = 0; at <= last; at += 1)
      expect(
        reasonOf(() => unseal([key], 'organization 34', { ...sealed, sealed: flipped(sealed.sealed, at) })),
      ).toMatch(/do not decrypt/);
  });
});
