import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { bootstrap, type Json, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import type { Scope } from '#testing/scope.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { both } from './attempted.ts';

const PROXY = 'extensions.filters.udp.udp_proxy.v3';

export function udpAddress(port: number, address = '127.0.0.1'): Json {
  return { socket_address: { protocol: 'UDP', address, port_value: port } };
}

function route(cluster: string): Json {
  return { action: { name: 'route', typed_config: typed(`${PROXY}.Route`, { cluster }) } };
}

function udpListener(proxy: Json = {}, listener: Json = {}): Json {
  const config = typed(`${PROXY}.UdpProxyConfig`, { stat_prefix: 'p', matcher: { on_no_match: route('c') }, ...proxy });
  return { name: 'in', address: udpAddress(0), listener_filters: [{ name: 'udp', typed_config: config }], ...listener };
}

function udpCluster(name: string, ports: number[], more: Json = {}): Json {
  const hosts = ports.map((port) => ({ endpoint: { address: udpAddress(port) } }));
  return { name, load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: hosts }] }, ...more };
}

/** Answers each datagram with its name and what it got. */
async function upstream(t: Scope, name: string, answer?: (text: string) => string[]): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, { port, address }) => {
    for (const text of answer?.(bytes.toString()) ?? [`${name}:${bytes}`]) socket.send(text, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => void socket.close());
  return socket.address().port;
}

/** A client with a socket of its own. */
class Client {
  readonly heard: string[] = [];
  readonly socket: Socket = createSocket('udp4');
  private readonly port: number;

  constructor(t: Scope, port: number) {
    this.port = port;
    this.socket.on('message', (bytes) => this.heard.push(bytes.toString()));
    t.after(() => void this.socket.close());
  }

  send(text: string): void {
    this.socket.send(text, this.port, '127.0.0.1');
  }

  /** Sends and waits for so many more datagrams. */
  async ask(text: string, answers = 1): Promise<void> {
    const before = this.heard.length;
    this.send(text);
    await eventually(`an answer to ${text}`, () => this.heard.length >= before + answers);
  }
}

interface Scene {
  proxy: RunningProxy;
  client(): Promise<Client>;
  /** Waits until a stat has a value. */
  counted(stat: string, value: number): Promise<void>;
}

const STATS = 'udp|upstream_cx_(none_healthy|overflow|rx_bytes_total|tx_bytes_total)';

/** Plays a scene on both, and compares what it returns and the stats. */
function scene(
  name: string,
  make: (t: Scope, folder: string) => Promise<Json>,
  play: (scene: Scene, t: TestContext) => Promise<unknown>,
): void {
  test(name, async (t) => {
    const seen = async (kind: ProxyKind) => {
      const folder = temporaryFolder(t);
      const proxy = await startProxy(t, await make(t, folder), { kind });
      const port = await proxy.listenerPort();
      const stats = async () => (await proxy.admin.get(`/stats?filter=${encodeURIComponent(STATS)}`)).body;
      const result = await play(
        {
          proxy,
          client: async () => new Client(t, port),
          counted: (stat, value) =>
            eventually(`${stat} is ${value}`, async () => (await stats()).includes(`${stat}: ${value}\n`)).then(
              () => {},
            ),
        },
        t,
      );
      const lines = (await stats()).split('\n').filter((line) => !line.startsWith('listener.'));
      await proxy.admin.post('/quitquitquit');
      await proxy.exited;
      return { result, stats: lines, logs: logsOf(folder) };
    };
    const [envoy, ours] = await both(t, seen);
    assert.deepEqual(ours, envoy);
  });
}

/** What access logs say, without ports and times. */
function logsOf(folder: string): string[] {
  try {
    return readFileSync(join(folder, 'log'), 'utf8').split('\n').toSorted();
  } catch {
    return [];
  }
}

function fileLog(folder: string, format: string): Json[] {
  const log = { path: join(folder, 'log'), log_format: { text_format_source: { inline_string: `${format}\n` } } };
  return [{ name: 'file', typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', log) }];
}

scene(
  'each client has a session, with which answers come back to it',
  async (t) => bootstrap([udpListener()], [udpCluster('c', [await upstream(t, 'a')])]),
  async ({ client }) => {
    const clients = [await client(), await client()];
    for (const text of ['1', '22', '333']) for (const one of clients) await one.ask(text);
    return clients.map(({ heard }) => heard);
  },
);

scene(
  'the matcher chooses by the address and the port that the client and the listener have',
  async (t) => {
    const input = (kind: string) => ({
      name: 'i',
      typed_config: typed(`extensions.matching.common_inputs.network.v3.${kind}`),
    });
    const range = { ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }], on_match: route('c') };
    const ip = {
      '@type': 'type.googleapis.com/xds.type.matcher.v3.IPMatcher',
      range_matchers: [range],
    };
    const byIp = { matcher_tree: { input: input('SourceIPInput'), custom_match: { name: 'ip', typed_config: ip } } };
    const elsewhere = {
      matcher_tree: { input: input('DestinationPortInput'), exact_match_map: { map: { 1: route('d') } } },
    };
    return bootstrap(
      [udpListener({ matcher: { ...elsewhere, on_no_match: { matcher: byIp } } })],
      [udpCluster('c', [await upstream(t, 'c')]), udpCluster('d', [await upstream(t, 'd')])],
    );
  },
  async ({ client }) => {
    const one = await client();
    await one.ask('x');
    return one.heard;
  },
);

