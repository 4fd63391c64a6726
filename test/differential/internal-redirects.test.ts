/**
 * Redirects of upstreams that the proxy follows itself. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management#internal-redirects
 */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  staticCluster,
  typed,
  virtualHost,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const to = (location: string | undefined, status = 302, more: Record<string, string> = {}) =>
  answer({ status, headers: { ...(location === undefined ? {} : { location }), ...more }, body: 'moved' });
const HERE = 'http://example.test';

const upstream = byPath({
  '/plain/': to(`${HERE}/end/here?a=b`),
  '/bodiless/': answer({ status: 302, headers: { location: `${HERE}/end/here` } }),
  '/other-host/': to('http://other.test:81/end/there#part'),
  '/bare/': to('http://other.test'),
  '/query/': to('http://other.test?a'),
  '/relative/': to('/end/here'),
  '/nowhere/': to(undefined),
  '/empty/': to(''),
  '/bad/': to('http://'),
  '/https/': to('https://example.test/end/secure'),
  '/ftp/': to('ftp://example.test/end'),
  '/unknown/': to('http://no-route.test/none'),
  '/303/': to(`${HERE}/end/see-other`, 303),
  '/307/': to(`${HERE}/end/same`, 307),
  '/301/': to(`${HERE}/end/moved`, 301),
  '/twice/': to(`${HERE}/plain/again`),
  '/loop/': to(`${HERE}/loop/again`),
  '/direct/': to(`${HERE}/direct-response`),
  '/copied/': to(`${HERE}/end/copied`, 302, { 'x-copied': 'from the answer', 'x-other': 'not asked for' }),
  '/fails/': answer({ status: 503, headers: { location: `${HERE}/end/here` } }),
  '/end/': answer('arrived'),
});

const predicate = (name: string, fields: Json = {}): Json => ({
  name: `envoy.internal_redirect_predicates.${name}`,
  typed_config: typed(
    `extensions.internal_redirect.${name}.v3.${name.replace(/(?:^|_)([a-z])/g, (_, c: string) => c.toUpperCase())}Config`,
    fields,
  ),
});

/** The policy of routes under `/<place>/<policy>`. */
const POLICIES: Record<string, { policy: Json; places: string[] }> = {
  default: {
    policy: {},
    places: [
      'plain',
      'bodiless',
      'other-host',
      'bare',
      'query',
      'relative',
      'nowhere',
      'empty',
      'bad',
      'https',
      'ftp',
      'unknown',
    ].concat(['303', '301', 'twice', 'loop', 'direct', 'fails']),
  },
  codes: { policy: { redirect_response_codes: [303, 307, 301, 304] }, places: ['303', '307', '301', 'plain'] },
  three: { policy: { max_internal_redirects: 3 }, places: ['twice', 'loop'] },
  none: { policy: { max_internal_redirects: 0 }, places: ['plain'] },
  cross: { policy: { allow_cross_scheme_redirect: true }, places: ['https'] },
  safe: {
    policy: { allow_cross_scheme_redirect: true, predicates: [predicate('safe_cross_scheme')] },
    places: ['https', 'plain'],
  },
  listed: {
    policy: { predicates: [predicate('allow_listed_routes', { allowed_route_names: ['end'] })] },
    places: ['plain', 'loop'],
  },
  previous: {
    policy: { max_internal_redirects: 5, predicates: [predicate('previous_routes')] },
    places: ['plain', 'loop', 'twice'],
  },
  copies: { policy: { response_headers_to_copy: ['X-Copied', 'x-gone'] }, places: ['copied', 'plain'] },
};

