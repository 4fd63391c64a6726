/**
 * The TCP proxy: bytes, half-closes, failures, stats and access logs, ours and real Envoy with the same bootstrap.
 */
import type { Socket } from 'node:net';
import { bootstrap, downstreamTls, type Json, staticCluster, upstreamTls } from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { alike, type TcpActing, type TcpSubject } from './compare-tcp.ts';
import { tcpListener, tcpProxy } from './tcp-filters.ts';

/** What is flushed after an end depends on what the kernel had taken by then. */
const STATS =
  /^(tcp|cluster\.c|listener\.in)\.(?!.*(_ms|upstream_flush_total|circuit_breakers|lb_|http1|ssl|warming|assignment|worker_|membership|update_|max_host|version|default\.total))/;

function proxied(fields: Json = {}, cluster: Json = {}, listener: Json = {}): (ports: Record<string, number>) => Json {
  return ({ c = 1 }) => bootstrap([tcpListener([tcpProxy(fields)], listener)], [staticCluster('c', [c], cluster)]);
}

const echo = (socket: Socket) => void socket.pipe(socket);
const silent = () => {};
const server = signed('server.test');

async function until(wire: WireClient, length: number): Promise<void> {
  await eventually(`${length} bytes came`, () => wire.received.length >= length);
}

async function ended({ note }: TcpActing, wire: WireClient): Promise<void> {
  note(`${await wire.closed()} after ${wire.received.length} bytes`);
}

/** A client that connects, says nothing, and waits for the end. */
const JUST_CONNECTS: Omit<TcpSubject, 'bootstrap'> = {
  upstreams: { c: echo },
  async run(act) {
    await ended(act, await act.connect());
  },
  stats: STATS,
  lines: 2,
};

alike('bytes go both ways; the client ends first', {
  bootstrap: proxied(),
  upstreams: { c: echo },
  async run(act) {
    const wire = await act.connect();
    await wire.send('hello');
    await until(wire, 5);
    await wire.send('x'.repeat(300_000));
    await until(wire, 300_005);
    wire.end();
    await ended(act, wire);
    act.note(`${act.upstreams.c.received[0].length} ${act.upstreams.c.received[0].slice(0, 6)}`);
  },
  stats: STATS,
  lines: 2,
});

alike('the upstream ends first, with all that it said before', {
  bootstrap: proxied(),
  upstreams: { c: (socket) => void socket.once('data', () => socket.end('y'.repeat(200_000))) },
  async run(act) {
    const wire = await act.connect();
    await wire.send('go');
    await ended(act, wire);
    await wire.send('late');
    wire.end();
    await eventually('the upstream has it', () => act.upstreams.c.received[0] === 'golate');
  },
  stats: STATS,
  lines: 2,
});

alike('a client that sends no more still hears the answer', {
  bootstrap: proxied(),
  upstreams: { c: (socket) => void socket.once('end', () => socket.end('all of it')) },
  async run(act) {
    const wire = await act.connect();
    await wire.send('ask');
    wire.end();
    await ended(act, wire);
    act.note(wire.received);
  },
  stats: STATS,
  lines: 2,
});

alike('an upstream that speaks first', {
  bootstrap: proxied(),
  upstreams: { c: (socket) => void socket.once('end', () => socket.end()).write('220 ready') },
  async run(act) {
    const wire = await act.connect();
    await until(wire, 9);
    wire.destroy();
  },
  stats: STATS,
  lines: 2,
});

alike('a reset of the client reaches the upstream', {
  bootstrap: proxied(),
  upstreams: { c: (socket) => void socket.write('hi') },
  async run(act) {
    const wire = await act.connect();
    await until(wire, 2);
    const [socket] = act.upstreams.c.sockets;
    const told = new Promise<string>((resolve) => {
      socket.once('error', ({ message }) => resolve(message));
      socket.once('end', () => resolve('end'));
    });
    wire.reset();
    act.note(await told);
    socket.end();
  },
  stats: STATS,
  lines: 2,
});

alike('a reset of the upstream reaches the client', {
  bootstrap: proxied(),
  upstreams: { c: (socket) => void socket.once('data', () => socket.resetAndDestroy()) },
  async run(act) {
    const wire = await act.connect();
    await wire.send('go');
    await ended(act, wire);
  },
  stats: STATS,
  lines: 2,
});

alike('nobody listens: attempts are counted, and the client is closed', {
  bootstrap: proxied({ max_connect_attempts: 3 }),
  async run(act) {
    await ended(act, await act.connect());
  },
  stats: STATS,
  lines: 2,
});

alike('attempts with time between them', {
  bootstrap: proxied({ max_connect_attempts: 3, backoff_options: { base_interval: '0.01s' } }),
  async run(act) {
    await ended(act, await act.connect());
  },
  stats: STATS,
  lines: 2,
});

alike('a cluster that is not there', {
  bootstrap: proxied({ cluster: 'nobody' }),
  async run(act) {
    await ended(act, await act.connect());
  },
  stats: STATS,
  lines: 2,
});

alike('a cluster without hosts', {
  bootstrap: () => bootstrap([tcpListener([tcpProxy()])], [staticCluster('c', [])]),
  async run(act) {
    await ended(act, await act.connect());
  },
  stats: STATS,
  lines: 2,
});

