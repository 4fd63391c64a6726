/** Which route a request takes: every matcher, each with requests on both sides of its edge. Follows config.route.v3.RouteMatch. */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  answering,
  bootstrap,
  httpListener,
  type Json,
  staticCluster,
  typed,
  virtualHost,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const safe = (regex: string): Json => ({ regex });
const header = (name: string, matcher: Json): Json => ({ prefix: '/', headers: [{ name, ...matcher }] });
const query = (name: string, matcher: Json): Json => ({ prefix: '/', query_parameters: [{ name, ...matcher }] });
const cookie = (name: string, matcher: Json): Json => ({ prefix: '/', cookies: [{ name, ...matcher }] });
const template = (path_template: string): Json => ({
  path_match_policy: {
    name: 'envoy.path.match.uri_template.uri_template_matcher',
    typed_config: typed('extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template }),
  },
});

/** Each match stands alone in a virtual host of its name, before a route `else`. */
const MATCHES: Record<string, { match: Json; requests: string[] }> = {
  prefix: {
    match: { prefix: '/a' },
    requests: [get('/a'), get('/ab'), get('/A'), get('/'), get('/a?x=/b'), get('/%61')],
  },
  'prefix-any-case': {
    match: { prefix: '/aB', case_sensitive: false },
    requests: [get('/Abc'), get('/aB'), get('/b')],
  },
  path: { match: { path: '/a' }, requests: [get('/a'), get('/a?q'), get('/a/'), get('/ab'), get('/A')] },
  'path-any-case': { match: { path: '/a', case_sensitive: false }, requests: [get('/A?q=1'), get('/AB')] },
  regex: {
    match: { safe_regex: safe('/a/\\d+') },
    requests: [get('/a/12'), get('/a/12?q'), get('/a/12b'), get('/x/a/12')],
  },
  'regex-lines': { match: { safe_regex: safe('/(?i)ab|/c.*') }, requests: [get('/AB'), get('/cdef'), get('/d')] },
  separated: {
    match: { path_separated_prefix: '/a' },
    requests: [get('/a'), get('/a/b'), get('/ab'), get('/a?q'), get('/A/b')],
  },
  template: {
    match: template('/a/{x}/b/*/**'),
    requests: [get('/a/1/b/2/3/4'), get('/a/1/b/2'), get('/a/b/c'), get('/a/1/b/2/?q=1')],
  },
  'template-suffix': {
    match: template('/{name=images/*}/{rest=**}.jpg'),
    requests: [get('/images/a/b/c.jpg'), get('/images/a/c.png'), get('/img/a/c.jpg')],
  },
  connect: { match: { connect_matcher: {} }, requests: [get('/')] },
  exact: {
    match: header('x-a', { string_match: { exact: 'v' } }),
    requests: [get('/', 'x-a: v'), get('/', 'x-a: V'), get('/'), get('/', 'x-a: v', 'x-a: w'), get('/', 'X-A:  v ')],
  },
  'exact-ignoring-case': {
    match: header('x-a', { string_match: { exact: 'v', ignore_case: true } }),
    requests: [get('/', 'x-a: V')],
  },
  'header-prefix': {
    match: header('x-a', { string_match: { prefix: 'v' } }),
    requests: [get('/', 'x-a: vx'), get('/', 'x-a: xv')],
  },
  'header-suffix': {
    match: header('x-a', { string_match: { suffix: 'v' } }),
    requests: [get('/', 'x-a: xv'), get('/', 'x-a: vx')],
  },
  'header-contains': {
    match: header('x-a', { string_match: { contains: 'v' } }),
    requests: [get('/', 'x-a: xvx'), get('/', 'x-a: x')],
  },
  'header-regex': {
    match: header('x-a', { string_match: { safe_regex: safe('[a-c]+') } }),
    requests: [get('/', 'x-a: abc'), get('/', 'x-a: abcd')],
  },
  range: {
    match: header('x-n', { range_match: { start: -2, end: 10 } }),
    requests: [
      get('/', 'x-n: 9'),
      get('/', 'x-n: 10'),
      get('/', 'x-n: -2'),
      get('/', 'x-n: 1x'),
      get('/', 'x-n: +1'),
      get('/'),
    ],
  },
  present: { match: header('x-a', { present_match: true }), requests: [get('/', 'x-a:'), get('/')] },
  absent: { match: header('x-a', { present_match: false }), requests: [get('/', 'x-a:'), get('/')] },
  'only-a-name': { match: header('x-a', {}), requests: [get('/', 'x-a: 1'), get('/')] },
  inverted: {
    match: header('x-a', { string_match: { exact: 'v' }, invert_match: true }),
    requests: [get('/', 'x-a: v'), get('/', 'x-a: w'), get('/')],
  },
  'inverted-range': {
    match: header('x-n', { range_match: { start: 1, end: 5 }, invert_match: true }),
    requests: [get('/', 'x-n: 3'), get('/', 'x-n: 7'), get('/')],
  },
  'missing-as-empty': {
    match: header('x-a', { string_match: { exact: '' }, treat_missing_header_as_empty: true }),
    requests: [get('/'), get('/', 'x-a: 1'), get('/', 'x-a:')],
  },
  'missing-as-empty-inverted': {
    match: header('x-a', { string_match: { exact: 'v' }, invert_match: true, treat_missing_header_as_empty: true }),
    requests: [get('/'), get('/', 'x-a: v')],
  },
  method: { match: header(':method', { string_match: { exact: 'POST' } }), requests: [post('/', 'a'), get('/')] },
  authority: { match: header(':authority', { string_match: { prefix: 'auth' } }), requests: [get('/')] },
  'path-header': {
    match: header(':path', { string_match: { suffix: 'q=1' } }),
    requests: [get('/?q=1'), get('/?q=2')],
  },
  scheme: { match: header(':scheme', { string_match: { exact: 'http' } }), requests: [get('/')] },
  'host-header': { match: header('host', { present_match: true }), requests: [get('/')] },
  'two-headers': {
    match: {
      prefix: '/',
      headers: [
        { name: 'x-a', present_match: true },
        { name: 'x-b', present_match: true },
      ],
    },
    requests: [get('/', 'x-a: 1'), get('/', 'x-a: 1', 'x-b: 1')],
  },
  'query-exact': {
    match: query('q', { string_match: { exact: '1' } }),
    requests: [
      get('/?q=1'),
      get('/?q=2'),
      get('/?q=2&q=1'),
      get('/?q=1&q=2'),
      get('/?%71=1'),
      get('/?q=%31'),
      get('/?Q=1'),
      get('/?a&q=1'),
      get('/?q'),
    ],
  },
  'query-present': {
    match: query('q', { present_match: true }),
    requests: [get('/?q'), get('/?q='), get('/?qq=1'), get('/'), get('/?a=q')],
  },
  'query-absent': { match: query('q', { present_match: false }), requests: [get('/?q'), get('/')] },
  'query-name-only': { match: query('q', {}), requests: [get('/?q=7'), get('/')] },
  'query-regex': {
    match: query('q', { string_match: { safe_regex: safe('\\d+') } }),
    requests: [get('/?q=12'), get('/?q=12a')],
  },
  cookie: {
    match: cookie('c', { string_match: { exact: '1' } }),
    requests: [
      get('/', 'cookie: c=1'),
      get('/', 'cookie: a=2; c=1'),
      get('/', 'cookie: c=2'),
      get('/', 'cookie: a=1', 'cookie: c=1'),
      get('/', 'cookie: c="1"'),
      get('/'),
    ],
  },
  'cookie-inverted': {
    match: cookie('c', { string_match: { exact: '1' }, invert_match: true }),
    requests: [get('/', 'cookie: c=1'), get('/', 'cookie: c=2'), get('/')],
  },
  'runtime-never': {
    match: { prefix: '/', runtime_fraction: { default_value: { numerator: 0 } } },
    requests: [get('/')],
  },
  'runtime-always': {
    match: { prefix: '/', runtime_fraction: { default_value: { numerator: 100 } } },
    requests: [get('/')],
  },
  'runtime-by-key': {
    match: { prefix: '/', runtime_fraction: { default_value: { numerator: 0 }, runtime_key: 'let.in' } },
    requests: [get('/')],
  },
  grpc: {
    match: { prefix: '/', grpc: {} },
    requests: [
      post('/', '', 'content-type: application/grpc'),
      post('/', '', 'content-type: application/grpc+proto'),
      post('/', '', 'content-type: application/grpc-web'),
      get('/'),
    ],
  },
  'tls-not-presented': { match: { prefix: '/', tls_context: { presented: false } }, requests: [get('/')] },
  'tls-presented': { match: { prefix: '/', tls_context: { presented: true } }, requests: [get('/')] },
  metadata: {
    match: { prefix: '/', dynamic_metadata: [{ filter: 'f', path: [{ key: 'k' }], value: { present_match: true } }] },
    requests: [get('/')],
  },
  'metadata-inverted': {
    match: {
      prefix: '/',
      dynamic_metadata: [{ filter: 'f', path: [{ key: 'k' }], value: { present_match: true }, invert: true }],
    },
    requests: [get('/')],
  },
};

const matchCases: Case[] = Object.entries(MATCHES).flatMap(([name, { requests }]) =>
  requests.map((bytes, i) => ({
    name: `${name} ${i + 1}: ${bytes
      .split('\r\n')
      .filter((line) => line !== '' && !line.startsWith('host'))
      .join(' ')}`,
    send: bytes.replace('example.test', name),
  })),
);

test('each matcher lets in and keeps out what Envoy does', async (t) => {
  const hosts = Object.entries(MATCHES).map(([name, { match }]) =>
    virtualHost(name, [name], [answering('matched', match), answering('else', { prefix: '/' })]),
  );
  await compare(t, {
    bootstrap: () =>
      bootstrap([httpListener({ manager: { route_config: { name: 'r', virtual_hosts: hosts } } })], [], {
        layered_runtime: {
          layers: [{ name: 'static', static_layer: { let: { in: { numerator: 100, denominator: 'HUNDRED' } } } }],
        },
      }),
    cases: matchCases,
  });
});

const DOMAINS: Record<string, string[]> = {
  exact: ['shop.test', 'with-port.test:8080'],
  suffix: ['*.shop.test', '*-x.test'],
  'longer suffix': ['*.eu.shop.test'],
  prefix: ['shop.*', 'shop-*'],
  'longer prefix': ['shop.eu.*'],
  'upper case': ['UPPER.test'],
  any: ['*'],
};
const HOSTS = [
  ...[
    'shop.test',
    'SHOP.TEST',
    'shop.test:80',
    'with-port.test',
    'with-port.test:8080',
    'a.shop.test',
    'a.eu.shop.test',
    '.shop.test',
  ],
  ...[
    'shop.org',
    'shop.eu.org',
    'shop-1',
    'shop',
    'a-x.test',
    '-x.test',
    'upper.test',
    'other',
    '',
    'shop.test.',
    '127.0.0.1:80',
  ],
];

test('the virtual host is the one that Envoy chooses: exact, suffix, prefix, any', async (t) => {
  const hosts = Object.entries(DOMAINS).map(([name, domains]) =>
    virtualHost(name, domains, [answering(name, { prefix: '/' })]),
  );
  const strict = [virtualHost('only', ['only.test'], [answering('only', { prefix: '/a' })], { require_tls: 'NONE' })];
  const secure = [
    virtualHost('all', ['all.test'], [answering('all', { prefix: '/' })], { require_tls: 'ALL' }),
    virtualHost('external', ['external.test'], [answering('external', { prefix: '/' })], {
      require_tls: 'EXTERNAL_ONLY',
    }),
  ];
  const manager = (virtual_hosts: Json[], more: Json = {}): Json => ({
    route_config: { name: 'r', virtual_hosts, ...more },
  });
  await compare(t, {
    bootstrap: () =>
      bootstrap([
        httpListener({ name: 'domains', manager: manager(hosts) }),
        httpListener({ name: 'ports ignored', manager: manager(hosts, { ignore_port_in_host_matching: true }) }),
        httpListener({ name: 'strict', manager: manager(strict) }),
        httpListener({ name: 'secure', manager: manager(secure) }),
        httpListener({ name: 'by header', manager: manager(hosts, { vhost_header: 'x-host' }) }),
        httpListener({ name: 'none', manager: manager([]) }),
      ]),
    cases: [
      ...HOSTS.map((host) => ({
        name: `host '${host}'`,
        listener: 'domains',
        send: request('GET / HTTP/1.1', [`host: ${host}`]),
      })),
      ...HOSTS.map((host) => ({
        name: `ports ignored: '${host}'`,
        listener: 'ports ignored',
        send: request('GET / HTTP/1.1', [`host: ${host}`]),
      })),
      { name: 'no virtual host', listener: 'strict', send: get('/a'), status: 404 },
      { name: 'no route', listener: 'strict', send: request('GET /b HTTP/1.1', ['host: only.test']), status: 404 },
      { name: 'nothing at all', listener: 'none', send: get('/'), status: 404 },
      { name: 'TLS wanted', listener: 'secure', send: request('GET /a?b HTTP/1.1', ['host: all.test']), status: 301 },
      { name: 'TLS wanted, with a port', listener: 'secure', send: request('GET /a HTTP/1.1', ['host: all.test:80']) },
      {
        name: 'TLS wanted and said to be there',
        listener: 'secure',
        send: request('GET /a HTTP/1.1', ['host: all.test', 'x-forwarded-proto: https']),
        status: 200,
      },
      {
        name: 'TLS wanted from outside, inside',
        listener: 'secure',
        send: request('GET /a HTTP/1.1', ['host: external.test', 'x-forwarded-for: 10.0.0.1']),
      },
      {
        name: 'TLS wanted from outside, outside',
        listener: 'secure',
        send: request('GET /a HTTP/1.1', ['host: external.test', 'x-forwarded-for: 1.2.3.4']),
      },
      { name: 'virtual host by header', listener: 'by header', send: get('/', 'x-host: a.shop.test') },
      { name: 'virtual host by a header that is missing', listener: 'by header', send: get('/') },
    ],
  });
});

test('a matcher tree chooses the route that Envoy would', async (t) => {
  const input = (header_name: string): Json => ({
    name: 'input',
    typed_config: typed('type.matcher.v3.HttpRequestHeaderMatchInput', { header_name }),
  });
  const action = (name: string): Json => ({
    action: { name, typed_config: typed('config.route.v3.Route', answering(name, { prefix: '/' })) },
  });
  const list = {
    matcher_list: {
      matchers: [
        {
          predicate: { single_predicate: { input: input('x-a'), value_match: { exact: '1' } } },
          on_match: action('exact'),
        },
        {
          predicate: {
            and_matcher: {
              predicate: [
                { single_predicate: { input: input('x-a'), value_match: { prefix: '2' } } },
                {
                  single_predicate: {
                    input: input('x-b'),
                    value_match: { safe_regex: { google_re2: {}, regex: 'b+' } },
                  },
                },
              ],
            },
          },
          on_match: action('and'),
        },
        {
          predicate: { not_matcher: { single_predicate: { input: input('x-c'), value_match: { exact: 'no' } } } },
          on_match: action('not'),
        },
      ],
    },
    on_no_match: action('none'),
  };
  const map = (tree: Json): Json => ({ matcher_tree: { input: input('x-a'), ...tree }, on_no_match: action('none') });
  const tables: Record<string, Json> = {
    list,
    'exact map': map({ exact_match_map: { map: { one: action('one'), two: action('two') } } }),
    'prefix map': map({ prefix_match_map: { map: { a: action('a'), ab: action('ab') } } }),
    nested: map({ exact_match_map: { map: { in: { matcher: list } } } }),
    'nothing left': {
      matcher_list: {
        matchers: [
          {
            predicate: { single_predicate: { input: input('x-a'), value_match: { exact: '1' } } },
            on_match: action('exact'),
          },
        ],
      },
    },
  };
  const sent: Record<string, string[]> = {
    list: [get('/', 'x-a: 1'), get('/', 'x-a: 22', 'x-b: bb'), get('/', 'x-a: 22'), get('/', 'x-c: no')],
    'exact map': [get('/', 'x-a: one'), get('/', 'x-a: two'), get('/', 'x-a: three'), get('/')],
    'prefix map': [get('/', 'x-a: ax'), get('/', 'x-a: abx'), get('/', 'x-a: b')],
    nested: [get('/', 'x-a: in', 'x-c: no'), get('/', 'x-a: in'), get('/', 'x-a: out')],
    'nothing left': [get('/', 'x-a: 1'), get('/')],
  };
  await compare(t, {
    upstreams: { c: answer('hello') },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(tables).map(([name, matcher]) =>
          httpListener({
            name,
            manager: { route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], matcher }] } },
          }),
        ),
        [staticCluster('c', [c])],
      ),
    cases: Object.entries(sent).flatMap(([listener, all]) =>
      all.map((send, i) => ({ name: `${listener} ${i + 1}`, listener, send })),
    ),
  });
});
