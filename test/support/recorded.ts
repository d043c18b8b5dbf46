import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Delivery, SandboxGhost } from '../../src/sandbox/index.js';
import { WEBHOOK_SECRET } from './testbed.js';

/** Lets a Ghost live and keeps the deliveries it sends, for the test to deliver as it likes. */
export async function record(ghost: SandboxGhost, live: () => void | Promise<void>): Promise<Delivery[]> {
  const sink = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200).end());
  }).listen(0, '127.0.0.1');
  await once(sink, 'listening');
  const target = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/`;
  for (const { id } of [...ghost.webhooks.list]) ghost.webhooks.remove(id);
  for (const event of ['member.added', 'member.edited', 'member.deleted'] as const) {
    ghost.webhooks.add({ event, targetUrl: `${target}?event=${event}`, secret: WEBHOOK_SECRET });
  }
  const from = ghost.delivered.length;
  await live();
  await ghost.settled();
  sink.close();
  return ghost.delivered.slice(from);
}

/** Delivers recorded deliveries to a site, so many at a time; gives the statuses. */
export async function deliver(
  base: string,
  site: string,
  deliveries: readonly Delivery[],
  atATime = 20,
): Promise<number[]> {
  const queue = [...deliveries];
  const statuses: number[] = [];
  const work = async (): Promise<void> => {
    for (let one = queue.shift(); one; one = queue.shift()) statuses.push(await deliverOne(base, site, one));
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return statuses;
}

/** Delivers one; 0 when nobody answered. */
export async function deliverOne(base: string, site: string, { event, body, signature }: Delivery): Promise<number> {
  try {
    const answer = await fetch(`${base}/webhook/ghost/${site}?event=${event}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-ghost-signature': signature ?? '' },
      body,
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

/** Shuffles by a seeded random. */
export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = [...items];
  for (let index = shuffled.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
  }
  return shuffled;
}
