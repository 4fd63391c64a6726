import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'node:test';
import { bootstrap, type Json, socketAddress, typed } from '#testing/bootstrap.ts';
import { startDnsServer } from '#testing/dns-server.ts';
import { eventually } from '#testing/eventually.ts';
import type { Scope } from '#testing/scope.ts';
import { startProxy } from '#testing/start-proxy.ts';

const CLIENTS = 20;

function udp(port: number, address = '127.0.0.1'): Json {
  return { socket_address: { protocol: 'UDP', address, port_value: port } };
}

function udpBootstrap(cluster: Json): Json {
  const proxy = typed('extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', { stat_prefix: 'p', cluster: 'c' });
  const listener = { name: 'in', address: udp(0), listener_filters: [{ name: 'udp', typed_config: proxy }] };
  return bootstrap([listener], [{ name: 'c', ...cluster }]);
}

function members(...endpoints: Json[]): Json {
  const lb_endpoints = endpoints.map((address) => ({ endpoint: { address } }));
  return { load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints }] } };
}

/** Sends everything back. */
async function echo(t: Scope): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => void socket.close());
  return socket.address().port;
}

async function ask(port: number, text: string): Promise<string> {
  const client = createSocket('udp4');
  client.send(text, port, '127.0.0.1');
  const [answer] = await once(client, 'message');
  client.close();
  return String(answer);
}

const PLAIN: Record<string, string> = { FAIRLEAD_NO_FFI: '1' };

for (const env of [{}, PLAIN]) {
  test(`several workers share the clients, and end when they are told to, ${JSON.stringify(env)}`, async (t) => {
    const proxy = await startProxy(t, udpBootstrap(members(udp(await echo(t)))), { concurrency: 2, env });
    const port = await proxy.listenerPort();
    for (let i = 0; i < CLIENTS; i++) assert.equal(await ask(port, `${i}`), `${i}`);
    await proxy.statBecomes('udp.p.downstream_sess_total', CLIENTS);
    await proxy.statBecomes('udp.p.downstream_sess_tx_datagrams', CLIENTS);
    proxy.signal('SIGTERM');
    assert.equal(await proxy.exited, 0, proxy.output);
  });
}

test('sessions end with their host', async (t) => {
  let address = '127.0.0.1';
  const server = await startDnsServer(t, ({ name }) => ({ answers: [{ type: 'A', name, ttl: 1, data: address }] }));
  const cares = typed('extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig', {
    resolvers: [socketAddress(server.port)],
    dns_resolver_options: { no_default_search_domain: true },
  });
  const proxy = await startProxy(
    t,
    udpBootstrap({
      type: 'STRICT_DNS',
      dns_lookup_family: 'V4_ONLY',
      dns_refresh_rate: '0.1s',
      typed_dns_resolver_config: { name: 'envoy.network.dns_resolver.cares', typed_config: cares },
      ...members(udp(await echo(t), 'one.test')),
    }),
  );
  assert.equal(await ask(await proxy.listenerPort(), 'x'), 'x');
  assert.equal(await proxy.stat('udp.p.downstream_sess_active'), 1);
  address = '127.0.0.2';
  await proxy.statBecomes('udp.p.downstream_sess_active', 0);
  assert.equal(await proxy.stat('udp.p.idle_timeout'), 0);
});

test('what floods one listener leaves others their turn', async (t) => {
  const proxy = await startProxy(t, udpBootstrap(members(udp(await echo(t)))));
  const port = await proxy.listenerPort();
  const flood = createSocket('udp4').unref();
  let sent = 0;
  const more = () => {
    if (sent++ < 5000) flood.send('flood', port, '127.0.0.1', more);
  };
  for (let i = 0; i < 50; i++) more();
  await eventually('some are through', async () => (await proxy.stat('udp.p.downstream_sess_rx_datagrams')) > 1000);
  assert.equal((await proxy.get('/ready')).body.trim(), 'LIVE');
  flood.close();
});
