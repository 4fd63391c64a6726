/** The gauges of bytes that connections hold, while they are open and after: ours and real Envoy with the same bootstrap. */
import type { Socket } from 'node:net';
import {
  bootstrap,
  downstreamTls,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { alike, type TcpActing } from './compare-tcp.ts';
import { filter, tcpListener, tcpProxy } from './tcp-filters.ts';

/** More than kernels hold. */
const LARGE = 50_000_000;

function serve(socket: Socket): void {
  let held = '';
  socket.on('data', (bytes: Buffer) => {
    held += bytes.latin1Slice();
    for (let end = held.indexOf('\r\n\r\n'); end >= 0; end = held.indexOf('\r\n\r\n')) {
      const head = held.slice(0, end);
      const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
      if (held.length < end + 4 + length) return;
      held = held.slice(end + 4 + length);
      const body = head.includes('/large') ? LARGE : head.length % 50;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body}\r\n\r\n${'x'.repeat(body)}`);
    }
  });
}

const { cert, key } = signed('server.test');
const certificate = { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } };

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

/** Notes the gauges once they are as they will stay: another read of them says the same. */
async function noteGauges({ proxy, note }: TcpActing, after: string): Promise<void> {
  const read = async () => JSON.stringify(await proxy.stats('^(http.in|tcp|redis|cluster).*bytes_buffered$'));
  let last = '';
  const settled = await eventually(`the gauges are settled after ${after}`, async () => {
    const [before, now] = [last, await read()];
    last = now;
    return before === now && now;
  });
  note(`${after}: ${settled}`);
}

async function answered(wire: WireClient, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await wire.response();
}

/** The client reads nothing until what it does not read is noted; how much waits where is the kernel's choice. */
async function unread(act: TcpActing, wire: WireClient, ask: string, prefix: string): Promise<void> {
  wire.socket.pause();
  await wire.send(ask);
  await act.proxy.statBecomes(`${prefix}.downstream_cx_tx_bytes_buffered`, (bytes) => bytes > 0);
  act.note(`${prefix}: some wait`);
  wire.destroy();
  await act.proxy.statBecomes(`${prefix}.downstream_cx_active`, 0);
  await act.proxy.statBecomes('cluster.c.upstream_cx_active', 0);
  await noteGauges(act, 'the client is gone');
}

const manager = routeConfig([routeTo('/', 'c')]);
const http =
  (more: Json = {}) =>
  (ports: Record<string, number>) =>
    bootstrap([httpListener({ manager, ...more })], [staticCluster('c', [ports.c])]);

async function talk(act: TcpActing, options = {}): Promise<void> {
  const wire = await act.connect(undefined, options);
  for (const path of ['/', '/longer', '/']) {
    await wire.send(get(path));
    await answered(wire, 1);
    await noteGauges(act, path);
  }
  await wire.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n${'b'.repeat(1000)}`);
  await answered(wire, 1);
  await noteGauges(act, 'a body');
  await wire.send(get('/first') + get('/second-of-two'));
  await answered(wire, 2);
  await noteGauges(act, 'two at once');
  await wire.send('GET / HTTP/1.1\r\nho');
  await act.proxy.statBecomes('http.in.downstream_cx_rx_bytes_buffered', 18);
  await noteGauges(act, 'half a head');
  const other = await act.connect(undefined, options);
  await other.send(get('/another'));
  await answered(other, 1);
  await noteGauges(act, 'another client');
  wire.destroy();
  await act.proxy.statBecomes('http.in.downstream_cx_active', 1);
  await noteGauges(act, 'one is gone');
  await unread(act, other, get('/large'), 'http.in');
}

alike('HTTP/1.1', { bootstrap: http(), upstreams: { c: serve }, run: talk });

alike('HTTP/1.1 over TLS', {
  bootstrap: http({ chain: downstreamTls({ tls_certificates: [certificate] }) }),
  upstreams: { c: serve },
  run: (act) => talk(act, { tls: {} }),
});

alike('TCP', {
  bootstrap: ({ c }) => bootstrap([tcpListener([tcpProxy()])], [staticCluster('c', [c])]),
  upstreams: { c: serve },
  async run(act) {
    const wire = await act.connect();
    for (const path of ['/', '/longer']) {
      await wire.send(get(path));
      await answered(wire, 1);
      await noteGauges(act, path);
    }
    await unread(act, wire, get('/large'), 'tcp.t');
  },
});

alike('Redis', {
  bootstrap: ({ c }) =>
    bootstrap(
      [
        tcpListener([
          filter('redis_proxy', 'redis_proxy.v3.RedisProxy', {
            stat_prefix: 'r',
            settings: { op_timeout: '5s' },
            prefix_routes: { catch_all_route: { cluster: 'c' } },
          }),
        ]),
      ],
      [staticCluster('c', [c])],
    ),
  stats: /^(redis|cluster).*bytes_total$/,
  upstreams: { c: (socket) => void socket.on('data', () => socket.write('$5\r\nhello\r\n')) },
  async run(act) {
    const wire = await act.connect();
    for (const key of ['a', 'longer']) {
      const { length } = wire.received;
      await wire.send(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`);
      await eventually('the answer came', () => wire.received.length > length);
      await noteGauges(act, key);
    }
    wire.destroy();
    await act.proxy.statBecomes('redis.r.downstream_cx_active', 0);
    await noteGauges(act, 'the client is gone');
  },
});
