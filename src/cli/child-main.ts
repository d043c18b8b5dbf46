import { loadConfig } from '../config/config.js';
import { createLog } from '../observe/log.js';
import type { ProcessMetrics } from '../server/app.js';
import type { FromChild, ToChild } from './processes/messages.js';
import { startSandboxRole } from './processes/sandbox-role.js';
import { startServerRole } from './processes/server-role.js';

// Entry of the processes that `steward start` runs beside its own: HTTP, so that work never delays an answer, and the sandbox.

const kind = process.argv[2];
const config = loadConfig({ env: process.env, folder: process.cwd() });
const log = createLog(config.log);
const tell = (message: FromChild): void => void process.send?.(message);

// Ctrl-C reaches the whole group; the main process decides the order
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

let stop: () => Promise<void> = async () => undefined;
let startTraffic: (webhookBase: string) => void = () => undefined;
const metricsAsked = new Map<number, (metrics: ProcessMetrics) => void>();

const end = async (): Promise<void> => {
  await stop();
  process.exit(0);
};
// the main process was killed: nobody would stop this one
process.on('disconnect', () => void end());
process.on('message', (message: ToChild) => {
  if (message.type === 'stop') void end();
  else if (message.type === 'traffic') startTraffic(message.webhookBase);
  else if (message.type === 'metrics') metricsAsked.get(message.id)?.(message.metrics);
  else
    void start(message).catch((error: unknown) => {
      tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      process.exit(1);
    });
});

async function start({ stores }: Extract<ToChild, { type: 'start' }>): Promise<void> {
  if (kind === 'sandbox') {
    const sandbox = await startSandboxRole(config, log);
    ({ stop, startTraffic } = sandbox);
    const { url, variables, organization } = sandbox;
    tell({ type: 'ready', url, variables, ...(organization ? { organization } : {}) });
  } else if (stores) {
    const server = await startServerRole({ config, stores, log, otherMetrics });
    stop = server.stop;
    tell({ type: 'ready', url: server.url });
  }
}

/** Metrics of the main process, asked for over the channel between us. */
async function otherMetrics(): Promise<ProcessMetrics[]> {
  const id = Math.random();
  const answer = new Promise<ProcessMetrics>((resolve) => metricsAsked.set(id, resolve));
  tell({ type: 'metrics', id });
  const patience = new Promise<ProcessMetrics>((resolve) => setTimeout(resolve, 1_000, []).unref());
  const metrics = await Promise.race([answer, patience]);
  metricsAsked.delete(id);
  return [metrics];
}
