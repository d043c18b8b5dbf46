import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort, portFinder } from '../../src/embedded/free-port.js';

/** Listens on a port, or says that it is taken as the embedded servers do. */
function listen(port: number): Promise<{ port: number; close(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', () => reject(new Error(`bind: address already in use (${port})`)));
    server.listen(port, '127.0.0.1', () =>
      resolve({ port, close: () => new Promise((closed) => server.close(() => closed())) }),
    );
  });
}

test('a port that somebody takes before it is used is left to them; another start stays on the same one', async () => {
  const preferred = await freePort(41_000);
  const onPort = portFinder(preferred);
  let thief: Awaited<ReturnType<typeof listen>> | undefined;
  const first = await onPort(async (port) => {
    thief ??= await listen(port);
    return listen(port);
  });
  expect(first.port).toBeGreaterThan(preferred);
  await first.close();
  await thief!.close();
  const again = await onPort(listen);
  expect(again.port).toBe(first.port);
  await expect(onPort(listen)).rejects.toThrow('already in use');
  await again.close();
});
