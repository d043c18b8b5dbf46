import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far `t` may be from our clock. */
const WINDOW_MS = 5 * 60 * 1000;

/** What a signature header turned out to be. `late`: well signed, but too far from our clock. */
export type SignatureVerdict =
  | { valid: true; signedAt: Date; signature: string }
  | { valid: false; reason: 'missing' | 'malformed' | 'wrong' | 'late' };

/**
 * Verifies `x-ghost-signature: sha256=<hex>, t=<ms>` over the raw body followed by the digits of `t`. Ghost before 5.87.1,
 * which signed the body alone, is refused: its signatures never expire.
 */
export function verifySignature(
  header: string | undefined,
  body: Buffer,
  secrets: readonly string[],
  nowMs: number,
): SignatureVerdict {
  if (header === undefined) return { valid: false, reason: 'missing' };
  const match = /^sha256=([0-9a-f]{64}),\s*t=(\d{10,16})$/i.exec(header.trim());
  if (!match) return { valid: false, reason: 'malformed' };
  const [, signature, t] = match as unknown as [string, string, string];
  const given = Buffer.from(signature, 'hex');
  // every secret is tried, so that the time taken tells nothing
  let matched = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(body).update(t).digest();
    matched = timingSafeEqual(expected, given) || matched;
  }
  if (!matched) return { valid: false, reason: 'wrong' };
  if (Math.abs(nowMs - Number(t)) > WINDOW_MS) return { valid: false, reason: 'late' };
  return { valid: true, signedAt: new Date(Number(t)), signature: signature.toLowerCase() };
}
