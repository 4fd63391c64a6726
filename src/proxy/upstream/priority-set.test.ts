import assert from 'node:assert/strict';
import test from 'node:test';
import { recordMembership } from '#proxy/upstream/membership-stats.ts';
import { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { endpoint, locality, membersOf } from '#testing/cluster-samples.ts';
import { PlainScope } from '#testing/plain-scope.ts';

const clock = { now: () => 0, wall: () => 0 };

function prioritySet(scope = new PlainScope()) {
  return new PrioritySet('one', scope.lease, clock);
}

test('a host that an update names again stays the same object with its counters', () => {
  const set = prioritySet();
  set.update(membersOf([locality('', [endpoint(1), endpoint(2)])]));
  const [first] = set.hostSets[0].hosts;
  first.stats.rqTotal.inc();
  const change = set.update(membersOf([locality('a', [endpoint(3), endpoint(1, { weight: 5 })])]));
  assert.equal(set.hostSets[0].hosts[1], first);
  assert.equal(first.stats.rqTotal.value, 1);
  assert.equal(first.weight, 5);
  assert.equal(first.locality.zone, 'a');
  assert.deepEqual(
    change.added.map((host) => host.addressText),
    ['127.0.0.1:3'],
  );
  assert.deepEqual(
    change.removed.map((host) => host.addressText),
    ['127.0.0.1:2'],
  );
});

test('a host holds counters from the first count until it is told that it is gone, and none after that', () => {
  let held = 0;
  const scope = new PlainScope();
  const lease = () => ({ ...scope.lease(), release: () => void held-- });
  const counted = () => {
    held++;
    return lease();
  };
  const set = new PrioritySet('one', counted, clock);
  set.update(membersOf([locality('', [endpoint(1), endpoint(2)])]));
  const [first, second] = set.hostSets[0].hosts;
  assert.deepEqual([held, first.activeRequests], [0, 0]);
  first.stats.rqActive.inc();
  assert.deepEqual([held, first.activeRequests], [1, 1]);
  const { removed } = set.update(membersOf([]));
  assert.deepEqual([removed.length, held], [2, 1]);
  for (const host of removed) host.removed();
  assert.equal(held, 0);
  second.stats.rqTotal.inc();
  assert.equal(held, 0);
});

test('an address that is listed twice is two hosts, as in Envoy', () => {
  const set = prioritySet();
  set.update(membersOf([locality('', [endpoint(1), endpoint(1)])]));
  const [first, second] = set.hostSets[0].hosts;
  assert.notEqual(first, second);
  assert.equal(second.addressText, '127.0.0.1:1');
  first.stats.rqTotal.inc();
  assert.equal(second.stats.rqTotal.value, 0);
});

test('a logical host keeps its identity when its address changes', () => {
  const set = prioritySet();
  const at = (port: number) => {
    const update = membersOf([locality('', [endpoint(port)])]);
    update.priorities[0].localities[0].hosts[0].key = 'shop.test:80';
    return update;
  };
  set.update(at(1));
  const [host] = set.hostSets[0].hosts;
  const change = set.update(at(2));
  assert.equal(set.hostSets[0].hosts[0], host);
  assert.equal(host.addressText, '127.0.0.1:2');
  assert.deepEqual(change.added, []);
});

test('hosts are sorted by what the control plane says of their health, and draining ones are excluded', () => {
  const scope = new PlainScope();
  const set = prioritySet(scope);
  recordMembership(set, scope, true);
  const members = [
    endpoint(1),
    endpoint(2, { healthStatus: 'DEGRADED' }),
    endpoint(3, { healthStatus: 'UNHEALTHY' }),
    endpoint(4, { healthStatus: 'DRAINING' }),
  ];
  set.update(membersOf([locality('', members)], [locality('', [endpoint(5)])]));
  const [{ healthy, degraded, excluded }] = set.hostSets;
  assert.deepEqual(
    [healthy, degraded, excluded].map((hosts) => hosts.map((host) => host.addressText.at(-1))),
    [['1'], ['2'], ['4']],
  );
  const gauges = ['total', 'healthy', 'degraded', 'excluded', 'change'].map((name) =>
    scope.value(`membership_${name}`),
  );
  assert.deepEqual(gauges, [5, 2, 1, 1, 2]);
});

test('membership_change counts priorities whose members changed, not changes of weight', () => {
  const scope = new PlainScope();
  const set = prioritySet(scope);
  recordMembership(set, scope, true);
  set.update(membersOf([locality('', [endpoint(1)])]));
  set.update(membersOf([locality('', [endpoint(1, { weight: 3 })])]));
  assert.equal(scope.value('membership_change'), 1);
});

test("the proxy's own locality comes first, the others by name", () => {
  const set = new PrioritySet('one', new PlainScope().lease, clock, { region: '', zone: 'm', subZone: '' });
  set.update(membersOf([locality('z', [endpoint(1)]), locality('a', [endpoint(2)]), locality('m', [endpoint(3)])]));
  assert.deepEqual(
    set.hostSets[0].localities.map((one) => one.locality.zone),
    ['m', 'a', 'z'],
  );
  assert.equal(set.hostSets[0].hasLocalLocality, true);
  set.update(membersOf([locality('z', [endpoint(1)])]));
  assert.equal(set.hostSets[0].hasLocalLocality, false);
});

test('health set by a health check survives an update of the members', () => {
  const set = prioritySet();
  const update = membersOf([locality('', [endpoint(1)])]);
  set.update(update);
  const [host] = set.hostSets[0].hosts;
  host.setHealthFlags(1, 0);
  set.healthChanged();
  assert.equal(set.hostSets[0].healthy.length, 0);
  set.update(update);
  assert.equal(set.hostSets[0].healthy.length, 0);
  host.setHealthFlags(0, 9);
  set.healthChanged();
  assert.equal(set.hostSets[0].healthy.length, 1);
  assert.equal(host.healthySince, 9);
});
