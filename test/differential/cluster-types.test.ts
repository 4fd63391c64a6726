/**
 * Clusters that choose hosts by themselves: where the connection was going, whom the request names, the aggregate of others.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
 */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  loadAssignment,
  routeConfig,
  routerFilter,
  routeTo,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { compare } from './compare.ts';
import { alike } from './compare-tcp.ts';
import { type Case, get } from './subject.ts';
import { tcpListener, tcpProxy } from './tcp-filters.ts';

const provided = (name: string, more: Json): Json => ({
  name,
  connect_timeout: '1s',
  lb_policy: 'CLUSTER_PROVIDED',
  ...more,
});
const ofType = (type: string, config: Json): Json => ({
  cluster_type: {
    name: `envoy.clusters.${type}`,
    typed_config: typed(`extensions.clusters.${type}.v3.ClusterConfig`, config),
  },
});
const cache = (more: Json = {}): Json => ({
  dns_cache_config: { name: 'names', dns_lookup_family: 'V4_ONLY', dns_query_timeout: '1s', ...more },
});
const FORWARD = 'extensions.filters.http.dynamic_forward_proxy.v3';
const forwardFilter = (more: Json = {}): Json => ({
  name: 'dfp',
  typed_config: typed(`${FORWARD}.FilterConfig`, cache(more)),
});
const rewritten = (rewrite: Json): Json => ({
  typed_per_filter_config: { dfp: typed(`${FORWARD}.PerRouteConfig`, rewrite) },
});

test('ORIGINAL_DST', async (t) => {
  const original = (name: string, config: Json): Json =>
    provided(name, { type: 'ORIGINAL_DST', original_dst_lb_config: config });
  const to = (port: string) => `x-envoy-original-dst-host: ${port}`;
  const one = (name: string, send: (port: number) => string): Case => ({
    name,
    methods: ['GET'],
    send: async (wire, { upstreams }) => wire.send(send(upstreams.u.port)),
  });
  await compare(t, {
    upstreams: { u: answer('here'), v: answer('there') },
    bootstrap: ({ u, v }) =>
      bootstrap(
        [
          httpListener({
            manager: routeConfig([
              routeTo('/named', 'named'),
              routeTo('/port', 'port'),
              routeTo('/none', 'none'),
              routeTo('/', 'header'),
            ]),
          }),
        ],
        [
          original('header', { use_http_header: true }),
          original('named', { use_http_header: true, http_header_name: 'X-Go-To' }),
          original('port', { use_http_header: true, upstream_port_override: v ?? u }),
          original('none', {}),
        ],
      ),
    cases: [
      one('a header with an address', (port) => get('/', to(`127.0.0.1:${port}`))),
      one('another of the same host', (port) => get('/', to(`127.0.0.2:${port}`))),
      one('a header of another name', (port) => get('/named', `x-go-to: 127.0.0.1:${port}`)),
      one('the default header where another is configured', (port) => get('/named', to(`127.0.0.1:${port}`))),
      one('a header that is no address', () => get('/', to('localhost:80'))),
      one('a header without a port', () => get('/', to('127.0.0.1'))),
      one('no header and no original destination', () => get('/')),
      one('a header that does not count', (port) => get('/none', to(`127.0.0.1:${port}`))),
      one('another port', () => get('/port', to('127.0.0.1:9'))),
    ],
    counters:
      /^cluster\.(header|named|port|none)\.(upstream_rq_total|upstream_cx_total|upstream_cx_none_healthy|original_dst_host_invalid|membership_)/,
  });
});

