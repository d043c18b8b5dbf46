import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer on its way from a vendor to Steward. */
export interface Passing {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Looks at an answer that passes, lets things happen meanwhile, and gives what goes on to Steward. */
export type Meddle = (path: string, answer: Passing) => Passing | Promise<Passing>;

/** A proxy between Steward and a vendor, to spoil answers that a stand-in itself gives right. */
export interface Between {
  readonly url: string;
  /** Where requests go on to. */
  target: string;
  meddle: Meddle | undefined;
  close(): Promise<void>;
}

/** Starts a proxy that passes everything on as it is. */
export async function startBetween(): Promise<Between> {
  const server = createServer(async (incoming, outgoing) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const { authorization = '', 'content-type': contentType = 'application/json' } = incoming.headers;
      const { method = 'GET', url: path = '/' } = incoming;
      const answered = await fetch(`${between.target}${path}`, {
        method,
        headers: { authorization, 'content-type': contentType },
        redirect: 'manual',
        ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
      });
      const headers = { 'content-type': answered.headers.get('content-type') ?? 'text/plain' };
      const answer: Passing = { status: answered.status, headers, body: await answered.text() };
      const passed = between.meddle ? await between.meddle(path, answer) : answer;
      outgoing.writeHead(passed.status, passed.headers).end(passed.body);
    } catch {
      outgoing.destroy();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const between: Between = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: '',
    meddle: undefined,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return between;
}
