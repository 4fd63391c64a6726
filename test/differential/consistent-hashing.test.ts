import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  routeTo,
  socketAddress,
  typed,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { Scope } from '#testing/scope.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';

const KEYS = 120;

/** Services that answer with their ports: both proxies have the same ones, so that hosts hash to the same places. */
async function services(t: Scope, count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer(({ url }, response) => {
      response.write(String((server.address() as AddressInfo).port));
      // Those stay under way.
      if (url !== '/held') response.end();
    });
    server.keepAliveTimeout = 0;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    ports.push((server.address() as AddressInfo).port);
  }
  return ports;
}

interface Ask {
  path?: string;
  headers?: { [name: string]: string | string[] | undefined };
}

interface Answer {
  host: string;
  cookies: string[];
}

async function ask(agent: Agent, port: number, { path = '/', headers = {} }: Ask): Promise<Answer> {
  const asked = request({ agent, host: '127.0.0.1', port, path, headers }).end();
  const [response] = await once(asked, 'response');
  return { host: await text(response), cookies: response.headers['set-cookie'] ?? [] };
}

/** Runs both proxies on one bootstrap. */
async function both(t: TestContext, config: Json): Promise<[RunningProxy, RunningProxy]> {
  return await Promise.all([startProxy(t, config, { kind: 'envoy' }), startProxy(t, config, { kind: 'fairlead' })]);
}

/** @returns what each answer was, in the order of the questions. */
async function answers(proxy: RunningProxy, asks: Ask[], listener?: string): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const port = await proxy.listenerPort(listener);
  const all: Answer[] = [];
  for (const one of asks) all.push(await ask(agent, port, one));
  agent.destroy();
  return all;
}

function hosts(ports: number[], more: (index: number) => Json = () => ({})): Json[] {
  return ports.map((port, i) => ({ endpoint: { address: socketAddress(port) }, ...more(i) }));
}

function byHeader(cluster: string, ...policies: Json[]): Json {
  const hash_policy = policies.length > 0 ? policies : [{ header: { header_name: 'x-key' } }];
  return routeConfig([routeTo('/', cluster, { hash_policy })]);
}

function config(cluster: Json, manager: Json = byHeader('c')): Json {
  return bootstrap([httpListener({ manager })], [{ name: 'c', ...cluster }]);
}

function members(...localities: Json[]): Json {
  return { load_assignment: { cluster_name: 'c', endpoints: localities } };
}

const KEYED: Ask[] = Array.from({ length: KEYS }, (_, i) => ({ headers: { 'x-key': `key-${i}` } }));

