/**
 * How requests are shared among the hosts of a cluster, counted by host, beside real Envoy.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancing
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answer, byPath, hang } from '#testing/behaviours.ts';
import { type Json, routeTo, socketAddress, withRoutes } from '#testing/bootstrap.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { get } from './subject.ts';

const REQUESTS = 600;
const KINDS: readonly ProxyKind[] = ['envoy', 'fairlead'];
const COUNTED = /^cluster\.[\w-]+\.(lb_\w+|membership_\w+|upstream_rq_total|upstream_cx_none_healthy|max_host_weight)$/;

interface Host {
  weight?: number;
  health?: 'UNHEALTHY' | 'DEGRADED' | 'DRAINING';
}

interface Group {
  priority?: number;
  zone?: string;
  /** Of the locality. */
  weight?: number;
  hosts: Host[];
}

interface Trial {
  groups: Group[];
  more?: Json;
  /** Shares come by chance: they need not be the same to the last request. */
  random?: boolean;
}

const up: Host = {};
const down: Host = { health: 'UNHEALTHY' };
const degraded: Host = { health: 'DEGRADED' };
const draining: Host = { health: 'DRAINING' };
const heavy = (weight: number): Host => ({ weight });
const LOCALITIES = { common_lb_config: { locality_weighted_lb_config: {} } };
const NO_PANIC = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };

const TRIALS: Record<string, Trial> = {
  'round-robin': { groups: [{ hosts: [up, up, up] }] },
  'round-robin-weights': { groups: [{ hosts: [heavy(1), heavy(2), heavy(3)] }] },
  'round-robin-zones': {
    groups: [
      { zone: 'a', hosts: [up] },
      { zone: 'b', hosts: [up, up] },
    ],
  },
  random: { groups: [{ hosts: [up, heavy(3), up] }], more: { lb_policy: 'RANDOM' }, random: true },
  'least-request': { groups: [{ hosts: [up, up, up] }], more: { lb_policy: 'LEAST_REQUEST' }, random: true },
  'least-request-weights': { groups: [{ hosts: [heavy(1), heavy(5)] }], more: { lb_policy: 'LEAST_REQUEST' } },
  unhealthy: { groups: [{ hosts: [up, up, down] }] },
  draining: { groups: [{ hosts: [up, up, draining] }] },
  panic: { groups: [{ hosts: [up, down, down] }] },
  'no-panic': { groups: [{ hosts: [up, down, down] }], more: NO_PANIC },
  'all-unhealthy': { groups: [{ hosts: [down, down] }] },
  'all-unhealthy-no-panic': { groups: [{ hosts: [down, down] }], more: NO_PANIC },
  degraded: { groups: [{ hosts: [up, degraded, degraded, degraded] }], random: true },
  'only-degraded': { groups: [{ hosts: [degraded, degraded] }] },
  'next-priority': {
    groups: [{ hosts: [up, up, down, down] }, { priority: 1, hosts: [up] }],
    random: true,
  },
  'next-priority-takes-all': { groups: [{ hosts: [down, down] }, { priority: 1, hosts: [up, up] }] },
  'three-priorities': {
    groups: [{ hosts: [up, down, down, down] }, { priority: 1, hosts: [up, down, down] }, { priority: 2, hosts: [up] }],
    random: true,
  },
  'panic-in-both': {
    groups: [{ hosts: [up, down, down, down, down] }, { priority: 1, hosts: [up, down, down, down, down] }],
    random: true,
  },
  'priority-with-degraded': {
    groups: [{ hosts: [degraded, up, down, down] }, { priority: 1, hosts: [up, degraded] }],
    random: true,
  },
  'empty-first-priority': { groups: [{ priority: 1, hosts: [up, up] }] },
  localities: {
    groups: [
      { zone: 'a', weight: 1, hosts: [up, up] },
      { zone: 'b', weight: 3, hosts: [up] },
    ],
    more: LOCALITIES,
  },
  'localities-by-health': {
    groups: [
      { zone: 'a', weight: 1, hosts: [up, down, down] },
      { zone: 'b', weight: 1, hosts: [up, up, up] },
    ],
    more: LOCALITIES,
  },
  'locality-without-weight': {
    groups: [
      { zone: 'a', hosts: [up] },
      { zone: 'b', weight: 2, hosts: [up] },
    ],
    more: LOCALITIES,
  },
  'one-locality-twice': {
    groups: [
      { zone: 'a', weight: 1, hosts: [up] },
      { zone: 'a', weight: 3, hosts: [up] },
      { zone: 'b', weight: 2, hosts: [up] },
    ],
    more: LOCALITIES,
  },
  'weighted-priority-health': {
    groups: [{ hosts: [{ weight: 9 }, { weight: 1, health: 'UNHEALTHY' }] }, { priority: 1, hosts: [up] }],
    random: true,
  },
  overprovisioning: {
    groups: [{ hosts: [up, down] }, { priority: 1, hosts: [up] }],
    random: true,
  },
};

