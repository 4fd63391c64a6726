/** What the proxy adds to a response, and what of the upstream's it keeps. */
import { test } from 'node:test';
import { answer, byPath, raw } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  routerFilter,
  routeTo,
  staticCluster,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, request } from './subject.ts';

const MANAGERS: Record<string, Json> = {
  default: {},
  'server name': { server_name: 'mine' },
  'server if absent': { server_header_transformation: 'APPEND_IF_ABSENT' },
  'server passes': { server_header_transformation: 'PASS_THROUGH' },
  'server name if absent': { server_name: 'mine', server_header_transformation: 'APPEND_IF_ABSENT' },
  via: { via: 'here' },
  suppressed: { http_filters: [routerFilter({ suppress_envoy_headers: true })] },
  'attempt count': routeConfig([routeTo('/', 'c')], {
    include_attempt_count_in_response: true,
    include_request_attempt_count: true,
  }),
};

const upstream = byPath({
  '/plain': answer('hello'),
  '/server': answer({ headers: { server: 'theirs' }, body: 'hello' }),
  '/date': answer({ headers: { date: 'Mon, 01 Jan 2024 00:00:00 GMT' }, body: 'hello' }),
  '/via': answer({ headers: { via: '1.1 there' }, body: 'hello' }),
  '/hop': answer({
    headers: {
      connection: 'x-hop, keep-alive',
      'x-hop': '1',
      'keep-alive': 'timeout=5',
      'proxy-connection': 'keep-alive',
    },
    body: 'hello',
  }),
  '/upgrade': answer({ headers: { connection: 'upgrade', upgrade: 'h2c' }, body: 'hello' }),
  '/envoy': answer({
    headers: {
      'x-envoy-upstream-service-time': '123',
      'x-envoy-upstream-canary': 'true',
      'x-envoy-immediate-health-check-fail': 'true',
      'x-envoy-decorator-operation': 'op',
      'x-envoy-overloaded': 'true',
      'x-envoy-degraded': 'true',
      'x-request-id': 'theirs',
    },
    body: 'hello',
  }),
  '/cookies': answer({
    headers: { 'set-cookie': ['a=1; Path=/', 'b=2, c=3'], 'cache-control': ['no-cache', 'private'] },
    body: 'hello',
  }),
  '/case': answer({ headers: { 'X-MiXeD': 'Value', 'Content-Type': 'Text/Plain' }, body: 'hello' }),
  '/odd': raw('HTTP/1.1 299 Odd Reason\r\nempty:\r\nspaces:   a   b \t\r\nlatin: caf\xe9\r\ncontent-length: 0\r\n\r\n'),
  '/no-reason': raw('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'),
  '/no-reason-but-space': raw('HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n'),
  '/204': answer({ status: 204 }),
  '/204-with-length': raw('HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n'),
  '/304': answer({ status: 304, headers: { etag: 'x' } }),
  '/304-with-length': raw('HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n'),
  '/205': raw('HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n'),
  '/301': answer({ status: '301 Moved', headers: { location: 'http://other.test/' } }),
  '/404': answer({ status: 404, body: 'none' }),
  '/500': answer({ status: 500, body: 'sorry' }),
  '/te': answer({ headers: { te: 'trailers', trailer: 'x-end' }, body: 'hello' }),
});

const PATHS = [
  ...['/plain', '/server', '/date', '/via', '/hop', '/upgrade', '/envoy', '/cookies', '/case', '/odd', '/no-reason'],
  ...[
    '/no-reason-but-space',
    '/204',
    '/204-with-length',
    '/304',
    '/304-with-length',
    '/205',
    '/301',
    '/404',
    '/500',
    '/te',
  ],
];

const cases: Case[] = Object.keys(MANAGERS).flatMap((listener) =>
  PATHS.map((path) => ({ name: `${listener}: ${path}`, listener, send: get(path) })),
);
for (const path of ['/plain', '/204', '/304', '/404', '/500']) {
  cases.push({ name: `HEAD ${path}`, listener: 'default', send: request(`HEAD ${path} HTTP/1.1`) });
}

test('a response carries the headers that Envoy would send', async (t) => {
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(MANAGERS).map(([name, manager]) => httpListener({ name, manager })),
        [staticCluster('c', [c])],
      ),
    counters: /^cluster\.c\.(upstream_rq_(completed|\d)|canary|internal)|^http\.in\.downstream_rq_(\d|completed)/,
    cases,
  });
});
