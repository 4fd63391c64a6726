/**
 * Tries that go on beside each other: what a client gets, what the upstreams are sent, what is counted and logged.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#request-hedging
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer, endBeforeAnswer, hang, raw, rawThenHang, resetBeforeAnswer } from '#testing/behaviours.ts';
import {
  bootstrap,
  fileAccessLog,
  http2Cluster,
  httpListener,
  type Json,
  routeConfig,
  routerFilter,
  routeTo,
  staticCluster,
  withRoutes,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { type Behaviour, type Exchange, startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { both } from './attempted.ts';
import { compare } from './compare.ts';
import { type Case, request } from './subject.ts';

/** The requests for one target on one upstream, as they come. */
class Meeting {
  readonly #come: Exchange[] = [];
  readonly #waiting: (() => void)[] = [];

  come(exchange: Exchange): void {
    this.#come.push(exchange);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** @param number of the request, from 1 */
  async arrival(number: number): Promise<Exchange> {
    while (this.#come.length < number) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#come[number - 1];
  }
}

const meetings = new Map<string, Meeting>();

function meeting(exchange: Exchange): Meeting {
  const key = `${exchange.socket.localPort} ${exchange.target}`;
  const found = meetings.get(key) ?? new Meeting();
  meetings.set(key, found);
  return found;
}

/** Behaves so once that request for the same target is there. */
const whenCome =
  (number: number, then: Behaviour): Behaviour =>
  async (exchange) => {
    await meeting(exchange).arrival(number);
    await then(exchange);
  };

/** Behaves so once the connection of that request for the same target is gone. */
const whenGone =
  (number: number, then: Behaviour): Behaviour =>
  async (exchange) => {
    await (await meeting(exchange).arrival(number)).gone;
    await then(exchange);
  };

const good = (body: string): Behaviour => answer({ headers: { 'x-from': body }, body });
const bad = (status = 503): Behaviour => answer({ status, body: 'bad' });

/** The proxy ends the connection: the upstream sees when it has heard this. */
const garbage = rawThenHang('HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\na');

/** How the tries at each path go, in their order; the last stays. */
const TRIES: Record<string, Behaviour[]> = {
  'the second is quicker': [hang, good('second')],
  'the first after all': [whenCome(2, good('first')), hang],
  'the first badly, then the second': [whenCome(2, bad()), whenGone(1, good('second'))],
  'the second badly, then the first': [whenGone(2, good('first')), bad()],
  'both badly': [whenGone(2, bad(500)), bad(503)],
  'the first is broken off, then the second': [whenCome(2, garbage), whenGone(1, good('second'))],
  'the second is broken off, then the first': [whenGone(2, good('first')), garbage],
  'both are reset': [whenGone(2, resetBeforeAnswer), resetBeforeAnswer],
  'both end': [whenGone(2, endBeforeAnswer), endBeforeAnswer],
  'the first is broken off, the second fails': [whenCome(2, garbage), whenGone(1, bad())],
  'the first before the second is sent': [answer('quick')],
  'neither ever': [hang],
  'the third': [hang, hang, good('third')],
  'the first of three': [whenCome(3, good('first')), hang, hang],
  'the second of three': [hang, whenCome(3, good('second')), hang],
  'bad, and hedged anew': [hang, bad(), good('third')],
  'continue from the first': [
    whenCome(2, raw('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst')),
    hang,
  ],
  'a redirect from the first': [
    whenCome(2, answer({ status: 302, headers: { location: '/the%20first%20before%20the%20second%20is%20sent/x' } })),
    hang,
  ],
  'half an answer': [rawThenHang('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')],
  'half an answer from the first': [whenCome(2, rawThenHang('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')), hang],
};

const upstream: Behaviour = (exchange) => {
  meeting(exchange).come(exchange);
  const name = decodeURIComponent(exchange.target.split('/')[1]);
  const tries = TRIES[name] ?? [answer({ status: 404 })];
  return tries[Math.min(exchange.seen, tries.length) - 1](exchange);
};

const policy = (more: Json = {}): Json => ({
  retry_on: '5xx',
  per_try_timeout: '0.06s',
  retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' },
  ...more,
});
const HEDGE = { hedge_on_per_try_timeout: true };
const HEDGE_NOT = { hedge_on_per_try_timeout: false };
const TWICE = { retry_policy: policy({ num_retries: 2 }) };

interface Tried {
  tries: keyof typeof TRIES;
  action?: Json;
  /** Of its own virtual host. */
  host?: Json;
  cluster?: Json;
  headers?: string[];
  body?: string;
  send?: Case['send'];
}

/** Each is a case with a virtual host and a cluster of its own. */
const TRIED: Record<string, Tried> = {
  ...Object.fromEntries(Object.keys(TRIES).map((tries): [string, Tried] => [tries, { tries }])),
  'the third': { tries: 'the third', action: TWICE },
  'the first of three': { tries: 'the first of three', action: TWICE },
  'the second of three': { tries: 'the second of three', action: TWICE },
  'bad, and hedged anew': { tries: 'bad, and hedged anew', action: TWICE },
  'neither ever': { tries: 'neither ever', action: { timeout: '0.25s' } },
  'half an answer': { tries: 'half an answer', action: { timeout: '0.25s' } },
  'half an answer from the first': { tries: 'half an answer from the first', action: { timeout: '0.25s' } },
  'retry_on does not name timeouts': {
    tries: 'the second is quicker',
    action: { retry_policy: policy({ retry_on: 'connect-failure' }) },
  },
  'no retry left': { tries: 'neither ever', action: { timeout: '0.25s', retry_policy: policy({ num_retries: 0 }) } },
  'nothing is retried': {
    tries: 'neither ever',
    action: { timeout: '0.25s', retry_policy: undefined },
    headers: ['x-envoy-upstream-rq-per-try-timeout-ms: 60'],
  },
  'no room for a retry': {
    tries: 'neither ever',
    action: { timeout: '0.25s' },
    cluster: { circuit_breakers: { thresholds: [{ max_retries: 0 }] } },
  },
  'the virtual host says so': {
    tries: 'the second is quicker',
    action: { hedge_policy: undefined },
    host: { hedge_policy: HEDGE },
  },
  'the route says otherwise': {
    tries: 'the first after all',
    action: { hedge_policy: HEDGE_NOT },
    host: { hedge_policy: HEDGE },
  },
  'the route says nothing of it': {
    tries: 'the first after all',
    action: { hedge_policy: {} },
    host: { hedge_policy: HEDGE },
  },
  'the request says so': {
    tries: 'the second is quicker',
    action: { hedge_policy: undefined },
    headers: ['x-envoy-hedge-on-per-try-timeout: true'],
  },
  'the request says otherwise': { tries: 'the first after all', headers: ['x-envoy-hedge-on-per-try-timeout: false'] },
  'the request says what means nothing': {
    tries: 'the second is quicker',
    headers: ['x-envoy-hedge-on-per-try-timeout: TRUE'],
  },
  'no timeout of the route': { tries: 'the second is quicker', action: { timeout: '0s' } },
  'by idle time': {
    tries: 'the second is quicker',
    action: { retry_policy: policy({ per_try_timeout: '0s', per_try_idle_timeout: '0.06s' }) },
  },
  'idle in half an answer': {
    tries: 'half an answer',
    action: { timeout: '0.25s', retry_policy: policy({ per_try_timeout: '0s', per_try_idle_timeout: '0.06s' }) },
  },
  'no host for the second': {
    tries: 'the second is quicker',
    action: { retry_policy: policy({ retry_on: '5xx', per_try_timeout: '0.06s' }) },
    cluster: { circuit_breakers: { thresholds: [{ max_connections: 1, max_pending_requests: 0 }] } },
  },
  'a redirect from the first': {
    tries: 'a redirect from the first',
    action: { internal_redirect_policy: {} },
  },
  'a slow body': {
    tries: 'the second is quicker',
    send: async (wire) => {
      await wire.send(
        request('POST /the%20second%20is%20quicker/slow HTTP/1.1', ['host: a-slow-body', 'content-length: 4'], 'ab'),
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
      await wire.send('cd');
    },
  },
  'a body goes with each': { tries: 'the second is quicker', body: 'x'.repeat(3000) },
};

test('tries go on beside each other as in Envoy', async (t) => {
  const all = Object.entries(TRIED).map(([name, tried]) => ({ name, label: name.replaceAll(/\W+/g, '-'), ...tried }));
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        [
          httpListener({
            manager: {
              route_config: {
                virtual_hosts: all.map(({ label, action, host }) => ({
                  name: label,
                  domains: [label],
                  include_request_attempt_count: true,
                  include_attempt_count_in_response: true,
                  include_is_timeout_retry_header: true,
                  routes: [
                    {
                      match: { prefix: '/' },
                      route: { cluster: label, timeout: '1s', hedge_policy: HEDGE, retry_policy: policy(), ...action },
                    },
                  ],
                  ...host,
                })),
              },
            },
          }),
        ],
        all.map(({ label, cluster }) => ({ ...staticCluster(label, [c]), ...cluster })),
      ),
    counters: /^cluster\.[\w-]+\.(upstream_rq_|retry_or)|^http\.in\.downstream_rq/,
    cases: all.map(({ name, label, tries, headers = [], body, send }) => {
      const lines = [`host: ${label}`, ...headers];
      const path = `/${encodeURIComponent(tries)}/${label}`;
      const line = `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`;
      if (body !== undefined) lines.push(`content-length: ${body.length}`);
      return { name, send: send ?? request(line, lines, body) };
    }),
  });
});

