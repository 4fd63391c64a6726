/**
 * A port of the loopback that nobody listens on. Prefer port 0; this is for what must be known before it is bound, or must
 * refuse connections. The range lies below those that the kernel hands out for outgoing connections.
 */
import { createServer } from 'node:net';

const FIRST = 24500;
const COUNT = 500;
let next = (process.pid * 37) % COUNT;

export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port in ${FIRST}-${FIRST + COUNT - 1}`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