const CLUSTERS: Record<string, (ports: number[]) => Json> = {
  'ring hash': (ports) => ({ lb_policy: 'RING_HASH', ...members({ lb_endpoints: hosts(ports) }) }),
  'ring hash, by its policy and with weights': (ports) => ({
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: 'ring',
            typed_config: typed('extensions.load_balancing_policies.ring_hash.v3.RingHash', { minimum_ring_size: 50 }),
          },
        },
      ],
    },
    ...members({ lb_endpoints: hosts(ports, (i) => ({ load_balancing_weight: i + 1 })) }),
  }),
  'ring hash with MurmurHash 2 and keys of hosts': (ports) => ({
    lb_policy: 'RING_HASH',
    ring_hash_lb_config: { hash_function: 'MURMUR_HASH_2', minimum_ring_size: 100 },
    ...members({
      lb_endpoints: hosts(ports, (i) =>
        i === 0 ? {} : { metadata: { filter_metadata: { 'envoy.lb': { hash_key: `host ${i} of many` } } } },
      ),
    }),
  }),
  'ring hash with names': (ports) => ({
    type: 'STRICT_DNS',
    lb_policy: 'RING_HASH',
    common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
    ...members({
      lb_endpoints: ports.map((port, i) => ({ endpoint: { hostname: `h${i}`, address: socketAddress(port) } })),
    }),
  }),
  'ring hash with localities that have weights': (ports) => ({
    lb_policy: 'RING_HASH',
    common_lb_config: { locality_weighted_lb_config: {} },
    ...members(
      { locality: { zone: 'a' }, load_balancing_weight: 1, lb_endpoints: hosts(ports.slice(0, 1)) },
      { locality: { zone: 'b' }, load_balancing_weight: 3, lb_endpoints: hosts(ports.slice(1)) },
    ),
  }),
  'ring hash with priorities of which one is unhealthy in part': (ports) => ({
    lb_policy: 'RING_HASH',
    ...members(
      { lb_endpoints: hosts(ports.slice(0, 3), (i) => ({ health_status: i === 0 ? 'HEALTHY' : 'UNHEALTHY' })) },
      { priority: 1, lb_endpoints: hosts(ports.slice(3)) },
    ),
  }),
  Maglev: (ports) => ({ lb_policy: 'MAGLEV', ...members({ lb_endpoints: hosts(ports) }) }),
  'Maglev, by its policy, with weights and a small table': (ports) => ({
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: 'maglev',
            typed_config: typed('extensions.load_balancing_policies.maglev.v3.Maglev', { table_size: 101 }),
          },
        },
      ],
    },
    ...members({ lb_endpoints: hosts(ports, (i) => ({ load_balancing_weight: 3 * i + 1 })) }),
  }),
};

test('each key goes to the host that it goes to in Envoy', async (t) => {
  const ports = await services(t, 5);
  const all = Object.entries(CLUSTERS).map(([name, cluster], i) => ({ name, id: `c${i}`, cluster: cluster(ports) }));
  const listeners = all.map(({ id }) => httpListener({ name: id, manager: byHeader(id) }));
  const [envoy, ours] = await both(
    t,
    bootstrap(
      listeners,
      all.map(({ id, cluster }) => ({ ...cluster, name: id })),
    ),
  );
  for (const { name, id } of all) {
    await t.test(name, async () => {
      const expected = await answers(envoy, KEYED, id);
      assert.ok(new Set(expected.map(({ host }) => host)).size > 1, 'more than one host is chosen');
      assert.deepEqual(await answers(ours, KEYED, id), expected);
    });
  }
  const gauges = '(ring_hash|maglev)_lb|panic';
  assert.deepEqual(await ours.stats(gauges), await envoy.stats(gauges));
});

const NO_FIELDS: Ask['headers'] = {};
const rewrite = { pattern: { regex: '^.*-' }, substitution: 'n' };
const cookie = (more: Json = {}) => ({ cookie: { name: 'c', ...more } });

const POLICIES: Record<string, [policies: Json[], asks: Ask[]]> = {
  'several fields of one name, in any order': [
    [],
    [['a', 'b'], ['b', 'a'], ['a', 'b', 'c'], ['c']].map((value) => ({ headers: { 'x-key': value } })),
  ],
  'a rewritten field': [[{ header: { header_name: 'x-key', regex_rewrite: rewrite } }], KEYED.slice(0, 30)],
  'the path as a field': [
    [{ header: { header_name: ':path' } }],
    Array.from({ length: 30 }, (_, i) => ({ path: `/${i}?a` })),
  ],
  'a cookie': [[cookie()], Array.from({ length: 30 }, (_, i) => ({ headers: { cookie: `a=b; c="v${i}"; d=e` } }))],
  'a query parameter': [
    [{ query_parameter: { name: 'k' } }],
    Array.from({ length: 30 }, (_, i) => ({ path: `/?j=1&k=%41${i}&k=x` })),
  ],
  'the client': [[{ connection_properties: { source_ip: true } }], [{}, {}]],
  'several of them': [
    [
      { header: { header_name: 'x-key' } },
      { query_parameter: { name: 'k' } },
      { connection_properties: { source_ip: true } },
    ],
    Array.from({ length: 40 }, (_, i) => ({
      path: i % 3 === 0 ? '/' : `/?k=${i % 7}`,
      headers: i % 2 === 0 ? NO_FIELDS : { 'x-key': `${i % 5}` },
    })),
  ],
  'those after a terminal one that found something are left out': [
    [{ header: { header_name: 'x-key' }, terminal: true }, { query_parameter: { name: 'k' } }],
    Array.from({ length: 30 }, (_, i) => ({
      path: `/?k=${i}`,
      headers: i % 2 === 0 ? { 'x-key': `${i % 3}` } : NO_FIELDS,
    })),
  ],
};

