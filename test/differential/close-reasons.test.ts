/**
 * Why the proxy closed connections, in the logs of HTTP, of TCP and of listeners: DOWNSTREAM_LOCAL_CLOSE_REASON, UPSTREAM_LOCAL_CLOSE_REASON.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
import {
  answering,
  bootstrap,
  connectionManager,
  downstreamTls,
  fileAccessLog,
  type Json,
  routeConfig,
  routeTo,
  socketAddress,
  staticCluster,
  typed,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { alike, type TcpActing } from './compare-tcp.ts';
import { answered, get, obey, send, waiting } from './obeying-host.ts';
import { LOG_FILE } from './subject.ts';
import { filter, tcpProxy } from './tcp-filters.ts';

const log = (name: string): Json =>
  fileAccessLog(
    LOG_FILE,
    `%LISTENER_NAME% ${name} code=%RESPONSE_CODE% flags=%RESPONSE_FLAGS% client=%DOWNSTREAM_LOCAL_CLOSE_REASON% host=%UPSTREAM_LOCAL_CLOSE_REASON% span=%SPAN_ID% trace=%TRACE_ID%`,
  );

const H2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** With empty SETTINGS. */
const H2_OPEN = `${H2}\0\0\0\x04\0\0\0\0\0`;
const LONGEST = { drain_timeout: '0.01s', common_http_protocol_options: { max_connection_duration: '0.05s' } };
/** Stands for the connection manager or the TCP proxy. */
const LAST = 'last' as unknown as Json;

interface Case {
  run(wire: WireClient, act: TcpActing, listener: string): Promise<unknown>;
  /** Of the connection manager. */
  manager?: Json;
  /** Of the TCP proxy. */
  tcp?: Json;
  /** Network filters in place of these. */
  filters?: Json[];
  chain?: Json;
  listener?: Json;
  lines?: number;
}

const closed = (wire: WireClient) => wire.closed();
const { cert, key } = signed('a.test');
const TLS = downstreamTls({
  tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
});

const DENY = { stat_prefix: 'r', rules: { action: 'ALLOW' } };
const second = async (_: WireClient, { connect }: TcpActing, name: string) =>
  void (await (await connect(name)).closed());

const HTTP2 = { codec_type: 'HTTP2' };

/** The proxy ends each of these connections: once the client goes as soon as it was told `told`, once it stays. */
const ENDED: Record<string, Case & { told?: string }> = {
  'connection close': { run: (wire) => answered(wire, get('/ok', 'connection: close')), told: 'ok' },
  'one request only': {
    run: (wire) => answered(wire, get('/ok')),
    manager: { common_http_protocol_options: { max_requests_per_connection: 1 } },
    told: 'ok',
  },
  'no HTTP': { run: (wire) => send(wire, 'nonsense\r\n\r\n'), told: ' 400 ' },
  'a name that is none': { run: (wire) => send(wire, get('/ok', 'a b: c')), told: ' 400 ' },
  'a value that is none': { run: (wire) => send(wire, get('/ok', 'a: \x01')), told: ' 400 ' },
  'a length that is none': { run: (wire) => send(wire, get('/ok', 'content-length: x')), told: ' 400 ' },
  'length and chunks': {
    run: (wire) => send(wire, get('/ok', 'content-length: 1', 'transfer-encoding: chunked')),
    told: ' 400 ',
  },
  'a coding that is none': { run: (wire) => send(wire, get('/ok', 'transfer-encoding: gzip')), told: ' 501 ' },
  'chunks that are none': {
    run: (wire) => send(wire, `${get('/wait', 'transfer-encoding: chunked')}xyz\r\n`),
    told: ' 400 ',
  },
  'large headers': { run: (wire) => send(wire, get('/ok', `a: ${'b'.repeat(70_000)}`)), told: ' 431 ' },
  'many headers': { run: (wire) => send(wire, get('/ok', ...Array(110).fill('a: b'))), told: ' 431 ' },
  'another scheme': { run: (wire) => send(wire, get('ftp://a/')), told: ' 400 ' },
  'HTTP/1.0': { run: (wire) => send(wire, 'GET / HTTP/1.0\r\n\r\n'), told: ' 426 ' },
  'a bad request after a good one': {
    run: async (wire) => {
      await answered(wire, get('/ok'));
      await send(wire, 'nonsense\r\n\r\n');
    },
    told: ' 400 ',
  },
  'idle after a request': {
    run: (wire) => answered(wire, get('/ok')),
    manager: { drain_timeout: '0.01s', common_http_protocol_options: { idle_timeout: '0.05s' } },
  },
  idle: { run: async () => {}, manager: { common_http_protocol_options: { idle_timeout: '0.05s' } } },
  longest: { run: (wire) => answered(wire, get('/ok')), manager: LONGEST },
  'longest without a request': { run: async () => {}, manager: LONGEST },
  'longest with a request': {
    run: (wire) => send(wire, get('/wait')),
    manager: { ...LONGEST, stream_idle_timeout: '0.15s' },
    told: ' 504 ',
  },
  'answered before the request ends': {
    run: (wire) => send(wire, 'POST /direct HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n'),
    told: 'direct',
  },
  'headers too late': {
    run: (wire) => send(wire, 'GET / HTTP/1.1\r\n'),
    manager: { request_headers_timeout: '0.05s' },
    told: ' 408 ',
  },
  'half an answer': { run: (wire) => send(wire, get('/half')), manager: { stream_idle_timeout: '0.05s' } },
  'half an answer, then a reset': { run: (wire) => send(wire, get('/broken')) },
  '2, bad frames': {
    run: (wire) => send(wire, `${H2}nonsense nonsense nonsense`),
    manager: HTTP2,
  },
  '2, pings are not answered': {
    run: (wire) => send(wire, H2_OPEN),
    manager: {
      ...HTTP2,
      http2_protocol_options: { connection_keepalive: { interval: '0.05s', timeout: '0.05s' } },
    },
  },
  '2, idle': {
    run: (wire) => send(wire, H2_OPEN),
    manager: { ...HTTP2, drain_timeout: '0.01s', common_http_protocol_options: { idle_timeout: '0.05s' } },
  },
  RBAC: { run: (wire) => send(wire, get('/ok')), filters: [filter('rbac', 'rbac.v3.RBAC', DENY), LAST] },
};

