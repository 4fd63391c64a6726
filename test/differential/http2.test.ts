/** HTTP/2 from clients: the same frames to real Envoy and to ours, one connection a case, and what came back, was logged and counted. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  HEADERS,
  type Http2Answer,
  Http2Wire,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '#testing/http2-wire.ts';
import { frame } from '#testing/recorded-session.ts';
import { compareTcp, type TcpActing } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';

const FORMAT =
  '%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% in=%BYTES_RECEIVED% out=%BYTES_SENT% head=%DOWNSTREAM_HEADER_BYTES_RECEIVED% wire=%DOWNSTREAM_WIRE_BYTES_RECEIVED%\n';

function log(): Json {
  const format = { text_format_source: { inline_string: FORMAT } };
  return {
    access_log: [
      {
        name: 'f',
        typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', { path: LOG_FILE, log_format: format }),
      },
    ],
  };
}

/** Answers by path over HTTP/1: see the cases. */
function serve(socket: Socket): void {
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.latin1Slice();
    for (;;) {
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/.exec(text.slice(0, head))?.[1] ?? 0);
      const end = text.includes('transfer-encoding: chunked') ? endOfChunks(text, head) : head + 4 + length;
      const path = text.split(' ')[1];
      if (path === '/early') socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly');
      if (end < 0 || text.length < end) return;
      const request = text.slice(0, end);
      text = text.slice(end);
      if (path !== '/early') respond(socket, path, request);
    }
  });
}

/** Where a body in chunks ends with its trailers, or -1. */
function endOfChunks(text: string, head: number): number {
  const last = text.indexOf('\r\n0\r\n', head);
  const end = last < 0 ? -1 : text.indexOf('\r\n\r\n', last + 3);
  return end < 0 ? -1 : end + 4;
}

