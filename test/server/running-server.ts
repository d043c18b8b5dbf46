import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Stores } from '../../src/cli/processes/server-role.js';
import { startServerRole } from '../../src/cli/processes/server-role.js';
import { loadConfig } from '../../src/config/config.js';
import { createLog } from '../../src/observe/log.js';

export const secret = 'ghost-webhook-secret';
const listIds = ['a58ee1d3039b8bec838e6d1482a8a965', 'b58ee1d3039b8bec838e6d1482a8a965'];

/** A server role with its clock in our hands. */
export interface RunningServer {
  url: string;
  /** What the server takes for now, for signatures. */
  clock: { now: Date };
  stop(): Promise<void>;
}

/** Starts the server role for two sites, `mainblog` and `second`, on a port of its own. */
export async function startServer(stores: Stores, env: NodeJS.ProcessEnv = {}): Promise<RunningServer> {
  const sites = {
    CM_API_KEY: 'key',
    SITE1_NAME: 'mainblog',
    SITE1_GHOST_WEBHOOK_SECRET: `new-secret,${secret}`,
    SITE1_CM_LIST_ID: listIds[0],
    SITE2_NAME: 'second',
    SITE2_GHOST_WEBHOOK_SECRET: 'secret-of-second',
    SITE2_CM_LIST_ID: listIds[1],
  };
  const config = loadConfig({ env: { ...sites, PORT: '0', ...env }, folder: stores.dataDir });
  const clock = { now: new Date() };
  const log = createLog({ level: 'silent', format: 'json' });
  const { url, stop } = await startServerRole({ config, stores, log, now: () => clock.now });
  return { url, clock, stop };
}

/** A request to the webhook. */
export interface Sent {
  site?: string;
  query?: string;
  body: string | Buffer;
  headers?: Record<string, string>;
}

/** What was answered. */
export interface Answered {
  status: number;
  headers: Record<string, string>;
  json: { delivery?: string; error?: { code: string; message: string } };
}

/** Posts as it is given; `headers` say everything. */
export async function post(
  url: string,
  { site = 'mainblog', query = '?event=member.edited', body, headers = {} }: Sent,
): Promise<Answered> {
  const answer = await fetch(`${url}/webhook/ghost/${site}${query}`, {
    method: 'POST',
    body: Buffer.from(body),
    headers,
  });
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    json: JSON.parse(await answer.text()) as Answered['json'],
  };
}

/** The headers that Ghost sends with a body. */
export const signed = (body: string | Buffer, t: number, key = secret): Record<string, string> => ({
  'content-type': 'application/json',
  'x-ghost-signature': `sha256=${createHmac('sha256', key).update(body).update(String(t)).digest('hex')}, t=${t}`,
});

/** The body of an edit of a member. */
export const edit = (memberId: string, more: object = {}): string =>
  JSON.stringify({
    event: 'member.edited',
    member: {
      current: {
        id: memberId,
        email: `${memberId}@example.org`,
        name: 'Ann',
        status: 'free',
        created_at: '2026-11-21T21:19:10.000Z',
        ...more,
      },
      previous: { name: 'Bea' },
    },
  });

/** Waits until something holds, at most half a minute. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds()); await pause(20)) {
    if (Date.now() > end) throw new Error(`does not come to hold: ${holds}`);
  }
}
