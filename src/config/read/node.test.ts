import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, loadOptions, warningsOf } from '#testing/load-config.ts';

const NODE = { id: 'n', cluster: 'c', metadata: { a: { b: 1 } }, locality: { region: 'r', zone: 'z', sub_zone: 's' } };

test('the node of the bootstrap is in the snapshot', () => {
  assert.deepEqual(load({ node: NODE }).snapshot.node, {
    id: 'n',
    cluster: 'c',
    metadata: { a: { b: 1 } },
    locality: { region: 'r', zone: 'z', subZone: 's' },
  });
});

test('flags are over the node, in the snapshot and in the message', () => {
  const flags = loadOptions({ serviceNode: 'N', serviceCluster: 'C', serviceZone: 'Z' });
  const { snapshot, bootstrap } = load({ node: NODE }, flags);
  assert.deepEqual([snapshot.node.id, snapshot.node.cluster], ['N', 'C']);
  assert.deepEqual(snapshot.node.locality, { region: 'r', zone: 'Z', subZone: 's' });
  assert.equal(bootstrap.node?.id, 'N');
  assert.deepEqual(snapshot.node.metadata, NODE.metadata);
});

test('flags make a node where the bootstrap has none', () => {
  const { snapshot, bootstrap } = load({}, loadOptions({ serviceZone: 'Z' }));
  assert.deepEqual(snapshot.node, {
    id: '',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: 'Z', subZone: '' },
  });
  assert.equal(bootstrap.node?.locality?.zone, 'Z');
});

test('what the proxy says itself is warned of, and what only management servers are told is not', () => {
  assert.deepEqual(warningsOf({ node: { client_features: ['x'], user_agent_name: 'x' } }), [
    "node.user_agent_name: field 'user_agent_name' has no effect in Fairlead: the proxy says itself what it is",
  ]);
});
