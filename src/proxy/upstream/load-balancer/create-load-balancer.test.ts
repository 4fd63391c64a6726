import assert from 'node:assert/strict';
import test from 'node:test';
import type { Random } from '#base/random.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import { createLoadBalancer } from '#proxy/upstream/load-balancer/create-load-balancer.ts';
import type { LoadBalancer, LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { RuntimeView } from '#selection/runtime-view.ts';
import { clusterConfig, endpoint, locality, membersOf } from '#testing/cluster-samples.ts';
import { PlainScope } from '#testing/plain-scope.ts';

/** Numbers that look random and are the same in every run (a linear congruential generator). */
function repeatableRandom(seed = 7): Random {
  let state = seed;
  return {
    uint32() {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state ^ (state >>> 15)) >>> 0;
    },
    uuid: () => '',
  };
}

function balancer(members: HostSetUpdate, changes: Partial<ClusterConfig> = {}, random = repeatableRandom()) {
  const scope = new PlainScope();
  const time = { at: 0 };
  const clock = { now: () => time.at, wall: () => time.at };
  const hosts = new PrioritySet('one', scope.lease, clock);
  hosts.update(members);
  const runtime = new RuntimeView();
  const setRuntime = (key: string, number: number) =>
    runtime.update({ layers: [], values: { [key]: { raw: `${number}`, number } } });
  const lb = createLoadBalancer(clusterConfig(changes), hosts, random, scope, { clock, runtime });
  return { lb, hosts, scope, time, setRuntime };
}

const ONE = { defaultValue: 1, runtimeKey: '' };

/** How many of the calls each port got. */
function counts(lb: LoadBalancer, calls: number, context?: LoadBalancerContext): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let call = 0; call < calls; call++) {
    const port = lb.choose(context)?.addressText.split(':')[1] ?? 'none';
    seen[port] = (seen[port] ?? 0) + 1;
  }
  return seen;
}

const three = [endpoint(1), endpoint(2), endpoint(3)];
const unhealthy = (port: number) => endpoint(port, { healthStatus: 'UNHEALTHY' });

test('round robin gives three hosts four calls each of twelve, wherever it starts', () => {
  for (let seed = 0; seed < 5; seed++) {
    const { lb } = balancer(membersOf([locality('', three)]), {}, repeatableRandom(seed));
    assert.deepEqual(counts(lb, 12), { 1: 4, 2: 4, 3: 4 });
  }
});

test('two threads begin at different hosts', () => {
  const firsts = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { lb } = balancer(membersOf([locality('', three)]), {}, repeatableRandom(seed));
    firsts.add(lb.choose()?.addressText ?? '');
  }
  assert.equal(firsts.size, 3);
});

test('round robin with weights is exact over a whole round and spreads the heavy host', () => {
  const members = [endpoint(1, { weight: 1 }), endpoint(2, { weight: 2 }), endpoint(3, { weight: 5 })];
  const { lb } = balancer(membersOf([locality('', members)]));
  assert.deepEqual(counts(lb, 80), { 1: 10, 2: 20, 3: 50 });
  const order = Array.from({ length: 16 }, () => lb.choose()?.weight);
  assert.ok(!order.join('').includes('5555'), `the heavy host comes in a run: ${order.join(' ')}`);
});

test('a cluster without hosts chooses none', () => {
  for (const lbPolicy of ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM'] as const) {
    const { lb, hosts } = balancer(membersOf([]), { lbPolicy });
    assert.equal(lb.choose(), undefined);
    hosts.update(membersOf([locality('', [endpoint(1)])]));
    assert.equal(lb.choose()?.addressText, '127.0.0.1:1');
    hosts.update(membersOf([]));
    assert.equal(lb.choose(), undefined);
  }
});

test('hosts that come later are used at once', () => {
  const { lb, hosts } = balancer(membersOf([locality('', three)]));
  hosts.update(membersOf([locality('', [...three, endpoint(4)])]));
  assert.deepEqual(counts(lb, 12), { 1: 3, 2: 3, 3: 3, 4: 3 });
});

test('random chooses each host about as often and ignores weights, as Envoy does', () => {
  const members = [endpoint(1, { weight: 100 }), endpoint(2)];
  const { lb } = balancer(membersOf([locality('', members)]), { lbPolicy: 'RANDOM' });
  const seen = counts(lb, 2000);
  assert.ok(seen[1] > 900 && seen[1] < 1100, JSON.stringify(seen));
});

