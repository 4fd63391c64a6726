/** What a route does: redirects, direct responses, rewrites, clusters chosen by header or weight. Follows config.route.v3. */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  staticCluster,
  typed,
  virtualHost,
  withRoutes,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const REDIRECTS: Record<string, Json> = {
  https: { https_redirect: true },
  scheme: { scheme_redirect: 'https' },
  host: { host_redirect: 'new.test' },
  'host-with-port': { host_redirect: 'new.test:81' },
  port: { port_redirect: 8443 },
  'https-and-port': { https_redirect: true, port_redirect: 8443 },
  'host-and-port': { host_redirect: 'new.test', port_redirect: 81 },
  'standard-port': { scheme_redirect: 'https', port_redirect: 443 },
  path: { path_redirect: '/new' },
  'path-bare': { path_redirect: 'new' },
  'path-with-query': { path_redirect: '/new?z=1' },
  prefix: { prefix_rewrite: '/n' },
  'prefix-bare': { prefix_rewrite: 'n' },
  'regex-bare': { regex_rewrite: { pattern: { regex: '^/' }, substitution: '' } },
  'prefix-to-root': { prefix_rewrite: '/' },
  regex: { regex_rewrite: { pattern: { regex: '^/(\\w+)/(\\w+)' }, substitution: '/\\2/\\1' } },
  'path-format': { path_rewrite: '/new%REQ(x)%%REQ(:method)%' },
  'path-format-strip': { path_rewrite: '/new', strip_query: true },
  'path-format-query': { path_rewrite: '/new?a=%PROTOCOL%' },
  'path-format-bare': { path_rewrite: 'new' },
  'strip-query': { host_redirect: 'new.test', strip_query: true },
  'strip-query-path': { path_redirect: '/new', strip_query: true },
  found: { host_redirect: 'new.test', response_code: 'FOUND' },
  'see-other': { host_redirect: 'new.test', response_code: 'SEE_OTHER' },
  temporary: { host_redirect: 'new.test', response_code: 'TEMPORARY_REDIRECT' },
  permanent: { host_redirect: 'new.test', response_code: 'PERMANENT_REDIRECT' },
  nothing: {},
};

test("a redirect points where Envoy's does", async (t) => {
  const routes = Object.entries(REDIRECTS).map(([name, redirect]) => ({ match: { prefix: `/${name}/` }, redirect }));
  const more: Json[] = [
    {
      match: { prefix: '/headers' },
      redirect: { path_redirect: '/x' },
      response_headers_to_add: [{ header: { key: 'x-to', value: '%REQ(:path)%' } }],
    },
    { match: { path: '/exact' }, redirect: { prefix_rewrite: '/changed' } },
  ];
  const names = Object.keys(REDIRECTS);
  await compare(t, {
    bootstrap: () => withRoutes([...routes, ...more], []),
    cases: [
      ...names.map((name) => ({ name, send: get(`/${name}/a/b?q=1&r=2`) })),
      ...names.map((name) => ({
        name: `${name}, host with a port`,
        send: request(`GET /${name}/a HTTP/1.1`, ['host: old.test:8080']),
      })),
      { name: 'host of v6', send: request('GET /port/a HTTP/1.1', ['host: [::1]:80']) },
      { name: 'behind TLS', send: get('/host/a', 'x-forwarded-proto: https') },
      { name: 'https, standard port given', send: request('GET /https/a HTTP/1.1', ['host: old.test:80']) },
      { name: 'a POST', send: post('/host/a', 'body') },
      { name: 'a HEAD', send: request('HEAD /host/a HTTP/1.1') },
      { name: 'with headers', send: get('/headers?q=1') },
      { name: 'prefix rewrite of an exact path', send: get('/exact?q=1') },
    ],
  });
});

