import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, LoadAssignment } from '#config/model/cluster.ts';
import { NO_MEMBERS, sameMembers } from '#proxy/upstream/discovery/same-members.ts';
import { endpoint, NO_LOCALITY } from '#testing/cluster-samples.ts';

function assigned(endpoints: Endpoint[], more: Partial<LoadAssignment['endpoints'][0]> = {}): LoadAssignment {
  return { ...NO_MEMBERS, endpoints: [{ locality: NO_LOCALITY, priority: 0, endpoints, ...more }] };
}

test('the order of hosts, and who made them, says nothing', () => {
  const shared = endpoint(3);
  const one = assigned([endpoint(1), endpoint(2), shared]);
  assert.ok(sameMembers(one, assigned([shared, endpoint(2), endpoint(1)])));
  assert.ok(sameMembers(NO_MEMBERS, { ...NO_MEMBERS, clusterName: 'x', dropOverloads: [] }));
});

test('members, weights, health, localities, priorities and factors do', () => {
  const one = assigned([endpoint(1), endpoint(2)]);
  const others: LoadAssignment[] = [
    NO_MEMBERS,
    assigned([endpoint(1)]),
    assigned([endpoint(1), endpoint(3)]),
    assigned([endpoint(1), endpoint(1)]),
    assigned([endpoint(1), { ...endpoint(2), weight: 7 }]),
    assigned([endpoint(1), { ...endpoint(2), healthStatus: 'UNHEALTHY' }]),
    assigned([endpoint(1), endpoint(2)], { priority: 1 }),
    assigned([endpoint(1), endpoint(2)], { weight: 2 }),
    assigned([endpoint(1), endpoint(2)], { locality: { ...NO_LOCALITY, zone: 'z' } }),
    { ...one, overprovisioningFactor: 200 },
    { ...one, weightedPriorityHealth: true },
  ];
  assert.deepEqual(
    others.map((other) => sameMembers(one, other)),
    others.map(() => false),
  );
});
