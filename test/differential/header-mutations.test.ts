/**
 * Headers added and removed by configuration, at every level, with every append action and what values may say.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers (custom headers).
 */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, staticCluster, virtualHost, withRoutes } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { get, post } from './subject.ts';

const ACTIONS = ['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS'];
const add = (key: string, value: string, more: Json = {}): Json => ({ header: { key, value }, ...more });

test('a header is appended, added, overwritten or left as the action says', async (t) => {
  const routes = ACTIONS.flatMap((append_action) =>
    [true, false].map((keep_empty_value) => ({
      match: { prefix: `/${append_action}/${keep_empty_value}/` },
      route: { cluster: 'c' },
      request_headers_to_add: [
        add('x-a', 'new', { append_action, keep_empty_value }),
        add('X-Empty', '%REQ(x-missing)%', { append_action, keep_empty_value }),
        add('cookie', 'n=1', { append_action }),
      ],
      response_headers_to_add: [
        add('x-a', 'new', { append_action, keep_empty_value }),
        add('set-cookie', 'n=1', { append_action }),
      ],
    })),
  );
  const old = [true, false].map((append) => ({
    match: { prefix: `/append/${append}` },
    route: { cluster: 'c' },
    request_headers_to_add: [add('x-a', 'new', { append })],
  }));
  const paths = ACTIONS.flatMap((action) => [`/${action}/true/`, `/${action}/false/`]).concat(
    '/append/true',
    '/append/false',
  );
  await compare(t, {
    upstreams: { c: answer({ headers: { 'x-a': ['up1', 'up2'], 'set-cookie': 'u=1' }, body: 'hello' }) },
    bootstrap: ({ c }) => withRoutes([...routes, ...old], [staticCluster('c', [c])]),
    cases: paths.flatMap((path) => [
      { name: `${path} absent`, send: get(path), status: 200 },
      { name: `${path} there`, send: get(path, 'x-a: old', 'x-empty: old', 'cookie: o=1'), status: 200 },
      { name: `${path} there twice`, send: get(path, 'x-a: old1', 'x-a: old2'), status: 200 },
      { name: `${path} there and empty`, send: get(path, 'x-a:', 'x-empty:'), status: 200 },
    ]),
  });
});

