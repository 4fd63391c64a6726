/** HTTP/1 as it is spoken downstream: versions, targets, hosts, hop-by-hop headers, expectations, upgrades. RFC 9112. */
import { test } from 'node:test';
import { answer, byPath, echo, raw } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster, typed } from '#testing/bootstrap.ts';
import type { Behaviour } from '#testing/start-upstream.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const MANAGERS: Record<string, Json> = {
  default: {},
  'accepts 1.0': { http_protocol_options: { accept_http_10: true } },
  'default host': { http_protocol_options: { accept_http_10: true, default_host_for_http_10: 'fallback.test' } },
  'no absolute': { http_protocol_options: { allow_absolute_url: false } },
  'proper case': { http_protocol_options: { header_key_format: { proper_case_words: {} } } },
  'keeps case': {
    http_protocol_options: {
      header_key_format: {
        stateful_formatter: {
          name: 'preserve_case',
          typed_config: typed('extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig'),
        },
      },
    },
  },
  edge: { use_remote_address: true },
  'behind one more': { use_remote_address: true, xff_num_trusted_hops: 1 },
  trailers: { http_protocol_options: { enable_trailers: true } },
  'proxies 100': { proxy_100_continue: true },
  upgrades: { upgrade_configs: [{ upgrade_type: 'websocket' }] },
  'upgrade off by route': {
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    ...routeConfig([routeTo('/', 'c', { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] })]),
  },
  'HTTP/1 only': { codec_type: 'HTTP1' },
  'strips matching port': { strip_matching_host_port: true },
  'strips any port': { strip_any_host_port: true },
  'strips dot': { strip_trailing_host_dot: true },
  'errors by stream': { stream_error_on_invalid_http_message: true },
  'custom methods': { http_protocol_options: { allow_custom_methods: true } },
};

