/** Upgrades of a connection to another protocol: which are let through, what the upstream is told, and how a tunnel ends. */
import { test } from 'node:test';
import { answer, byPath, hang, raw, rawAndEnd } from '#testing/behaviours.ts';
import { bookstoreDescriptors } from '#testing/bookstore.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  routerFilter,
  routeTo,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import type { Behaviour } from '#testing/start-upstream.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const WEBSOCKET = [{ upgrade_type: 'websocket' }];

const LISTENERS: Record<string, Json> = {
  plain: {},
  websocket: { upgrade_configs: WEBSOCKET },
  'several types': { upgrade_configs: [{ upgrade_type: 'WebSocket' }, { upgrade_type: 'tcp' }] },
  'off by default': { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] },
  'on by route': routeConfig([routeTo('/', 'c', { upgrade_configs: WEBSOCKET })]),
  'off by default, on by route': {
    upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }],
    ...routeConfig([routeTo('/', 'c', { upgrade_configs: [{ upgrade_type: 'websocket', enabled: true }] })]),
  },
  'off by route': {
    upgrade_configs: WEBSOCKET,
    ...routeConfig([routeTo('/', 'c', { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] })]),
  },
  'no route': { upgrade_configs: WEBSOCKET, ...routeConfig([routeTo('/here', 'c')]) },
  'no route, no upgrade': routeConfig([routeTo('/here', 'c')]),
  ignored: {
    upgrade_configs: WEBSOCKET,
    http_protocol_options: { ignore_http_11_upgrade: [{ prefix: 'TLS/' }, { exact: 'foo' }] },
  },
  'accepts 1.0': { upgrade_configs: WEBSOCKET, http_protocol_options: { accept_http_10: true } },
  'route timeout': { upgrade_configs: WEBSOCKET, ...routeConfig([routeTo('/', 'c', { timeout: '0.3s' })]) },
  'idle timeout': { upgrade_configs: WEBSOCKET, stream_idle_timeout: '0.3s' },
  'request timeout': { upgrade_configs: WEBSOCKET, request_timeout: '0.3s' },
  retries: {
    upgrade_configs: WEBSOCKET,
    ...routeConfig([routeTo('/', 'c', { retry_policy: { retry_on: '5xx', num_retries: 2 } })]),
  },
  'longest stream': {
    upgrade_configs: WEBSOCKET,
    common_http_protocol_options: { max_stream_duration: '0.3s' },
  },
};

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\n';
const AGREED = `${SWITCHING}connection: Upgrade\r\nupgrade: websocket\r\n`;

/** Agrees, and sends back what it gets. */
const echoing =
  (head = `${AGREED}\r\n`): Behaviour =>
  async (exchange) => {
    exchange.socket.on('data', (bytes: Buffer) => exchange.socket.write(bytes));
    await exchange.write(head);
    await exchange.gone;
  };

const upstream = byPath({
  '/': answer('plain'),
  '/ws': echoing(),
  '/bytes-at-once': echoing(`${AGREED}\r\nhello`),
  '/more-fields': echoing(`${AGREED}sec-websocket-accept: x\r\nx-up: 1\r\nserver: theirs\r\n\r\n`),
  '/other-type': echoing(`${SWITCHING}connection: upgrade\r\nupgrade: other\r\n\r\n`),
  '/no-fields': echoing(`${SWITCHING}\r\n`),
  '/length': echoing(`${AGREED}content-length: 0\r\n\r\n`),
  '/chunked': echoing(`${AGREED}transfer-encoding: chunked\r\n\r\n`),
  '/ends': rawAndEnd(`${AGREED}\r\nlast words`),
  '/no': answer({ status: 404, body: 'none here' }),
  '/redirect': answer({ status: 302, headers: { location: '/ws' } }),
  '/unavailable': answer({ status: 503, body: 'not now' }),
  '/426': raw(
    'HTTP/1.1 426 Upgrade Required\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 3\r\n\r\nold',
  ),
  '/200-upgrade': raw('HTTP/1.1 200 OK\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 4\r\n\r\nfine'),
  '/hang': hang,
});

const UPGRADE = ['connection: Upgrade', 'upgrade: websocket'];

