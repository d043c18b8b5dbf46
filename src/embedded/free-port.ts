import { createServer } from 'node:net';

const triesMax = 200;

/** The preferred port on 127.0.0.1, or the next one above it that nobody listens on. */
export async function freePort(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + triesMax && port < 65536; port++) {
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port on 127.0.0.1 from ${preferred} on (${triesMax} tried).`);
}

/**
 * Starts something on the preferred port or the next free one, and on the same one whenever it is started again. Somebody else may take
 * a free port before it is used: then the next one is tried, where the error is one of `taken`.
 */
export function portFinder(
  preferred: number,
  taken = /address already in use/i,
): <T>(start: (port: number) => Promise<T>) => Promise<T> {
  let settled: number | undefined;
  return async (start) => {
    for (let from = preferred; ; ) {
      const port = settled ?? (await freePort(from));
      try {
        const started = await start(port);
        settled = port;
        return started;
      } catch (error) {
        if (settled !== undefined || !taken.test(String(error)) || port > preferred + triesMax) throw error;
        from = port + 1;
      }
    }
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
