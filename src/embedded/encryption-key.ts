import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Name of the key file in the data folder: one key a line in base64, the one that encrypts first. */
const KEY_FILE = 'encryption.key';
const KEY_BYTES = 32;

/** Where the key file of a data folder is, whether it is there or not. */
export const keyFilePath = (dataDir: string): string => join(dataDir, KEY_FILE);

/** The keys of the data folder's key file; none where there is no file. @throws when a line is no key */
export function readKeyFile(dataDir: string): Buffer[] {
  if (!existsSync(keyFilePath(dataDir))) return [];
  const lines = readFileSync(keyFilePath(dataDir), 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const key = Buffer.from(line.trim(), 'base64');
    if (key.length !== KEY_BYTES)
      throw new Error(
        `${keyFilePath(dataDir)} holds a line that is not a key of 32 bytes in base64: restore it from a backup.`,
      );
    return key;
  });
}

/** Writes the key file, readable for this user only; a reader sees the old one or the whole new one. */
export async function writeKeyFile(dataDir: string, keys: readonly Buffer[]): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const unfinished = `${keyFilePath(dataDir)}.${process.pid}.new`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(keys.map((key) => `${key.toString('base64')}\n`).join(''));
    // what it encrypts is on disk before long, so it must be too
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, keyFilePath(dataDir));
  const folder = await open(dataDir, 'r');
  await folder.sync().finally(() => folder.close());
}

/** A fresh key. */
export const newKey = (): Buffer => randomBytes(KEY_BYTES);
