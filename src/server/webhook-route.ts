import { randomUUID } from 'node:crypto';
import express, { type Request, type RequestHandler, type Response } from 'express';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { verifySignature } from '../vendors/ghost/signature.js';
import { readWebhook, WebhookMalformed } from '../vendors/ghost/webhook.js';
import { parseStorable } from '../vendors/storable-json.js';
import { sendError } from './errors.js';
import type { Intake } from './intake.js';

/** What the webhook route works with. */
export interface WebhookDeps {
  intake: Intake;
  /** Webhook secrets by site. */
  secrets: ReadonlyMap<string, readonly string[]>;
  now: () => Date;
  log: Logger;
  metrics: Metrics;
}

const BODY_LIMIT = '1mb';
const COULD_BE_A_SITE = /^[a-z0-9_-]{1,63}$/i;

/** Reads the raw body: the signature is over its bytes. */
export const rawBody = (): RequestHandler => express.raw({ type: 'application/json', limit: BODY_LIMIT });

/** `POST /webhook/ghost/{site}?event=…`: verify, read, store, answer; nothing else happens before the answer. */
export function createWebhookRoute({ intake, secrets, now, log, metrics }: WebhookDeps): RequestHandler {
  return async (request: Request, response: Response): Promise<void> => {
    const site = String(request.params['site']);
    const refuse = (status: number, code: string, message: string, result: string): void => {
      metrics.deliveries.inc({ site: secrets.has(site) ? site : 'unknown', event: 'unknown', result });
      // what somebody types into an address is logged only when it could be a site's name
      log.warn({ site: COULD_BE_A_SITE.test(site) ? site : 'unreadable', status, reason: result }, 'webhook refused');
      sendError(response, status, code, message);
    };
    if (!request.is('application/json'))
      return refuse(415, 'unsupported-media-type', 'Send application/json.', 'unsupported-media-type');
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);

    // an unknown site costs the same work and gets the same answer, so that sites cannot be guessed
    const known = secrets.get(site);
    const verdict = verifySignature(request.get('x-ghost-signature'), body, known ?? [randomUUID()], now().getTime());
    if (!verdict.valid || !known) {
      const reason = known ? (verdict.valid ? 'wrong' : verdict.reason) : 'unknown-site';
      return refuse(401, 'unauthorized', 'Signature missing, wrong or more than 5 minutes off.', reason);
    }
    try {
      const event = request.query['event'];
      const webhook = readWebhook(parseJson(body), typeof event === 'string' ? event : undefined);
      const { memberId, payload, noise } = webhook;
      if (webhook.disagrees)
        log.warn(
          { site, memberId, event: webhook.event },
          'URL and body name different events: the signed body wins; check the webhook in Ghost',
        );
      const id = await intake.accept({
        id: randomUUID(),
        site,
        memberId,
        event: webhook.event,
        payload,
        noise,
        signedAt: verdict.signedAt,
        signature: verdict.signature,
      });
      metrics.deliveries.inc({ site, event: webhook.event, result: noise ? 'noise' : 'accepted' });
      response.status(202).json({ delivery: id });
    } catch (error) {
      if (error instanceof WebhookMalformed) return refuse(400, 'malformed', `${error.message}.`, 'malformed');
      refuse(503, 'not-stored', 'Nothing durable answers; send it again later.', 'not-stored');
    }
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return parseStorable(body.toString('utf8'));
  } catch {
    throw new WebhookMalformed('The body is not JSON');
  }
}