test('least request prefers the host with fewer requests under way', () => {
  const { lb, hosts } = balancer(membersOf([locality('', [endpoint(1), endpoint(2)])]), { lbPolicy: 'LEAST_REQUEST' });
  hosts.hostSets[0].hosts[0].stats.rqActive.add(10);
  const seen = counts(lb, 1000);
  // The busy host is taken only where both samples are it: a quarter of the calls.
  assert.ok(seen[1] > 200 && seen[1] < 300, JSON.stringify(seen));
});

test('least request with a full scan never takes a host that has more', () => {
  const lbConfig = { choiceCount: 2, activeRequestBias: ONE, selectionMethod: 'FULL_SCAN' } as const;
  const { lb, hosts } = balancer(membersOf([locality('', three)]), { lbPolicy: 'LEAST_REQUEST', lbConfig });
  hosts.hostSets[0].hosts[0].stats.rqActive.add(1);
  const seen = counts(lb, 1000);
  assert.equal(seen[1], undefined);
  assert.ok(seen[2] > 430 && seen[3] > 430, JSON.stringify(seen));
});

test('least request with weights divides them by the requests under way', () => {
  const members = [endpoint(1, { weight: 2 }), endpoint(2, { weight: 1 })];
  const { lb, hosts } = balancer(membersOf([locality('', members)]), { lbPolicy: 'LEAST_REQUEST' });
  assert.deepEqual(counts(lb, 30), { 1: 20, 2: 10 });
  hosts.hostSets[0].hosts[0].stats.rqActive.add(3);
  counts(lb, 30);
  assert.deepEqual(counts(lb, 30), { 1: 10, 2: 20 });
});

test('the bias of least request is what the runtime says when members change, and 1 where that is no bias', () => {
  const members = membersOf([locality('', [endpoint(1, { weight: 2 }), endpoint(2, { weight: 1 })])]);
  const lbConfig = { choiceCount: 2, activeRequestBias: { defaultValue: 1, runtimeKey: 'bias' } };
  const { lb, hosts, setRuntime } = balancer(members, { lbPolicy: 'LEAST_REQUEST', lbConfig });
  hosts.hostSets[0].hosts[0].stats.rqActive.add(3);
  const settled = () => {
    counts(lb, 30);
    return counts(lb, 30);
  };
  assert.deepEqual(settled(), { 1: 10, 2: 20 });
  setRuntime('bias', 0);
  assert.deepEqual(settled(), { 1: 10, 2: 20 });
  hosts.update(members);
  assert.deepEqual(settled(), { 1: 20, 2: 10 });
  setRuntime('bias', -1);
  hosts.update(members);
  assert.deepEqual(settled(), { 1: 10, 2: 20 });
});

test('the aggression of a slow start follows the runtime at once', () => {
  const slowStart = { window: 1000, aggression: { defaultValue: 1, runtimeKey: 'fast' }, minWeightPercent: 10 };
  const lbConfig = { choiceCount: 2, activeRequestBias: ONE, slowStart };
  const { lb, hosts, time, setRuntime } = balancer(membersOf([locality('', [endpoint(1)])]), { lbConfig });
  time.at = 5000;
  hosts.update(membersOf([locality('', [endpoint(1), endpoint(2)])]));
  time.at = 5250;
  counts(lb, 50);
  const quarter = counts(lb, 125);
  assert.ok(quarter[2] >= 24 && quarter[2] <= 26, JSON.stringify(quarter));
  setRuntime('fast', 2);
  counts(lb, 50);
  const half = counts(lb, 150);
  assert.ok(half[2] >= 49 && half[2] <= 51, JSON.stringify(half));
});

test('a host in slow start gets a share that grows over the window', () => {
  const lbConfig = {
    choiceCount: 2,
    activeRequestBias: ONE,
    slowStart: { window: 1000, aggression: ONE, minWeightPercent: 10 },
  };
  const { lb, hosts, time } = balancer(membersOf([locality('', [endpoint(1)])]), { lbConfig });
  time.at = 5000;
  hosts.update(membersOf([locality('', [endpoint(1), endpoint(2)])]));
  const young = counts(lb, 110);
  assert.ok(young[2] >= 8 && young[2] <= 12, JSON.stringify(young));
  time.at = 5500;
  counts(lb, 10);
  const half = counts(lb, 150);
  assert.ok(half[2] >= 48 && half[2] <= 52, JSON.stringify(half));
  time.at = 6000;
  counts(lb, 10);
  const old = counts(lb, 100);
  assert.ok(old[2] >= 49 && old[2] <= 51, JSON.stringify(old));
});

test('the next priority takes what the first cannot bear', () => {
  const first = [endpoint(1), unhealthy(2), unhealthy(3), unhealthy(4)];
  const { lb } = balancer(membersOf([locality('', first)], [locality('', [endpoint(9)])]));
  const seen = counts(lb, 2000);
  // One of four healthy, times 1.4, is 35 %.
  assert.ok(seen[1] > 620 && seen[1] < 780, JSON.stringify(seen));
  assert.equal(seen[1] + seen[9], 2000);
});