test('requests are hashed as by Envoy', async (t) => {
  const cluster = { name: 'c', lb_policy: 'RING_HASH', ...members({ lb_endpoints: hosts(await services(t, 5)) }) };
  const all = Object.entries(POLICIES);
  const listeners = all.map(([name, [policies]]) => httpListener({ name, manager: byHeader('c', ...policies) }));
  const [envoy, ours] = await both(t, bootstrap(listeners, [cluster]));
  for (const [name, [, asks]] of all) {
    await t.test(name, async () => {
      assert.deepEqual(await answers(ours, asks, name), await answers(envoy, asks, name));
    });
  }
});

test("a cluster's policies go before its routes'", async (t) => {
  const cluster = {
    lb_policy: 'RING_HASH',
    ...members({ lb_endpoints: hosts(await services(t, 5)) }),
    ...httpProtocolOptions({ hash_policy: [{ header: { header_name: 'x-key' } }] }),
  };
  const [envoy, ours] = await both(t, config(cluster, byHeader('c', { header: { header_name: 'x-other' } })));
  const asks = KEYED.slice(0, 30).map(({ headers }) => ({ headers: { ...headers, 'x-other': 'same' } }));
  assert.deepEqual(await answers(ours, asks), await answers(envoy, asks));
});

test('a client without the cookie gets one, with which it stays', async (t) => {
  const policy = cookie({
    ttl: '90.5s',
    path: '/p',
    attributes: [{ name: 'SameSite', value: 'Strict' }, { name: 'Secure' }],
  });
  const cluster = { lb_policy: 'RING_HASH', ...members({ lb_endpoints: hosts(await services(t, 5)) }) };
  const form = async (proxy: RunningProxy) => {
    const [first, second] = await answers(proxy, [{}, {}]);
    assert.deepEqual(second, first);
    const value = /c="([0-9a-f]+)"/.exec(first.cookies[0])?.[1] ?? '';
    const [again] = await answers(proxy, [{ headers: { cookie: `c=${value}` } }]);
    assert.deepEqual(again, { host: first.host, cookies: [] });
    return first.cookies.map((one) => one.replace(/"[0-9a-f]+"/, '"VALUE"'));
  };
  const [envoy, ours] = await both(t, config(cluster, byHeader('c', policy)));
  assert.deepEqual(await form(ours), await form(envoy));
});

test('weighted clusters go by the hash where they are told to', async (t) => {
  const clusters = (await services(t, 3)).map((port, i) => ({
    name: `c${i}`,
    ...members({ lb_endpoints: hosts([port]) }),
  }));
  const weights = [1, 2, 3].map((weight, i) => ({ name: `c${i}`, weight }));
  const route = {
    weighted_clusters: { clusters: weights, use_hash_policy: true },
    hash_policy: [{ header: { header_name: 'x-key' } }],
  };
  const manager = routeConfig([{ match: { prefix: '/' }, route }]);
  const [envoy, ours] = await both(t, bootstrap([httpListener({ manager })], clusters));
  assert.deepEqual(await answers(ours, KEYED), await answers(envoy, KEYED));
});

test('without a hash any host is chosen', async (t) => {
  const cluster = { lb_policy: 'MAGLEV', ...members({ lb_endpoints: hosts(await services(t, 3)) }) };
  const ours = await startProxy(t, config(cluster));
  const seen = await answers(
    ours,
    Array.from({ length: 60 }, () => ({})),
  );
  assert.equal(new Set(seen.map(({ host }) => host)).size, 3);
});

