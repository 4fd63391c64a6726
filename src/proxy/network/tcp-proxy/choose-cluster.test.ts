import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLUSTER_STATE, chooseTcpCluster } from '#proxy/network/tcp-proxy/choose-cluster.ts';

const clusters = [
  { name: 'a', weight: 1 },
  { name: 'b', weight: 3 },
];

test('clusters get their shares of the connections', () => {
  const chosen = [0, 1, 2, 3, 4, 5, 6, 7].map((random) =>
    chooseTcpCluster({ clusters, totalWeight: 4 }, undefined, random),
  );
  assert.deepEqual(chosen, ['a', 'b', 'b', 'b', 'a', 'b', 'b', 'b']);
});

test('the cluster that a filter chose goes before those of the configuration', () => {
  const state = new Map([[CLUSTER_STATE, 'c']]);
  assert.equal(chooseTcpCluster({ clusters, totalWeight: 4 }, state, 0), 'c');
});
