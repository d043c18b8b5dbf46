import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Delivery, SandboxGhost } from '../../src/sandbox/index.js';
import { deliverOne, shuffle } from './recorded.js';

/** What becomes of Ghost's deliveries: sent at once, lost, or kept to be sent later. */
export type CourierMode = 'live' | 'drop' | 'keep';

/** Stands between a Ghost and Steward: loses deliveries, keeps them, sends them late, twice and in any order. */
export class Courier {
  mode: CourierMode = 'live';
  /** Told of each signed sign-up that Steward accepted, with the time it was sent. */
  onSignedAdd: (memberId: string, sentAt: number) => void = () => undefined;
  readonly #sink: Server;
  #taken = 0;
  #sinkUrl = '';

  constructor(
    readonly ghost: SandboxGhost,
    readonly base: string,
    readonly site: string,
  ) {
    this.#sink = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(200).end());
    }).listen(0, '127.0.0.1');
  }

  async ready(): Promise<this> {
    if (!this.#sink.listening) await once(this.#sink, 'listening');
    this.#sinkUrl = `http://127.0.0.1:${(this.#sink.address() as AddressInfo).port}`;
    return this;
  }

  /** From now on deliveries are treated like this; those under way are waited for. */
  async switchTo(mode: CourierMode): Promise<void> {
    await this.ghost.settled();
    this.mode = mode;
    this.ghost.dropWebhooks(mode === 'drop');
    const base = mode === 'keep' ? this.#sinkUrl : this.base;
    for (const webhook of this.ghost.webhooks.list) {
      webhook.target_url = `${base}/webhook/ghost/${this.site}?event=${webhook.event}`;
    }
  }

  /** Sends what was kept, each twice, in any order. Gives how many it were. */
  async release(random: () => number): Promise<number> {
    await this.ghost.settled();
    const kept = this.ghost.delivered.slice(this.#taken).filter(({ url }) => url.startsWith(this.#sinkUrl));
    this.#taken = this.ghost.delivered.length;
    await this.send(shuffle([...kept, ...kept], random));
    return kept.length;
  }

  /** Sends any deliveries, a few at a time; those that get no answer are sent again, as a proxy may. */
  async send(deliveries: readonly Delivery[]): Promise<void> {
    const queue = [...deliveries];
    const work = async (): Promise<void> => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        const sentAt = Date.now();
        const status = await deliverOne(this.base, this.site, one);
        if (status === 202 && one.event === 'member.added') this.onSignedAdd(one.memberId, sentAt);
      }
    };
    await Promise.all([work(), work(), work(), work()]);
  }

  /** Tells of the signed sign-ups that Ghost itself brought to Steward since the last look. */
  tellLive(): void {
    for (const { event, memberId, t, url, status } of this.ghost.delivered) {
      if (event === 'member.added' && status === 202 && url.startsWith(this.base)) this.onSignedAdd(memberId, t);
    }
  }

  close(): void {
    this.#sink.closeAllConnections();
    this.#sink.close();
  }
}
