import type { IncomingHttpHeaders } from 'node:http';
import { MailchimpError } from './errors.js';

/** The API key of a request, from HTTP Basic (any user name) or Bearer. */
export function keyOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  const [scheme = '', credential = ''] = authorization.split(' ');
  if (scheme.toLowerCase() === 'bearer') return credential || undefined;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const text = Buffer.from(credential, 'base64').toString('utf8');
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) || undefined : undefined;
}

/** Keys of accounts, some of them revoked, at one data centre. */
export class Credentials<Account> {
  readonly #accounts = new Map<string, Account>();
  readonly #revoked = new Set<string>();

  constructor(readonly dataCentre: string) {}

  add(key: string, account: Account): void {
    this.#accounts.set(key, account);
  }

  /** From now on the key (all keys when none is named) is answered 401. */
  revoke(key?: string): void {
    for (const one of key ? [key] : this.#accounts.keys()) this.#revoked.add(one);
  }

  restore(key?: string): void {
    for (const one of key ? [key] : this.#accounts.keys()) this.#revoked.delete(one);
  }

  /** The account of a request: 401 without a key or with a wrong one, 403 with one of another data centre. */
  accountOf(headers: IncomingHttpHeaders, unauthorized: boolean): Account {
    const key = keyOf(headers);
    if (!key) throw new MailchimpError(401, 'API Key Missing', 'Your request did not include an API key.');
    const suffix = /-([a-z]+\d+)$/.exec(key)?.[1];
    if (suffix && suffix !== this.dataCentre) {
      throw new MailchimpError(403, 'Forbidden', 'The API key provided is linked to a different data center.');
    }
    const account = unauthorized || this.#revoked.has(key) ? undefined : this.#accounts.get(key);
    if (account) return account;
    const detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter.";
    throw new MailchimpError(401, 'API Key Invalid', detail);
  }
}