alike('the circuit breaker of connections', {
  bootstrap: proxied({}, { circuit_breakers: { thresholds: [{ max_connections: 1 }] } }),
  upstreams: { c: echo },
  async run(act) {
    const wire = await act.connect();
    await wire.send('a');
    await until(wire, 1);
    await ended(act, await act.connect());
    wire.destroy();
    await act.proxy.statBecomes('cluster.c.upstream_cx_active', 0);
  },
  stats: STATS,
  lines: 4,
});

alike('nobody may wait for a connection: each attempt overflows', {
  bootstrap: proxied({ max_connect_attempts: 2 }, { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } }),
  ...JUST_CONNECTS,
});

alike('an address to start from that is not ours', {
  bootstrap: proxied(
    { max_connect_attempts: 2 },
    { upstream_bind_config: { source_address: { address: '192.0.2.1', port_value: 0 } } },
  ),
  ...JUST_CONNECTS,
});

alike('a connection for one request alone', {
  bootstrap: proxied({}, { max_requests_per_connection: 1 }),
  upstreams: { c: echo },
  async run(act) {
    const wire = await act.connect();
    await wire.send('a');
    await until(wire, 1);
    wire.destroy();
    await act.proxy.statBecomes('cluster.c.upstream_cx_active', 0);
  },
  stats: STATS,
  lines: 2,
});

alike('an idle connection is closed', {
  bootstrap: proxied({ idle_timeout: '0.2s' }),
  upstreams: { c: silent },
  async run(act) {
    const wire = await act.connect();
    await wire.send('a');
    await ended(act, wire);
  },
  stats: STATS,
  lines: 2,
});

alike('a connection that lasts too long is closed', {
  bootstrap: proxied({ max_downstream_connection_duration: '0.2s' }),
  upstreams: { c: echo },
  async run(act) {
    const wire = await act.connect();
    await wire.send('a');
    await ended(act, wire);
  },
  stats: STATS,
  lines: 2,
});

alike('a connection that is never made: TLS gets no answer', {
  bootstrap: proxied({}, { connect_timeout: '0.2s', ...upstreamTls({}) }),
  upstreams: { c: silent },
  async run(act) {
    await ended(act, await act.connect());
  },
  stats: STATS,
  lines: 2,
});

alike('records at the start, when the upstream is there, and at the end', {
  bootstrap: proxied({ access_log_options: { flush_access_log_on_connected: true, flush_access_log_on_start: true } }),
  upstreams: { c: echo },
  async run(act) {
    const wire = await act.connect();
    await wire.send('abc');
    await until(wire, 3);
    wire.end();
    await ended(act, wire);
  },
  stats: STATS,
  lines: 4,
});

alike('the upstream is chosen when the first bytes are there', {
  bootstrap: proxied({ upstream_connect_mode: 'ON_DOWNSTREAM_DATA', max_early_data_bytes: 1024 }),
  upstreams: { c: echo },
  async run(act) {
    const idle = await act.connect();
    const wire = await act.connect();
    await wire.send('abc');
    await until(wire, 3);
    act.note(String(act.upstreams.c.sockets.length));
    wire.end();
    await ended(act, wire);
    idle.reset();
  },
  stats: STATS,
  lines: 4,
});

alike('TLS that fails is told by both logs, and no upstream is asked where that waits for TLS', {
  bootstrap: ({ c }) => {
    const tls = downstreamTls({
      tls_certificates: [
        { certificate_chain: { inline_string: server.cert }, private_key: { inline_string: server.key } },
      ],
    });
    const config = { upstream_connect_mode: 'ON_DOWNSTREAM_TLS_HANDSHAKE', max_early_data_bytes: 0 };
    const listener = tcpListener([tcpProxy(config)]) as { filter_chains: Json[] };
    listener.filter_chains = [{ ...listener.filter_chains[0], ...tls }];
    return bootstrap([listener as Json], [staticCluster('c', [c])]);
  },
  upstreams: { c: echo },
  async run(act) {
    const wire = await act.connect();
    await wire.send('GET / HTTP/1.1\r\n\r\n');
    await wire.closed();
    const secure = await act.connect('in', { tls: {} });
    await secure.send('hello');
    await until(secure, 5);
    act.note(`${secure.received} ${act.upstreams.c.sockets.length}`);
    secure.destroy();
    await act.proxy.statBecomes('listener.in.downstream_cx_active', 0);
  },
  lines: 4,
});

for (const check_drain_close of [false, true]) {
  alike(`a drain: check_drain_close is ${check_drain_close}`, {
    bootstrap: proxied({ check_drain_close }),
    upstreams: { c: echo },
    async run(act) {
      const wire = await act.connect();
      await wire.send('a');
      await until(wire, 1);
      await act.proxy.admin.post('/healthcheck/fail');
      await wire.send('b');
      await eventually('it is answered, or closed', () => wire.received.length === 2 || wire.ending !== undefined);
      if (check_drain_close) await wire.closed();
      act.note(`${wire.received} ${wire.ending ?? 'open'}`);
      wire.destroy();
    },
    stats: /^tcp\.t\.downstream_cx_(drain|total)/,
  });
}
