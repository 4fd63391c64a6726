/** An upstream of HTTP/1.1 that answers more often than it was asked: nobody else's request gets such an answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, raw } from '#testing/behaviours.ts';
import { oneCluster } from '#testing/bootstrap.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';

const ONCE = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst';
const FORGED = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged';

test('what follows an answer in one write is no answer to the request that waits for the connection', async (t) => {
  const { promise: second, resolve } = Promise.withResolvers<void>();
  const upstream = await startUpstream(t, async (exchange) => {
    if (exchange.target !== '/first') return answer('second')(exchange);
    await second;
    await raw(ONCE + FORGED)(exchange);
  });
  const limits = { circuit_breakers: { thresholds: [{ max_connections: 1 }] } };
  const proxy = await startProxy(t, oneCluster(upstream.port, {}, limits));
  const first = await proxy.connect();
  await first.send('GET /first HTTP/1.1\r\nhost: a\r\n\r\n');
  await proxy.statBecomes('cluster.c.upstream_rq_active', 1);
  const waiting = await proxy.connect();
  await waiting.send('GET /second HTTP/1.1\r\nhost: a\r\n\r\n');
  await proxy.statBecomes('cluster.c.upstream_rq_pending_active', 1);
  resolve();
  assert.equal((await first.response()).body, 'first');
  assert.equal((await waiting.response()).body, 'second');
  assert.equal(await proxy.stat('cluster.c.upstream_cx_protocol_error'), 1);
  assert.equal(upstream.connections, 2);
});
