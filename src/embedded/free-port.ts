import { createServer } from 'node:net';

const triesMax = 200;

/** The preferred port on 127.0.0.1, or the next one above it that nobody listens on. */
export async function freePort(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + triesMax && port < 65536; port++) {
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port on 127.0.0.1 from ${preferred} on (${triesMax} tried).`);
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