test('dynamic forward proxy', async (t) => {
  const one = (name: string, send: (port: number) => string): Case => ({
    name,
    methods: ['GET'],
    send: async (wire, { upstreams }) => wire.send(send(upstreams.u.port)),
  });
  const asking = (path: string, host: string, ...headers: string[]) =>
    `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
  await compare(t, {
    upstreams: { u: answer('here') },
    bootstrap: ({ u }) =>
      bootstrap(
        [
          httpListener({
            manager: {
              ...routeConfig([
                routeTo('/literal', 'dfp', {}, rewritten({ host_rewrite_literal: `localhost:${u}` })),
                routeTo('/header', 'dfp', {}, rewritten({ host_rewrite_header: 'x-host' })),
                routeTo('/static', 'plain'),
                routeTo('/rewrite', 'dfp', { host_rewrite_literal: 'elsewhere.test' }),
                routeTo('/', 'dfp'),
              ]),
              http_filters: [forwardFilter(), routerFilter()],
            },
          }),
        ],
        [provided('dfp', ofType('dynamic_forward_proxy', cache())), staticCluster('plain', [u])],
      ),
    cases: [
      one('a name', (port) => asking('/', `localhost:${port}`)),
      one('the same name again', (port) => asking('/', `localhost:${port}`)),
      one('an address', (port) => asking('/', `127.0.0.1:${port}`)),
      one('a name without a port', () => asking('/', '127.0.0.9')),
      one('a name that does not exist', () => asking('/', 'nowhere.invalid')),
      one('a name that is no name', () => asking('/', 'not..a..name:80')),
      one('a host for the route', () => asking('/literal', 'whatever.test')),
      one('a host from a header', (port) => asking('/header', 'whatever.test', `x-host: localhost:${port}`)),
      one('a header that is not there', () => asking('/header', '127.0.0.9')),
      one('another cluster', () => asking('/static', 'whatever.test')),
      one('a host that the router rewrites', (port) => asking('/rewrite', `localhost:${port}`)),
    ],
    explained: {
      counters: { 'cluster.dfp.upstream_cx_none_healthy': 'Envoy resolves the rewritten host after the choice' },
      'a host that the router rewrites': { 'log[0]': 'details are no_healthy_upstream, not those of the name' },
    },
    counters: /^(dns_cache\.|cluster\.dfp\.(upstream_rq_total|upstream_cx_total|upstream_cx_none_healthy|membership_))/,
  });
});

test('a full cache of names', async (t) => {
  const limits = { max_hosts: 1 };
  await compare(t, {
    upstreams: { u: answer('here') },
    bootstrap: () =>
      bootstrap(
        [
          httpListener({
            manager: { ...routeConfig([routeTo('/', 'dfp')]), http_filters: [forwardFilter(limits), routerFilter()] },
          }),
        ],
        [provided('dfp', ofType('dynamic_forward_proxy', cache(limits)))],
      ),
    cases: [
      {
        name: 'the first',
        methods: ['GET'],
        send: async (wire, { upstreams }) => wire.send(`GET / HTTP/1.1\r\nhost: localhost:${upstreams.u.port}\r\n\r\n`),
      },
      { name: 'the second', send: 'GET / HTTP/1.1\r\nhost: localhost:1\r\n\r\n' },
    ],
    counters: /^dns_cache\./,
  });
});

test('aggregates', async (t) => {
  const aggregate = (name: string, clusters: string[]) => provided(name, ofType('aggregate', { clusters }));
  const several = (name: string, priorities: [port: number, health?: string][][]): Json => ({
    ...staticCluster(name, []),
    load_assignment: {
      cluster_name: name,
      endpoints: priorities.map((hosts, priority) => ({
        priority,
        lb_endpoints: hosts.map(([port, health_status = 'HEALTHY']) => ({
          ...(loadAssignment(name, [port]).endpoints as { lb_endpoints: Json[] }[])[0].lb_endpoints[0],
          health_status,
        })),
      })),
    },
  });
  const NAMES = ['first', 'empty', 'unhealthy', 'later', 'unknown', 'nested', 'only'];
  await compare(t, {
    upstreams: { a: answer('a'), b: answer('b') },
    bootstrap: ({ a, b }) =>
      bootstrap(
        [
          httpListener({
            manager: routeConfig(
              NAMES.map((name) =>
                routeTo(`/${name}`, name, name === 'first' ? { retry_policy: { retry_on: '5xx' } } : {}),
              ),
            ),
          }),
        ],
        [
          aggregate('first', ['one', 'two']),
          aggregate('empty', ['none', 'two']),
          aggregate('unhealthy', ['bad', 'two']),
          aggregate('later', ['mixed', 'two']),
          aggregate('unknown', ['nobody', 'two']),
          aggregate('nested', ['empty', 'one']),
          aggregate('only', ['none']),
          staticCluster('one', [a]),
          staticCluster('two', [b]),
          staticCluster('none', []),
          several('bad', [[[a, 'UNHEALTHY']]]),
          several('mixed', [[[a, 'UNHEALTHY']], [[b]]]),
        ],
      ),
    cases: NAMES.map((name) => ({ name, send: get(`/${name}`) })),
    counters:
      /^cluster\.\w+\.(upstream_rq_total|upstream_rq_completed|upstream_rq_2xx|upstream_rq_503|upstream_cx_total|upstream_cx_none_healthy|lb_healthy_panic|membership_total)$/,
  });
});

alike('ORIGINAL_DST: where a listener filter says that the connection was going', {
  upstreams: { u: (socket) => void socket.on('error', () => {}).pipe(socket) },
  bootstrap: () =>
    bootstrap(
      [
        tcpListener([tcpProxy({ cluster: 'original' })], {
          listener_filters: [
            {
              name: 'proxy_protocol',
              typed_config: typed('extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', {
                allow_requests_without_proxy_protocol: true,
              }),
            },
          ],
        }),
      ],
      [provided('original', { type: 'ORIGINAL_DST' })],
    ),
  async run(act) {
    const wire = await act.connect();
    await wire.send(`PROXY TCP4 10.1.1.1 127.0.0.1 1 ${act.upstreams.u.port}\r\nhello`);
    await eventually('it comes back', () => wire.received === 'hello');
    act.note(
      (await act.proxy.get('/clusters')).body
        .split('\n')
        .filter((line) => line.includes('hostname'))
        .join(),
    );
    const plain = await act.connect();
    await plain.send('hello');
    await plain.closed();
  },
  stats: /^cluster\.original\.(membership|upstream_cx_(total|none_healthy))/,
});
