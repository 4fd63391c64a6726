/** How many connections to HTTP/2 upstreams there are, what is spoken on them, and when they go. */
import { test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  upstreamTls,
  withRoutes,
} from '#testing/bootstrap.ts';
import { certificate } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { answer2, byPath2, hang2 } from '#testing/http2-behaviours.ts';
import { Http2Wire } from '#testing/http2-wire.ts';
import { frame } from '#testing/recorded-session.ts';
import { compare } from './compare.ts';
import { alike } from './compare-tcp.ts';
import { type Case, get } from './subject.ts';

const COUNTERS =
  /^cluster\.\w+\.(upstream_rq_(total|active|pending\w*|cancelled|tx_reset|rx_reset|active_overflow)|upstream_cx_(total|active|http\d_total|destroy\w*|max_requests|idle_timeout|overflow|close_notify|max_duration_reached)|http2\.(streams_active|keepalive_timeout|tx_reset|rx_reset))$/;

const explicit = (http2: Json, common: Json = {}): Json =>
  httpProtocolOptions({
    explicit_http_config: { http2_protocol_options: http2 },
    common_http_protocol_options: common,
  });
const limits = (thresholds: Json): Json => ({ circuit_breakers: { thresholds: [thresholds] } });

const CLUSTERS: Record<string, Json> = {
  plain: explicit({}),
  'two streams': explicit({ max_concurrent_streams: 2 }),
  'two requests': explicit({}, { max_requests_per_connection: 2 }),
  'idle timeout': explicit({}, { idle_timeout: '0.2s' }),
  'max duration': explicit({}, { max_connection_duration: '0.2s' }),
  'one connection': {
    ...explicit({ max_concurrent_streams: 1 }),
    ...limits({ max_connections: 1, max_pending_requests: 1 }),
  },
  'two at a time': { ...explicit({}), ...limits({ max_requests: 2 }) },
  preconnected: { ...explicit({ max_concurrent_streams: 1 }), preconnect_policy: { per_upstream_preconnect_ratio: 2 } },
};