const CASES: Record<string, Case> = {
  ...Object.fromEntries(
    Object.entries(ENDED)
      .filter(([, { told }]) => told !== undefined)
      .map(([name, one]): [string, Case] => [
        `HTTP: ${name}; the client goes`,
        {
          ...one,
          run: async (wire, act, listener) => {
            await one.run(wire, act, listener);
            await eventually('the client is told', () => wire.received.includes(one.told ?? ''));
            wire.end();
          },
        },
      ]),
  ),
  ...Object.fromEntries(
    Object.entries(ENDED).map(([name, one]): [string, Case] => [
      `HTTP: ${name}; the client stays`,
      {
        ...one,
        manager: { delayed_close_timeout: '0.05s', ...one.manager },
        run: async (wire, act, listener) => {
          await one.run(wire, act, listener);
          await wire.closed();
        },
      },
    ]),
  ),
  'HTTP: the client ends': {
    run: async (wire) => (await answered(wire, get('/ok'))).end(),
    manager: { access_log: [log('HTTP')] },
    lines: 2,
  },
  'HTTP: the client resets': { run: async (wire) => (await answered(wire, get('/ok'))).reset() },
  'HTTP: the client ends in the middle': { run: async (wire, { upstreams }) => (await waiting(wire, upstreams)).end() },
  'HTTP: the client resets in the middle': {
    run: async (wire, { upstreams }) => (await waiting(wire, upstreams)).reset(),
  },
  'HTTP: the host resets': { run: async (wire) => (await answered(wire, get('/reset'))).end() },
  'HTTP: the host ends': { run: async (wire) => (await answered(wire, get('/end'))).end() },
  'HTTP: the host is no HTTP': { run: async (wire) => (await answered(wire, get('/garbage'))).end() },
  'HTTP: answered by the proxy': { run: async (wire) => (await answered(wire, get('/direct'))).end() },
  'HTTP: a host that refuses': { run: async (wire) => (await answered(wire, get('/refused'))).end() },
  'HTTP: a cluster without hosts': { run: async (wire) => (await answered(wire, get('/empty'))).end() },
  'HTTP: a host without TLS': { run: async (wire) => (await answered(wire, get('/tls'))).end() },
  'HTTP: a host that is too late': { run: async (wire) => (await answered(wire, get('/wait-short'))).end() },
  'HTTP: a stream is idle': {
    run: async (wire) => (await answered(wire, get('/wait'))).end(),
    manager: { stream_idle_timeout: '0.05s' },
  },
  'HTTP: 2, the client ends': {
    run: async (wire) => (await send(wire, H2_OPEN)).end(),
    manager: { codec_type: 'HTTP2' },
  },
  'TCP: the client ends': { run: async (wire) => (await answered(wire, 'hello')).end() },
  'TCP: the client resets': { run: async (wire) => (await answered(wire, 'hello')).reset() },
  'TCP: the host ends': {
    run: async (wire) => {
      await send(wire, 'end');
      await wire.closed();
      wire.end();
    },
  },
  'TCP: the host resets': { run: async (wire) => (await send(wire, 'reset')).closed() },
  'TCP: a host that refuses': { run: closed, tcp: { cluster: 'refused' } },
  'TCP: a cluster without hosts': { run: closed, tcp: { cluster: 'empty' } },
  'TCP: a cluster that is not there': { run: closed, tcp: { cluster: 'nowhere' } },
  'TCP: a host without TLS': { run: closed, tcp: { cluster: 'tls' } },
  'TCP: no room at the host': { run: closed, tcp: { cluster: 'full' } },
  'TCP: idle': { run: async (wire) => (await answered(wire, 'hello')).closed(), tcp: { idle_timeout: '0.05s' } },
  'TCP: longest': {
    run: async (wire) => (await answered(wire, 'hello')).closed(),
    tcp: { max_downstream_connection_duration: '0.05s' },
  },
  'TCP: a tunnel': {
    run: async (wire) => (await answered(wire, 'hello')).end(),
    tcp: { tunneling_config: { hostname: 'a:1' } },
  },
  'TCP: an idle tunnel': {
    run: async (wire) => (await answered(wire, 'hello')).closed(),
    tcp: { idle_timeout: '0.05s', tunneling_config: { hostname: 'a:1' } },
  },
  'TCP: a tunnel that is refused': { run: closed, tcp: { tunneling_config: { hostname: 'refuse:1' } } },
  'TCP: RBAC': {
    run: async (wire) => (await send(wire, 'hello')).closed(),
    filters: [filter('rbac', 'rbac.v3.RBAC', DENY), LAST],
  },
  'TCP: RBAC late': {
    run: async (wire) => (await send(wire, 'hello')).closed(),
    filters: [filter('rbac', 'rbac.v3.RBAC', { ...DENY, delay_deny: '0.05s' }), LAST],
  },
  'TCP: answered': {
    lines: 1,
    run: closed,
    filters: [filter('direct_response', 'direct_response.v3.Config', { response: { inline_string: 'hi' } })],
  },
  'TCP: too many': {
    run: second,
    lines: 4,
    filters: [
      filter('connection_limit', 'connection_limit.v3.ConnectionLimit', { stat_prefix: 'l', max_connections: 1 }),
      LAST,
    ],
  },
  'TCP: too fast': {
    run: second,
    lines: 4,
    filters: [
      filter('local_ratelimit', 'local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: 'l',
        token_bucket: { max_tokens: 1, fill_interval: '100s' },
      }),
      LAST,
    ],
  },
  'TCP: echoed': {
    lines: 1,
    run: async (wire) => (await answered(wire, 'hello')).end(),
    filters: [filter('echo', 'echo.v3.Echo')],
  },
  'TCP: redis, no redis': {
    lines: 1,
    run: async (wire) => (await send(wire, '*x\r\n')).closed(),
    filters: [
      filter('redis_proxy', 'redis_proxy.v3.RedisProxy', {
        stat_prefix: 'r',
        settings: { op_timeout: '1s' },
        prefix_routes: { catch_all_route: { cluster: 'c' } },
      }),
    ],
  },
  'TLS: no TLS': { run: async (wire) => (await send(wire, 'nonsense')).closed(), chain: TLS },
  'TLS: too late': {
    run: closed,
    filters: [filter('echo', 'echo.v3.Echo')],
    lines: 1,
    chain: { ...TLS, transport_socket_connect_timeout: '0.05s' },
  },
  'TLS: the client ends': { run: async (wire) => wire.end(), chain: TLS },
  'TCP: no chain': {
    lines: 1,
    run: closed,
    chain: { filter_chain_match: { destination_port: 1 } },
  },
  'TCP: no first bytes': {
    lines: 1,
    run: closed,
    listener: {
      listener_filters: [
        { name: 'tls', typed_config: typed('extensions.filters.listener.tls_inspector.v3.TlsInspector') },
      ],
      listener_filters_timeout: '0.05s',
    },
  },
};