function routes(): Json[] {
  const route = (name: string, prefix: string, action: Json = {}): Json => ({
    name,
    match: { prefix },
    route: { cluster: 'c', ...action },
    request_headers_to_add: [{ header: { key: 'x-by-route', value: name } }],
    response_headers_to_add: [{ header: { key: 'x-of-route', value: name } }],
  });
  return [
    ...Object.entries(POLICIES).flatMap(([name, { policy, places }]) =>
      places.map((place) => route(`${place}-${name}`, `/${place}/${name}`, { internal_redirect_policy: policy })),
    ),
    route('again', '/plain/again', { internal_redirect_policy: { max_internal_redirects: 3 } }),
    route('loop', '/loop/again', {
      internal_redirect_policy: { max_internal_redirects: 3, predicates: [predicate('previous_routes')] },
    }),
    route('older', '/plain/older', { internal_redirect_action: 'HANDLE_INTERNAL_REDIRECT', max_internal_redirects: 2 }),
    route('older-off', '/plain/passed', { internal_redirect_action: 'PASS_THROUGH_INTERNAL_REDIRECT' }),
    route('rewritten', '/rewritten', {
      prefix_rewrite: '/plain/',
      host_rewrite_literal: 'upstream.test',
      internal_redirect_policy: {},
    }),
    route('retried', '/plain/retried', {
      internal_redirect_policy: {},
      retry_policy: { retry_on: '5xx', num_retries: 1 },
    }),
    route('end', '/end'),
    {
      name: 'direct',
      match: { prefix: '/direct-response' },
      direct_response: { status: 200, body: { inline_string: 'ours' } },
    },
  ];
}

test('redirects of upstreams are followed as by Envoy', async (t) => {
  const cases: Case[] = Object.entries(POLICIES).flatMap(([name, { places }]) =>
    places.map((place) => ({ name: `${name}: ${place}`, send: get(`/${place}/${name}`) })),
  );
  cases.push(
    { name: 'the older fields', send: get('/plain/older'), status: 200 },
    { name: 'the older fields, passed through', send: get('/plain/passed'), status: 302 },
    { name: 'after a rewrite', send: get('/rewritten'), status: 200 },
    { name: 'beside retries', send: get('/plain/retried'), status: 200 },
    { name: 'with a body', send: post('/plain/default', 'x'.repeat(3000)), status: 200 },
    { name: 'with a body, to see another', send: post('/303/codes', 'hello', 'content-type: text/plain'), status: 200 },
    { name: 'HEAD, to see another', send: request('HEAD /303/codes HTTP/1.1'), methods: ['HEAD'], status: 200 },
    { name: 'with a body to the same', send: post('/307/codes', 'hello'), status: 200 },
    { name: 'with a body beyond the buffer', send: post('/plain/default', 'x'.repeat(3_000_000)) },
    {
      name: 'with a body in chunks',
      send: request(
        'POST /plain/default HTTP/1.1',
        ['host: example.test', 'transfer-encoding: chunked'],
        '5\r\nhello\r\n0\r\n\r\n',
      ),
      status: 200,
    },
    { name: 'with headers of its own', send: get('/copied/copies', 'x-copied: mine', 'x-gone: mine'), status: 200 },
    {
      name: 'two in a row on one connection',
      send: get('/plain/default') + get('/plain/default'),
      methods: ['GET', 'GET'],
      status: [200, 200],
    },
  );
  const elsewhere = ['default: bare', 'default: query', 'default: unknown', 'safe: https', 'listed: loop'];
  const loops = ['default: loop', 'three: loop', 'previous: loop'];
  await compare(t, {
    upstreams: { c: upstream },
    cases,
    bootstrap: ({ c }) => {
      const table = routeConfig([]).route_config as Json;
      const hosts = [virtualHost('v', ['example.test', 'other.test', 'other.test:81', 'upstream.test'], routes())];
      hosts[0].include_request_attempt_count = true;
      return bootstrap(
        [httpListener({ manager: { route_config: { ...table, virtual_hosts: hosts }, use_remote_address: true } })],
        [staticCluster('c', [c])],
      );
    },
    counters:
      /^(cluster\.c\.(upstream_internal_redirect|upstream_rq_(\d|total|completed|tx_reset|rx_reset|retry)|internal\.upstream_rq|retry_or_shadow|upstream_cx_(destroy|total))|http\.in\.(downstream_rq_(total|completed|http1_total|active|\dxx|tx_reset|rx_reset)|passthrough|rq_|no_route))/,
    explained: Object.fromEntries([
      ...elsewhere.map((name) => [
        name,
        {
          'log[0]': "Envoy's log names the route and cluster that the redirect would have led to, and the scheme twice",
        },
      ]),
      ...loops.map((name) => [name, { 'log[2]': "Envoy's log names the scheme twice" }]),
    ]),
  });
});