scene(
  'without a route, or with a cluster that is not there, datagrams are counted and dropped',
  async () => {
    const input = { name: 'i', typed_config: typed('extensions.matching.common_inputs.network.v3.SourceIPInput') };
    const map = { map: { '10.0.0.1': route('c') } };
    return bootstrap(
      [udpListener({ matcher: { matcher_tree: { input, exact_match_map: map } } })],
      [udpCluster('c', [1])],
    );
  },
  async ({ client, counted }) => {
    const one = await client();
    one.send('x');
    one.send('y');
    await counted('udp.p.downstream_sess_no_route', 2);
  },
);

scene(
  'a cluster without hosts has no session',
  async () => bootstrap([udpListener()], [udpCluster('c', [])]),
  async ({ client, counted }) => {
    (await client()).send('x');
    await counted('cluster.c.upstream_cx_none_healthy', 1);
  },
);

for (const perPacket of [false, true]) {
  scene(
    `a cluster has as many sessions as connections that it may have${perPacket ? ', by packet too' : ''}`,
    async (t) =>
      bootstrap(
        [udpListener({ use_per_packet_load_balancing: perPacket })],
        [udpCluster('c', [await upstream(t, 'a')], { circuit_breakers: { thresholds: [{ max_connections: 1 }] } })],
      ),
    async ({ client, counted }) => {
      const [one, other] = [await client(), await client()];
      await one.ask('x');
      other.send('y');
      await counted('cluster.c.upstream_cx_overflow', 1);
      await one.ask('z');
      return [one.heard, other.heard];
    },
  );
}

for (const gro of [{}, { prefer_gro: true }, { prefer_gro: false }]) {
  scene(
    `datagrams that are too long are dropped, both ways, ${JSON.stringify(gro)}`,
    async (t) =>
      bootstrap(
        [
          udpListener(
            { upstream_socket_config: { max_rx_datagram_size: 20, ...gro } },
            { udp_listener_config: { downstream_socket_config: { max_rx_datagram_size: 10, ...gro } } },
          ),
        ],
        [
          udpCluster('c', [
            await upstream(t, 'a', (text) => (text === 'long' ? ['l'.repeat(21), 'l'.repeat(20)] : [text])),
          ]),
        ],
      ),
    async ({ client, proxy }) => {
      const one = await client();
      one.send('x'.repeat(11));
      await one.ask('x'.repeat(10));
      one.send('long');
      await eventually('the answer of 20 bytes is there', () => one.heard.includes('l'.repeat(20)));
      return [one.heard, await proxy.stat('listener.127.0.0.1_0.udp.downstream_rx_datagram_dropped')];
    },
  );
}

scene(
  'with load balancing by packet, each datagram has a host of its own, with a session for each',
  async (t) =>
    bootstrap(
      [udpListener({ use_per_packet_load_balancing: true })],
      [udpCluster('c', [await upstream(t, 'a'), await upstream(t, 'b')])],
    ),
  async ({ client }) => {
    const one = await client();
    for (let i = 0; i < 6; i++) await one.ask('x');
    return one.heard.toSorted();
  },
);

scene(
  'a session that is idle ends, and is logged; the proxy is logged when it goes',
  async (t, folder) =>
    bootstrap(
      [
        udpListener({
          idle_timeout: '0.2s',
          access_log: fileLog(
            folder,
            'session %DYNAMIC_METADATA(udp.proxy.session)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %BYTES_RECEIVED% %BYTES_SENT% %ACCESS_LOG_TYPE% %RESPONSE_FLAGS% %RESPONSE_CODE% %PROTOCOL% %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
          ),
          proxy_access_log: fileLog(
            folder,
            'proxy %DYNAMIC_METADATA(udp.proxy.proxy)% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %BYTES_RECEIVED% %BYTES_SENT% %ACCESS_LOG_TYPE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_CLUSTER%',
          ),
        }),
      ],
      [udpCluster('c', [await upstream(t, 'a')])],
    ),
  async ({ client, counted }) => {
    const one = await client();
    await one.ask('x');
    await one.ask('yy');
    await counted('udp.p.idle_timeout', 1);
    await one.ask('zzz');
    return one.heard;
  },
);

scene(
  'where nobody listens, the error is counted and the session stays',
  async (t) => {
    const gone = createSocket('udp4').bind(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address();
    gone.close();
    t.after(() => {});
    return bootstrap([udpListener()], [udpCluster('c', [port])]);
  },
  async ({ client, counted }) => {
    const one = await client();
    one.send('x');
    await counted('cluster.c.udp.sess_rx_errors', 1);
    one.send('y');
    await counted('cluster.c.udp.sess_rx_errors', 2);
  },
);