/** What a policy of the assignment changes. */
const POLICIES: Record<string, Json> = {
  'weighted-priority-health': { weighted_priority_health: true },
  overprovisioning: { overprovisioning_factor: 100 },
};

/** Hosts are addresses of the loopback, the same for every cluster. */
function cluster(name: string, { groups, more }: Trial, port: number): Json {
  let address = 1;
  const endpoints = groups.map(({ priority = 0, zone, weight, hosts }) => ({
    priority,
    ...(zone === undefined ? {} : { locality: { zone } }),
    ...(weight === undefined ? {} : { load_balancing_weight: weight }),
    lb_endpoints: hosts.map((host) => ({
      endpoint: { address: socketAddress(port, `127.0.0.${address++}`) },
      ...(host.weight === undefined ? {} : { load_balancing_weight: host.weight }),
      ...(host.health === undefined ? {} : { health_status: host.health }),
    })),
  }));
  const policy = POLICIES[name] === undefined ? {} : { policy: POLICIES[name] };
  return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints, ...policy }, ...more };
}

interface Seen {
  counted: Record<string, number>;
  /** Requests by host, in the order of the configuration. */
  shares: Record<string, number[]>;
}

async function run(t: TestContext, kind: ProxyKind, trials: Record<string, Trial>, more: Json = {}): Promise<Seen> {
  const upstream = await startUpstream(t, answer('fine'), { host: '0.0.0.0' });
  const names = Object.keys(trials);
  const routes = names.map((name) => routeTo(`/${name}/`, name));
  const clusters = names.map((name) => cluster(name, trials[name], upstream.port));
  const proxy = await startProxy(t, { ...withRoutes(routes, clusters), ...more }, { kind });
  for (const name of names) {
    const wire = await proxy.connect();
    // One after the other: real Envoy stops after two of its own answers to requests that came together.
    for (let i = 0; i < REQUESTS; i++) {
      await wire.send(get(`/${name}/`));
      await wire.response();
    }
    wire.destroy();
  }
  const { body } = await proxy.get('/clusters');
  const shares = Object.fromEntries(names.map((name) => [name, hostRequests(body, name)]));
  const counted = Object.fromEntries(Object.entries(await proxy.stats()).filter(([name]) => COUNTED.test(name)));
  return { counted, shares };
}

/** Hosts come by their addresses, which count up. */
function hostRequests(text: string, cluster: string): number[] {
  const found = [...text.matchAll(new RegExp(`^${cluster}::127\\.0\\.0\\.(\\d+):\\d+::rq_total::(\\d+)$`, 'gm'))];
  return found.sort((one, other) => Number(one[1]) - Number(other[1])).map(([, , count]) => Number(count));
}

/** Five standard deviations of the difference of two counts: once in two million. */
function tolerance(count: number): number {
  const part = Math.min(1, Math.max(count, 1) / REQUESTS);
  return 1 + 5 * Math.sqrt(2 * REQUESTS * part * (1 - part));
}

/** Runs both. Each cluster is a test of its own. @returns what they counted, Envoy first */
async function compareShares(t: TestContext, trials: Record<string, Trial>, more?: Json): Promise<Seen['counted'][]> {
  const [envoy, ours] = await Promise.all(KINDS.map((kind) => run(t, kind, trials, more)));
  for (const [name, { random }] of Object.entries(trials)) {
    await t.test(name, (t) => {
      const wanted = envoy.shares[name];
      t.diagnostic(`${wanted.join(' ')}, ours ${ours.shares[name].join(' ')}`);
      assert.equal(ours.shares[name].length, wanted.length);
      ours.shares[name].forEach((count, i) => {
        // Where turns begin is by chance, so that they may be one request apart.
        const far = random ? tolerance(wanted[i]) : 2;
        assert.ok(Math.abs(count - wanted[i]) <= far, `Envoy ${wanted}, ours ${ours.shares[name]}`);
      });
    });
  }
  return [envoy.counted, ours.counted];
}

test('hosts get the share that Envoy gives them', async (t) => {
  const [envoy, ours] = await compareShares(t, TRIALS);
  await t.test('counters', () => assert.deepEqual(ours, envoy));
});