test('over HTTP/2, and with clients that leave, the tries that are left are reset as by Envoy', async (t) => {
  const tried = { timeout: '2s', hedge_policy: HEDGE, retry_policy: policy() };
  const leaving = (path: string, count: number): Case => ({
    name: `the client leaves ${path}`,
    methods: [],
    send: async (wire, { upstreams, http2Upstreams }) => {
      await wire.send(request(`GET ${path} HTTP/1.1`));
      const reached = Object.values({ ...upstreams, ...http2Upstreams });
      await eventually('both tries are under way', () =>
        reached.some(({ requests }) => requests.filter(({ head }) => head.includes(path)).length === count),
      );
      wire.destroy();
    },
  });
  await compare(t, {
    upstreams: { c: upstream },
    http2Upstreams: {
      h: {
        behaviour: async ({ target, seen, stream, gone }) => {
          if (target.includes('second') && seen === 2) stream.end('second');
          else await gone;
        },
      },
    },
    bootstrap: ({ c, h }) =>
      withRoutes(
        [routeTo('/h', 'h', tried), routeTo('/', 'c', tried)],
        [staticCluster('c', [c]), http2Cluster('h', [h])],
      ),
    counters: /^cluster\.[ch]\.(upstream_rq_|http2\.(tx|rx)_reset|upstream_cx_(destroy|total))/,
    cases: [
      { name: 'the second is quicker', send: request('GET /h/second HTTP/1.1'), status: 200 },
      leaving('/h/hang', 2),
      leaving('/neither%20ever/', 2),
    ],
  });
});

