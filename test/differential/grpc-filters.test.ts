/** Filters that count gRPC or translate to and from it. */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import {
  bootstrap,
  http2Cluster,
  httpListener,
  type Json,
  routeConfig,
  routerFilter,
  routeTo,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { answer2, byPath2, reset2 } from '#testing/http2-behaviours.ts';
import { END_STREAM, Http2Wire } from '#testing/http2-wire.ts';
import type { Behaviour } from '#testing/start-upstream.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Acting, type Case, get, post } from './subject.ts';

const TYPE = { 'content-type': 'application/grpc' };
/** The message `hello`, and the empty one. */
const HELLO = '\0\0\0\0\x05hello';
const EMPTY = '\0\0\0\0\0';

const filter = (name: string, message: string, fields: Json = {}): Json => ({
  name: `envoy.filters.http.${name}`,
  typed_config: typed(`extensions.filters.http.${name}.v3.${message}`, fields),
});

const CALLS = byPath2({
  '/': answer2({ headers: TYPE, body: HELLO + EMPTY, trailers: { 'grpc-status': '0', 'x-more': 'yes' } }),
  '/pkg.Service/Fails': answer2({
    headers: TYPE,
    body: HELLO,
    trailers: { 'grpc-status': '5', 'grpc-message': 'not%20there' },
  }),
  '/pkg.Service/Only': answer2({ headers: { ...TYPE, 'grpc-status': '7', 'grpc-message': 'no' } }),
  '/pkg.Service/Empty': answer2({ headers: TYPE, body: EMPTY, trailers: { 'grpc-status': '0' } }),
  '/pkg.Service/NoStatus': answer2({ headers: TYPE, body: HELLO, trailers: { 'x-more': 'yes' } }),
  '/pkg.Service/NoTrailers': answer2({ headers: TYPE, body: HELLO }),
  '/pkg.Service/Html': answer2({ status: 502, headers: { 'content-type': 'text/html' }, body: 'down' }),
  '/pkg.Service/Reset': reset2(2),
});
const METHODS = ['Does', 'Fails', 'Only', 'Empty', 'NoStatus', 'NoTrailers', 'Html', 'Reset'];

function through(filters: Json[]): (ports: Record<string, number>) => Json {
  return ({ c }) =>
    bootstrap(
      [httpListener({ manager: { ...routeConfig([routeTo('/', 'c')]), http_filters: [...filters, routerFilter()] } })],
      [http2Cluster('c', [c])],
    );
}

/** One request over HTTP/2: its answer is noted. */
function over2(line: string, headers: Record<string, string>, body: string): Case['send'] {
  return async (wire: WireClient, { note }: Acting) => {
    const client = await new Http2Wire(wire).start();
    const id = await client.request(line, headers, body === '' ? END_STREAM : 0);
    if (body !== '') await client.frame(0, END_STREAM, id, Buffer.from(body, 'latin1'));
    const { headers: head, body: text, trailers, ending } = await client.answer(id);
    const { date: _, 'x-envoy-upstream-service-time': __, ...rest } = head;
    note(JSON.stringify({ head: Object.entries(rest).sort(), body: text, trailers, ending }));
  };
}

const over = (method: string, type: string, body: string, more: Record<string, string> = {}): Case => ({
  name: `${method} ${type} ${JSON.stringify(body).slice(0, 30)} ${Object.values(more).join(' ')} over HTTP/2`,
  methods: [],
  probe: false,
  send: over2(`POST /pkg.Service/${method}`, { 'content-type': type, te: 'trailers', ...more }, body),
});
const over1 = (method: string, type: string, body: string, ...more: string[]): Case => ({
  name: `${method} ${type} ${JSON.stringify(body).slice(0, 30)} ${more.join(' ')} over HTTP/1`,
  send: post(`/pkg.Service/${method}`, body, `content-type: ${type}`, ...more),
});

const COUNTERS = /^cluster\.c\.grpc\.((?!upstream_rq_time).)*$|^http\.in\.downstream_rq_\dxx$/;

for (const [name, config] of Object.entries({
  'of all calls together': {},
  'by method': { stats_for_all_methods: true },
  'of some methods, dots replaced': {
    individual_method_stats_allowlist: { services: [{ name: 'pkg.Service', method_names: ['Does', 'Fails'] }] },
    replace_dots_in_grpc_service_name: true,
  },
  'with messages in filter state': {
    stats_for_all_methods: true,
    emit_filter_state: true,
    enable_upstream_stats: true,
  },
}))
  test(`grpc_stats counts as by Envoy: ${name}`, async (t) => {
    await compare(t, {
      http2Upstreams: { c: { behaviour: CALLS } },
      bootstrap: through([filter('grpc_stats', 'FilterConfig', config)]),
      counters: COUNTERS,
      cases: [
        ...METHODS.map((method) => over(method, 'application/grpc', HELLO + HELLO)),
        over1('Does', 'application/grpc', HELLO),
        over('Does', 'application/json', HELLO),
        { name: 'no method', methods: [], probe: false, send: over2('POST /other', { ...TYPE }, HELLO) },
      ],
    });
  });

test('grpc_http1_bridge translates as by Envoy', async (t) => {
  await compare(t, {
    http2Upstreams: { c: { behaviour: CALLS } },
    bootstrap: through([filter('grpc_http1_bridge', 'Config')]),
    counters: COUNTERS,
    cases: [
      ...METHODS.map((method) => over1(method, 'application/grpc', HELLO)),
      ...METHODS.map((method) => over(method, 'application/grpc+proto', HELLO)),
      over1('Does', 'application/x-protobuf', 'hello'),
      { name: 'GET', send: get('/pkg.Service/Does') },
    ],
  });
});

test('grpc_http1_bridge makes bare messages calls as by Envoy', async (t) => {
  await compare(t, {
    http2Upstreams: { c: { behaviour: CALLS } },
    bootstrap: through([
      filter('grpc_http1_bridge', 'Config', { upgrade_protobuf_to_grpc: true, ignore_query_parameters: true }),
    ]),
    counters: COUNTERS,
    cases: [
      ...['Does', 'Fails', 'Empty', 'Only'].map((method) => over1(method, 'application/x-protobuf', 'hello')),
      over1('Does?query=1', 'application/x-protobuf', 'hello'),
      over1('Does', 'application/x-protobuf', ''),
      over1('Does', 'application/grpc', HELLO),
      over('Does', 'application/x-protobuf', 'hello'),
    ],
  });
});

test('grpc_web translates as by Envoy', async (t) => {
  const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
  await compare(t, {
    http2Upstreams: { c: { behaviour: CALLS } },
    bootstrap: through([filter('grpc_web', 'GrpcWeb')]),
    counters: COUNTERS,
    cases: [
      ...METHODS.map((method) => over1(method, 'application/grpc-web+proto', HELLO)),
      ...METHODS.map((method) =>
        over1(method, 'application/grpc-web-text', base64(HELLO), 'accept: application/grpc-web-text'),
      ),
      over1('Does', 'application/grpc-web', HELLO),
      over1('Does', 'application/grpc-web-text+proto', base64(HELLO), 'accept: application/grpc-web-text+proto'),
      over1('Does', 'application/grpc-web-text', base64(HELLO)),
      over1('Does', 'application/grpc-web', HELLO, 'accept: application/grpc-web-text'),
      over1('Does', 'application/grpc-web-text', base64('\0') + base64('\0\0\0') + base64('\x01x')),
      over1('Does', 'application/grpc-web-text', '!!!!'),
      over1('Does', 'application/grpc-web-text', 'AAA'),
      over1('Does', 'application/grpc', HELLO),
      over('Fails', 'application/grpc-web+proto', HELLO),
    ],
  });
});

test('connect_grpc_bridge translates as by Envoy', async (t) => {
  const version = 'connect-protocol-version: 1';
  const streaming = (method: string) =>
    over(method, 'application/connect+proto', HELLO, { 'connect-timeout-ms': '2000' });
  const query = 'connect=v1&encoding=proto&base64=1&message=aGVsbG8';
  // Errors without messages, and no error beside metadata: Envoy writes the keys of its JSON in any order.
  const calls = byPath2({
    '/': answer2({ headers: TYPE, body: HELLO + EMPTY, trailers: { 'grpc-status': '0', 'x-more': 'yes' } }),
    '/pkg.Service/Fails': answer2({ headers: TYPE, body: HELLO, trailers: { 'grpc-status': '5' } }),
    '/pkg.Service/Only': answer2({ headers: { ...TYPE, 'grpc-status': '7' } }),
    '/pkg.Service/Json': answer2({
      headers: { 'content-type': 'application/grpc+json' },
      body: EMPTY,
      trailers: { 'grpc-status': '0' },
    }),
    '/pkg.Service/NoTrailers': answer2({ headers: TYPE, body: HELLO }),
    '/pkg.Service/Html': answer2({ status: 502, headers: { 'content-type': 'text/html' }, body: 'down' }),
    '/pkg.Service/Reset': reset2(2),
  });
  const methods = ['Does', 'Fails', 'Only', 'Json', 'NoTrailers', 'Html', 'Reset'];
  await compare(t, {
    http2Upstreams: { c: { behaviour: calls } },
    bootstrap: through([filter('connect_grpc_bridge', 'FilterConfig')]),
    cases: [
      ...methods.map((method) => over1(method, 'application/proto', 'hello', version)),
      ...methods.map(streaming),
      over1('Does', 'application/json', '{}', version, 'connect-timeout-ms: 1500', 'accept-encoding: gzip'),
      over1('Does', 'application/proto', '', version),
      over1('Does', 'application/proto', 'hello'),
      over1(
        'Does',
        'application/connect+json',
        HELLO,
        'connect-content-encoding: gzip',
        'connect-accept-encoding: gzip, br',
      ),
      over('Fails', 'application/proto', 'hello', { 'connect-protocol-version': '1' }),
      { name: 'GET', send: get(`/pkg.Service/Does?${query}`) },
      { name: 'GET of text', send: get('/pkg.Service/Does?connect=v1&encoding=json&message=%7B%7D') },
      { name: 'GET of nothing', send: get('/pkg.Service/Does?connect=v1&encoding=json') },
      { name: 'GET of another kind', send: get('/pkg.Service/Does?message=1') },
    ],
  });
});

const PLAIN: Record<string, Behaviour> = {
  '/': answer({ headers: { 'content-type': 'application/x-protobuf' }, body: 'hello' }),
  '/pkg.Service/Empty': answer({ headers: { 'content-type': 'application/x-protobuf' }, body: '' }),
  '/pkg.Service/Other': answer({ headers: { 'content-type': 'text/html' }, body: '<p>' }),
  '/pkg.Service/None': answer({ body: 'x' }),
  '/pkg.Service/Fails': answer({ status: 404, headers: { 'content-type': 'application/x-protobuf' }, body: 'no' }),
  '/pkg.Service/Sized': answer({ headers: { 'content-type': 'application/x-protobuf', 'x-size': '5' }, body: 'hello' }),
};

for (const [name, config] of Object.entries({
  'frames stay': {},
  'frames are withheld': { withhold_grpc_frames: true },
  'with a size': { withhold_grpc_frames: true, response_size_header: 'x-size' },
}))
  test(`grpc_http1_reverse_bridge translates as by Envoy: ${name}`, async (t) => {
    await compare(t, {
      upstreams: { c: byPath(PLAIN) },
      bootstrap: ({ c }) =>
        bootstrap(
          [
            httpListener({
              manager: {
                ...routeConfig([
                  routeTo(
                    '/off',
                    'c',
                    {},
                    {
                      typed_per_filter_config: {
                        'envoy.filters.http.grpc_http1_reverse_bridge': typed(
                          'extensions.filters.http.grpc_http1_reverse_bridge.v3.FilterConfigPerRoute',
                          { disabled: true },
                        ),
                      },
                    },
                  ),
                  routeTo('/', 'c'),
                ]),
                http_filters: [
                  filter('grpc_http1_reverse_bridge', 'FilterConfig', {
                    content_type: 'application/x-protobuf',
                    ...config,
                  }),
                  routerFilter(),
                ],
              },
            }),
          ],
          [staticCluster('c', [c])],
        ),
      cases: [
        ...['Does', 'Empty', 'Other', 'None', 'Fails', ...(name === 'with a size' ? ['Sized'] : [])].map((method) =>
          over(method, 'application/grpc', HELLO),
        ),
        over('Does', 'application/grpc+proto', HELLO, { 'content-length': String(HELLO.length) }),
        over('Does', 'application/json', HELLO),
        over('Does', 'application/grpc', ''),
        { name: 'off', methods: [], probe: false, send: over2('POST /off/a', { ...TYPE }, HELLO) },
      ],
    });
  });
