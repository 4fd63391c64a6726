/** What becomes of requests to upstreams that speak HTTP/2: answers, and each way to fail. */
import { test } from 'node:test';
import { http2Cluster, type Json, routeTo, withRoutes } from '#testing/bootstrap.ts';
import { answer2, byPath2, echo2, half2, hang2, inTurn2, reset2, respond } from '#testing/http2-behaviours.ts';
import type { Http2Behaviour } from '#testing/http2-upstream.ts';
import { frame } from '#testing/recorded-session.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const CODES: Record<string, number> = {
  'no-error': 0,
  'protocol-error': 1,
  'internal-error': 2,
  refused: 7,
  cancel: 8,
  'connect-error': 10,
  calm: 11,
  'http-1.1-required': 13,
};

/** Bytes on the stream of the request once it is whole. */
function raw2(bytes: (id: number) => Buffer): Http2Behaviour {
  return async (exchange) => {
    if ((await exchange.whole()) === undefined) return;
    exchange.inject(bytes(exchange.stream.id ?? 0));
    await exchange.gone;
  };
}

/** Fields as literals that leave the decoder's table alone (RFC 7541, section 6.2.2). */
function block(fields: Record<string, string>): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    const length = bytes.length;
    // An integer with a prefix of 7 bits, as far as 127 + 2^14.
    const prefix = length < 127 ? [length] : [127, ((length - 127) & 127) | 128, (length - 127) >> 7];
    return Buffer.concat([Buffer.from(prefix), bytes]);
  };
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

const head = (fields: Record<string, string>, end = true): Http2Behaviour =>
  raw2((id) => frame(1, end ? 5 : 4, id, block(fields)));

function goaway(lastStreamId: number, code: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId);
  payload.writeUInt32BE(code, 4);
  return frame(7, 0, 0, payload);
}

const GOOD: Record<string, Http2Behaviour> = {
  '/answer': answer2('fine'),
  '/empty': answer2({}),
  '/404': answer2({ status: 404, body: 'none' }),
  '/500': answer2({ status: 500, body: 'bad' }),
  '/204': answer2({ status: 204 }),
  '/304': answer2({ status: 304, headers: { 'content-length': '10' } }),
  '/length': answer2({ headers: { 'content-length': '4' }, body: 'fine' }),
  '/trailers': answer2({ body: 'fine', trailers: { 'x-t': '1' } }),
  '/only-trailers': answer2({ trailers: { 'x-t': '1' } }),
  '/cookies': answer2({ headers: { 'set-cookie': ['a=1', 'b=2'] }, body: 'x' }),
  '/echo': echo2,
  '/103': async (exchange) => {
    await exchange.whole();
    exchange.stream.additionalHeaders({ ':status': 103, link: '</a>' });
    respond(exchange, { body: 'fine' });
  },
  '/100': async (exchange) => {
    exchange.stream.additionalHeaders({ ':status': 100 });
    await exchange.whole();
    respond(exchange, { body: 'fine' });
  },
};

