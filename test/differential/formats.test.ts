/**
 * What every command operator says, in access logs, in headers and in local replies.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import { test } from 'node:test';
import { operatorNames } from '#config/syntax/format-operators.ts';
import { answer, byPath } from '#testing/behaviours.ts';
import {
  bootstrap,
  fileAccessLog,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, LOG_FILE, post } from './subject.ts';

/**
 * What differs from run to run: times, numbers of connections, ports, the machine. RESPONSE_HEADERS_BYTES differs where a response has no
 * body: our log sees the `content-length: 0` that goes out, Envoy's does not.
 */
const VOLATILE =
  /RESPONSE_HEADERS_BYTES|TIME|DURATION|_ID$|_IDS_|CERT_V|HOSTNAME|ADDRESS$|_PORT$|UPSTREAM_HOST$|UPSTREAM_HOSTS_ATTEMPTED$|UPSTREAM_HOST_NAME$|UPSTREAM_HOST_NAMES_ATTEMPTED$/;
const ARGUMENTS: Record<string, string[]> = {
  REQ: ['(:path)', '(x-none?user-agent):3', '(:authority)', '(HOST)', '(x-two)', '(x-empty)', '(x-bytes):4'],
  REQUEST_HEADER: ['(x-envoy-original-path?:path)'],
  STREAM_INFO_REQ: ['(:method)'],
  REQ_WITHOUT_QUERY: ['', '(:path)', '(:PATH):4', '(x-none?:path)', '(x-envoy-original-path?:path)', '(user-agent)'],
  RESP: ['(content-type)', '(:status)', '(server)'],
  RESPONSE_HEADER: ['(x-none?content-type)'],
  TRAILER: ['(x)'],
  RESPONSE_TRAILER: ['(x)'],
  DYNAMIC_METADATA: ['(a)', '(a:b):3'],
  CLUSTER_METADATA: ['(ns)', '(ns:s)', '(none)'],
  UPSTREAM_METADATA: ['(ns)'],
  METADATA: ['(ROUTE:ns)', '(ROUTE:ns:o):5', '(ROUTE:ns:l)', '(ROUTE:ns:n)', '(CLUSTER:ns:s)', '(VIRTUAL_HOST:ns)'],
  ENVIRONMENT: ['(FAIRLEAD_HAS_NO_SUCH_VARIABLE)'],
  FILTER_STATE: ['(a)', '(a:PLAIN)'],
  UPSTREAM_FILTER_STATE: ['(a)'],
  QUERY_PARAM: ['(q)', '(flag)', '(enc)', '(none)', '(q):2'],
  QUERY_PARAMS: ['', '(DECODED)', '(ORIG):4'],
  PATH: ['', '(NQ)', '(WQ:ORIG)', '(NQ:PATH):5'],
  REQUESTED_SERVER_NAME: ['', '(SNI_FIRST)', '(HOST_FIRST:HOST)', '(HOST_FIRST:ORIG)'],
  GRPC_STATUS: ['', '(SNAKE_STRING)', '(NUMBER)'],
  RESPONSE_CODE_DETAILS: ['', '(ALLOW_WHITESPACES)'],
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ['', '(9)', '(40)', '(-1)', '(a)'],
  CEL: ["(request.headers['x-two'])", '(response.code + 1)', '(request.url_path):3', '([1])'],
  COALESCE: [
    '({"operators":["REQUESTED_SERVER_NAME",{"command":"REQ","param":":authority","max_length":5}]})',
    '({"operators":["RESPONSE_CODE"]}):2',
  ],
};

const OPERATORS = operatorNames
  .filter((name) => !VOLATILE.test(name))
  .flatMap((name) => (ARGUMENTS[name] ?? ['']).map((argument) => `%${name}${argument}%`));

const FORMATTERS = [
  {
    name: 'without query',
    typed_config: typed('extensions.formatter.req_without_query.v3.ReqWithoutQuery'),
  },
];

const METADATA = {
  filter_metadata: {
    ns: { s: 'str\u00e9', n: 1, f: 1.25, l: [1, 'a', null], o: { z: 1, a: { b: true } }, small: 1e-9 },
  },
};