test("a direct response is Envoy's", async (t) => {
  const direct = (prefix: string, direct_response: Json, more: Json = {}): Json => ({
    match: { prefix },
    direct_response,
    ...more,
  });
  const body = (inline_string: string): Json => ({ body: { inline_string } });
  const type = (key: string, value: string, append_action = 'OVERWRITE_IF_EXISTS_OR_ADD'): Json => ({
    header: { key, value },
    append_action,
  });
  await compare(t, {
    explained: { '/format?q': { 'responses[0].order': 'what a response is stands before its length' } },
    bootstrap: () =>
      withRoutes(
        [
          direct('/200', { status: 200, ...body('hello') }),
          direct('/204', { status: 204 }),
          direct('/304', { status: 304 }),
          direct('/404', { status: 404 }),
          direct('/418', { status: 418, ...body('teapot') }),
          direct('/503', { status: 503, ...body('') }),
          direct('/599', { status: 599 }),
          direct('/bytes', { status: 200, body: { inline_bytes: Buffer.from('\x00\xff').toString('base64') } }),
          direct(
            '/json',
            { status: 200, ...body('{"a":1}') },
            { response_headers_to_add: [type('content-type', 'application/json')] },
          ),
          direct(
            '/length',
            { status: 200, ...body('abc') },
            { response_headers_to_add: [type('content-length', '99')] },
          ),
          direct('/format', {
            status: 200,
            body_format: { text_format_source: { inline_string: 'was %REQ(:path)% %PROTOCOL%' } },
          }),
          direct('/by-json', {
            status: 200,
            body_format: { json_format: { path: '%REQ(:path)%', code: '%RESPONSE_CODE%' } },
          }),
        ],
        [],
      ),
    cases: [
      ...[
        '/200',
        '/204',
        '/304',
        '/404',
        '/418',
        '/503',
        '/599',
        '/bytes',
        '/json',
        '/length',
        '/format?q',
        '/by-json',
      ].map((path) => ({ name: path, send: get(path) })),
      { name: 'HEAD', send: request('HEAD /200 HTTP/1.1') },
      { name: 'gRPC', send: post('/404', '', 'content-type: application/grpc', 'te: trailers') },
      { name: 'POST with a body', send: post('/200', 'x'.repeat(100)) },
      {
        name: 'POST whose body comes later',
        probe: false,
        send: async (wire) => wire.send(request('POST /200 HTTP/1.1', ['host: a', 'content-length: 5'])),
      },
    ],
  });
});

