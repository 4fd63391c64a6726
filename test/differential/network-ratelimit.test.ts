/**
 * Rate limits of connections that a service decides: ours and real Envoy with the same bootstrap, each with a service of its own.
 */
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { bootstrap, httpProtocolOptions, type Json, staticCluster } from '#testing/bootstrap.ts';
import { alike, type TcpSubject } from './compare-tcp.ts';
import { filter, tcpListener } from './tcp-filters.ts';

/** Answers every call with this code: 1 is OK, 2 over the limit; undefined: never. */
const service = (code: number | undefined) => (socket: Socket) => {
  const server = createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.resume();
    if (code === undefined) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, code]));
  });
  server.emit('connection', socket);
};

function limited(fields: Json = {}): TcpSubject['bootstrap'] {
  const limit = filter('ratelimit', 'ratelimit.v3.RateLimit', {
    stat_prefix: 'l',
    domain: 'connections',
    descriptors: [{ entries: [{ key: 'from', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' }] }],
    timeout: '1s',
    rate_limit_service: {
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: 'limits' }, timeout: '5s' },
    },
    ...fields,
  });
  const http2 = httpProtocolOptions({ explicit_http_config: { http2_protocol_options: {} } });
  return ({ limits }) =>
    bootstrap([tcpListener([limit, filter('echo', 'echo.v3.Echo')])], [staticCluster('limits', [limits], http2)]);
}

/** A connection that speaks before there is a verdict. */
const speak: TcpSubject['run'] = async ({ connect, note }) => {
  const wire = await connect();
  await wire.send('early');
  await wire.something();
  note(`${wire.received} ${wire.ending ?? 'open'}`);
};

const alikeFor = (name: string, code: number | undefined, fields: Json = {}) =>
  alike(name, {
    bootstrap: limited(fields),
    upstreams: { limits: service(code) },
    run: speak,
    stats: /^ratelimit/,
    lines: 1,
  });

alikeFor('below the limit', 1);
alikeFor('over the limit', 2);
alikeFor('no answer in time: the connection goes on', undefined, { timeout: '0.1s' });
alikeFor('no answer in time: the connection is closed where that is asked for', undefined, {
  timeout: '0.1s',
  failure_mode_deny: true,
});
