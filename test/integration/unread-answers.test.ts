/** A client that asks on and on and never reads: the proxy stops reading from it, and goes on when the client does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, routeConfig } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { plainClient } from '#testing/plain-client.ts';
import { startProxy } from '#testing/start-proxy.ts';

const BODY = 'x'.repeat(4000);
const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
/** Their answers are more than kernels hold. */
const REQUESTS = 20_000;

test('a client that reads no answers is not read from until it does', async (t) => {
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: BODY } } }];
  const proxy = await startProxy(t, bootstrap([httpListener({ manager: routeConfig(routes) })]));
  const client = plainClient(t, await proxy.listenerPort()).pause();
  for (let i = 0; i < REQUESTS / 100; i++) client.write(REQUEST.repeat(100));
  let last = -1;
  let still = 0;
  await eventually('no more requests are served', async () => {
    const served = (await proxy.stats())['http.in.downstream_rq_total'];
    still = served === last && served > 0 ? still + 1 : 0;
    last = served;
    return still > 5;
  });
  assert.ok(last < REQUESTS, `${last} requests were served`);
  let received = 0;
  client.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  client.resume();
  await eventually('all are answered', () => received > REQUESTS * BODY.length);
});
