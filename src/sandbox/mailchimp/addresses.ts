import { createHash } from 'node:crypto';
import { forgotten, invalid, invalidEmail } from './errors.js';
import type { Quirks } from './quirks.js';

const longest = 254;

/** How MailChimp keys an address: md5 of it trimmed and in lower case. */
export function hashOf(email: string): string {
  return createHash('md5').update(email.trim().toLowerCase()).digest('hex');
}

/** Whether it is an address at all: the part before the @ plain ASCII, the domain perhaps international. */
export function isAddress(email: string): boolean {
  return email.length <= longest && /^[\x21-\x3f\x41-\x7e]+@[^\s@.]+(\.[^\s@.]+)+$/u.test(email);
}

/** Refuses an address that cannot come into an audience: malformed, permanently deleted, fake, a role, or too busy. */
export function admit(email: string, quirks: Quirks, isForgotten: boolean): void {
  if (!isAddress(email)) throw invalidEmail();
  if (isForgotten) throw forgotten(email);
  const address = email.toLowerCase();
  const [local = '', domain = ''] = address.split('@');
  const isFake =
    quirks.fakeDomains.includes(domain) || has(quirks.fakeAddresses, address) || quirks.roles.includes(local);
  if (isFake) throw invalid(`${email} looks fake or invalid, please enter a real email address.`);
  if (!has(quirks.busyAddresses, address)) return;
  const why = "has signed up to a lot of lists very recently; we're not allowing more signups for now";
  throw invalid(`${email} ${why}`);
}

function has(addresses: string[], address: string): boolean {
  return addresses.some((one) => one.toLowerCase() === address);
}
