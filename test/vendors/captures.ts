import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../fixtures/ghost-webhooks/', import.meta.url);

/** A delivery that a real Ghost made, byte for byte. */
export interface Capture {
  name: string;
  ghost: string;
  secret: string;
  url: string;
  headers: Record<string, string>;
  signature: string;
  body: Buffer;
  /** `t` of its signature, in milliseconds. */
  t: number;
  /** Event that the URL names. */
  urlEvent: string;
  json: { event?: string; member: { current: Record<string, unknown>; previous: Record<string, unknown> } };
}

/** All captured deliveries. */
export const captures: readonly Capture[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => {
    const { ghost, secret, request } = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    const signature = String(request.headers['x-ghost-signature']);
    return {
      name: file.replace('.json', ''),
      ghost,
      secret,
      url: request.url,
      headers: request.headers,
      signature,
      body: Buffer.from(request.body, 'utf8'),
      t: Number(/t=(\d+)/.exec(signature)?.[1]),
      urlEvent: new URL(request.url, 'http://host').searchParams.get('event') ?? '',
      json: JSON.parse(request.body),
    };
  });

/** One capture by its name. */
export function capture(name: string): Capture {
  const found = captures.find((one) => one.name === name);
  if (!found) throw new Error(`there is no capture ${name}`);
  return found;
}