test('below the panic threshold health is ignored and the panic counted', () => {
  const members = membersOf([locality('', [endpoint(1), unhealthy(2), unhealthy(3)])]);
  const { lb, scope } = balancer(members);
  assert.deepEqual(counts(lb, 6), { 1: 2, 2: 2, 3: 2 });
  assert.equal(scope.value('lb_healthy_panic'), 6);
  const calm = balancer(members, { commonLb: { healthyPanicThreshold: 0, localityWeighted: false } });
  assert.deepEqual(counts(calm.lb, 6), { 1: 6 });
  const zoneAware = { routingEnabled: 100, minClusterSize: 6, failTrafficOnPanic: true };
  const failing = balancer(members, { commonLb: { healthyPanicThreshold: 50, localityWeighted: false, zoneAware } });
  assert.deepEqual(counts(failing.lb, 6), { none: 6 });
});

test('degraded hosts serve when healthy ones do not suffice', () => {
  const members = [endpoint(1), endpoint(2, { healthStatus: 'DEGRADED' })];
  const { lb } = balancer(membersOf([locality('', members)]));
  const seen = counts(lb, 1000);
  assert.ok(seen[1] > 650 && seen[1] < 750, JSON.stringify(seen));
  const none = balancer(membersOf([locality('', [unhealthy(1), endpoint(2, { healthStatus: 'DEGRADED' })])]));
  assert.deepEqual(counts(none.lb, 10), { 2: 10 });
});

test('weighted localities share by weight, scaled by their health', () => {
  const commonLb = { healthyPanicThreshold: 50, localityWeighted: true };
  const near = locality('a', [endpoint(1), endpoint(2)], 3);
  const far = locality('b', [endpoint(3)], 1);
  const unweighted = locality('c', [endpoint(4)]);
  const { lb, hosts } = balancer(membersOf([near, far, unweighted]), { commonLb });
  const healthy = counts(lb, 400);
  assert.ok(healthy[1] >= 149 && healthy[1] <= 151 && healthy[2] >= 149 && healthy[2] <= 151, JSON.stringify(healthy));
  assert.equal(healthy[1] + healthy[2] + healthy[3], 400);
  hosts.update(membersOf([locality('a', [endpoint(1), unhealthy(2)], 3), far, unweighted]));
  const seen = counts(lb, 310);
  // Weight 3 x 0.7 = 2.1 against 1.
  assert.ok(seen[1] >= 208 && seen[1] <= 212 && seen[1] + seen[3] === 310, JSON.stringify(seen));
});

test('a retry that must not repeat a host gets another, as often as it may ask', () => {
  const { lb } = balancer(membersOf([locality('', [endpoint(1), endpoint(2)])]));
  const first = lb.choose();
  const context = { hostSelectionRetryCount: 1, shouldSelectAnotherHost: (host: object) => host === first };
  for (let call = 0; call < 4; call++) assert.notEqual(lb.choose(context), first);
  const never = { hostSelectionRetryCount: 3, shouldSelectAnotherHost: () => true };
  assert.notEqual(lb.choose(never), undefined);
});

test('an override goes before balancing; a strict one allows no other', () => {
  const { lb } = balancer(membersOf([locality('', [...three, unhealthy(4), unhealthy(5)])]));
  const override = (address: string, strict: boolean) => ({
    hostSelectionRetryCount: 0,
    overrideHost: { address, strict },
  });
  assert.deepEqual(counts(lb, 5, override('127.0.0.1:2', false)), { 2: 5 });
  assert.deepEqual(counts(lb, 5, override('127.0.0.1:4', true)), { none: 5 });
  assert.deepEqual(counts(lb, 3, override('127.0.0.1:4', false)), { 1: 1, 2: 1, 3: 1 });
});

test('retry priorities replace the shares of health', () => {
  const { lb } = balancer(membersOf([locality('', [endpoint(1)])], [locality('', [endpoint(9)])]));
  const context = {
    hostSelectionRetryCount: 0,
    determinePriorityLoad: () => ({ healthy: [0, 100], degraded: [0, 0] }),
  };
  assert.deepEqual(counts(lb, 10, context), { 9: 10 });
});

test('hosts looked at ahead are those that are chosen next', () => {
  const { lb } = balancer(membersOf([locality('', three)]));
  const ahead = [lb.peekAnother(), lb.peekAnother()];
  assert.deepEqual([lb.choose(), lb.choose()], ahead);
  assert.deepEqual(counts(lb, 9), { 1: 3, 2: 3, 3: 3 });
});