test("the levels act in Envoy's order, and removal before addition", async (t) => {
  const level = (name: string): Json => ({
    request_headers_to_add: [
      add('x-who', name),
      add(`x-${name}`, name),
      add('x-over', name, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }),
    ],
    response_headers_to_add: [add('x-who', name), add('x-over', name, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' })],
    request_headers_to_remove: [`x-remove-${name}`, 'x-gone'],
    response_headers_to_remove: [`x-up-${name}`, 'server'],
  });
  const table = (most_specific_header_mutations_wins: boolean): Json => ({
    route_config: {
      name: 'r',
      ...level('table'),
      most_specific_header_mutations_wins,
      virtual_hosts: [
        virtualHost(
          'v',
          ['*'],
          [
            {
              match: { prefix: '/weighted' },
              route: { weighted_clusters: { clusters: [{ name: 'c', weight: 1, ...level('share') }] } },
              ...level('route'),
            },
            {
              match: { prefix: '/direct' },
              direct_response: { status: 200, body: { inline_string: 'direct' } },
              ...level('route'),
            },
            { match: { prefix: '/redirect' }, redirect: { path_redirect: '/' }, ...level('route') },
            { match: { prefix: '/' }, route: { cluster: 'c' }, ...level('route') },
          ],
          level('host'),
        ),
      ],
    },
  });
  const sent = [
    'x-remove-table: 1',
    'x-remove-host: 1',
    'x-remove-route: 1',
    'x-gone: 1',
    'x-who: client',
    'x-over: client',
  ];
  await compare(t, {
    upstreams: {
      c: answer({
        headers: { 'x-up-table': '1', 'x-up-host': '1', 'x-up-route': '1', 'x-who': 'upstream', server: 'up' },
        body: 'hello',
      }),
    },
    bootstrap: ({ c }) =>
      bootstrap(
        [httpListener({ name: 'least', manager: table(false) }), httpListener({ name: 'most', manager: table(true) })],
        [staticCluster('c', [c])],
      ),
    cases: ['least', 'most'].flatMap((listener) => [
      ...['/', '/weighted', '/direct', '/redirect'].map((path) => ({
        name: `${listener}: ${path}`,
        listener,
        send: get(path, ...sent),
      })),
    ]),
  });
});

/** Operators whose value is the same in every run. */
const OPERATORS = [
  ...[
    'PROTOCOL',
    'RESPONSE_CODE',
    'RESPONSE_CODE_DETAILS',
    'RESPONSE_FLAGS',
    'RESPONSE_FLAGS_LONG',
    'BYTES_RECEIVED',
    'BYTES_SENT',
    'ROUTE_NAME',
    'UPSTREAM_CLUSTER',
  ],
  ...[
    'UPSTREAM_HOST',
    'UPSTREAM_REMOTE_ADDRESS',
    'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
    'UPSTREAM_TRANSPORT_FAILURE_REASON',
    'UPSTREAM_REQUEST_ATTEMPT_COUNT',
    'UPSTREAM_PROTOCOL',
  ],
  ...[
    'DOWNSTREAM_REMOTE_ADDRESS',
    'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
    'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
    'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT',
  ],
  ...[
    'DOWNSTREAM_LOCAL_ADDRESS',
    'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
    'DOWNSTREAM_TLS_VERSION',
    'DOWNSTREAM_PEER_SUBJECT',
    'REQUESTED_SERVER_NAME',
  ],
  ...[
    'REQ(x-a)',
    'REQ(x-none?x-a)',
    'REQ(x-a):3',
    'REQ(:method)',
    'REQ(:path)',
    'REQ(:authority)',
    'REQ(:scheme)',
    'TRACE_ID',
  ],
  ...[
    'DYNAMIC_METADATA(a:b)',
    'CLUSTER_METADATA(a:b)',
    'UPSTREAM_METADATA(a:b)',
    'METADATA(ROUTE:a:b)',
    'METADATA(CLUSTER:a)',
    'METADATA(ROUTE:a)',
    'FILTER_STATE(x)',
    'HOSTNAME',
    'ENVIRONMENT(FAIRLEAD_NOTHING)',
    'VIRTUAL_CLUSTER_NAME',
    'QUERY_PARAM(q)',
  ],
];
test("a header's value says what Envoy's operators say", async (t) => {
  const adding = OPERATORS.map((operator, i) =>
    add(`x-op-${i}-${operator.replace(/[^\w]+/g, '-').toLowerCase()}`, `[%${operator}%]`),
  );
  await compare(t, {
    upstreams: { c: answer({ headers: { 'x-up': 'value' }, body: 'hello' }) },
    bootstrap: ({ c }) =>
      withRoutes(
        [
          {
            name: 'named',
            match: { prefix: '/' },
            route: { cluster: 'c' },
            metadata: { filter_metadata: { a: { b: 'route', n: 1, l: [1, 'x'], t: true } } },
            request_headers_to_add: [...adding, add('x-mixed', 'a %REQ(x-a)%/%PROTOCOL%%% b')],
            response_headers_to_add: [...adding, add('x-mixed', '%RESP(x-up)%, %REQ(x-a)%, %RESPONSE_CODE%')],
          },
        ],
        [staticCluster('c', [c], { metadata: { filter_metadata: { a: { b: 'cluster' } } } })],
      ),
    cases: [
      { name: 'GET', send: get('/path?q=1', 'x-a: abcdef'), status: 200 },
      { name: 'without the header', send: get('/'), status: 200 },
      {
        name: 'POST',
        send: post('/', 'body', 'x-a: 1', 'x-request-id: 11111111-2222-9333-8444-555555555555'),
        status: 200,
      },
    ],
  });
});