const LOGGED = [
  'code=%RESPONSE_CODE%',
  'flags=%RESPONSE_FLAGS%',
  'details=%RESPONSE_CODE_DETAILS%',
  'attempts=%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  'try=%UPSTREAM_LOCAL_PORT%',
  'protocol=%UPSTREAM_PROTOCOL%',
  'sent=%UPSTREAM_WIRE_BYTES_SENT%',
  'received=%UPSTREAM_WIRE_BYTES_RECEIVED%',
  'head-sent=%UPSTREAM_HEADER_BYTES_SENT%',
  'head-received=%UPSTREAM_HEADER_BYTES_RECEIVED%',
].join(' ');

/** What both logs of a proxy say of these tries; connections are told by the number of the try. */
async function logsOf(t: TestContext, kind: ProxyKind, names: string[]): Promise<Record<string, string[]>> {
  const tries = new Map<string, number>();
  const server = await startUpstream(t, (exchange) => {
    tries.set(String(exchange.socket.remotePort), exchange.seen);
    return upstream(exchange);
  });
  const file = join(temporaryFolder(t), 'log');
  const log = (of: string): Json => fileAccessLog(file, `${of} ${LOGGED}\n`);
  const manager = {
    ...routeConfig([
      {
        match: { safe_regex: { regex: '.*third.*|.*three.*' } },
        route: { cluster: 'c', hedge_policy: HEDGE, ...TWICE },
      },
      {
        match: { prefix: '/' },
        route: { cluster: 'c', timeout: '0.25s', hedge_policy: HEDGE, retry_policy: policy() },
      },
    ]),
    access_log: [log('request')],
    http_filters: [routerFilter({ upstream_log: [log('try')] })],
  };
  const tree = bootstrap([httpListener({ manager })], [staticCluster('c', [server.port])]);
  const proxy = await startProxy(t, tree, { kind });
  const result: Record<string, string[]> = {};
  let seen = 0;
  for (const name of names) {
    tries.clear();
    const wire = await proxy.connect();
    await wire.send(request(`GET /${encodeURIComponent(name)}/ HTTP/1.1`));
    await wire.response();
    wire.destroy();
    const lines = await eventually('both logs have their lines', () => {
      const all = readFileSync(file, 'latin1')
        .split('\n')
        .filter((line) => line !== '')
        .slice(seen);
      return all.filter((line) => line.startsWith('try')).length >= tries.size &&
        all.some((line) => line.startsWith('request'))
        ? all
        : undefined;
    });
    seen += lines.length;
    result[name] = lines.map((line) => line.replace(/try=(\d+)/, (_, port) => `try=${tries.get(port) ?? port}`)).sort();
    // Envoy counts the rest of the read that brought the head of an answer that it then drops.
    if (name.includes('badly')) result[name] = result[name].map((line) => line.replace(/ received=\d+/, ''));
  }
  return result;
}

test('logs say which try it was, as by Envoy', async (t) => {
  const names = [
    'the first before the second is sent',
    'both are reset',
    'the second is quicker',
    'the first after all',
    'the first badly, then the second',
    'the second badly, then the first',
    'both badly',
    'the third',
    'the second of three',
    'neither ever',
  ];
  const [envoy, ours] = await both(t, (kind) => logsOf(t, kind, names));
  assert.deepEqual(ours, envoy);
});
