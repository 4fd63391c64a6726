/**
 * Connections that an internal listener carries on in requests of HTTP CONNECT, to the destination that metadata tell, as Istio's ambient mode
 * has it (HBONE): ours and real Envoy with the same bootstrap.
 */
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { bootstrap, httpProtocolOptions, type Json, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike } from './compare-tcp.ts';
import { filter, tcpListener, tcpProxy } from './tcp-filters.ts';

const ORIGINAL_DST = 'envoy.filters.listener.original_dst';
const HEADERS = ['once', 'transitive', 'kept'].map((name) => ({
  header: { key: `x-${name}`, value: `%FILTER_STATE(${name}:PLAIN)%` },
}));
const STATS =
  /^(tcp|cluster\.(c|encap)|listener\.envoy_internal_originate)\.(downstream|upstream_(rq_total|cx_(total|http|connect))).*(?<!_ms|bytes_\w+)$/;

/** @param entry what the listener that clients connect to has besides; @param told metadata tell the destination */
function tunnelled(cluster: Json, entry: Json = {}, told = true): (ports: Record<string, number>) => Json {
  const raw = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };
  const passing = typed('extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport', {
    passthrough_metadata: [{ kind: { host: {} }, name: ORIGINAL_DST }],
    transport_socket: raw,
  });
  const host = {
    endpoint: { address: { envoy_internal_address: { server_listener_name: 'originate', endpoint_id: 'x' } } },
    ...(told ? { metadata: { filter_metadata: { [ORIGINAL_DST]: { local: '10.1.2.3:8080' } } } } : {}),
  };
  const encap = {
    ...staticCluster('encap', []),
    load_assignment: { cluster_name: 'encap', endpoints: [{ lb_endpoints: [host] }] },
    transport_socket: { name: 'internal', typed_config: passing },
  };
  const { address: _, ...originate } = tcpListener(
    [tcpProxy({ tunneling_config: { hostname: '%DOWNSTREAM_LOCAL_ADDRESS%', headers_to_add: HEADERS } })],
    {
      internal_listener: {},
      stat_prefix: '',
      access_log: [],
      listener_filters: [{ name: 'o', typed_config: typed('extensions.filters.listener.original_dst.v3.OriginalDst') }],
    },
    'originate',
  );
  const outer = tcpListener([tcpProxy({ cluster: 'encap', stat_prefix: 'in' })], { access_log: [], ...entry });
  const extension = typed('extensions.bootstrap.internal_listener.v3.InternalListener');
  return ({ c }) =>
    bootstrap([outer, originate], [encap, staticCluster('c', [c], cluster)], {
      bootstrap_extensions: [{ name: 'envoy.bootstrap.internal_listener', typed_config: extension }],
    });
}

alike('HTTP/2 CONNECT through an internal listener', {
  bootstrap: tunnelled(httpProtocolOptions({ explicit_http_config: { http2_protocol_options: {} } })),
  upstreams: {
    c: (socket) => {
      const server = createHttp2();
      server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        stream.respond({ ':status': 200 });
        stream.write(`${headers[':method']} ${headers[':authority']} `);
        stream.pipe(stream);
      });
      server.emit('connection', socket);
    },
  },
  async run({ connect, note, proxy }) {
    const wires = [await connect(), await connect()];
    for (const [i, wire] of wires.entries()) {
      await wire.send(`hello ${i}`);
      await eventually('an answer', () => wire.received.includes(`hello ${i}`) || wire.ending !== undefined);
      note(`${wire.received} ${wire.ending ?? 'open'}`);
    }
    wires[0].end();
    note(await wires[0].closed());
    await proxy.statBecomes('listener.envoy_internal_originate.downstream_cx_active', 1);
    wires[1].end();
    note(await wires[1].closed());
    await proxy.statBecomes('listener.envoy_internal_originate.downstream_cx_active', 0);
  },
  stats: STATS,
});

alike('HTTP/1.1 CONNECT through an internal listener, with much to carry', {
  bootstrap: tunnelled({}),
  upstreams: {
    c: (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(socket);
      });
    },
  },
  async run({ connect, note, upstreams, proxy }) {
    const wire = await connect();
    const text = 'x'.repeat(2_000_000);
    await wire.send(text);
    await eventually('everything', () => wire.received.length >= text.length || wire.ending !== undefined);
    note(`${wire.received === text} ${wire.ending ?? 'open'}`);
    note(upstreams.c.received.join('').slice(0, 60));
    wire.destroy();
    await proxy.statBecomes('listener.envoy_internal_originate.downstream_cx_active', 0);
  },
  stats: STATS,
});

/** Filter state with texts; `kept` stays with its connection. */
function states(more: Json[] = []): Json[] {
  const value = (text: string) => ({ format_string: { text_format_source: { inline_string: text } } });
  const plain = { once: 'ONCE', transitive: 'TRANSITIVE', kept: 'NONE' };
  return [
    ...Object.entries(plain).map(([object_key, shared_with_upstream]) => ({
      object_key,
      factory_key: 'envoy.string',
      shared_with_upstream,
      ...value(`is ${object_key}`),
    })),
    ...more.map((one) => ({ ...one, ...value('10.9.9.9:1234'), shared_with_upstream: 'ONCE' })),
  ];
}

const setters: Record<string, Json> = {
  'a listener filter': {
    listener_filters: [
      {
        name: 's',
        typed_config: typed('extensions.filters.listener.set_filter_state.v3.Config', {
          on_accept: states([{ object_key: `${ORIGINAL_DST}.local_ip` }]),
        }),
      },
    ],
  },
  'a network filter': {
    filter_chains: [
      {
        filters: [
          filter('set_filter_state', 'set_filter_state.v3.Config', { on_new_connection: states() }),
          tcpProxy({ cluster: 'encap', stat_prefix: 'in' }),
        ],
      },
    ],
  },
};

for (const [who, told] of [
  ['a listener filter', true],
  ['a listener filter', false],
  ['a network filter', true],
] as const) {
  alike(`filter state that ${who} sets goes along where it is shared with upstreams, destination ${told}`, {
    bootstrap: tunnelled({}, setters[who], told),
    upstreams: { c: (socket) => void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\n')) },
    async run({ connect, note, upstreams }) {
      const wire = await connect();
      await wire.send('x');
      await eventually('the request', () => upstreams.c.received.join('').includes('\r\n\r\n'));
      note(upstreams.c.received.join('').split('\r\n\r\n')[0]);
    },
  });
}
