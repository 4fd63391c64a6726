/**
 * Connections that an internal listener carries on in requests of HTTP CONNECT, to the destination that metadata tell, as Istio's ambient mode
 * has it (HBONE): ours and real Envoy with the same bootstrap.
 */
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { bootstrap, httpProtocolOptions, type Json, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike } from './compare-tcp.ts';
import { tcpListener, tcpProxy } from './tcp-filters.ts';

const ORIGINAL_DST = 'envoy.filters.listener.original_dst';
const STATS =
  /^(tcp|cluster\.(c|encap)|listener\.envoy_internal_originate)\.(downstream|upstream_(rq_total|cx_(total|http|connect))).*(?<!_ms|bytes_\w+)$/;

function tunnelled(cluster: Json): (ports: Record<string, number>) => Json {
  const raw = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };
  const passing = typed('extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport', {
    passthrough_metadata: [{ kind: { host: {} }, name: ORIGINAL_DST }],
    transport_socket: raw,
  });
  const host = {
    endpoint: { address: { envoy_internal_address: { server_listener_name: 'originate', endpoint_id: 'x' } } },
    metadata: { filter_metadata: { [ORIGINAL_DST]: { local: '10.1.2.3:8080' } } },
  };
  const encap = {
    ...staticCluster('encap', []),
    load_assignment: { cluster_name: 'encap', endpoints: [{ lb_endpoints: [host] }] },
    transport_socket: { name: 'internal', typed_config: passing },
  };
  const { address: _, ...originate } = tcpListener(
    [tcpProxy({ tunneling_config: { hostname: '%DOWNSTREAM_LOCAL_ADDRESS%' } })],
    {
      internal_listener: {},
      stat_prefix: '',
      access_log: [],
      listener_filters: [{ name: 'o', typed_config: typed('extensions.filters.listener.original_dst.v3.OriginalDst') }],
    },
    'originate',
  );
  const entry = tcpListener([tcpProxy({ cluster: 'encap', stat_prefix: 'in' })], { access_log: [] });
  const extension = typed('extensions.bootstrap.internal_listener.v3.InternalListener');
  return ({ c }) =>
    bootstrap([entry, originate], [encap, staticCluster('c', [c], cluster)], {
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