const websocket: Behaviour = async (exchange) => {
  await exchange.write(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-up: 1\r\n\r\n',
  );
  exchange.socket.on('data', (bytes: Buffer) => exchange.socket.write(bytes));
  await exchange.gone;
};
const continuing: Behaviour = async (exchange) => {
  await exchange.write('HTTP/1.1 100 Continue\r\n\r\n');
  await answer('went on')(exchange);
};
const hints = (...fields: string[]): Behaviour => {
  const head = `HTTP/1.1 103 Early Hints\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
  return async (exchange) => {
    await exchange.write(head);
    await answer('after hints')(exchange);
  };
};

const upstream = byPath({
  '/': answer('hello'),
  '*': answer('star'),
  '/ws': websocket,
  '/continue': continuing,
  '/early': hints('link: </a>'),
  '/hints-length': hints('content-length: 3'),
  '/hints-empty': hints('content-length: 0', 'connection: x', 'upgrade: y', 'keep-alive: 5'),
  '/hints-chunked': hints('transfer-encoding: chunked'),
  '/processing': raw('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  '/echo': echo,
});

const UPGRADE = [
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version: 13',
];

/** Every request on the plain listener. */
const REQUESTS: Record<string, string> = {
  'HTTP/1.0': request('GET / HTTP/1.0'),
  'HTTP/1.0 without host': request('GET / HTTP/1.0', []),
  'HTTP/1.0 keep-alive': request('GET / HTTP/1.0', ['host: a', 'connection: keep-alive']),
  'HTTP/2.0 in the line': request('GET / HTTP/2.0'),
  'HTTP/1.2': request('GET / HTTP/1.2'),
  'HTTP/0.9': 'GET /\r\n\r\n',
  'HTTP/0.9 and more': `GET /echo?1\r\n${get('/echo?2')}`,
  'version in lower case': request('GET / http/1.1'),
  'no host': request('GET / HTTP/1.1', []),
  'empty host': request('GET / HTTP/1.1', ['host:']),
  'two hosts': request('GET / HTTP/1.1', ['host: a', 'host: b']),
  'host with a port': request('GET / HTTP/1.1', ['host: example.test:8080']),
  'host in upper case': request('GET / HTTP/1.1', ['host: EXAMPLE.test']),
  'host with a bad character': request('GET / HTTP/1.1', ['host: a b']),
  'host with a path': request('GET / HTTP/1.1', ['host: a/b']),
  'host with user info': request('GET / HTTP/1.1', ['host: me@a']),
  'host of v6': request('GET / HTTP/1.1', ['host: [::1]:80']),
  'host with a dot at its end': request('GET / HTTP/1.1', ['host: example.test.']),
  'absolute form': request('GET http://other.test/path?q=1 HTTP/1.1', ['host: example.test']),
  'absolute form with port': request('GET http://other.test:8080/ HTTP/1.1', ['host: example.test']),
  'absolute form without path': request('GET http://other.test HTTP/1.1', ['host: other.test']),
  'absolute form with query only': request('GET http://other.test?q=1 HTTP/1.1', ['host: other.test']),
  'absolute form of https': request('GET https://other.test/ HTTP/1.1', ['host: other.test']),
  'absolute form of ftp': request('GET ftp://other.test/ HTTP/1.1', ['host: other.test']),
  'absolute form without host': request('GET http://other.test/ HTTP/1.1', []),
  'absolute form with user info': request('GET http://me@other.test/ HTTP/1.1', ['host: other.test']),
  'absolute form with fragment': request('GET http://other.test/a#b HTTP/1.1', ['host: other.test']),
  'OPTIONS *': request('OPTIONS * HTTP/1.1'),
  'GET *': request('GET * HTTP/1.1'),
  'no slash first': request('GET path HTTP/1.1'),
  'empty query': request('GET /? HTTP/1.1'),
  fragment: request('GET /a#b HTTP/1.1'),
  'escapes in a path': request('GET /%41%zz%2f%00 HTTP/1.1'),
  'high bytes in a path': request('GET /caf\xc3\xa9 HTTP/1.1'),
  CONNECT: request('CONNECT other.test:443 HTTP/1.1', ['host: other.test:443']),
  TRACE: request('TRACE / HTTP/1.1'),
  PATCH: request('PATCH / HTTP/1.1', ['host: a', 'content-length: 0']),
  'an unknown method': request('BREW / HTTP/1.1'),
  'method in lower case': request('get / HTTP/1.1'),
  'a method of control characters': request('G\x01T / HTTP/1.1'),
  'a target of control characters': request('GET /\x7f HTTP/1.1'),
  'a name of control characters': request('GET / HTTP/1.1', ['host: a', 'x\0y: z']),
  'a bad method and a control character behind': request('G@T / HTTP/1.1', ['host: a', 'x: \x01']),
  'a bad method and a body of control characters': request('P@ST / HTTP/1.1', ['host: a'], '\x01'),
  'method with a dash': request('M-SEARCH / HTTP/1.1'),
  'a line break first': `\r\n${get('/')}`,
  'five line breaks first': `${'\r\n'.repeat(5)}${get('/')}`,
  'connection: close': get('/', 'connection: close'),
  'connection: CLOSE': get('/', 'connection: CLOSE'),
  'connection: keep-alive': get('/', 'connection: keep-alive', 'keep-alive: timeout=5'),
  'proxy-connection: close': get('/', 'proxy-connection: close'),
  'proxy-connection: keep-alive': get('/', 'proxy-connection: keep-alive'),
  'a header named in connection': get('/', 'connection: x-hop', 'x-hop: 1', 'x-stay: 2'),
  'several named in connection': get('/', 'connection: keep-alive, x-hop,x-other', 'x-hop: 1', 'x-other: 2'),
  'connection names host': get('/', 'connection: host'),
  'connection names x-forwarded-for': get('/', 'connection: x-forwarded-for', 'x-forwarded-for: 1.2.3.4'),
  'te: trailers': get('/', 'te: trailers'),
  'te: gzip, trailers': get('/', 'te: gzip, trailers;q=1'),
  'te: gzip': get('/', 'te: gzip'),
  'connection: te': get('/', 'connection: te', 'te: trailers'),
  'trailer announced': get('/', 'trailer: x-end'),
  'transfer-encoding identity': get('/', 'transfer-encoding: identity'),
  'upgrade not allowed': get('/ws', ...UPGRADE),
  h2c: get('/', 'connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAARAAAAAAAIAAAAA'),
  'upgrade without connection': get('/', 'upgrade: websocket'),
  'connection without upgrade': get('/', 'connection: upgrade'),
  'TLS upgrade': get('/', 'connection: upgrade', 'upgrade: TLS/1.2'),
  'expect 100': post('/', 'abc', 'expect: 100-continue'),
  'expect in upper case': post('/', 'abc', 'expect: 100-CONTINUE'),
  'expect something else': post('/', 'abc', 'expect: 200-ok'),
  'upstream continues': post('/continue', 'abc'),
  'upstream continues an expectation': post('/continue', 'abc', 'expect: 100-continue'),
  'early hints': get('/early'),
  'early hints with a length': get('/hints-length'),
  'early hints in chunks': get('/hints-chunked'),
  'early hints without a body, as they say': get('/hints-empty'),
  processing: get('/processing'),
  'header case': get('/echo', 'X-MiXeD-Case: Value', 'ACCEPT: */*'),
  'value with blanks': get('/echo', 'x-a:    b  c \t'),
  'value of other bytes': get('/echo', 'x-a: caf\xc3\xa9 \xff'),
  'empty value': get('/echo', 'x-a:', 'x-b: '),
  'name with symbols': get('/echo', "x!#$%&'*+-.^_`|~: 1"),
  underscore: get('/echo', 'x_a: 1'),
  repeated: get('/echo', 'x-a: 1', 'x-b: 2', 'x-a: 3', 'cookie: a=1', 'cookie: b=2', 'accept: a', 'accept: b'),
};