/** So many requests at a time, each on a connection of its own, of which none is answered; then how many connections there are. */
function together(cluster: string, count: number): Case {
  return {
    name: `${cluster}: ${count} at a time`,
    send: async (wire, { connect, proxy, http2Upstreams, note }) => {
      const name = cluster.replaceAll(' ', '_');
      const active = 'http.in.downstream_rq_active';
      const before = await proxy.stat(active);
      for (let i = 1; i <= count; i++) {
        const other = await connect();
        await other.send(get(`/${name}/hang`));
        await eventually('it is under way, or refused', async () => {
          return other.rest !== '' || (await proxy.stat(active)) === before + i;
        });
        if (i === 1) await proxy.statBecomes(`cluster.${name}.upstream_rq_active`, 1);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      note(`${http2Upstreams[name].open} connections`);
      await wire.send(get(`/${name}/fine`));
    },
    probe: false,
  };
}

function inTurn(cluster: string, count: number, pause = 0): Case {
  const name = cluster.replaceAll(' ', '_');
  return {
    name: `${cluster}: ${count} in turn`,
    send: async (wire, { http2Upstreams, note }) => {
      const before = http2Upstreams[name].connections;
      for (let i = 0; i < count; i++) {
        await wire.send(get(`/${name}/fine`));
        await wire.response();
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      }
      note(`${http2Upstreams[name].connections - before} new connections`);
      await wire.send(get(`/${name}/fine`));
    },
  };
}

/** They are one each, as their upstreams see. */
const TWICE = 'Envoy counts a connection again when ALPN has chosen';

test('connections to HTTP/2 upstreams come and go as with Envoy', async (t) => {
  const names = Object.keys(CLUSTERS).map((name) => name.replaceAll(' ', '_'));
  await compare(t, {
    http2Upstreams: Object.fromEntries(
      names.map((name) => [name, { behaviour: byPath2({ '/': answer2('fine'), [`/${name}/hang`]: hang2 }) }]),
    ),
    bootstrap: (ports) =>
      withRoutes(
        names.map((name) => routeTo(`/${name}`, name)).concat(routeTo('/', 'plain')),
        Object.values(CLUSTERS).map((more, i) => staticCluster(names[i], [ports[names[i]]], more)),
      ),
    connect: { patience: 500 },
    // All clients go at once in the end: whether one that waits for the only connection gets it first is by chance.
    counters: new RegExp(COUNTERS.source.replace('\\w+', '(?!one_connection)\\w+')),
    cases: [
      inTurn('plain', 5),
      inTurn('two requests', 5),
      inTurn('idle timeout', 2, 400),
      inTurn('max duration', 2, 400),
      together('plain', 4),
      together('two streams', 5),
      together('one connection', 3),
      together('two at a time', 3),
      together('preconnected', 2),
    ],
  });
});

test('limits that the upstream itself sets are kept by another connection', async (t) => {
  await compare(t, {
    http2Upstreams: {
      c: { behaviour: byPath2({ '/': answer2('fine'), '/c/hang': hang2 }), settings: { maxConcurrentStreams: 2 } },
    },
    bootstrap: ({ c }) => withRoutes([routeTo('/', 'c')], [staticCluster('c', [c], explicit({}))]),
    connect: { patience: 500 },
    counters: COUNTERS,
    cases: [together('c', 5)],
  });
});

const { cert, key } = certificate({ commonName: 'up.test', names: ['DNS:up.test'] });
const auto = (more: Json = {}): Json => ({
  ...httpProtocolOptions({ explicit_http_config: undefined, auto_config: {}, ...more }),
  ...upstreamTls({}),
});

test('what is spoken is chosen by ALPN, or is what the client speaks, as by Envoy', async (t) => {
  const tls = { cert, key };
  const subject: Case[] = [
    { name: 'HTTP/1.1 to auto 1', send: get('/auto1') },
    { name: 'HTTP/1.1 to auto 2', send: get('/auto2') },
    { name: 'HTTP/1.1 to none', send: get('/none') },
    { name: 'HTTP/1.1 to downstream 1', send: get('/same1') },
    ...['/auto1', '/auto2', '/same2'].map(
      (path) =>
        ({
          name: `HTTP/2 to ${path}`,
          methods: [],
          probe: false,
          send: async (wire, { note }) => {
            const h = await new Http2Wire(wire).start();
            const { headers, body } = await h.answer(await h.request(`GET ${path}`));
            note(`${headers[':status']} ${body}`);
            wire.destroy();
          },
        }) satisfies Case,
    ),
  ];
  await compare(t, {
    upstreams: {
      one: { behaviour: byPath({ '/': answer('one') }), tls: { ...tls, ALPNProtocols: ['http/1.1'] } },
      none: { behaviour: byPath({ '/': answer('none') }), tls },
      plain: byPath({ '/': answer('plain one') }),
    },
    http2Upstreams: {
      two: { behaviour: answer2('two'), tls: { ...tls, ALPNProtocols: ['h2', 'http/1.1'] } },
      plain2: { behaviour: answer2('plain two') },
    },
    bootstrap: ({ one, none, two, plain, plain2 }) =>
      withRoutes(
        ['auto1', 'auto2', 'none', 'same1', 'same2']
          .map((name) => routeTo(`/${name}`, name))
          .concat(routeTo('/', 'same1')),
        [
          staticCluster('auto1', [one], auto()),
          staticCluster('auto2', [two], auto()),
          staticCluster('none', [none], auto()),
          staticCluster('same1', [plain], useDownstream()),
          staticCluster('same2', [plain2], useDownstream()),
        ],
      ),
    counters: COUNTERS,
    cases: subject,
    explained: {
      counters: Object.fromEntries(
        ['auto1', 'auto2', 'none'].map((name) => [`cluster.${name}.upstream_cx_total`, TWICE]),
      ),
    },
  });
});

function useDownstream(): Json {
  const both = { http_protocol_options: {}, http2_protocol_options: {} };
  return httpProtocolOptions({ explicit_http_config: undefined, use_downstream_protocol_config: both });
}

test('a host that answers no PING is given up as by Envoy', async (t) => {
  const keepalive = { interval: '0.1s', timeout: '0.1s', interval_jitter: { value: 0 } };
  await compare(t, {
    upstreams: {
      c: async (exchange) => {
        // Speaks HTTP/2 as far as it must to take a request, and answers nothing.
        exchange.socket.write(frame(4, 0, 0));
        await exchange.gone;
      },
    },
    http2Upstreams: { good: { behaviour: byPath2({ '/good': answer2('fine'), '/good/hang': hang2 }) } },
    bootstrap: ({ c, good }) =>
      withRoutes(
        [routeTo('/bad', 'c', { timeout: '1s' }), routeTo('/good', 'good', { timeout: '0.6s' })],
        [
          staticCluster('c', [c], explicit({ connection_keepalive: keepalive })),
          staticCluster('good', [good], explicit({ connection_keepalive: keepalive })),
        ],
      ),
    counters: COUNTERS,
    cases: [
      { name: 'no answer', send: get('/bad'), probe: false },
      { name: 'answers', send: get('/good/hang'), probe: false },
    ],
  });
});

const negotiated = (http2: Json, common: Json = {}): Json =>
  httpProtocolOptions({
    explicit_http_config: undefined,
    auto_config: { http2_protocol_options: http2 },
    common_http_protocol_options: common,
  });
/** What is known of a connection's room before it is there. */
const AT_FIRST: Record<string, Json> = {
  by_alpn: negotiated({}),
  two_streams: negotiated({ max_concurrent_streams: 2 }),
  two_requests: negotiated({}, { max_requests_per_connection: 2 }),
  two_requests_at_most: explicit({}, { max_requests_per_connection: 2 }),
};

alike('requests that come before the first connection is there begin as many as Envoy', {
  // Nobody speaks TLS with them.
  upstreams: { c: () => {} },
  bootstrap: ({ c }) =>
    bootstrap(
      [httpListener({ manager: routeConfig(Object.keys(AT_FIRST).map((name) => routeTo(`/${name}/`, name))) })],
      Object.entries(AT_FIRST).map(([name, more]) =>
        staticCluster(name, [c], { ...more, ...upstreamTls({}), connect_timeout: '20s' }),
      ),
    ),
  async run({ connect, proxy, note }) {
    for (const name of Object.keys(AT_FIRST)) {
      for (let i = 1; i <= 4; i++) {
        await (await connect()).send(get(`/${name}/`));
        await proxy.statBecomes(`cluster.${name}.upstream_rq_pending_active`, i);
      }
      note(`${name}: ${await proxy.stat(`cluster.${name}.upstream_cx_active`)}`);
    }
  },
});