function proxy({ c }: Record<string, number>): Json {
  const routes = [
    answering('direct', { prefix: '/direct' }),
    routeTo('/refused', 'refused'),
    routeTo('/empty', 'empty'),
    routeTo('/tls', 'tls'),
    routeTo('/wait-short', 'c', { timeout: '0.05s' }),
    routeTo('/', 'c'),
  ];
  const listeners = Object.entries(CASES).map(([name, { manager, tcp, filters, chain, listener }]) => {
    const last = name.startsWith('HTTP')
      ? connectionManager({
          ...routeConfig(routes),
          ...manager,
        })
      : tcpProxy({ cluster: 'c', access_log: [log('TCP')], ...tcp });
    return {
      name,
      address: socketAddress(0),
      access_log: [log('listener')],
      filter_chains: [
        {
          filters: (filters ?? [LAST]).map((one) => (one === LAST ? last : one)),
          ...chain,
        },
      ],
      ...listener,
    };
  });
  return bootstrap(listeners, [
    staticCluster('c', [c]),
    staticCluster('refused', [1]),
    staticCluster('empty', []),
    staticCluster('tls', [c], upstreamTls({})),
    staticCluster('full', [c], { circuit_breakers: { thresholds: [{ max_connections: 0 }] } }),
  ]);
}

alike('why connections were closed', {
  bootstrap: proxy,
  upstreams: { c: obey },
  async run(act) {
    for (const [name, { run }] of Object.entries(CASES)) await run(await act.connect(name), act, name);
  },
  lines: Object.entries(CASES).reduce(
    (sum, [name, { lines }]) => sum + (lines ?? (name.startsWith('HTTP') ? 1 : 2)),
    0,
  ),
});
