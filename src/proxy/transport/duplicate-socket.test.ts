/** Descriptors of one listening socket that live and end apart. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { duplicateSocket } from '#proxy/transport/duplicate-socket.ts';
import { descriptorOf } from '#proxy/transport/handle-channel.ts';

async function listening(target: object): Promise<Server> {
  const server = createServer((socket) => socket.end('served'));
  server.listen(target);
  await once(server, 'listening');
  return server;
}

async function ask(port: number): Promise<string> {
  let text = '';
  for await (const piece of connect(port, '127.0.0.1')) text += piece;
  return text;
}

test('a duplicate accepts from the same port when the first socket is closed', async (t) => {
  const first = await listening({ host: '127.0.0.1', port: 0 });
  const { port } = first.address() as { port: number };
  const fds = await duplicateSocket({ fd: descriptorOf(first), kind: 'tcp' }, 2);
  assert.equal(new Set([...fds, descriptorOf(first)]).size, 3);
  const [second, third] = await Promise.all(fds.map((fd) => listening({ fd })));
  t.after(() => void third.close());
  for (const server of [first, second]) {
    assert.equal(await ask(port), 'served');
    server.close();
    await once(server, 'close');
  }
  assert.equal(await ask(port), 'served');
});

test('a socket that is gone cannot be duplicated', async () => {
  const server = await listening({ host: '127.0.0.1', port: 0 });
  const fd = descriptorOf(server);
  server.close();
  await once(server, 'close');
  await assert.rejects(duplicateSocket({ fd, kind: 'tcp' }, 1), /cannot be shared/);
});