const BAD: Record<string, Http2Behaviour> = {
  ...Object.fromEntries(Object.entries(CODES).map(([name, code]) => [`/reset/${name}`, reset2(code)])),
  '/half/reset': half2(({ stream }) => stream.close(8)),
  '/half/refused': half2(({ stream }) => stream.close(7)),
  '/half/no-error': half2(({ stream }) => stream.close(0)),
  '/half/end': half2(({ end }) => end()),
  '/half/connection-reset': half2((exchange) => exchange.reset()),
  '/connection-end': async (exchange) => {
    await exchange.whole();
    exchange.end();
  },
  '/connection-reset': async (exchange) => {
    await exchange.whole();
    exchange.reset();
  },
  '/goaway/unserved': raw2(() => goaway(0, 0)),
  '/goaway/unserved-error': raw2(() => goaway(0, 11)),
  '/goaway/served': async (exchange) => {
    await exchange.whole();
    exchange.inject(goaway(exchange.stream.id ?? 0, 0));
    respond(exchange, { body: 'last' });
  },
  '/goaway/warning': async (exchange) => {
    await exchange.whole();
    exchange.inject(goaway(2 ** 31 - 1, 0));
    respond(exchange, { body: 'not the last' });
  },
  '/early': (exchange) => respond(exchange, { body: 'early' }),
  '/frame/garbage': raw2(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  '/frame/too-large': raw2((id) => Buffer.concat([frame(0, 0, id, Buffer.alloc(20_000))])),
  '/frame/push': raw2((id) => frame(5, 4, id, Buffer.concat([Buffer.from([0, 0, 0, 2]), block({ ':method': 'GET' })]))),
  '/frame/data-first': raw2((id) => frame(0, 1, id, 'data')),
  '/frame/bad-settings': raw2(() => frame(4, 0, 0, Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xff]))),
  '/frame/zero-window': raw2((id) => frame(8, 0, id, Buffer.alloc(4))),
  '/frame/bad-hpack': raw2((id) => frame(1, 5, id, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))),
  '/head/no-status': head({ 'x-a': 'b' }),
  '/head/bad-status': head({ ':status': 'abc' }),
  '/head/upper-case': head({ ':status': '200', 'X-A': 'b' }),
  '/head/connection': head({ ':status': '200', connection: 'close' }),
  '/head/bad-value': head({ ':status': '200', 'x-a': 'a\0b' }),
  '/head/length-and-end': head({ ':status': '200', 'content-length': '5' }),
  '/head/101': head({ ':status': '101' }, false),
  '/head/100-and-end': head({ ':status': '100' }),
  '/head/big': head({ ':status': '200', 'x-big': 'b'.repeat(12_000) }),
  '/head/many': head(
    Object.fromEntries([[':status', '200'], ...Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1'])]),
  ),
  '/body/too-short': async (exchange) => {
    await exchange.whole();
    exchange.inject(
      Buffer.concat([
        frame(1, 4, exchange.stream.id ?? 0, block({ ':status': '200', 'content-length': '5' })),
        frame(0, 1, exchange.stream.id ?? 0, 'abc'),
      ]),
    );
  },
  '/body/too-long': async (exchange) => {
    await exchange.whole();
    exchange.inject(
      Buffer.concat([
        frame(1, 4, exchange.stream.id ?? 0, block({ ':status': '200', 'content-length': '2' })),
        frame(0, 1, exchange.stream.id ?? 0, 'abc'),
      ]),
    );
  },
};

const COUNTERS =
  /^cluster\.c\.(upstream_rq_(total|active|completed|cancelled|rx_reset|tx_reset|pending_\w+|retry\w*|\dxx|\d+)|upstream_cx_(total|active|http\d_total|destroy\w*|protocol_error|connect_fail|close_notify|max_requests|overflow)|http2\.(?!\w*hist)\w+)$|^http\.in\.downstream_rq/;

/** RFC 9113, section 6.9; Envoy also counts an error where a connection closes with a GOAWAY just received. */
const ZERO_WINDOW = 'a stream that is given no window is an error of the stream';

const cases = (behaviours: Record<string, Http2Behaviour>): Case[] =>
  Object.keys(behaviours).map((path) => ({
    name: path,
    send: path === '/early' ? request(`POST ${path} HTTP/1.1`, ['host: a', 'content-length: 9'], 'some') : get(path),
  }));

const toC =
  (http2: Json = {}, action: Json = {}) =>
  (ports: Record<string, number>) =>
    withRoutes([routeTo('/', 'c', action)], [http2Cluster('c', [ports.c], http2)]);

test('requests of HTTP/1.1 clients reach an HTTP/2 upstream, and its answers them, as through Envoy', async (t) => {
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2({ ...GOOD, '/': answer2('fine') }) } },
    bootstrap: toC(),
    counters: COUNTERS,
    cases: [
      ...cases(GOOD),
      { name: 'POST', send: post('/echo', 'some body') },
      { name: 'POST of nothing', send: post('/echo', '') },
      {
        name: 'chunked with trailers',
        send: request(
          'POST /echo HTTP/1.1',
          ['host: a', 'transfer-encoding: chunked'],
          '3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n',
        ),
      },
      { name: 'HEAD', send: request('HEAD /length HTTP/1.1') },
      {
        name: 'te and connection',
        send: get('/echo', 'te: trailers, gzip', 'connection: x-gone, keep-alive', 'x-gone: 1'),
      },
      { name: 'cookies', send: get('/echo', 'cookie: a=1', 'cookie: b=2') },
      { name: 'expect', send: post('/echo', 'abc', 'expect: 100-continue') },
      { name: 'HTTP/1.0', send: request('GET /echo HTTP/1.1', ['host: a', 'connection: close']) },
    ],
  });
});

