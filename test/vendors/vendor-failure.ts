import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../src/embedded/free-port.js';
import { VendorError, type VendorErrorDetails } from '../../src/vendors/errors.js';

/** Starts a server that answers as told on 127.0.0.1. */
export async function startServer(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A URL on this machine where nobody listens. */
export const nobodysUrl = async (): Promise<string> =>
  `http://127.0.0.1:${await freePort(40_000 + (process.pid % 1000) * 10)}`;

/** What a vendor call failed with; fails itself when the call did not fail, or failed with something else. */
export async function failureOf(work: Promise<unknown>): Promise<VendorErrorDetails & { message: string }> {
  const error = await work.then(
    (value) => new Error(`the call answered ${JSON.stringify(value)}`),
    (failure: unknown) => failure,
  );
  if (!(error instanceof VendorError)) throw error;
  return { ...error.details, message: error.message };
}
