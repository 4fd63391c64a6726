import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sourceOf } from '#api/source.ts';
import { loadBootstrap } from '#config/load.ts';
import { ExtensionReaders } from '#config/read/extensions.ts';
import { httpConnectionManagerReader } from '#config/read/http-connection-manager.ts';
import { routerReader } from '#config/read/router.ts';
import { DumpConfiguration } from '#explain/dump/dump-configuration.ts';
import { resourcesOfBootstrap } from '#explain/dump/dump-resources.ts';
import { explain, isRouted } from '#explain/explain.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import type { Explanation } from '#explain/explanation.ts';
import { renderExplanation } from '#explain/render-explanation.ts';
import { RuntimeView } from '#selection/runtime-view.ts';
import {
  bootstrap,
  connectionManager,
  downstreamTls,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  socketAddress,
  staticCluster,
  typed,
  virtualHost,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';

const TLS_INSPECTOR = 'extensions.filters.listener.tls_inspector.v3.TlsInspector';

const readers = new ExtensionReaders()
  .register(httpConnectionManagerReader)
  .register(routerReader)
  .register({
    name: 'envoy.filters.listener.proxy_protocol',
    message: 'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol',
    category: 'listener_filter',
    read: () => ({}),
  })
  .register({
    name: 'envoy.filters.listener.tls_inspector',
    message: `envoy.${TLS_INSPECTOR}`,
    category: 'listener_filter',
    read: () => ({}),
  });

function configurationOf(given: Json, runtime?: RuntimeView): DumpConfiguration {
  const { bootstrap: message } = loadBootstrap([sourceOf(JSON.stringify(given), 'test', 'json')], {
    allowUnknownStaticFields: false,
    serviceNode: '',
    serviceCluster: '',
    serviceZone: '',
    extensions: readers,
    files: (path) => readFileSync(path),
  });
  return new DumpConfiguration({ resources: resourcesOfBootstrap(message), extensions: readers, runtime });
}

function told(given: Json, url: string, query: Partial<ExplainQuery> = {}): Explanation {
  return explain(configurationOf(given), { url, method: 'GET', headers: [], alpn: [], ...query });
}

test('the PROXY protocol tells the client where a listener filter reads it, and is missed where it must come', () => {
  const filter = (more: Json) => ({
    name: 'p',
    typed_config: typed('extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', more),
  });
  const chains = ['10.0.0.0', '20.0.0.0'].map((address_prefix) => ({
    name: address_prefix,
    filter_chain_match: { source_prefix_ranges: [{ address_prefix, prefix_len: 8 }] },
    filters: [connectionManager(routeConfig([routeTo('/', 'c')]))],
  }));
  const listening = (more?: Json) =>
    bootstrap(
      [
        httpListener({
          port: 8000,
          listener: { filter_chains: chains, listener_filters: more === undefined ? [] : [filter(more)] },
        }),
      ],
      clusters,
    );
  const url = 'http://127.0.0.1:8000/';
  const proxied = { source: '20.0.0.1', proxied: '10.1.2.3:9' };
  const found = told(listening({}), url, proxied);
  assert.deepEqual([found.filter_chain?.name, found.connection_manager?.client], ['10.0.0.0', '10.1.2.3']);
  assert.match(told(listening({}), url, { source: '20.0.0.1' }).closed ?? '', /wants the PROXY protocol/);
  assert.match(told(listening(), url, proxied).closed ?? '', /no listener filter reads the PROXY protocol/);
  const optional = { allow_requests_without_proxy_protocol: true };
  assert.equal(told(listening(optional), url, { source: '20.0.0.1' }).filter_chain?.name, '20.0.0.0');
});

const clusters = ['c', 'd'].map((name, i) => staticCluster(name, [9001 + i]));

/** One listener on port 8000 with these routes for every host. */
function routing(routes: Json[], manager: Json = {}, host: Json = {}): Json {
  return bootstrap([httpListener({ port: 8000, manager: { ...routeConfig(routes, host), ...manager } })], clusters);
}

const to = (name: string, prefix: string, action: Json = {}, more: Json = {}): Json => ({
  name,
  ...routeTo(prefix, 'c', action, more),
});

test('each route that is nearer is told with the first condition that it failed', () => {
  const user = [{ name: 'x-user', string_match: { exact: 'jason' } }];
  const given = routing([
    to('other', '/v2'),
    { name: 'beta', match: { prefix: '/v1', headers: user }, route: { cluster: 'd' } },
    to('main', '/v1'),
  ]);
  const { route, cluster } = told(given, 'http://a:8000/v1/a');
  assert.deepEqual(route, {
    name: 'main',
    why: 'prefix /v1',
    rejected: [
      { name: 'other', why: 'prefix /v2 does not match /v1/a' },
      { name: 'beta', why: 'header x-user: expected exact "jason", the request has none' },
    ],
  });
  assert.equal(cluster?.name, 'c');
  assert.deepEqual(cluster?.hosts, [{ address: '127.0.0.1:9001' }]);
  assert.equal(told(given, 'http://a:8000/v1/a', { headers: [['X-User', 'jason']] }).cluster?.name, 'd');
});

test('a listener is chosen by its port, and nearer by address than by wildcard', () => {
  const listener = (name: string, address: string, port: number): Json => ({
    ...httpListener({ name }),
    address: socketAddress(port, address),
  });
  const given = bootstrap(
    [listener('wild', '0.0.0.0', 8000), listener('near', '10.0.0.1', 8000), listener('far', '10.0.0.1', 443)],
    clusters,
  );
  const chosen = (url: string, destination?: string) => told(given, url, { destination }).listener;
  assert.equal(chosen('http://10.0.0.1:8000/').name, 'near');
  assert.equal(chosen('http://10.0.0.2:8000/').name, 'wild');
  assert.equal(chosen('http://shop.test/', '10.0.0.1:8000').name, 'near');
  const none = told(given, 'http://10.0.0.2:443/');
  assert.deepEqual(none.listener.rejected, [
    { name: 'wild', why: 'port 443, listener has 8000' },
    { name: 'near', why: 'port 443, listener has 8000' },
    { name: 'far', why: 'address 10.0.0.2, listener has 10.0.0.1:443' },
  ]);
  assert.equal(none.closed, 'nothing listens there');
  assert.equal(isRouted(none), false);
});

test('a filter chain is chosen by the server name, which only a TLS inspector sees', () => {
  const { cert, key } = signed('a.test', ['DNS:a.test']);
  const tls = downstreamTls({
    tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
  });
  const chain = (name: string, match: Json): Json => ({
    name,
    filter_chain_match: match,
    filters: [connectionManager(routeConfig([to(name, '/')]))],
    ...tls,
  });
  const listener = {
    ...httpListener({ port: 8443 }),
    filter_chains: [chain('a', { server_names: ['a.test'] }), chain('any', {})],
  };
  const inspector = {
    name: 'envoy.filters.listener.tls_inspector',
    typed_config: typed(TLS_INSPECTOR),
  };
  const given = bootstrap([{ ...listener, listener_filters: [inspector] }], clusters);
  const named = told(given, 'https://a.test:8443/');
  assert.equal(named.route?.name, 'a');
  assert.deepEqual(named.filter_chain?.rejected, [
    { name: 'any', why: 'server name any is less specific than a.test' },
  ]);
  assert.ok(named.upstream?.headers.some(({ name, value }) => name === 'x-forwarded-proto' && value === 'https'));
  assert.equal(told(given, 'https://b.test:8443/').route?.name, 'any');
  assert.equal(told(given, 'https://b.test:8443/', { serverName: 'A.test' }).route?.name, 'a');
  assert.equal(told(given, 'http://a.test:8443/').closed, 'the filter chain speaks TLS, the URL is http');
});

test('the URL’s port leads to the listener; a virtual host of the name alone is followed, and what the port would do is told', () => {
  const hosts = [virtualHost('shop', ['shop.test'], [to('cart', '/')]), virtualHost('rest', ['*'], [to('all', '/')])];
  const table = (more: Json): Json =>
    bootstrap([httpListener({ port: 8000, manager: { route_config: { virtual_hosts: hosts, ...more } } })], clusters);
  const { virtual_host: host } = told(table({}), 'http://shop.test:8000/');
  assert.equal(host?.name, 'shop');
  assert.deepEqual(host?.with_port, { host: 'shop.test:8000', virtual_host: 'rest' });
  const given = told(table({}), 'http://x:8000/', { headers: [['host', 'shop.test:8000']] });
  assert.equal(given.virtual_host?.name, 'rest');
  const ignoring = told(table({ ignore_port_in_host_matching: true }), 'http://shop.test:8000/').virtual_host;
  assert.deepEqual([ignoring?.name, ignoring?.with_port], ['shop', undefined]);
});

test('the path is routed as the connection manager makes it, or not at all', () => {
  const routes = [to('a', '/a/b'), to('all', '/')];
  const normal = { normalize_path: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT' };
  const named = (path: string, manager: Json) => told(routing(routes, manager), `http://h:8000${path}`);
  assert.equal(named('/x/../a/b', {}).route?.name, 'all');
  assert.equal(named('/x/../a/b', normal).route?.name, 'a');
  const { response, route } = named('/a%2Fb?q', normal);
  assert.deepEqual(response, { status: 307, details: 'path_normalization_failed', location: '/a/b?q', headers: [] });
  assert.equal(route, undefined);
});

test('where weights decide, each share is told; a header that decides is followed', () => {
  const weighted = {
    clusters: [
      { name: 'c', weight: 90 },
      { name: 'd', weight: 10 },
    ],
    header_name: 'x-hash',
  };
  const given = routing([{ name: 'split', match: { prefix: '/' }, route: { weighted_clusters: weighted } }]);
  const { cluster, upstream } = told(given, 'http://h:8000/');
  assert.deepEqual(
    [cluster?.name, cluster?.shares?.map(({ name, percent }) => [name, percent])],
    [
      '',
      [
        ['c', 90],
        ['d', 10],
      ],
    ],
  );
  assert.equal(upstream?.cluster, 'c');
  assert.equal(told(given, 'http://h:8000/', { headers: [['x-hash', '95']] }).cluster?.name, 'd');
});

test('weights and fractions are those that the runtime has', () => {
  const fraction = { default_value: { numerator: 100 }, runtime_key: 'canary' };
  const given = routing([
    { name: 'canary', match: { prefix: '/', runtime_fraction: fraction }, route: { cluster: 'd' } },
    to('main', '/'),
  ]);
  const layers = (share: number): Json => ({
    layered_runtime: { layers: [{ name: 's', static_layer: { canary: share } }] },
  });
  const { route, cluster } = told({ ...given, ...layers(30) }, 'http://h:8000/');
  assert.deepEqual([route?.name, cluster?.name, route?.otherwise], ['canary', 'd', { route: 'main', cluster: 'c' }]);
  assert.equal(told({ ...given, ...layers(0) }, 'http://h:8000/').route?.name, 'main');
  assert.equal(told(given, 'http://h:8000/').route?.otherwise, undefined);
  const live = new RuntimeView({ layers: [], values: { canary: { raw: '0', number: 0 } } });
  const query = { url: 'http://h:8000/', method: 'GET', headers: [], alpn: [] };
  assert.equal(explain(configurationOf(given, live), query).route?.name, 'main');
});

test('a redirect is told with its location, a direct response with its body', () => {
  const given = routing([
    { name: 'moved', match: { prefix: '/old' }, redirect: { prefix_rewrite: '/new', host_redirect: 'n.test' } },
    {
      name: 'gone',
      match: { prefix: '/' },
      direct_response: { status: 410, body: { inline_string: 'gone' } },
      response_headers_to_add: [{ header: { key: 'x-from', value: '%REQ(:PATH)%' } }],
    },
  ]);
  const { response } = told(given, 'http://h:8000/old/x?y');
  assert.deepEqual([response?.status, response?.location], [301, 'http://n.test/new/x?y']);
  assert.deepEqual(told(given, 'http://h:8000/z').response, {
    status: 410,
    details: 'direct_response',
    body: 'gone',
    headers: [{ name: 'x-from', value: '/z' }],
  });
});

test('a virtual host that requires TLS redirects before any route is looked at', () => {
  const { route, response } = told(routing([to('all', '/')], {}, { require_tls: 'ALL' }), 'http://h:8000/a?b');
  assert.deepEqual(route, { name: 'require_tls', why: 'the virtual host requires TLS (ALL)', rejected: [] });
  assert.deepEqual([response?.status, response?.location], [301, 'https://h:8000/a?b']);
});

test('the upstream’s request is told: rewritten, with what each level adds, and with operators filled where they are known', () => {
  const header = (key: string, value: string): Json => ({ header: { key, value } });
  const action = {
    prefix_rewrite: '/new',
    host_rewrite_literal: 'up.test',
    timeout: '3s',
    retry_policy: { retry_on: '5xx', num_retries: 4, per_try_timeout: '1s' },
  };
  const add = [header('x-who', '%REQ(x-user)%'), header('x-time', '%START_TIME%'), header('x-route', '%ROUTE_NAME%')];
  const given = routing([
    to('r', '/old', action, { request_headers_to_add: add, request_headers_to_remove: ['x-user'] }),
  ]);
  const { upstream } = told(given, 'http://h:8000/old/a', {
    headers: [
      ['x-user', 'jason'],
      ['Connection', 'close'],
    ],
  });
  assert.ok(upstream !== undefined);
  assert.deepEqual([upstream.method, upstream.host, upstream.path], ['GET', 'up.test', '/new/a']);
  assert.deepEqual(
    [upstream.timeout_ms, upstream.retries],
    [3000, { from: 'route', on: ['5xx'], number: 4, per_try_timeout_ms: 1000 }],
  );
  assert.deepEqual(Object.fromEntries(upstream.headers.map(({ name, value }) => [name, value])), {
    'x-forwarded-proto': 'http',
    'x-request-id': '(a new UUID)',
    'x-envoy-expected-rq-timeout-ms': '1000',
    'x-time': '%START_TIME%',
    'x-route': 'r',
    'x-envoy-original-host': 'h:8000',
    'x-envoy-original-path': '/old/a',
  });
});

test('hedging is told with the retries', () => {
  const action = { retry_policy: { retry_on: '5xx', per_try_timeout: '1s' } };
  const hedged = (more: Json) => told(routing([to('r', '/', { ...action, ...more })]), 'http://h:8000/');
  const policy = { hedge_policy: { hedge_on_per_try_timeout: true } };
  assert.equal(hedged({}).upstream?.retries?.hedged, undefined);
  const explanation = hedged(policy);
  assert.equal(explanation.upstream?.retries?.hedged, true);
  const { headers } = explanation.upstream;
  assert.equal(headers.find(({ name }) => name === 'x-envoy-expected-rq-timeout-ms')?.value, '15000');
  assert.match(renderExplanation(explanation, { color: false }), /1s a try, then another one beside it \(hedged\)/);
});

test('a request that no route or cluster takes is told with its answer', () => {
  const given = routing([{ name: 'by-header', match: { path: '/a' }, route: { cluster_header: 'x-to' } }]);
  const lost = told(given, 'http://h:8000/a', { headers: [['x-to', 'nowhere']] });
  assert.deepEqual([lost.cluster?.name, lost.response?.status], ['nowhere', 503]);
  const unrouted = told(given, 'http://h:8000/b');
  assert.deepEqual(
    [unrouted.route?.name, unrouted.response],
    ['', { status: 404, details: 'route_not_found', headers: [] }],
  );
  assert.deepEqual([isRouted(lost), isRouted(unrouted)], [true, false]);
});

test('what is wrong with the question is said', () => {
  const given = routing([to('all', '/')]);
  const saying = (url: string, query: Partial<ExplainQuery>, words: RegExp) =>
    assert.throws(() => told(given, url, query), words);
  saying('ftp://h/', {}, /neither http nor https/);
  saying('http:///a', {}, /names no host/);
  saying('http://h:99999/', {}, /port 99999 is not from 1 to 65535/);
  saying('http://h/a b', {}, /a space or a control character/);
  saying('http://h/', { source: 'nobody' }, /source 'nobody' is not of the form ip:port/);
  saying('http://h/', { headers: [['a b', '']] }, /header 'a b' is not a name/);
  saying('http://h/', { headers: [['a', '1\r\nb: 2']] }, /line break/);
});

test('a table that has virtual hosts fetched says that there may be others', () => {
  const table = { vhds: { config_source: { ads: {}, resource_api_version: 'V3' } } };
  const hosts = [virtualHost('v', ['a.test'], [routeTo('/', 'c')])];
  const manager = { route_config: { name: 'r', virtual_hosts: hosts, ...table } };
  const grpc_services = [{ envoy_grpc: { cluster_name: 'c' } }];
  const ads_config = { api_type: 'DELTA_GRPC', transport_api_version: 'V3', grpc_services };
  const given = bootstrap([httpListener({ port: 80, manager })], [staticCluster('c', [1])], {
    dynamic_resources: { ads_config },
  });
  const text = (url: string) => renderExplanation(told(given, url), { color: false });
  assert.match(text('http://a.test/'), /virtual host +v/);
  assert.match(text('http://b.test/'), /no domain matches the host \(virtual hosts .* may be fetched: vhds\)/);
});
