/**
 * Further descriptors of a listening socket, so that each worker has one that it can close by itself: Node has no dup(2), but what goes over a
 * unix socket comes out as a descriptor of its own (SCM_RIGHTS, unix(7)).
 */
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '#base/random.ts';
import { HandleChannel, type PassedSocket } from '#proxy/transport/handle-channel.ts';

/** @returns so many more descriptors of the socket. @throws where the process cannot have a unix socket */
export async function duplicateSocket(socket: PassedSocket, count: number): Promise<number[]> {
  const name = `fairlead-${systemRandom.uuid()}`;
  const path = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<HandleChannel>((resolve, reject) => {
    server.on('error', reject);
    server.on('connection', (socket) => resolve(HandleChannel.accepted(socket)));
  });
  server.listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  const receiver = await HandleChannel.connect(path);
  const sender = await accepted;
  const found: number[] = [];
  try {
    while (found.length < count) {
      const fd = new Promise<number | undefined>((resolve) => {
        receiver.onLine = (_, passed) => resolve(passed?.fd);
        receiver.onClose = () => resolve(undefined);
      });
      sender.send('socket', socket);
      const one = await fd;
      if (one === undefined) throw new Error('a listening socket cannot be shared between workers');
      found.push(one);
    }
    return found;
  } finally {
    sender.close();
    receiver.close();
    server.close();
  }
}
