/**
 * Options of listening sockets, as the system shows them: ours and real Envoy with the same bootstrap.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, socketAddress, staticCluster } from '#testing/bootstrap.ts';
import { freePort } from '#testing/free-port.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';

function listening(listener: Json): Json {
  return bootstrap([httpListener({ listener })], [staticCluster('c', [1])]);
}

/** What ss(8) says of the sockets at a local port. */
function sockets(port: number, ...flags: string[]): string {
  return execFileSync('ss', ['-Htn', ...flags, `sport = :${port}`], { encoding: 'utf8' });
}

for (const kind of ['envoy', 'fairlead'] as ProxyKind[]) {
  for (const concurrency of [1, 2]) {
    test(`connections are kept alive, and a socket belongs to a device (${kind}, ${concurrency} workers)`, async (t) => {
      const port = await freePort();
      const tree = listening({
        address: socketAddress(port),
        tcp_keepalive: { keepalive_time: 100, keepalive_interval: 7, keepalive_probes: 3 },
        socket_options: [{ level: 1, name: 25, buf_value: Buffer.from('lo\0').toString('base64') }],
        tcp_fast_open_queue_length: 3,
        tcp_backlog_size: 77,
      });
      const proxy = await startProxy(t, tree, { kind, concurrency });
      assert.match(sockets(port, '-l'), /LISTEN +0 +77 +127\.0\.0\.1%lo:/);
      const wire = await proxy.connect();
      assert.match(sockets(port, '-o'), /timer:\(keepalive,1min(3[0-9]|40)/);
      wire.destroy();
    });
  }

  test(`with freebind an address need not be there, without it the proxy does not start (${kind})`, async (t) => {
    const port = await freePort();
    const tree = (freebind: boolean) => listening({ address: socketAddress(port, '10.254.9.9'), freebind });
    await startProxy(t, tree(true), { kind });
    assert.match(sockets(port, '-l'), /10\.254\.9\.9:/);
    await assert.rejects(startProxy(t, tree(false), { kind }), /10\.254\.9\.9:.*Cannot assign requested address/s);
  });

  test(`an option that the system does not take ends the start (${kind})`, async (t) => {
    for (const state of ['STATE_PREBIND', 'STATE_BOUND']) {
      const tree = listening({ socket_options: [{ level: 6, name: 9999, int_value: 1, state }] });
      await assert.rejects(startProxy(t, tree, { kind }), /Setting socket options failed/);
    }
  });
}
