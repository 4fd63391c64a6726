import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type LookupFunction } from 'node:net';
import { test } from 'node:test';
import type { Address } from '#config/model/address.ts';
import { connectTarget } from '#proxy/upstream/connect-target.ts';

function at(address: string, port = 80): Address {
  return { kind: 'ip', address, port, protocol: 'TCP', ipv4Compat: false };
}

test('one address is connected to as it is, from the source that the cluster binds to', () => {
  const bind = { sourceAddress: '127.0.0.2', sourcePort: 0, socketOptions: [] };
  assert.deepEqual(connectTarget(at('127.0.0.1'), [], { bind }), {
    host: '127.0.0.1',
    port: 80,
    noDelay: true,
    autoSelectFamily: false,
    localAddress: '127.0.0.2',
  });
});

test('a second source serves the hosts of its family', () => {
  const bind = {
    sourceAddress: '127.0.0.2',
    sourcePort: 0,
    socketOptions: [],
    extraSource: { address: '::1', port: 7 },
  };
  const local = (host: string) => {
    const { localAddress, localPort } = connectTarget(at(host), [], { bind }) as Record<string, unknown>;
    return [localAddress, localPort];
  };
  assert.deepEqual(local('127.0.0.1'), ['127.0.0.2', undefined]);
  assert.deepEqual(local('::1'), ['::1', 7]);
});

test('a unix socket is connected to by its path', () => {
  assert.deepEqual(connectTarget({ kind: 'pipe', path: '/run/x.sock', mode: 0 }, [], {}), {
    path: '/run/x.sock',
  });
});

test('of several addresses families alternate, beginning with that of the first, until one accepts', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  t.after(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const others = [at('127.0.0.77', port), at('::1', port), at('127.0.0.1', port)];
  const socket = connect(connectTarget(at('127.0.0.78', port), others, {}) as never);
  const attempts: string[] = [];
  socket.on('connectionAttempt', (address) => attempts.push(address));
  await once(socket, 'connect');
  assert.deepEqual(attempts, ['127.0.0.78', '::1', '127.0.0.77', '127.0.0.1']);
});

test('the family that is to be first begins', (t, done) => {
  const others = [at('127.0.0.77'), at('::2')];
  const target = connectTarget(at('::1'), others, { firstFamily: 4 }) as { lookup?: LookupFunction };
  target.lookup?.('', { all: true }, (_error, addresses) => {
    const order = (addresses as { address: string }[]).map(({ address }) => address);
    t.assert.deepEqual(order, ['127.0.0.77', '::1', '::2']);
    done();
  });
});