function respond(socket: Socket, path: string, request: string): void {
  const body = request.replace(/x-request-id: \S+/, 'x-request-id: ID').replace(/:\d+\r\n/, ':PORT\r\n');
  switch (path) {
    case '/trailers':
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-end: 1\r\n\r\n');
      break;
    case '/empty':
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      break;
    case '/big':
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n${'b'.repeat(200_000)}`);
      break;
    case '/broken':
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      setTimeout(() => socket.destroy(), 50);
      break;
    case '/silent':
      break;
    case '/hints':
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      break;
    case '/connection':
      socket.write(
        'HTTP/1.1 200 OK\r\nconnection: keep-alive, x-own\r\nkeep-alive: 5\r\nx-own: 1\r\ncontent-length: 0\r\n\r\n',
      );
      break;
    default:
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  }
}

function seen({ headers, interim, body, trailers, ending }: Http2Answer): string {
  const { date: _, 'x-envoy-upstream-service-time': __, ...rest } = headers;
  const shown = body.length > 3000 ? `${body.length} bytes` : body;
  return JSON.stringify([rest, interim, shown, trailers, ending]);
}

type Act = (h: Http2Wire, note: (text: string) => void) => Promise<unknown>;

/** Runs each case on a connection of its own. A case answers a stream to wait for, or does its own waiting. */
async function runAll(act: TcpActing, cases: Record<string, Act>, listener?: string): Promise<void> {
  for (const [name, run] of Object.entries(cases)) {
    const h = await new Http2Wire(await act.connect(listener, { patience: 3000 })).start();
    const note = (text: string) => act.note(`${name}: ${text}`);
    const id = await run(h, note);
    if (typeof id === 'number') note(seen(await h.answer(id)));
    if (typeof id === 'number' && h.wire.ending === undefined) {
      // Whether the connection goes on.
      const again = await h.answer(await h.request('GET /again'), 3000);
      note(`then ${again.headers[':status'] ?? again.ending}`);
    }
    h.wire.destroy();
  }
  await eventually(
    'all connections are gone',
    async () => (await act.proxy.stats())['http.in.downstream_cx_active'] === 0,
  );
}

const stats =
  /^(http2\.(?!(nghttp2|goaway))|http\.in\.downstream_(?!.*bytes|rq_rx_bytes))|^cluster\.c\.upstream_rq_(total|2xx|tx_reset)$/;

function subject(cases: Record<string, Act>, manager: Json = {}, lines = 0) {
  return {
    bootstrap: (ports: Record<string, number>) =>
      bootstrap(
        [
          httpListener({
            manager: {
              codec_type: 'AUTO',
              delayed_close_timeout: '0.1s',
              ...log(),
              ...routeConfig([
                { match: { path: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } },
                {
                  match: { path: '/direct/long' },
                  direct_response: { status: 200, body: { inline_string: 'long'.repeat(500) } },
                },
                { match: { path: '/gone' }, direct_response: { status: 404 } },
                routeTo('/', 'c'),
              ]),
              http_protocol_options: { enable_trailers: true },
              ...manager,
            },
          }),
        ],
        [
          staticCluster('c', [ports.c], {
            typed_extension_protocol_options: {
              'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
                'extensions.upstreams.http.v3.HttpProtocolOptions',
                { explicit_http_config: { http_protocol_options: { enable_trailers: true } } },
              ),
            },
          }),
        ],
      ),
    upstreams: { c: serve },
    run: (act: TcpActing) => runAll(act, cases),
    stats,
    lines,
  };
}

test('requests and responses over HTTP/2 pass as through Envoy', async (t) => {
  await compareTcp(
    t,
    subject(
      {
        get: (h) => h.request('GET /x?y=1', { 'user-agent': 'u', cookie: 'a=1' }),
        head: (h) => h.request('HEAD /x'),
        'host in place of authority': (h) => h.request('GET /x', { ':authority': '-', host: 'other.test' }),
        'host beside authority': (h) => h.request('GET /x', { host: 'other.test' }),
        'scheme https': (h) => h.request('GET /x', { ':scheme': 'https' }),
        'te trailers': (h) => h.request('GET /x', { te: 'trailers' }),
        'a body with its length': async (h) => {
          const id = await h.request('POST /x', { 'content-length': '5' }, 0);
          await h.frame(DATA, END_STREAM, id, 'hello');
          return id;
        },
        'a body without a length, with padding': async (h) => {
          const id = await h.request('POST /x', {}, 0);
          await h.frame(DATA, 8, id, '\x03hello\0\0\0');
          await h.frame(DATA, END_STREAM, id, '');
          return id;
        },
        'trailers of a request': async (h) => {
          const id = await h.request('POST /x', {}, 0);
          await h.frame(DATA, 0, id, 'hello');
          await h.frame(HEADERS, END_STREAM | END_HEADERS, id, h.encode([['x-trailer', '1']]));
          return id;
        },
        'trailers of a response': (h) => h.request('GET /trailers'),
        'no content': (h) => h.request('GET /empty'),
        'hop-by-hop fields of a response': (h) => h.request('GET /connection'),
        'a direct response': (h) => h.request('GET /direct'),
        'a direct response without a body': (h) => h.request('GET /gone'),
        'a large response': async (h) => {
          await h.frame(WINDOW_UPDATE, 0, 0, Buffer.from([0, 16, 0, 0]));
          const id = await h.request('GET /big');
          await h.frame(WINDOW_UPDATE, 0, id, Buffer.from([0, 16, 0, 0]));
          return id;
        },
        'expect: 100-continue': async (h) => {
          const id = await h.request('POST /x', { expect: '100-continue' }, 0);
          assert.ok(await h.saw(/:status":"100"/));
          await h.frame(DATA, END_STREAM, id, 'hello');
          return id;
        },
        'a response that breaks off': (h) => h.request('GET /broken'),
        'an answer before the request is whole': async (h) => {
          const id = await h.request('POST /direct', {}, 0);
          await h.saw(/RST_STREAM/);
          return id;
        },
        'OPTIONS *': (h) => h.request('OPTIONS *'),
        'CONNECT without a route for it': async (h) => {
          const id = await h.request('CONNECT /', { ':scheme': '-', ':path': '-' }, 0);
          await h.saw(/RST_STREAM/);
          return id;
        },
        'two at a time': async (h, note) => {
          const ids = [await h.request('POST /x', {}, 0), await h.request('POST /x', {}, 0)];
          for (const id of ids.toReversed()) await h.frame(DATA, END_STREAM, id, `body of ${id}`);
          for (const id of ids) note(seen(await h.answer(id)));
          return undefined;
        },
        'a header block in pieces': async (h) => {
          const block = h.encode([
            [':method', 'GET'],
            [':scheme', 'http'],
            [':authority', 'a'],
            [':path', '/x'],
          ]);
          await h.frame(HEADERS, END_STREAM, 1, block.subarray(0, 5));
          await h.frame(CONTINUATION, END_HEADERS, 1, block.subarray(5));
          h.nextId = 3;
          return 1;
        },
      },
      {},
      44,
    ),
  );
});

/** Ends with the fate of the connection. */
const fate =
  (send: (h: Http2Wire) => Promise<unknown>): Act =>
  async (h, note) => {
    await send(h);
    note(await h.closed());
  };

const reset = (h: Http2Wire, id: number) => h.frame(RST_STREAM, 0, id, '\0\0\0\x08');

const bad: Record<string, Act> = {
  'a name in upper case': (h) => h.request('GET /', { 'X-A': '1' }),
  'a control in a value': (h) => h.request('GET /', { 'x-a': 'a\x01b' }),
  'a space before a value': (h) => h.request('GET /', { 'x-a': ' b' }),
  'no path': (h) => h.request('GET /', { ':path': '-' }),
  'an empty path': (h) => h.request('GET /', { ':path': '' }),
  'no authority': (h) => h.request('GET /', { ':authority': '-' }),
  'a bad authority': (h) => h.request('GET /', { ':authority': 'a b' }),
  'no scheme': (h) => h.request('GET /', { ':scheme': '-' }),
  'a relative path': (h) => h.request('GET x'),
  'extended CONNECT that is not allowed': (h) => h.request('CONNECT /', { ':protocol': 'websocket' }, 0),
  'connection: close': (h) => h.request('GET /', { connection: 'close' }),
  'transfer-encoding': (h) => h.request('GET /', { 'transfer-encoding': 'chunked' }),
  'te: gzip': (h) => h.request('GET /', { te: 'gzip' }),
  'a length without a body': (h) => h.request('GET /', { 'content-length': '4' }),
  'too many headers': (h) =>
    h.request('GET /', Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1']))),
  'pseudo headers in trailers': async (h) => {
    const id = await h.request('POST /silent', {}, 0);
    await h.frame(HEADERS, END_STREAM | END_HEADERS, id, h.encode([[':path', '/']]));
    return id;
  },
};

test('a message of HTTP/2 that breaks a rule ends its connection as with Envoy', async (t) => {
  const ends = Object.fromEntries(
    Object.entries(bad).map(([name, act]): [string, Act] => [
      name,
      async (h, note) => {
        const id = (await act(h, note)) as number;
        const { headers, ending } = await h.answer(id);
        note(`${headers[':status']} ${ending === 'end' || ending === 'InternalError' ? ending : await h.closed()}`);
      },
    ]),
  );
  await compareTcp(t, subject(ends, {}, Object.keys(bad).length));
});

test('or its stream alone, where the configuration says so', async (t) => {
  await compareTcp(t, subject(bad, { stream_error_on_invalid_http_message: true }));
});

test('frames of HTTP/2 that break a rule end the connection as with Envoy', async (t) => {
  const many = (count: number, one: Buffer) => Buffer.concat(Array.from({ length: count }, () => one));
  await compareTcp(
    t,
    subject({
      'DATA on an idle stream': fate((h) => h.frame(DATA, 0, 1, 'x')),
      'DATA on stream 0': fate((h) => h.frame(DATA, 0, 0, 'x')),
      'a block that HPACK cannot read': fate((h) => h.frame(HEADERS, 5, 1, '\x80')),
      'a frame that is too large': fate((h) => h.frame(DATA, 0, 1, Buffer.alloc(17_000))),
      'RST_STREAM on an idle stream': fate((h) => reset(h, 1)),
      'a window that overflows': fate((h) => h.frame(WINDOW_UPDATE, 0, 0, '\x7f\xff\xff\xff')),
      'an even stream': fate((h) => h.frame(HEADERS, 5, 2, '\x82')),
      'a flood of PRIORITY': fate((h) => h.wire.send(many(1200, frame(PRIORITY, 0, 1, '\0\0\0\x05\0')))),
      'a flood of WINDOW_UPDATE': fate((h) => h.wire.send(many(1200, frame(WINDOW_UPDATE, 0, 0, '\0\0\0\x01')))),
      'a flood of empty DATA': fate(async (h) => {
        const id = await h.request('POST /silent', {}, 0);
        await h.answer(await h.request('GET /x'));
        await h.wire.send(many(10, frame(DATA, 0, id)));
      }),
      'many PINGs that are read': async (h, note) => {
        await h.wire.send(many(800, frame(PING, 0, 0, '12345678')));
        await h.answer(await h.request('GET /x'));
        note(`${h.frames.filter((line) => line === 'PING 0 ack').length} answered`);
      },
    }),
  );
});

test('streams that end early count and are logged as by Envoy', async (t) => {
  await compareTcp(
    t,
    subject(
      {
        'reset by the client': async (h) => {
          const id = await h.request('POST /silent', {}, 0);
          await h.answer(await h.request('GET /x'));
          await reset(h, id);
          return h.request('GET /x');
        },
        'reset after the request is whole': async (h, note) => {
          const id = await h.request('GET /silent');
          await h.answer(await h.request('GET /x'));
          await reset(h, id);
          note(seen(await h.answer(await h.request('GET /x'))));
        },
        'the client closes': async (h) => {
          await h.request('POST /silent', {}, 0);
          await h.answer(await h.request('GET /x'));
          h.wire.destroy();
        },
      },
      {},
      9,
    ),
  );
});

test('a client that opens streams only to reset them is cut off as by Envoy', async (t) => {
  await compareTcp(
    t,
    subject({
      'rapid resets': fate(async (h) => {
        const all: Buffer[] = [];
        const block = (i: number) =>
          h.encode([
            [':method', 'GET'],
            [':scheme', 'http'],
            [':authority', 'a'],
            [':path', i < 0 ? '/' : '/silent'],
          ]);
        for (let id = 1; id < 1200; id += 2)
          all.push(frame(HEADERS, END_HEADERS, id, block(id)), frame(RST_STREAM, 0, id, '\0\0\0\x08'));
        await h.wire.send(Buffer.concat(all));
      }),
    }),
  );
});

test('limits of a connection are kept as by Envoy', async (t) => {
  const cases: Record<string, Act> = {
    'the last request of a connection': async (h, note) => {
      for (let i = 0; i < 2; i++) note(seen(await h.answer(await h.request('GET /x'))));
      assert.ok(await h.saw(/GOAWAY/));
      note(h.frames.filter((line) => line.startsWith('GOAWAY')).join());
      note(await h.closed());
    },
  };
  await compareTcp(
    t,
    subject(cases, { common_http_protocol_options: { max_requests_per_connection: 2 }, drain_timeout: '0.3s' }),
  );
  await compareTcp(
    t,
    subject(
      {
        'an idle connection': async (h, note) => {
          note(seen(await h.answer(await h.request('GET /x'))));
          note(await h.closed());
          h.parse();
          note(h.frames.filter((line) => line.startsWith('GOAWAY')).join());
        },
      },
      { common_http_protocol_options: { idle_timeout: '0.2s' }, drain_timeout: '0.3s' },
    ),
  );
  await compareTcp(
    t,
    subject(
      {
        'a stream that does not move': (h) => h.request('GET /silent'),
        'a response whose window stays closed': async (h) => {
          await h.frame(SETTINGS, 0, 0, '\0\x04\0\0\0\x64');
          return h.request('GET /direct/long');
        },
        'a request that does not come': async (h) => {
          const id = await h.request('POST /silent', {}, 0);
          await h.saw(/RST_STREAM/);
          return id;
        },
      },
      { stream_idle_timeout: '0.2s' },
      6,
    ),
  );
  await compareTcp(
    t,
    subject(
      { 'a name with an underscore': (h) => h.request('GET /x', { a_b: '1' }) },
      { common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' } },
    ),
  );
});