const bounded = (hash_balance_factor: number): Json => ({
  common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor } },
});
const BOUNDED: Record<string, (ports: number[]) => Json> = {
  'ring hash': (ports) => ({ lb_policy: 'RING_HASH', ...bounded(100), ...members({ lb_endpoints: hosts(ports) }) }),
  'Maglev with weights': (ports) => ({
    lb_policy: 'MAGLEV',
    ...bounded(140),
    ...members({ lb_endpoints: hosts(ports, (i) => ({ load_balancing_weight: 3 * i + 1 })) }),
  }),
  'ring hash by its policy': (ports) => ({
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: 'ring',
            typed_config: typed('extensions.load_balancing_policies.ring_hash.v3.RingHash', {
              consistent_hashing_lb_config: { hash_balance_factor: 200 },
            }),
          },
        },
      ],
    },
    ...members({ lb_endpoints: hosts(ports) }),
  }),
};

test('hosts that have their share are passed over in the order of Envoy', async (t) => {
  const ports = await services(t, 5);
  const all = Object.entries(BOUNDED).map(([name, cluster], i) => ({ name, id: `c${i}`, cluster: cluster(ports) }));
  const listeners = all.map(({ id }) => httpListener({ name: id, manager: byHeader(id) }));
  const clusters = all.map(({ id, cluster }) => ({ ...cluster, name: id }));
  const proxies = await both(t, bootstrap(listeners, clusters));
  /** The hosts of requests that stay under way: many with one key, others with another. */
  const taken = async (proxy: RunningProxy, id: string) => {
    const agent = new Agent();
    t.after(() => agent.destroy());
    const port = await proxy.listenerPort(id);
    const chosen: string[] = [];
    for (let i = 0; i < 24; i++) {
      const headers = { 'x-key': i % 4 === 3 ? `other ${i}` : 'one' };
      const asked = request({ agent, host: '127.0.0.1', port, path: '/held', headers }).end();
      const [response] = await once(asked, 'response');
      response.on('error', () => {});
      const [piece] = await once(response, 'data');
      chosen.push(String(piece));
    }
    return chosen;
  };
  for (const { name, id } of all) {
    await t.test(name, async () => {
      const [expected, ours] = await Promise.all(proxies.map((proxy) => taken(proxy, id)));
      assert.ok(new Set(expected).size > 2, 'one key goes to several hosts');
      assert.deepEqual(ours, expected);
    });
  }
});

for (const policy of [{ source_ip: true }, { key: 'some key' }]) {
  test(`UDP is hashed as by Envoy: ${JSON.stringify(policy)}`, async (t) => {
    const ports: number[] = [];
    const heard: number[] = [];
    for (let i = 0; i < 5; i++) {
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const { port } = socket.address();
      socket.on('message', () => heard.push(port));
      t.after(() => void socket.close());
      ports.push(port);
    }
    const udp = (port: number) => ({ socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: port } });
    const proxy = typed('extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', {
      stat_prefix: 'p',
      cluster: 'c',
      hash_policies: [policy],
    });
    const proxies = await both(
      t,
      bootstrap(
        [{ name: 'in', address: udp(0), listener_filters: [{ name: 'udp', typed_config: proxy }] }],
        [
          {
            name: 'c',
            lb_policy: 'RING_HASH',
            ...members({ lb_endpoints: ports.map((port) => ({ endpoint: { address: udp(port) } })) }),
          },
        ],
      ),
    );
    for (const one of proxies) {
      const client = createSocket('udp4');
      client.send('x', await one.listenerPort(), '127.0.0.1');
      const before = heard.length;
      await eventually('it arrives', () => heard.length > before);
      client.close();
    }
    assert.equal(heard[0], heard[1]);
  });
}