test('trailers pass from and to clients of HTTP/1.1 where the listener enables them', async (t) => {
  const trailers = request(
    'POST /echo HTTP/1.1',
    ['host: a', 'transfer-encoding: chunked'],
    '3\r\nabc\r\n0\r\nx-t: 1\r\nx-u: 2\r\n\r\n',
  );
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2(GOOD) } },
    bootstrap: ({ c }) =>
      withRoutes([routeTo('/', 'c')], [http2Cluster('c', [c])], { http_protocol_options: { enable_trailers: true } }),
    counters: COUNTERS,
    cases: [
      { name: 'of the request', send: trailers },
      { name: 'of the response', send: get('/trailers', 'te: trailers') },
      { name: 'of the response, without a body', send: get('/only-trailers', 'te: trailers') },
    ],
  });
});

test('each failure of an HTTP/2 upstream is told as Envoy tells it', async (t) => {
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2({ ...BAD, '/': answer2('fine') }) } },
    bootstrap: toC(),
    counters: COUNTERS,
    cases: cases(BAD),
    explained: {
      counters: {
        ...Object.fromEntries(
          ['http2.nghttp2_upstream_connections', 'http2.tx_reset', 'upstream_rq_pending_total'].map((name) => [
            `cluster.c.${name}`,
            ZERO_WINDOW,
          ]),
        ),
        ...Object.fromEntries(
          ['destroy', 'destroy_local', 'http2_total', 'total', 'protocol_error'].map((name) => [
            `cluster.c.upstream_cx_${name}`,
            ZERO_WINDOW,
          ]),
        ),
        'cluster.c.http2.rx_messaging_error': 'data before the head counts as what it is',
      },
    },
  });
});

test('a bad message costs its stream alone where the cluster says so', async (t) => {
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2({ ...BAD, '/': answer2('fine') }) } },
    bootstrap: toC({ override_stream_error_on_invalid_http_message: true }),
    counters: COUNTERS,
    cases: cases(Object.fromEntries(Object.entries(BAD).filter(([path]) => /^\/(head|body)/.test(path)))),
  });
});

test('what an HTTP/2 upstream refuses is tried again when Envoy would', async (t) => {
  const then = (first: Http2Behaviour): Http2Behaviour => inTurn2(first, answer2('second'));
  const behaviours = {
    '/refused': then(reset2(7)),
    '/cancel': then(reset2(8)),
    '/connect-error': then(reset2(10)),
    '/goaway': then(BAD['/goaway/unserved']),
    '/end': then(BAD['/connection-end']),
    '/bad-hpack': then(BAD['/frame/bad-hpack']),
    '/grpc': then(answer2({ headers: { 'content-type': 'application/grpc', 'grpc-status': '14' } })),
    '/hang': then(hang2),
  };
  for (const retryOn of ['refused-stream', 'reset', 'connect-failure', '5xx', 'unavailable', 'reset-before-request']) {
    await t.test(retryOn, (t) =>
      compare(t, {
        http2Upstreams: { c: { behaviour: byPath2({ ...behaviours, '/': answer2('fine') }) } },
        bootstrap: toC(
          {},
          { retry_policy: { retry_on: retryOn, per_try_timeout: '0.3s', retry_back_off: { base_interval: '0.001s' } } },
        ),
        counters: COUNTERS,
        cases: Object.keys(behaviours).map((path) => ({ name: path, send: get(path) })),
      }),
    );
  }
});
