/** Tunnels: upgrades between HTTP/1.1 and HTTP/2, CONNECT that is passed on, and CONNECT that ends at the proxy. */
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import { bootstrap, http2Cluster, httpListener, type Json, routeConfig, staticCluster } from '#testing/bootstrap.ts';
import { byPath2, respond } from '#testing/http2-behaviours.ts';
import type { Http2Behaviour } from '#testing/http2-upstream.ts';
import { DATA, END_STREAM, Http2Wire } from '#testing/http2-wire.ts';
import type { Behaviour } from '#testing/start-upstream.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Acting, type Case, get, request } from './subject.ts';

const PATIENCE = 1000;
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n';

/** Agrees, and sends back what it gets. */
const echoing =
  (head: string): Behaviour =>
  async (exchange) => {
    exchange.socket.on('data', (bytes: Buffer) => exchange.socket.write(bytes));
    exchange.socket.on('end', () => exchange.socket.end('bye'));
    await exchange.write(head);
    await exchange.gone;
  };
const echoing2: Http2Behaviour = async ({ stream, gone }) => {
  stream.respond({ ':status': 200, 'x-up': '1' });
  stream.on('data', (bytes: Buffer) => stream.write(bytes));
  stream.on('end', () => stream.end('bye'));
  await gone;
};
const refusing =
  (status: number): Http2Behaviour =>
  (exchange) =>
    respond(exchange, { status, body: 'no' });

const upstream1 = byPath({
  '/ws': echoing(AGREED),
  '/no': answer({ status: 404, body: 'no' }),
  '/200': answer({ status: 200, body: 'no' }),
  'echo:1': echoing('HTTP/1.1 200 OK\r\n\r\n'),
  'length:1': echoing('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'),
  'no:1': answer({ status: 403, body: 'no' }),
  'redirect:1': answer({ status: 302, headers: { location: '/' } }),
});
const upstream2 = byPath2({
  '/ws': echoing2,
  '/no': refusing(404),
  '/200-end': ({ stream }) => stream.respond({ ':status': 200 }, { endStream: true }),
  '/204': refusing(204),
  '/reset': ({ stream }) => stream.close(8),
  '/ends': ({ stream }) => {
    stream.respond({ ':status': 200 });
    stream.end('last words');
  },
  'echo:1': echoing2,
  'no:1': refusing(403),
});

const UPGRADES = { upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'CONNECT' }] };
const HTTP2 = { http2_protocol_options: { allow_connect: true } };
const MATCHES = [{ connect_matcher: {} }, { prefix: '/' }];
const to = (cluster: string, action: Json = {}): Json =>
  routeConfig(MATCHES.map((match) => ({ match, route: { cluster, ...action } })));
const END_HERE = { upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: { allow_post: true } }] };

const LISTENERS: Record<string, Json> = {
  'to 1': { ...UPGRADES, ...HTTP2, ...to('one') },
  'to 2': { ...UPGRADES, ...HTTP2, ...to('two') },
  'ends here': { ...UPGRADES, ...HTTP2, ...to('tcp', END_HERE) },
  'ends here, nobody': { ...UPGRADES, ...HTTP2, ...to('nobody', END_HERE) },
  'idle timeout': { ...UPGRADES, ...HTTP2, stream_idle_timeout: '0.3s', ...to('tcp', END_HERE) },
  'not allowed': { ...HTTP2, ...to('one') },
  'allowed by route': { ...HTTP2, ...to('one', { upgrade_configs: [{ upgrade_type: 'CONNECT' }] }) },
};

async function until(wire: WireClient, seen: (received: string) => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!seen(wire.received) && wire.ending === undefined && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 2));
}

const cases: Case[] = [];

/** A client of HTTP/1.1: asks, and where it is told yes, sends a word, waits for it, and ends. */
function over1(
  listener: string,
  name: string,
  bytes: string,
  use?: (wire: WireClient, act: Acting) => Promise<void>,
): void {
  cases.push({
    name: `${listener}: ${name}`,
    listener,
    methods: [bytes.split(' ', 1)[0]],
    probe: false,
    send: async (wire, act) => {
      await wire.send(bytes);
      await until(wire, (received) => received.includes('\r\n\r\n'));
      if (!/^HTTP\/1.1 (101|200)/.test(wire.received) || wire.ending !== undefined) return;
      if (use !== undefined) return await use(wire, act);
      await wire.send('ping');
      await until(wire, (received) => received.endsWith('ping'));
      wire.end();
      act.note(await wire.closed().catch(() => 'silent'));
    },
  });
}