/** Every request that is sent as it stands. */
const REQUESTS: Record<string, string> = {
  'not agreed to': get('/', ...UPGRADE),
  'not found': get('/no', ...UPGRADE),
  redirected: get('/redirect', ...UPGRADE),
  'refused with the upgrade named': get('/426', ...UPGRADE),
  'answered 200 with the upgrade named': get('/200-upgrade', ...UPGRADE),
  unavailable: get('/unavailable', ...UPGRADE),
  'agreed, with no fields': get('/no-fields', ...UPGRADE),
  'type in upper case': get('/no', 'connection: UPGRADE', 'upgrade: WebSocket'),
  'kept alive besides': get('/no', 'connection: keep-alive, Upgrade', 'upgrade: websocket'),
  'to be closed besides': get('/no', 'connection: close, Upgrade', 'upgrade: websocket'),
  'a header named besides': get('/no', 'connection: upgrade, x-hop', 'upgrade: websocket', 'x-hop: 1'),
  'two types': get('/no', 'connection: upgrade', 'upgrade: websocket, tcp'),
  'a type that nobody allows': get('/no', 'connection: upgrade', 'upgrade: foo'),
  TLS: get('/no', 'connection: upgrade', 'upgrade: TLS/1.2'),
  'TLS or websocket': get('/no', 'connection: upgrade', 'upgrade: TLS/1.2, websocket'),
  'with a body': post('/no', 'abc', ...UPGRADE),
  'by HEAD': request('HEAD /no HTTP/1.1', ['host: a', ...UPGRADE]),
  'by POST': request('POST /no HTTP/1.1', ['host: a', ...UPGRADE]),
  'of HTTP/1.0': request('GET /no HTTP/1.0', ['host: a', ...UPGRADE]),
  'with a request behind it': get('/no', ...UPGRADE) + get('/'),
};

const cases: Case[] = Object.entries(REQUESTS).map(([name, send]) => ({
  name,
  listener: 'websocket',
  methods: [send.split(' ', 1)[0]],
  send,
}));
function also(listener: string, ...names: string[]): void {
  for (const name of names) cases.push({ name: `${listener}: ${name}`, listener, send: REQUESTS[name] });
}
for (const listener of Object.keys(LISTENERS).slice(2, 9)) also(listener, 'not found', 'type in upper case');
also('several types', 'two types', 'with a body');
also('ignored', 'TLS', 'TLS or websocket', 'a type that nobody allows', 'not found');
also('accepts 1.0', 'of HTTP/1.0');
also('retries', 'unavailable', 'not found');

/** Milliseconds that a case waits for bytes, which are compared in the end. */
const PATIENCE = 1000;

async function until(wire: WireClient, seen: (received: string) => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!seen(wire.received) && wire.ending === undefined && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 2));
}
const upgraded = (wire: WireClient) => until(wire, (received) => received.includes('\r\n\r\n'));

function tunnel(
  name: string,
  path: string,
  use: Case['send'] & object,
  listener = 'websocket',
  type = 'websocket',
): void {
  cases.push({
    name,
    listener,
    probe: false,
    send: async (wire, act) => {
      await wire.send(get(path, 'connection: Upgrade', `upgrade: ${type}`));
      await use(wire, act);
    },
  });
}
/** Sends a word and waits for it to come back. */
async function pingPong(wire: WireClient): Promise<void> {
  await wire.send('ping');
  await until(wire, (received) => received.endsWith('ping'));
}
/** Notes how the proxy ends the connection. */
const noteEnding: Case['send'] & object = async (wire, { note }) => note(await wire.closed().catch(() => 'silent'));

for (const path of ['/ws', '/bytes-at-once', '/more-fields', '/other-type', '/length', '/chunked']) {
  tunnel(`a tunnel of ${path}, ended by the client`, path, async (wire, act) => {
    await upgraded(wire);
    await pingPong(wire);
    wire.end();
    await noteEnding(wire, act);
  });
}
tunnel(
  'a tunnel of another type',
  '/ws',
  async (wire, act) => {
    await upgraded(wire);
    await pingPong(wire);
    wire.end();
    await noteEnding(wire, act);
  },
  'several types',
  'tcp',
);
tunnel('a tunnel that the upstream ends', '/ends', noteEnding);
tunnel('a tunnel that the client resets', '/ws', async (wire) => {
  await upgraded(wire);
  await pingPong(wire);
  wire.reset();
});
tunnel('a tunnel that the upstream resets', '/ws', async (wire, act) => {
  await upgraded(wire);
  await pingPong(wire);
  act.upstreams.c.resetAll();
  await noteEnding(wire, act);
});
tunnel('bytes before the answer', '/ws', async (wire, act) => {
  await wire.send('early');
  await until(wire, (received) => received.endsWith('early'));
  wire.end();
  await noteEnding(wire, act);
});
for (const listener of ['route timeout', 'request timeout']) {
  tunnel(
    `a ${listener} does not end a tunnel`,
    '/ws',
    async (wire, act) => {
      await upgraded(wire);
      await new Promise((resolve) => setTimeout(resolve, 600));
      await pingPong(wire);
      wire.end();
      await noteEnding(wire, act);
    },
    listener,
  );
}
tunnel(
  'an idle tunnel is ended',
  '/ws',
  async (wire, act) => {
    await upgraded(wire);
    await noteEnding(wire, act);
  },
  'idle timeout',
);
tunnel(
  'the longest duration of a stream ends a tunnel',
  '/ws',
  async (wire, act) => {
    await upgraded(wire);
    await noteEnding(wire, act);
  },
  'longest stream',
);
for (const listener of ['route timeout', 'request timeout', 'idle timeout', 'longest stream']) {
  cases.push({ name: `${listener}: no answer to an upgrade`, listener, send: get('/hang', ...UPGRADE) });
}

