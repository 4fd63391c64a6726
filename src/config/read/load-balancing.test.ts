import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLoadBalancing } from '#config/read/load-balancing.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import { type Json, typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const POLICIES = 'extensions.load_balancing_policies';

function read(fields: Json) {
  return readMessage('envoy.config.cluster.v3.Cluster', { name: 'c', ...fields }, (message: Cluster, at, context) =>
    readLoadBalancing(message, at, context, { kind: 'STATIC' }),
  );
}

const ONE = { defaultValue: 1, runtimeKey: '' };

function listed(...configs: Json[]): Json {
  const policies = configs.map((typed_config) => ({ typed_extension_config: { name: 'x', typed_config } }));
  return { load_balancing_policy: { policies } };
}

test('hosts take turns unless something else is said', () => {
  assert.deepEqual(read({}).value, {
    lbPolicy: 'ROUND_ROBIN',
    lbConfig: { choiceCount: 2, activeRequestBias: ONE },
    commonLb: { healthyPanicThreshold: 50, localityWeighted: false },
  });
});

test('options count only for the policy in force', () => {
  const options = { least_request_lb_config: { choice_count: 5 } };
  assert.equal(read({ lb_policy: 'LEAST_REQUEST', ...options }).value?.lbConfig.choiceCount, 5);
  assert.equal(read({ lb_policy: 'RANDOM', ...options }).value?.lbConfig.choiceCount, 2);
});

test('a number that the runtime may override has its key', () => {
  const bias = { active_request_bias: { default_value: 0.5, runtime_key: 'a.b' } };
  const { value, warnings } = read({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: bias });
  assert.deepEqual(value?.lbConfig.activeRequestBias, { defaultValue: 0.5, runtimeKey: 'a.b' });
  assert.deepEqual(warnings, []);
});

test('a slow start of no length is none', () => {
  const slow = (window: string) =>
    read({ round_robin_lb_config: { slow_start_config: { slow_start_window: window } } }).value?.lbConfig.slowStart;
  assert.equal(slow('0s'), undefined);
  assert.deepEqual(slow('3s'), { window: 3000, aggression: ONE, minWeightPercent: 10 });
});

test('of a list of policies the first that Envoy has is the one', () => {
  const mine = typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer');
  const random = typed(`${POLICIES}.random.v3.Random`);
  assert.equal(read(listed(mine, random)).value?.lbPolicy, 'RANDOM');
  assert.match(read(listed(mine)).errors[0], /didn't find a registered load balancer factory implementation/);
});

test('a policy that comes later is refused, even where another stands behind it', () => {
  const { errors } = read(listed(typed(`${POLICIES}.pick_first.v3.PickFirst`), typed(`${POLICIES}.random.v3.Random`)));
  assert.match(errors[0], /pick_first\.v3\.PickFirst\) is not supported by Fairlead yet/);
});

test('consistent hashing has the sizes of Envoy, a table of a prime size, and bounds that fit', () => {
  const ring = { minimumRingSize: 1024, maximumRingSize: 8_388_608, hashFunction: 'XX_HASH', useHostname: false };
  assert.deepEqual(read({ lb_policy: 'RING_HASH' }).value?.lbConfig.ringHash, ring);
  const maglev = { tableSize: 65_537, useHostname: false };
  assert.deepEqual(read(listed(typed(`${POLICIES}.maglev.v3.Maglev`))).value?.lbConfig.maglev, maglev);
  const small = { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 } };
  assert.match(read(small).errors[0], /ring hash: minimum_ring_size \(9\) > maximum_ring_size \(8\)$/);
  const even = { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 100 } };
  assert.match(read(even).errors[0], /The table size of maglev must be prime number$/);
});

test('least requests may look at every host', () => {
  const full = typed(`${POLICIES}.least_request.v3.LeastRequest`, { selection_method: 'FULL_SCAN' });
  assert.equal(read(listed(full)).value?.lbConfig.selectionMethod, 'FULL_SCAN');
});

test('zones and localities are read from either place, and not from both', () => {
  const zones = { zone_aware_lb_config: { min_cluster_size: 3 } };
  const expected = { routingEnabled: 100, minClusterSize: 3, failTrafficOnPanic: false };
  assert.deepEqual(read({ common_lb_config: zones }).value?.commonLb.zoneAware, expected);
  const policy = typed(`${POLICIES}.round_robin.v3.RoundRobin`, { locality_lb_config: zones });
  assert.deepEqual(read(listed(policy)).value?.commonLb.zoneAware, expected);
  const both = read({ ...listed(policy), common_lb_config: zones });
  assert.match(both.errors[0], /^common_lb_config: cluster: load_balancing_policy cannot be combined/);
});
