import { setMaxListeners } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { controlAnswer } from './control.js';
import type { FailEvery, Faults } from './faults.js';

const keptCalls = 50_000;
const keptBodies = 2_000;

/** One request a stand-in was asked, in order of arrival; `status` is 0 until it is answered, and for ever when it was cut off. */
export interface Call {
  /** `Date.now()` on arrival. */
  at: number;
  /** `Date.now()` when the answer was ready. */
  endedAt?: number;
  method: string;
  /** Path with the query string. */
  path: string;
  /** What it was for, such as `import` or `members.browse`; `unknown` when nothing answered it. */
  operation: string;
  status: number;
  /** The parsed JSON body, if there was one; only the newest 2,000 calls keep it. */
  body: unknown;
  /** Lower-cased addresses the request was about. */
  addresses: string[];
}

/** A request as the stand-ins see it: read whole, the query parsed. */
export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer: no body means an empty one. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** What makes a server a particular vendor: how it answers, and how its errors look when a fault is on. */
export interface StandIn {
  faults: Faults;
  port?: number | undefined;
  answer(request: Request, call: Call): Answer;
  failure(fault: FailEvery): Answer;
  dump(): unknown;
}

/** Starts an HTTP server on 127.0.0.1 for a stand-in: applies its faults, logs its calls, mounts its control endpoints. */
export async function serve(standIn: StandIn): Promise<{ port: number; calls: Call[]; close(): Promise<void> }> {
  const calls: Call[] = [];
  const closing = new AbortController();
  // every answer that is late listens to it
  setMaxListeners(0, closing.signal);
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    handle(standIn, calls, incoming, outgoing, closing.signal).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(standIn.port ?? 0, '127.0.0.1', resolve);
  });
  const close = async () => {
    closing.abort();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, calls, close };
}

/** The page of a proxy whose upstream is broken. */
export function htmlAnswer(status: number, title = 'Bad Gateway'): Answer {
  const body = `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body><center><h1>${status} ${title}</h1></center></body>\r\n</html>\r\n`;
  return { status, headers: { 'content-type': 'text/html' }, body };
}

async function handle(
  standIn: StandIn,
  calls: Call[],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  const { faults } = standIn;
  const url = new URL(incoming.url ?? '/', 'http://sandbox');
  const call: Call = {
    at: Date.now(),
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    operation: 'unknown',
    status: 0,
    body: undefined,
    addresses: [],
  };
  const isControl = url.pathname.startsWith('/__sandbox/');
  if (!isControl) remember(calls, call);
  if (!isControl && faults.outage) return void incoming.socket.destroy();

  const body = await read(incoming);
  const request = { method: call.method, path: url.pathname, query: url.searchParams, headers: incoming.headers, body };
  if (isControl) return send(outgoing, controlAnswer(request, faults, standIn.dump));

  const failed = failureOf(standIn, call.path);
  // A hang goes on when its client is gone: that is how a call that timed out lands later.
  const hang = failed ? undefined : faults.takeHang(call.method, call.path);
  await wait(hang?.beforeStoringMs, closing);
  const answer = failed ?? answerOrError(standIn, request, call);
  call.status = answer.status;
  call.endedAt = Date.now();
  await wait(hang?.afterStoringMs, closing);
  await wait(faults.latencyFor(call.path), closing);
  if (faults.outage) return void incoming.socket.destroy();
  send(outgoing, answer);
}

/** A mistake in a stand-in is shown to whoever called it. */
function answerOrError(standIn: StandIn, request: Request, call: Call): Answer {
  try {
    return standIn.answer(request, call);
  } catch (error) {
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: `${(error as Error).stack}\n` };
  }
}

function failureOf(standIn: StandIn, path: string): Answer | undefined {
  if (standIn.faults.html) return htmlAnswer(502);
  const fault = standIn.faults.takeFailure(path);
  if (!fault) return undefined;
  const answer = fault.body === 'html' ? htmlAnswer(fault.status, 'Error') : standIn.failure(fault);
  return { ...answer, headers: { ...answer.headers, ...fault.headers } };
}

function remember(calls: Call[], call: Call): void {
  calls.push(call);
  const old = calls[calls.length - 1 - keptBodies];
  if (old) old.body = undefined;
  if (calls.length > keptCalls + 1_000) calls.splice(0, calls.length - keptCalls);
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(outgoing: ServerResponse, answer: Answer): void {
  if (outgoing.destroyed) return;
  const length = Buffer.byteLength(answer.body ?? '');
  const headers = answer.status === 204 ? answer.headers : { ...answer.headers, 'content-length': String(length) };
  outgoing.writeHead(answer.status, headers).end(answer.body);
}

async function wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
  if (ms) await sleep(ms, undefined, { signal });
}