const cases: Case[] = Object.entries(REQUESTS).map(([name, send]) => ({ name, listener: 'default', send }));
function also(listener: string, ...names: string[]): void {
  for (const name of names) cases.push({ name: `${listener}: ${name}`, listener, send: REQUESTS[name] });
}
also(
  'accepts 1.0',
  'HTTP/1.0',
  'HTTP/1.0 without host',
  'HTTP/1.0 keep-alive',
  'HTTP/1.2',
  'HTTP/2.0 in the line',
  'HTTP/0.9',
  'HTTP/0.9 and more',
  'no host',
  'connection: close',
  'connection: keep-alive',
);
also('default host', 'HTTP/0.9', 'HTTP/1.0', 'HTTP/1.0 without host', 'no host', 'empty host');
also('no absolute', 'absolute form', 'absolute form of https', 'OPTIONS *');
also('edge', 'absolute form', 'absolute form of https', 'a method of control characters');
also('behind one more', 'absolute form of https');
also('proper case', 'header case', 'repeated', 'name with symbols');
also('keeps case', 'header case', 'repeated', 'two hosts');
also('trailers', 'te: trailers', 'trailer announced', 'connection: te');
also(
  'proxies 100',
  'expect 100',
  'upstream continues',
  'upstream continues an expectation',
  'early hints',
  'early hints with a length',
  'early hints in chunks',
  'early hints without a body, as they say',
  'processing',
);
also('HTTP/1 only', 'HTTP/0.9', 'version in lower case', 'no host');
also('upgrades', 'upgrade without connection', 'connection without upgrade', 'h2c', 'TLS upgrade');
also('upgrade off by route', 'upgrade not allowed');
for (const listener of ['strips matching port', 'strips any port', 'strips dot']) {
  also(
    listener,
    'host with a port',
    'host of v6',
    'host with a dot at its end',
    'host in upper case',
    'absolute form with port',
  );
}
also(
  'errors by stream',
  'no host',
  'two hosts',
  'transfer-encoding identity',
  'HTTP/1.0',
  'host with a bad character',
  'HTTP/2.0 in the line',
);

