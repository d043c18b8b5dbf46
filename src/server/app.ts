import { timingSafeEqual } from 'node:crypto';
import express, { type Express, type RequestHandler } from 'express';
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { errorHandler, sendError } from './errors.js';
import { type HealthDeps, readHealth } from './health.js';
import { createWebhookRoute, rawBody, type WebhookDeps } from './webhook-route.js';

/** Metrics of one process, as JSON. */
export type ProcessMetrics = MetricObjectWithValues<MetricValue<string>>[];

/** What the HTTP application works with. */
export interface AppDeps extends WebhookDeps {
  health: HealthDeps;
  /** Bearer token for metrics and detailed health. */
  token: string | undefined;
  /** Metrics of the other processes under the same command. */
  otherMetrics: () => Promise<ProcessMetrics[]>;
}

/** The HTTP application: webhooks, health, metrics. */
export function createApp(deps: AppDeps): Express {
  const { metrics, token, log } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.post('/webhook/ghost/:site', rawBody(), createWebhookRoute(deps));

  app.get('/health/live', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/health/ready', async (_request, response) => {
    // ready to take deliveries: what is down behind the inbox or the spool must not turn Ghost away, which never sends again
    const ready = await deps.intake.canStore();
    response.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'down' });
  });
  app.get('/health', async (request, response) => {
    const health = await readHealth(deps.health);
    response
      .status(health.status === 'down' ? 503 : 200)
      .json(isAllowed(request.get('authorization'), token) ? health : { status: health.status });
  });
  app.get('/metrics', requireToken(token), async (_request, response) => {
    const own = (await metrics.registry.getMetricsAsJSON()) as ProcessMetrics;
    const all = AggregatorRegistry.aggregate([own, ...(await deps.otherMetrics())]);
    response.type(metrics.registry.contentType).send(await all.metrics());
  });
  app.use((_request, response) => sendError(response, 404, 'not-found', 'No such address.'));
  app.use(errorHandler(log));
  return app;
}

const requireToken =
  (token: string | undefined): RequestHandler =>
  (request, response, next) => {
    if (isAllowed(request.get('authorization'), token)) next();
    else sendError(response, 401, 'unauthorized', 'Send the bearer token of STEWARD_TOKEN.');
  };

/** Whether a request carries the bearer token, where one is configured; compared in constant time. */
export function isAllowed(header: string | undefined, token: string | undefined): boolean {
  if (token === undefined) return true;
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
