import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import { invalid } from './errors.js';
import type { GhostStore } from './store.js';
import type { Traits } from './version.js';

/** The member events that Ghost fires; other names are accepted and never fire. */
export type GhostEvent = 'member.added' | 'member.edited' | 'member.deleted';

/** A webhook record as Ghost keeps it. */
export interface Webhook {
  id: string;
  event: string;
  target_url: string;
  name: string | null;
  secret: string | null;
  last_triggered_at: string | null;
  last_triggered_status: string | null;
  last_triggered_error: string | null;
  created_at: string;
  updated_at: string;
}

/** One delivery as it was attempted; `status` when it was answered, `error` when it was not a success. */
export interface Delivery {
  event: GhostEvent;
  memberId: string;
  /** The signature's `t`, milliseconds since 1970. */
  t: number;
  url: string;
  body: string;
  /** The header `x-ghost-signature`, when the webhook has a secret. */
  signature?: string;
  status?: number;
  error?: string;
}

const timeoutMs = 2_000;
const mostRedirects = 10;
const mostAtOnce = 200;
const keptDeliveries = 50_000;

/** The webhooks of a site: each event is sent at once, side by side with others, and never again. */
export class GhostWebhooks {
  readonly list: Webhook[] = [];
  /** Every delivery attempted, in the order in which they were begun. */
  readonly delivered: Delivery[] = [];
  /** True: deliveries are lost before they are sent, as if Ghost refused the target. */
  dropping = false;
  readonly #agent = new Agent({ keepAliveTimeout: 2_000 });
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;
  #unsettled = 0;
  #whenSettled: (() => void)[] = [];

  constructor(
    readonly store: GhostStore,
    readonly traits: Traits,
  ) {}

  /** Makes a webhook; the same event and URL twice is a 422. */
  add(input: { event: string; targetUrl: string; secret?: string | undefined; name?: string | undefined }): Webhook {
    const { event, targetUrl, secret, name } = input;
    if (this.list.some((one) => one.event === event && one.target_url === targetUrl)) {
      throw invalid('Validation error, cannot save webhook.', 'Target URL has already been used for this event.');
    }
    const at = this.store.stamp();
    const webhook: Webhook = {
      ...{ id: this.store.newId(), event, target_url: targetUrl, name: name ?? null, secret: secret ?? null },
      ...{ last_triggered_at: null, last_triggered_status: null, last_triggered_error: null },
      ...{ created_at: at, updated_at: at },
    };
    this.list.push(webhook);
    this.store.changed();
    return webhook;
  }

  remove(id: string): boolean {
    const index = this.list.findIndex((webhook) => webhook.id === id);
    if (index >= 0) this.list.splice(index, 1);
    this.store.changed();
    return index >= 0;
  }

  /** Sends an event to its webhooks one after another; `render` makes the body just before each sending. */
  fire(event: GhostEvent, memberId: string, render: () => unknown): void {
    if (!this.list.some((webhook) => webhook.event === event)) return;
    this.#unsettled += 1;
    setImmediate(async () => {
      await this.#turn();
      for (const webhook of this.list.filter((one) => one.event === event)) {
        await this.#deliver(webhook, event, memberId, render);
      }
      this.#underWay -= 1;
      this.#waiting.shift()?.();
      this.#unsettled -= 1;
      if (this.#unsettled === 0) for (const resolve of this.#whenSettled.splice(0)) resolve();
    });
  }

  /** Resolves when no delivery is under way. */
  async settled(): Promise<void> {
    if (this.#unsettled > 0) await new Promise<void>((resolve) => this.#whenSettled.push(resolve));
  }

  /** Loses what is under way, as a Ghost that stops does. */
  async close(): Promise<void> {
    this.dropping = true;
    await this.#agent.destroy();
  }

  /** A bound on the sockets of this process; Ghost has none, but its time-out starts only at the sending. */
  async #turn(): Promise<void> {
    if (this.#underWay >= mostAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay += 1;
  }

  async #deliver(webhook: Webhook, event: GhostEvent, memberId: string, render: () => unknown): Promise<void> {
    const member = render();
    const body = JSON.stringify(this.traits.eventInBody ? { event, member } : { member });
    const t = Date.now();
    const delivery: Delivery = { event, memberId, t, url: webhook.target_url, body };
    if (webhook.secret !== null) delivery.signature = signatureOf(webhook.secret, body, t);
    this.#remember(delivery);
    if (this.dropping) {
      delivery.error = 'dropped by the sandbox';
      return;
    }
    try {
      delivery.status = await this.#post(delivery);
      if (delivery.status < 200 || delivery.status > 299) delivery.error = `Request failed: ${delivery.status}`;
    } catch (error) {
      delivery.error = `Request failed: ${codeOf(error)}`;
    }
    if (delivery.status === 410 && this.traits.deletesWebhookOn410) this.remove(webhook.id);
    webhook.last_triggered_at = this.store.stamp();
    webhook.last_triggered_status = delivery.status === undefined ? null : String(delivery.status);
    webhook.last_triggered_error = delivery.error ?? null;
  }

  /** Posts the body, following redirects with the body; the status of the last answer. */
  async #post({ url, body, signature }: Delivery): Promise<number> {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = {
      'user-agent': this.traits.userAgent,
      'content-type': 'application/json',
      'content-version': this.traits.contentVersion,
      ...(signature && { 'x-ghost-signature': signature }),
      'accept-encoding': this.traits.acceptEncoding,
    };
    let target = url;
    for (let redirects = 0; ; redirects += 1) {
      const options = { method: 'POST' as const, headers, body, signal, dispatcher: this.#agent };
      const answer = await request(target, options);
      await answer.body.dump();
      const { location } = answer.headers;
      const redirected = [301, 302, 307].includes(answer.statusCode) && typeof location === 'string';
      if (!redirected || redirects >= mostRedirects) return answer.statusCode;
      target = new URL(location, target).href;
    }
  }

  #remember(delivery: Delivery): void {
    this.delivered.push(delivery);
    if (this.delivered.length > keptDeliveries + 1_000) this.delivered.splice(0, 1_000);
  }
}

function signatureOf(secret: string, body: string, t: number): string {
  return `sha256=${createHmac('sha256', secret).update(`${body}${t}`).digest('hex')}, t=${t}`;
}

function codeOf(error: unknown): string {
  // By its properties, not by its class: Jest's sandboxes have classes of their own.
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || name === 'AbortError') return 'ETIMEDOUT';
  return code ?? message;
}