const PLAIN = 'an answer that does not switch protocols is a plain response, whatever its fields say';
const BODY = {
  responses: 'the body is part of the request that asks for the upgrade: it is sent before the answer is waited for',
  end: 'the same',
  upstream: 'the same',
  log: 'the same',
};
const explained = {
  'refused with the upgrade named': { 'responses[0].headers': PLAIN, end: PLAIN, log: PLAIN },
  'answered 200 with the upgrade named': { 'responses[0].headers': PLAIN, end: PLAIN },
  'agreed, with no fields': {
    responses: 'an upstream must name the protocol that it switches to (RFC 9110, section 7.8)',
    log: 'the same',
  },
  'a header named besides': {
    'upstream[0].headers.x-hop': 'what Connection names ends here (RFC 9110, section 7.6.1), beside an upgrade too',
  },
  'with a body': BODY,
  'several types: with a body': BODY,
  'with a request behind it': { log: 'what nobody looked at was not received' },
  'a tunnel of /chunked, ended by the client': { notes: 'Envoy did not read what the client sent after the refusal' },
  counters: {
    'cluster.c.upstream_cx_destroy_local': 'upstreams that wait for a body which Envoy holds back close first',
    'cluster.c.upstream_cx_destroy_remote': 'the same',
    'cluster.c.upstream_cx_destroy_local_with_active_rq': 'a request that asks for an upgrade ends like any other here',
    'cluster.c.upstream_cx_destroy_remote_with_active_rq': 'the same',
    'cluster.c.upstream_cx_destroy_with_active_rq': 'the same',
    'cluster.c.upstream_cx_protocol_error': 'the refusal of a switch to no protocol',
    'cluster.c.upstream_rq_101': 'the same',
    'cluster.c.upstream_rq_1xx': 'the same',
    'cluster.c.upstream_rq_502': 'the same',
    'cluster.c.upstream_rq_404': 'the requests with a body',
    'cluster.c.upstream_rq_4xx': 'the same',
    'cluster.c.upstream_rq_503': 'the same',
    'cluster.c.upstream_rq_5xx': 'the same',
    'http.several_types.downstream_rq_4xx': 'the same',
    'http.several_types.downstream_rq_5xx': 'the same',
    'http.websocket.downstream_cx_rx_bytes_total': 'all of these',
    'http.websocket.downstream_rq_1xx': 'the same',
    'http.websocket.downstream_rq_4xx': 'the same',
    'http.websocket.downstream_rq_tx_reset': 'the same',
  },
};

test('upgrades are let through, refused and ended as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, manager]) =>
          httpListener({ name, manager: { ...manager, stat_prefix: name.replaceAll(/\W/g, '_') } }),
        ),
        [staticCluster('c', [c])],
      ),
    connect: { patience: PATIENCE },
    counters:
      /^http\.(?!admin)[^.]+\.downstream_(rq|cx)_((?!length|time|tx_bytes).)*$|^cluster\.c\.upstream_(cx_(total|active|destroy.*|protocol_error|close_notify)|rq_((?!time).)*)$/,
    cases,
    explained,
  });
});

test('an upgrade with filters of its own passes through these alone, as by Envoy', async (t) => {
  const refusing: Json = {
    name: 'envoy.filters.http.grpc_json_transcoder',
    typed_config: typed('extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder', {
      proto_descriptor_bin: Buffer.from(bookstoreDescriptors()).toString('base64'),
      services: ['test.Bookstore'],
      request_validation_options: { reject_unknown_method: true },
    }),
  };
  await compare(t, {
    upstreams: { c: byPath({ '/': answer('plain') }) },
    bootstrap: ({ c }) =>
      bootstrap(
        [
          httpListener({
            manager: {
              ...routeConfig([routeTo('/', 'c')]),
              upgrade_configs: [
                { upgrade_type: 'websocket', filters: [refusing, routerFilter()] },
                { upgrade_type: 'other' },
              ],
            },
          }),
        ],
        [staticCluster('c', [c])],
      ),
    cases: [
      { name: 'no upgrade', send: get('/') },
      { name: 'an upgrade with filters', send: get('/', 'Connection: upgrade', 'Upgrade: WebSocket'), probe: false },
      { name: 'an upgrade without', send: get('/', 'Connection: upgrade', 'Upgrade: other'), probe: false },
    ],
  });
});
