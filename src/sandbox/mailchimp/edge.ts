import { Agent, createServer, type IncomingMessage, request as requestOf, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Call } from '../stand-in.js';
import type { Connections } from './connections.js';
import { keyOf } from './credentials.js';
import { tooManyConnections } from './errors.js';

/** What stands in front of the API: the port asked for, the server behind, its log, and the connections it counts. */
export interface EdgeOptions {
  port: number | undefined;
  behind: number;
  calls: Call[];
  connections: Connections;
}

/** A running edge. */
interface Edge {
  port: number;
  close(): Promise<void>;
}

/**
 * Counts the open requests of each key and refuses the one too many at once, without waiting for the API behind it.
 * A request keeps its slot until the API has ended it, even when its client is gone.
 */
export async function openEdge(options: EdgeOptions): Promise<Edge> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    pass(options, agent, incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    agent.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function pass(
  { connections, behind, calls }: EdgeOptions,
  agent: Agent,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const isControl = incoming.url?.startsWith('/__sandbox/') ?? false;
  const key = isControl ? undefined : keyOf(incoming.headers);
  if (key !== undefined && !connections.take(key)) {
    incoming.resume();
    return refuse(connections.limit, calls, incoming, outgoing);
  }
  let answer: { head: IncomingMessage; body: Buffer };
  try {
    answer = await ask(behind, agent, incoming, await read(incoming));
  } finally {
    // before the client has the answer, so that its next request finds the slot free
    if (key !== undefined) connections.release(key);
  }
  if (outgoing.destroyed) return;
  const { connection: _, 'keep-alive': __, ...headers } = answer.head.headers;
  outgoing.writeHead(answer.head.statusCode ?? 502, headers).end(answer.body);
}

function refuse(
  limit: number,
  calls: Call[],
  { method = 'GET', url = '/' }: IncomingMessage,
  outgoing: ServerResponse,
) {
  const { status, headers, body = '' } = tooManyConnections(limit).answer();
  const at = Date.now();
  const call: Call = {
    at,
    endedAt: at,
    method,
    path: url,
    operation: 'refused',
    status,
    body: undefined,
    addresses: [],
  };
  calls.push(call);
  outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}

function ask(port: number, agent: Agent, { method, url, headers }: IncomingMessage, body: Buffer) {
  const { connection: _, 'transfer-encoding': __, expect: ___, ...kept } = headers;
  return new Promise<{ head: IncomingMessage; body: Buffer }>((resolve, reject) => {
    const asked = requestOf({ host: '127.0.0.1', port, agent, method, path: url });
    for (const [name, value] of Object.entries(kept)) if (value !== undefined) asked.setHeader(name, value);
    asked.setHeader('content-length', body.length);
    asked.once('error', reject);
    asked.once('response', (head) => {
      read(head).then((whole) => resolve({ head, body: whole }), reject);
    });
    asked.end(body);
  });
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
