import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { onAccept } from '#proxy/transport/accepted-handles.ts';
import { onHandle, type SocketHandle } from '#proxy/transport/owned-socket.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

async function listening(t: TestContext, path?: string): Promise<Server> {
  const server = createServer(() => assert.fail('Node made a socket'));
  t.after(() => void server.close());
  server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path });
  await once(server, 'listening');
  return server;
}

for (const kind of ['TCP', 'unix']) {
  test(`a ${kind} connection is given as it was accepted, and Node makes no socket of it`, async (t) => {
    const server = await listening(t, kind === 'unix' ? join(temporaryFolder(t), 'socket') : undefined);
    const accepted = new Promise<SocketHandle>((resolve) => onAccept(server, resolve));
    const address = server.address() as AddressInfo | string;
    const client = typeof address === 'string' ? connect(address) : connect(address.port, '127.0.0.1');
    t.after(() => void client.destroy());
    const socket = onHandle(await accepted);
    socket.end('hello');
    assert.equal(String((await once(client, 'data'))[0]), 'hello');
    socket.destroy();
  });
}

test('an accept that fails is an error of the server', async (t) => {
  const server = await listening(t);
  onAccept(server, () => assert.fail('nothing was accepted'));
  const failed = once(server, 'error');
  const { _handle } = server as unknown as { _handle: { onconnection(status: number, accepted: undefined): void } };
  const EMFILE = -24;
  _handle.onconnection(EMFILE, undefined);
  assert.equal((await failed)[0].code, 'EMFILE');
});
