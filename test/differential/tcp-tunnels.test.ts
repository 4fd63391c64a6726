/**
 * TCP carried in requests of HTTP: what the proxy behind is asked, and what comes back, ours and real Envoy with the same bootstrap.
 */
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { bootstrap, httpProtocolOptions, type Json, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike, type TcpSubject } from './compare-tcp.ts';
import { tcpListener, tcpProxy } from './tcp-filters.ts';

const STATS = /^(tcp|cluster\.c)\.(downstream|upstream_(rq_total|cx_(total|http|connect))).*(?<!_ms|bytes_\w+)$/;

/** Answers the first message of each connection, which it waits for up to its empty line, and echoes the rest. */
const answering = (answer: string) => (socket: Socket) => {
  let head = '';
  const onData = (bytes: Buffer) => {
    head += bytes.latin1Slice();
    if (!head.includes('\r\n\r\n')) return;
    socket.off('data', onData);
    socket.write(answer);
    socket.on('data', (rest: Buffer) => socket.write(rest));
    socket.on('end', () => socket.end());
  };
  socket.on('data', onData);
};

function tunneling(tunnel: Json, cluster: Json = {}): TcpSubject['bootstrap'] {
  const config = { tunneling_config: { hostname: 'far.test:443', ...tunnel }, max_connect_attempts: 2 };
  return ({ c }) =>
    bootstrap([tcpListener([tcpProxy(config)], { access_log: [] })], [staticCluster('c', [c], cluster)]);
}

/** Says something through the tunnel, and notes what the proxy behind it was sent. */
const talk: TcpSubject['run'] = async ({ connect, note, upstreams }) => {
  const wire = await connect();
  await wire.send('hello');
  await eventually('an answer', () => wire.received.includes('hello') || wire.ending !== undefined);
  note(`${wire.received} ${wire.ending ?? 'open'}`);
  note(upstreams.c.received.join(' and then '));
};

alike('CONNECT', {
  bootstrap: tunneling({
    headers_to_add: [{ header: { key: 'x-from', value: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%' } }],
  }),
  upstreams: { c: answering('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n') },
  run: talk,
  stats: STATS,
});

alike('CONNECT for a host that the connection names', {
  bootstrap: tunneling({ hostname: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%:443' }),
  upstreams: { c: answering('HTTP/1.1 201 Made\r\n\r\n') },
  run: talk,
  stats: STATS,
});

const IDS: Record<string, Json> = {
  'in x-request-id': {},
  'in a header and under a key of their own': { request_id_header: 'X-Tunnel-Id', request_id_metadata_key: 'tid' },
};
for (const [name, fields] of Object.entries(IDS)) {
  const key = fields.request_id_metadata_key ?? 'tunnel_request_id';
  const value = `%DYNAMIC_METADATA(envoy.filters.network.tcp_proxy:${key})%`;
  alike(`CONNECT with ids ${name}`, {
    bootstrap: tunneling({
      request_id_extension: { typed_config: typed('extensions.request_id.uuid.v3.UuidRequestIdConfig') },
      headers_to_add: [{ header: { key: 'x-same', value } }],
      ...fields,
    }),
    upstreams: { c: answering('HTTP/1.1 200 OK\r\n\r\n') },
    async run({ connect, note, upstreams }) {
      const seen = new Set<string>();
      for (const count of [1, 2]) {
        const wire = await connect();
        await wire.send('hello');
        await eventually('an answer', () => wire.received.includes('hello'));
        const head = upstreams.c.received[count - 1];
        const [, header, id, same] = /(x-[a-z]+-id): ([0-9a-f-]{36})\r\nx-same: (.*)\r/.exec(head) ?? [];
        seen.add(id);
        note(`${header} ${id === same} ${seen.size}`);
      }
    },
  });
}

alike('CONNECT that is refused', {
  bootstrap: tunneling({}),
  upstreams: { c: answering('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno') },
  async run({ connect, note, upstreams }) {
    const wire = await connect();
    note(await wire.closed());
    note(upstreams.c.received.join(' and then '));
  },
  stats: STATS,
});

alike('POST', {
  bootstrap: tunneling({ use_post: true, post_path: '/through', propagate_response_headers: true }),
  upstreams: { c: answering('HTTP/1.1 200 OK\r\n\r\n') },
  run: talk,
  stats: STATS,
});

for (const tunnel of [{}, { use_post: true }]) {
  alike(`HTTP/2: ${JSON.stringify(tunnel)}`, {
    bootstrap: tunneling(tunnel, httpProtocolOptions({ explicit_http_config: { http2_protocol_options: {} } })),
    upstreams: {
      c: (socket) => {
        const server = createHttp2();
        server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
          stream.on('error', () => {});
          stream.respond({ ':status': 200 });
          stream.write(`${headers[':method']} ${headers[':authority']} ${headers[':path']} `);
          stream.pipe(stream);
        });
        server.emit('connection', socket);
      },
    },
    async run({ connect, note }) {
      const wires = [await connect(), await connect()];
      for (const wire of wires) {
        await wire.send('hello');
        await eventually('an answer', () => wire.received.includes('hello'));
        wire.end();
        note(`${await wire.closed()} ${wire.received}`);
      }
    },
    stats: STATS,
  });
}
