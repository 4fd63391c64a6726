import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText } from '#config/model/address.ts';
import type { ClusterConfig, DnsOptions } from '#config/model/cluster.ts';
import { endpoint, NO_LOCALITY } from '#testing/cluster-samples.ts';
import { DiscoveryTrial, dnsOptions } from '#testing/discovery-trial.ts';

function logical(changes: Partial<DnsOptions> = {}, cluster: Partial<ClusterConfig> = {}): DiscoveryTrial {
  const endpoints = [{ locality: NO_LOCALITY, priority: 0, endpoints: [endpoint(80, {}, 'a.test')] }];
  return new DiscoveryTrial({ kind: 'LOGICAL_DNS', dns: dnsOptions(changes) }, endpoints, cluster);
}

test('the first address is the host, and the others are its additional ones', () => {
  const trial = logical();
  trial.resolver.answer('a.test', ['10.0.0.1', '10.0.0.2']);
  const [host] = trial.hosts();
  assert.deepEqual(trial.members(), [['10.0.0.1:80']]);
  assert.deepEqual(host.additionalAddresses.map(addressText), ['10.0.0.2:80']);
  assert.equal(host.hostname, 'a.test');
  assert.equal(trial.ready, 1);
});

test('a change of any address makes another host; the same addresses change nothing', () => {
  const trial = logical();
  const keys = [['10.0.0.1', '10.0.0.2'], ['10.0.0.1', '10.0.0.2'], ['10.0.0.1', '10.0.0.3'], ['10.0.0.3']].map(
    (addresses) => {
      trial.resolver.answer('a.test', addresses);
      trial.clock.advance(5000);
      return trial.hosts()[0].key;
    },
  );
  assert.equal(trial.updates.length, 3);
  assert.equal(trial.stat('update_no_rebuild'), 1);
  assert.equal(new Set(keys).size, 3);
  assert.deepEqual(trial.members(), [['10.0.0.3:80']]);
});

test('an answer without addresses is a failure, and the host stays', () => {
  const trial = logical();
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.clock.advance(5000);
  trial.resolver.answer('a.test', []);
  assert.deepEqual(trial.members(), [['10.0.0.1:80']]);
  assert.equal(trial.stat('update_success'), 1);
  assert.equal(trial.stat('update_failure'), 1);
});

test('the cluster is ready once its name is known not to resolve', () => {
  const trial = logical();
  assert.equal(trial.ready, 0);
  trial.resolver.fail('a.test');
  assert.equal(trial.ready, 1);
  assert.deepEqual(trial.updates, []);
});

test('with respect_dns_ttl the first record says when to ask again', () => {
  const trial = logical({ respectTtl: true });
  trial.resolver.answer('a.test', ['10.0.0.1'], 1);
  trial.clock.advance(1000);
  assert.deepEqual(trial.asked(), ['a.test']);
});

test('once stopped, nothing is asked', () => {
  const trial = logical({}, { waitForWarmOnInit: false });
  assert.equal(trial.ready, 1);
  trial.discovery.stop();
  trial.clock.advance(60_000);
  assert.deepEqual(trial.asked(), []);
});