/** The same over HTTP/2. */
function over2(listener: string, name: string, line: string, fields: Record<string, string>): void {
  cases.push({
    name: `${listener}: ${name} over HTTP/2`,
    listener,
    methods: [],
    probe: false,
    send: async (wire, { note }) => {
      const http2 = await new Http2Wire(wire).start();
      const id = await http2.request(line, fields, 0);
      await http2.saw(new RegExp(`^(HEADERS|RST_STREAM) ${id}`));
      const answer = http2.stream(id);
      if (answer.headers[':status'] === '200' && answer.ending === 'open') {
        await http2.frame(DATA, 0, id, 'ping');
        await http2.saw(new RegExp(`^DATA ${id} 4`), PATIENCE);
        await http2.frame(DATA, END_STREAM, id, '');
      }
      const { headers, body, ending } = await http2.answer(id, PATIENCE);
      const { date: _date, 'x-envoy-upstream-service-time': _time, ...rest } = headers;
      // Envoy also says that the rest of the request is not needed.
      note(JSON.stringify([rest, body, ending === 'NoError' ? 'end' : ending]));
      wire.destroy();
    },
  });
}

const UPGRADE = ['connection: Upgrade', 'upgrade: websocket'];
const ASK = { ':protocol': 'websocket', 'sec-websocket-version': '13' };
const connect = (target: string): string => request(`CONNECT ${target} HTTP/1.1`, [`host: ${target}`]);
const CONNECT = { ':scheme': '-', ':path': '-' };

for (const path of ['/ws', '/no', '/200-end', '/204', '/reset', '/ends']) over1('to 2', path, get(path, ...UPGRADE));
for (const path of ['/ws', '/no', '/200']) over2('to 1', path, `CONNECT ${path}`, ASK);
for (const path of ['/ws', '/no', '/reset', '/ends']) over2('to 2', path, `CONNECT ${path}`, ASK);
for (const target of ['echo:1', 'length:1', 'no:1', 'redirect:1']) over1('to 1', `CONNECT ${target}`, connect(target));
for (const target of ['echo:1', 'no:1']) {
  over1('to 2', `CONNECT ${target}`, connect(target));
  over2('to 1', `CONNECT ${target}`, 'CONNECT /', { ...CONNECT, ':authority': target });
  over2('to 2', `CONNECT ${target}`, 'CONNECT /', { ...CONNECT, ':authority': target });
}
for (const listener of ['ends here', 'ends here, nobody', 'not allowed', 'allowed by route']) {
  over1(listener, 'CONNECT', connect('echo:1'));
  over2(listener, 'CONNECT', 'CONNECT /', { ...CONNECT, ':authority': 'echo:1' });
}
over2('ends here', 'POST', 'POST /post', {});
over1('idle timeout', 'CONNECT', connect('echo:1'), async (wire, { note }) =>
  note(await wire.closed().catch(() => 'silent')),
);

/** Speaks no HTTP: what it gets it sends back, and at the end a word of its own. */
async function startEcho(t: TestContext): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => socket.end('bye'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const RESET = { end: 'a tunnel that the upstream ends is ended, not reset', notes: 'the same' };
const LENGTH = 'a tunnel has no length (RFC 9110, section 9.3.6)';
const LAST_WORDS = { notes: "what the upstream says after the client's end still reaches it", log: 'the same' };

test('tunnels are made, refused and ended as by Envoy', async (t) => {
  const echo = await startEcho(t);
  await compare(t, {
    upstreams: { one: upstream1 },
    http2Upstreams: { two: { behaviour: upstream2, settings: { enableConnectProtocol: true } } },
    bootstrap: ({ one, two }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, manager]) => httpListener({ name, manager })),
        [
          staticCluster('one', [one]),
          http2Cluster('two', [two], { allow_connect: true }),
          staticCluster('tcp', [echo]),
          staticCluster('nobody', [1]),
        ],
      ),
    connect: { patience: PATIENCE },
    counters:
      /^http\.in\.(downstream_rq_(\dxx|total|ws\w*|active)|downstream_cx_upgrades\w*)$|^cluster\.\w+\.upstream_rq_(\dxx|total|active|\d+)$/,
    cases,
    explained: {
      'to 2: /200-end': RESET,
      'to 2: /ends': RESET,
      'to 1: CONNECT length:1': { responses: LENGTH, rest: LENGTH, end: LENGTH },
      'to 1: CONNECT echo:1 over HTTP/2': LAST_WORDS,
      'allowed by route: CONNECT over HTTP/2': LAST_WORDS,
      'ends here, nobody: CONNECT over HTTP/2': { notes: 'after its answer Envoy also resets the stream' },
    },
  });
});