cases.push(
  {
    name: 'an upgraded connection carries bytes both ways',
    listener: 'upgrades',
    probe: false,
    send: async (wire) => {
      await wire.send(get('/ws', ...UPGRADE));
      while (!wire.received.includes('\r\n\r\n')) await wire.something().then(() => new Promise(setImmediate));
      await wire.send('ping');
      while (!wire.received.endsWith('ping')) await new Promise(setImmediate);
      wire.end();
    },
  },
  { name: 'two requests at once', send: get('/1') + get('/2'), methods: ['GET', 'GET'], status: [200, 200] },
  {
    name: 'ten requests at once, one of them a HEAD and one a POST',
    send: [...'12345678'].map((path) => get(`/${path}`)).join('') + request('HEAD /9 HTTP/1.1') + post('/10', 'abc'),
    methods: [...'12345678'].map(() => 'GET').concat('HEAD', 'POST'),
  },
  { name: 'a good one and a bad one at once', send: `${get('/1')}G\0T / HTTP/1.1\r\n\r\n`, methods: ['GET', 'GET'] },
  { name: 'one after connection: close', send: get('/1', 'connection: close') + get('/2'), methods: ['GET'] },
  {
    name: 'from another address of the loopback',
    listener: 'edge',
    connect: { localAddress: '127.0.0.7' },
    send: get('/echo'),
    status: 200,
  },
  { name: 'byte by byte', send: (wire) => wire.sendInPieces(post('/', 'hello', 'x-a: b')), status: 200 },
);

const TWO_HOSTS = {
  responses: 'two hosts are refused, not joined into one that nobody asked for',
  end: 'the connection closes with the refusal',
  upstream: 'nothing is passed on',
  log: 'the refusal is logged',
};
const CLAIMED = { log: 'the scheme is how the connection came, whatever a client claims' };
const explained = {
  'two hosts': TWO_HOSTS,
  'keeps case: two hosts': TWO_HOSTS,
  'errors by stream: two hosts': TWO_HOSTS,
  'absolute form of https': CLAIMED,
  'behind one more: absolute form of https': CLAIMED,
  'connection names host': {
    responses: 'the head is refused for what it is: one that takes away a field that the proxy needs',
    log: 'the same',
  },
  counters: {
    'http.in.downstream_cx_delayed_close_timeout':
      'the refusals of two hosts, and what is probed after Envoy served them',
    'http.in.downstream_cx_destroy_local': 'the same',
    'http.in.downstream_cx_destroy_remote': 'the same',
    'http.in.downstream_cx_protocol_error': 'the same',
    'http.in.downstream_cx_rx_bytes_total': 'the same',
    'http.in.downstream_cx_tx_bytes_total': 'the same',
    'http.in.downstream_rq_2xx': 'the same',
    'http.in.downstream_rq_4xx': 'the same',
    'http.in.downstream_rq_completed': 'the same',
    'http.in.downstream_rq_http1_total': 'the same',
    'http.in.downstream_rq_response_before_rq_complete': 'a bad head has no request that would be broken off',
    'http.in.downstream_rq_rx_reset': 'the same',
    'http.in.downstream_rq_total': 'the refusals of two hosts, and what is probed after Envoy served them',
  },
};

test('HTTP/1 is read, refused and passed on as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(MANAGERS).map(([name, manager]) => httpListener({ name, manager })),
        [staticCluster('c', [c])],
      ),
    counters: /^http\.in\.downstream_(rq|cx)_.*|^listener\..*downstream_cx_total/,
    cases,
    explained,
  });
});
