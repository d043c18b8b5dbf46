import { createHash } from 'node:crypto';

/** Shortens the text of a contact: 132 bits of SHA-256, base64url. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);