const ROUTES: Json[] = [
  {
    name: 'rewritten',
    match: { prefix: '/old' },
    route: { cluster: 'c', prefix_rewrite: '/new', host_rewrite_literal: 'rewritten' },
    metadata: METADATA,
  },
  { name: 'direct', match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } },
  routeTo('/refused', 'refused'),
  routeTo('/up', 'c'),
];
const UPSTREAM = byPath({
  '/up-grpc': answer({ status: 200, headers: { 'content-type': 'application/grpc', 'grpc-status': '5' } }),
  '/': answer({ status: 200, body: 'hello!', headers: { 'content-type': 'text/plain' } }),
});

const CASES: Omit<Case, 'name'>[] = [
  {
    send: get(
      '/old/x?q=hello&flag&enc=%41%2f+x',
      'user-agent: agent',
      'x-two: 1',
      'x-two: 2',
      'x-bytes: caf\xc3\xa9',
      'x-bad: a\xffb"',
      'x-empty: ',
    ),
    status: 200,
  },
  { send: get('/direct', 'x-quote: a"b\\c\td'), status: 200 },
  { send: get('/none?a'), status: 404 },
  { send: get('/refused'), status: 503 },
  { send: post('/up-grpc', 'body', 'content-type: application/grpc'), status: 200 },
  { send: post('/up', 'body'), status: 200 },
];

const cluster = (name: string, port: number): Json => ({ ...staticCluster(name, [port]), metadata: METADATA });

function cases(listener: string): Case[] {
  return CASES.map((one, i) => ({ name: `${listener} ${i}`, listener, probe: false, ...one }));
}

test('every operator says in a log what it says in Envoy', async (t) => {
  const loggers = OPERATORS.map((operator) =>
    fileAccessLog(
      LOG_FILE,
      `%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% ${operator.replaceAll('%', '%%')} = ${operator}`,
      FORMATTERS,
    ),
  );
  const listener = httpListener({
    name: 'logs',
    manager: {
      // The time that it tells may have a digit more or less.
      ...routeConfig([...ROUTES, routeTo('/nobody', 'nobody')], {
        name: 'all',
        metadata: METADATA,
        virtual_clusters: [{ name: 'upper', headers: [{ name: ':path', string_match: { prefix: '/up' } }] }],
        include_attempt_count_in_response: true,
        response_headers_to_add: [{ header: { key: 'x-code', value: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%' } }],
        response_headers_to_remove: ['x-envoy-upstream-service-time'],
      }),
      access_log: loggers,
      generate_request_id: false,
    },
  });
  await compare(t, {
    upstreams: { c: UPSTREAM },
    bootstrap: ({ c }) =>
      bootstrap([listener], [cluster('c', c), staticCluster('refused', [1]), staticCluster('nobody', [])]),
    cases: [...cases('logs'), { name: 'nobody', listener: 'logs', send: get('/nobody'), status: 503 }],
  });
});

test('local replies are formatted as by Envoy, as JSON and as text', async (t) => {
  const values = Object.fromEntries(
    OPERATORS.filter((operator) => !/BYTES|RESP/.test(operator)).map((operator) => [operator, operator]),
  );
  const template = {
    ...values,
    nested: { a: '%REQ(x-none)%', b: ['%RESPONSE_CODE%', '%REQ(x-none)%', { c: '%REQ(x-none)%' }], e: {}, l: [] },
    bad: '%REQ(x-bad)%',
    quote: '<%REQ(x-quote)%>',
    constant: '100%%',
    empty: '',
    number: 1.5,
    flag: true,
    nothing: null,
  };
  const listeners = Object.entries({
    json: { json_format: template },
    'json without empty values': { json_format: template, omit_empty_values: true },
    text: { text_format_source: { inline_string: `\u00e9 ${Object.values(values).join('|')}\n` } },
    'text without empty values': {
      text_format_source: { inline_string: Object.values(values).join('|') },
      omit_empty_values: true,
    },
  }).map(([name, body_format]) =>
    httpListener({
      name,
      manager: {
        ...routeConfig(ROUTES),
        local_reply_config: { body_format: { ...body_format, formatters: FORMATTERS } },
      },
    }),
  );
  const local = [1, 2, 3];
  await compare(t, {
    upstreams: { c: UPSTREAM },
    bootstrap: ({ c }) => bootstrap(listeners, [cluster('c', c), staticCluster('refused', [1])]),
    cases: listeners.flatMap(({ name }) => cases(String(name)).filter((_, i) => local.includes(i))),
  });
});