test('the bias towards hosts that have less to do is what the runtime says, as in Envoy', async (t) => {
  const balanced = async (kind: ProxyKind) => {
    const upstream = await startUpstream(t, byPath({ '/hang': hang, '/': answer() }), { host: '0.0.0.0' });
    const active_request_bias = { default_value: 9, runtime_key: 'bias' };
    const more = { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { active_request_bias } };
    const hosts = cluster('c', { groups: [{ hosts: [heavy(5), heavy(1)] }], more }, upstream.port);
    const layered_runtime = { layers: [{ name: 'static', static_layer: { bias: 0 } }] };
    const proxy = await startProxy(t, { ...withRoutes([routeTo('/', 'c')], [hosts]), layered_runtime }, { kind });
    for (let i = 1; i <= 6; i++) {
      const wire = await proxy.connect();
      await wire.send(get('/hang'));
      await proxy.statBecomes('cluster.c.upstream_rq_active', i);
    }
    const wire = await proxy.connect();
    for (let i = 0; i < 12; i++) {
      await wire.send(get('/'));
      await wire.response();
    }
    return hostRequests((await proxy.get('/clusters')).body, 'c');
  };
  const [envoy, ours] = await Promise.all(KINDS.map(balanced));
  assert.deepEqual(envoy, [15, 3]);
  assert.deepEqual(ours, envoy);
});

const zoneAware = (fields: Json = {}): Json => ({
  common_lb_config: { zone_aware_lb_config: { min_cluster_size: 1, ...fields } },
});

/** The proxy is in zone a, as are three of four proxies of its cluster. */
const ZONES: Record<string, Trial> = {
  local: {
    groups: [
      { zone: 'a', hosts: [up, up, up] },
      { zone: 'b', hosts: [up] },
    ],
  },
  'all-stay': {
    groups: [
      { zone: 'a', hosts: [up, up, up] },
      { zone: 'b', hosts: [up] },
    ],
    more: zoneAware(),
  },
  'some-leave': {
    groups: [
      { zone: 'a', hosts: [up] },
      { zone: 'b', hosts: [up] },
    ],
    more: zoneAware(),
    random: true,
  },
  'two-zones-with-room': {
    groups: [
      { zone: 'a', hosts: [up] },
      { zone: 'b', hosts: [up, up] },
      { zone: 'c', hosts: [up] },
    ],
    more: zoneAware(),
    random: true,
  },
  'not-where-we-are': {
    groups: [
      { zone: 'b', hosts: [up] },
      { zone: 'c', hosts: [up] },
    ],
    more: zoneAware(),
    random: true,
  },
  'too-small': {
    groups: [
      { zone: 'a', hosts: [up] },
      { zone: 'b', hosts: [up] },
    ],
    more: zoneAware({ min_cluster_size: 6 }),
  },
  off: {
    groups: [
      { zone: 'a', hosts: [up] },
      { zone: 'b', hosts: [up] },
    ],
    more: zoneAware({ routing_enabled: { value: 0 } }),
  },
  'one-zone': { groups: [{ zone: 'a', hosts: [up, up] }], more: zoneAware() },
  'zone-unhealthy': {
    groups: [
      { zone: 'a', hosts: [up, down, down] },
      { zone: 'b', hosts: [up, up, up] },
    ],
    more: zoneAware(),
    random: true,
  },
  'panic-fails': {
    groups: [
      { zone: 'a', hosts: [up, down, down] },
      { zone: 'b', hosts: [down, down] },
    ],
    more: zoneAware({ fail_traffic_on_panic: true }),
  },
};

test('zones get the share that Envoy gives them', async (t) => {
  const [envoy, ours] = await compareShares(t, ZONES, {
    node: { id: 'n', cluster: 'local', locality: { zone: 'a' } },
    cluster_manager: { local_cluster_name: 'local' },
  });
  // How many left, and how many stayed by lot, is in the shares.
  const byLot = /lb_zone_(routing_(sampled|cross_zone)|no_capacity_left)$/;
  // Real Envoy's main thread balances too, and counts what it works out.
  const byThread = /lb_(recalculate_zone_structures|zone_cluster_too_small)$/;
  const certain = (counted: Seen['counted']) =>
    Object.fromEntries(Object.entries(counted).filter(([name]) => !byLot.test(name) && !byThread.test(name)));
  await t.test('counters', () => {
    assert.deepEqual(certain(ours), certain(envoy));
    for (const [name, value] of Object.entries(envoy).filter(([name]) => byLot.test(name))) {
      assert.ok(Math.abs(ours[name] - value) <= tolerance(value), `${name}: Envoy ${value}, ours ${ours[name]}`);
    }
  });
});
