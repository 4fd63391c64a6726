/**
 * Listeners that only the proxy itself connects to: ours and real Envoy with the same bootstrap.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { echo } from '#testing/behaviours.ts';
import {
  answering,
  bootstrap,
  connectionManager,
  downstreamTls,
  fileAccessLog,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  typed,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const SAID = [
  '%DOWNSTREAM_REMOTE_ADDRESS%',
  '%DOWNSTREAM_LOCAL_ADDRESS%',
  '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_LOCAL_PORT%',
  '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%',
  '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID%',
].join(' ');
const ORIGINAL_DST = 'envoy.filters.listener.original_dst';
const EXTENSION = {
  bootstrap_extensions: [
    {
      name: 'envoy.bootstrap.internal_listener',
      typed_config: typed('extensions.bootstrap.internal_listener.v3.InternalListener'),
    },
  ],
};

function passing(inner: Json, passthrough: Json[]): Json {
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.internal_upstream',
      typed_config: typed('extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport', {
        passthrough_metadata: passthrough,
        transport_socket: inner,
      }),
    },
  };
}

const RAW = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };

function internalCluster(name: string, listener: string, more: Json = {}, host: Json = {}): Json {
  const address = { envoy_internal_address: { server_listener_name: listener, endpoint_id: 'e1' } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address }, ...host }] }];
  return { ...staticCluster(name, []), load_assignment: { cluster_name: name, endpoints }, ...more };
}

function inner(name: string, manager: Json, more: Json = {}, chain: Json = {}): Json {
  return { name, internal_listener: {}, filter_chains: [{ filters: [connectionManager(manager)], ...chain }], ...more };
}

const server = signed('server.test');
const answers = routeConfig(
  [answering('here', { prefix: '/' })],
  {},
  {
    response_headers_to_add: [{ header: { key: 'x-said', value: SAID } }],
  },
);

function tree(upstream: number, log: string): Json {
  const metadata = { filter_metadata: { h: { a: 1 }, [ORIGINAL_DST]: { local: '1.2.3.4:99' } } };
  const wanted = [
    { kind: { host: {} }, name: 'h' },
    { kind: { host: {} }, name: 'missing' },
    { kind: { cluster: {} }, name: 'c' },
    { kind: { host: {} }, name: ORIGINAL_DST },
  ];
  const routes = ['metadata', 'plain', 'tls', 'nobody', 'forward'].map((name) => routeTo(`/${name}`, name));
  const logFormat = '%DOWNSTREAM_LOCAL_ADDRESS% %DYNAMIC_METADATA(h)% %DYNAMIC_METADATA(c)%';
  return bootstrap(
    [
      httpListener({ manager: routeConfig(routes) }),
      inner('metadata', answers, {
        access_log: [fileAccessLog(log, logFormat)],
        listener_filters: [
          { name: 'o', typed_config: typed('extensions.filters.listener.original_dst.v3.OriginalDst') },
        ],
      }),
      inner('plain', answers),
      inner(
        'secure',
        answers,
        {},
        {
          ...downstreamTls({
            tls_certificates: [
              { certificate_chain: { inline_string: server.cert }, private_key: { inline_string: server.key } },
            ],
          }),
        },
      ),
      inner('forward', routeConfig([routeTo('/', 'upstream')])),
    ],
    [
      internalCluster(
        'metadata',
        'metadata',
        { metadata: { filter_metadata: { c: { b: 2 } } }, ...passing(RAW, wanted) },
        { metadata },
      ),
      internalCluster('plain', 'plain'),
      internalCluster('tls', 'secure', passing(upstreamTls({}).transport_socket as Json, [])),
      internalCluster('nobody', 'nobody'),
      internalCluster('forward', 'forward'),
      staticCluster('upstream', [upstream]),
    ],
    EXTENSION,
  );
}

test('a cluster connects to an internal listener, plain, with metadata, over TLS, and with a large body', async (t) => {
  const upstream = await startUpstream(t, echo);
  const observed = async (kind: ProxyKind, concurrency: number) => {
    const log = join(temporaryFolder(t), 'log');
    const proxy = await startProxy(t, tree(upstream.port, log), { kind, concurrency });
    const seen: Record<string, unknown> = {};
    for (const path of ['metadata', 'plain', 'tls', 'nobody', 'plain']) {
      const wire = await proxy.connect();
      await wire.send(`GET /${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      const response = await wire.response();
      seen[path] = [response.status, response.body, response.header('x-said')];
      wire.destroy();
    }
    const body = 'x'.repeat(3_000_000);
    const wire = await proxy.connect();
    await wire.send(`POST /forward HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    seen.large = (await wire.response('POST')).body.endsWith(body);
    seen.listeners = (await proxy.get('/listeners')).body.replace(/:[0-9]+\n/g, ':PORT\n');
    seen.stats = await proxy.stats('^listener.envoy_internal_(plain|secure).downstream_cx_total');
    proxy.signal('SIGTERM');
    await proxy.exited;
    await eventually('the log is written', () => readFileSync(log, 'utf8') !== '');
    seen.log = readFileSync(log, 'utf8');
    return seen;
  };
  const [envoy, ours] = await Promise.all([observed('envoy', 1), observed('fairlead', 1)]);
  const threads = await observed('fairlead', 2);
  if (process.env.FAIRLEAD_SHOW) t.diagnostic(JSON.stringify(envoy, null, 1));
  assert.deepEqual(ours, envoy);
  assert.equal(ours.large, true);
  // Each worker has connections of its own.
  assert.deepEqual({ ...threads, stats: 0 }, { ...envoy, stats: 0 });
});

test('an internal listener needs the extension, and has no address', async (t) => {
  for (const kind of ['envoy', 'fairlead'] as const) {
    const alone = bootstrap([inner('i', answers)]);
    await assert.rejects(startProxy(t, alone, { kind }), /InternalListener bootstrap extension is mandatory/);
  }
});
