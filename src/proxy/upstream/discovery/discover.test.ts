import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalityEndpoints } from '#config/model/cluster.ts';
import { endpoint, NO_LOCALITY } from '#testing/cluster-samples.ts';
import { DiscoveryTrial } from '#testing/discovery-trial.ts';

function at(priority: number, ...ports: number[]): LocalityEndpoints {
  return { locality: NO_LOCALITY, priority, endpoints: ports.map((port) => endpoint(port)) };
}

test('a static cluster has its members, and is ready, at once', () => {
  const trial = new DiscoveryTrial({ kind: 'STATIC' }, [at(0, 1, 2), at(1, 3)]);
  assert.deepEqual(trial.members(), [['127.0.0.1:1', '127.0.0.1:2'], ['127.0.0.1:3']]);
  assert.equal(trial.ready, 1);
  assert.equal(trial.stat('update_attempt'), 0);
});

test('a static cluster without endpoints is ready, and has a priority without members', () => {
  const trial = new DiscoveryTrial({ kind: 'STATIC' }, []);
  assert.deepEqual(trial.members(), [[]]);
  assert.equal(trial.ready, 1);
});

test('discovery that is not there is refused by name', () => {
  assert.throws(
    () => new DiscoveryTrial({ kind: 'EDS', serviceName: '' } as never, []),
    /nobody fetches endpoints for cluster 'one'/,
  );
});