const template = (path_template_rewrite: string): Json => ({
  path_rewrite_policy: {
    name: 'envoy.path.rewrite.uri_template.uri_template_rewriter',
    typed_config: typed('extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig', { path_template_rewrite }),
  },
});
const templateMatch = (path_template: string): Json => ({
  path_match_policy: {
    name: 'envoy.path.match.uri_template.uri_template_matcher',
    typed_config: typed('extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template }),
  },
});
const ROUTES: Record<string, Json> = {
  prefix: { match: { prefix: '/p/' }, route: { prefix_rewrite: '/' } },
  'prefix, no slash': { match: { prefix: '/q' }, route: { prefix_rewrite: '/new' } },
  'prefix, any case': { match: { prefix: '/CaSe', case_sensitive: false }, route: { prefix_rewrite: '/lower' } },
  'exact path': { match: { path: '/exact' }, route: { prefix_rewrite: '/other' } },
  'by regex': { match: { safe_regex: { regex: '/re/.*' } }, route: { prefix_rewrite: '/whole' } },
  regex: {
    match: { prefix: '/swap' },
    route: { regex_rewrite: { pattern: { regex: '/swap/([^/]+)/([^/]+)' }, substitution: '/\\2/\\1/\\0' } },
  },
  'regex, everywhere': {
    match: { prefix: '/each' },
    route: { regex_rewrite: { pattern: { regex: 'a' }, substitution: 'bb' } },
  },
  separated: { match: { path_separated_prefix: '/sep' }, route: { prefix_rewrite: '/x' } },
  template: { match: templateMatch('/t/{a}/{b=**}'), route: template('/{b}/of/{a}') },
  'host literal': { match: { prefix: '/hl' }, route: { host_rewrite_literal: 'inner.test' } },
  'host by header': { match: { prefix: '/hh' }, route: { host_rewrite_header: 'x-inner' } },
  'host by path': {
    match: { prefix: '/hp' },
    route: { host_rewrite_path_regex: { pattern: { regex: '^/hp/([^/]+).*$' }, substitution: '\\1.test' } },
  },
  'host, forwarded': {
    match: { prefix: '/hf' },
    route: { host_rewrite_literal: 'inner.test', append_x_forwarded_host: true },
  },
  'auto host': { match: { prefix: '/ah' }, route: { auto_host_rewrite: true } },
  'formatted path': { match: { prefix: '/fp' }, route: { path_rewrite: '/now%REQ(x-a)%' } },
  'formatted host': { match: { prefix: '/fh' }, route: { host_rewrite: '%REQ(x-inner)%' } },
};

test('path and host are rewritten as Envoy does', async (t) => {
  await compare(t, {
    upstreams: { c: answer('hello') },
    bootstrap: ({ c }) =>
      withRoutes(
        Object.entries(ROUTES).map(([name, route]) => ({
          name,
          match: route.match,
          route: { cluster: 'c', ...(route.route as Json) },
        })),
        [staticCluster('c', [c])],
      ),
    cases: [
      '/p/a/b?q=1',
      '/p/',
      '/qa',
      '/q',
      '/case/1',
      '/CASE?x',
      '/exact',
      '/exact?q=1',
      '/re/a/b?q',
      '/swap/1/2/3?q=/swap/4/5',
      '/each/a/aa?a',
      '/sep',
      '/sep/y',
      '/sep?q',
      '/t/1/2/3',
      '/t/1/2?q=3',
      '/hl',
      '/hh',
      '/hp/shop/cart?q',
      '/hf',
      '/ah',
      '/fp/x?q=1',
      '/fh/x?q=1',
    ]
      .map((path): Case => ({ name: path, send: get(path, 'x-inner: by-header.test', 'x-a: /seen') }))
      .concat(
        { name: 'host by a header that is missing', send: get('/hh'), status: 200 },
        { name: 'path by a format that says nothing', send: get('/fp'), status: 200 },
        { name: 'host by a format that says nothing', send: get('/fh'), status: 200 },
        {
          name: 'what was is kept for the log',
          send: get('/p/a', 'x-envoy-original-path: /lie', 'x-envoy-original-host: lie'),
          status: 200,
        },
      ),
  });
});

test('the cluster is the one that Envoy would take: by name, by header, by weight', async (t) => {
  const weighted = (clusters: Json[], more: Json = {}): Json => ({
    route: { weighted_clusters: { clusters, ...more } },
  });
  const adding = (value: string): Json => ({
    response_headers_to_add: [{ header: { key: 'x-share', value } }],
    request_headers_to_add: [{ header: { key: 'x-share', value } }],
  });
  await compare(t, {
    upstreams: { a: answer('a'), b: answer('b') },
    bootstrap: ({ a, b }) =>
      bootstrap(
        [
          httpListener({
            name: 'in',
            manager: routeConfig(
              [
                { match: { prefix: '/by-header' }, route: { cluster_header: 'x-cluster' } },
                {
                  match: { prefix: '/all-a' },
                  ...weighted([
                    { name: 'a', weight: 100 },
                    { name: 'b', weight: 0 },
                  ]),
                },
                {
                  match: { prefix: '/all-b' },
                  ...weighted([
                    { name: 'a', weight: 0 },
                    { name: 'b', weight: 3, ...adding('b'), host_rewrite_literal: 'b.test' },
                  ]),
                },
                { match: { prefix: '/header-name' }, ...weighted([{ cluster_header: 'x-cluster', weight: 1 }]) },
                {
                  match: { prefix: '/runtime' },
                  ...weighted(
                    [
                      { name: 'a', weight: 100 },
                      { name: 'b', weight: 0 },
                    ],
                    { runtime_key_prefix: 'shift' },
                  ),
                },
                {
                  match: { prefix: '/hashed' },
                  ...weighted(
                    [
                      { name: 'a', weight: 50 },
                      { name: 'b', weight: 50 },
                    ],
                    { header_name: 'x-random' },
                  ),
                },
                { match: { prefix: '/unknown' }, route: { cluster: 'nowhere' } },
                {
                  match: { prefix: '/unknown-404' },
                  route: { cluster: 'nowhere', cluster_not_found_response_code: 'NOT_FOUND' },
                },
                {
                  match: { prefix: '/unknown-500' },
                  route: { cluster_header: 'x-cluster', cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' },
                },
              ].sort((x, y) => String((y.match as Json).prefix).length - String((x.match as Json).prefix).length),
              {},
              { validate_clusters: false },
            ),
          }),
        ],
        [staticCluster('a', [a]), staticCluster('b', [b])],
        {
          layered_runtime: { layers: [{ name: 'static', static_layer: { 'shift.a': 0, 'shift.b': 100 } }] },
        },
      ),
    counters: /^cluster\.[ab]\.upstream_rq_total|^vhost\.|^http\.in\.(no_|rq_)/,
    cases: [
      { name: 'cluster header', send: get('/by-header', 'x-cluster: b'), status: 200 },
      { name: 'cluster header missing', send: get('/by-header') },
      { name: 'cluster header unknown', send: get('/by-header', 'x-cluster: c') },
      { name: 'weight 100 and 0', send: get('/all-a'), status: 200 },
      { name: 'weight 0 and 3, with its own headers', send: get('/all-b'), status: 200 },
      { name: 'weighted cluster by header', send: get('/header-name', 'x-cluster: b') },
      { name: 'weighted cluster by a header that is missing', send: get('/header-name') },
      { name: 'weights by runtime', send: get('/runtime'), status: 200 },
      ...[0, 1, 49, 50, 51, 99, 100, 149, 150, 1_000_000_007].map((n) => ({
        name: `random value ${n} from a header`,
        send: get('/hashed', `x-random: ${n}`),
        status: 200,
      })),
      { name: 'cluster unknown', send: get('/unknown'), status: 503 },
      { name: 'cluster unknown, 404', send: get('/unknown-404'), status: 404 },
      { name: 'cluster unknown, 500', send: get('/unknown-500', 'x-cluster: c'), status: 500 },
    ],
  });
});

test('per virtual host and route: request size, CORS-free preflight, append of host names', async (t) => {
  await compare(t, {
    upstreams: { c: answer('hello') },
    bootstrap: ({ c }) =>
      bootstrap(
        [
          httpListener({
            manager: {
              route_config: {
                name: 'r',
                most_specific_header_mutations_wins: true,
                virtual_hosts: [
                  virtualHost(
                    'v',
                    ['*'],
                    [
                      {
                        name: 'named',
                        match: { prefix: '/' },
                        route: { cluster: 'c' },
                        decorator: { operation: 'op' },
                        metadata: { filter_metadata: { a: { b: 'c' } } },
                      },
                    ],
                    {
                      include_request_attempt_count: true,
                      include_attempt_count_in_response: true,
                      include_is_timeout_retry_header: true,
                    },
                  ),
                ],
              },
            },
          }),
        ],
        [staticCluster('c', [c])],
      ),
    cases: [
      { name: 'a named route', send: get('/'), status: 200 },
      {
        name: 'OPTIONS',
        send: request('OPTIONS / HTTP/1.1', ['host: a', 'origin: http://b', 'access-control-request-method: GET']),
        status: 200,
      },
    ],
  });
});
