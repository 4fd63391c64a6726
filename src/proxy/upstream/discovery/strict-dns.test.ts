import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterConfig, DnsOptions, Endpoint, LocalityEndpoints } from '#config/model/cluster.ts';
import { HealthFlag } from '#proxy/upstream/host-health.ts';
import { endpoint, NO_LOCALITY } from '#testing/cluster-samples.ts';
import { DiscoveryTrial, dnsOptions } from '#testing/discovery-trial.ts';

function named(name: string, changes: Partial<Endpoint> = {}): Endpoint {
  return endpoint(80, changes, name);
}

function at(priority: number, ...endpoints: Endpoint[]): LocalityEndpoints {
  return { locality: NO_LOCALITY, priority, endpoints };
}

function strict(
  endpoints: LocalityEndpoints[],
  changes: Partial<DnsOptions> = {},
  cluster: Partial<ClusterConfig> = {},
  random = 0,
): DiscoveryTrial {
  return new DiscoveryTrial({ kind: 'STRICT_DNS', dns: dnsOptions(changes) }, endpoints, cluster, {
    uint32: () => random,
    uuid: () => '',
  });
}

test('every address of a name is a host with the port, weight, metadata, health and name of its endpoint', () => {
  const metadata = { 'envoy.lb': { canary: true } };
  const trial = strict([at(0, named('a.test', { weight: 3, metadata, healthStatus: 'UNHEALTHY' }))]);
  trial.resolver.answer('a.test', ['10.0.0.1', 'fd00::1']);
  assert.deepEqual(trial.members(), [['10.0.0.1:80', '[fd00::1]:80']]);
  for (const host of trial.hosts()) {
    assert.equal(host.weight, 3);
    assert.equal(host.metadata, metadata);
    assert.equal(host.hostname, 'a.test');
    assert.equal(host.healthFlags, HealthFlag.FailedEdsHealth);
  }
});

test('a hostname of the endpoint stands before its DNS name', () => {
  const trial = strict([at(0, named('a.test', { hostname: 'shop.test' }))]);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  assert.equal(trial.hosts()[0].hostname, 'shop.test');
});

test('names of several priorities and localities keep their place', () => {
  const zone = { ...NO_LOCALITY, zone: 'z' };
  const trial = strict([
    at(0, named('a.test')),
    { locality: zone, priority: 1, weight: 7, endpoints: [named('b.test')] },
  ]);
  trial.resolver.answer('b.test', ['10.0.0.2']);
  assert.deepEqual(trial.members(), [[], ['10.0.0.2:80']]);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  assert.deepEqual(trial.members(), [['10.0.0.1:80'], ['10.0.0.2:80']]);
  const [locality] = trial.updates[1].priorities[1].localities;
  assert.deepEqual([locality.locality, locality.weight], [zone, 7]);
});

test('an address that one name has twice is one host, and of two names two', () => {
  const trial = strict([at(0, named('a.test'), named('b.test'))]);
  trial.resolver.answer('a.test', ['10.0.0.1', '10.0.0.1']);
  trial.resolver.answer('b.test', ['10.0.0.1']);
  assert.deepEqual(trial.members(), [['10.0.0.1:80', '10.0.0.1:80']]);
});

test('each name is resolved again when the refresh rate has passed since its own answer', () => {
  const trial = strict([at(0, named('a.test'), named('b.test'))]);
  assert.deepEqual(trial.asked(), ['a.test', 'b.test']);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.clock.advance(1000);
  trial.resolver.answer('b.test', ['10.0.0.2']);
  trial.clock.advance(4000);
  assert.deepEqual(trial.asked(), ['a.test']);
  trial.clock.advance(1000);
  assert.deepEqual(trial.asked(), ['a.test', 'b.test']);
  assert.equal(trial.stat('update_attempt'), 4);
  assert.equal(trial.stat('update_success'), 2);
});

test('an answer with the same addresses in another order changes nothing', () => {
  const trial = strict([at(0, named('a.test'))]);
  trial.resolver.answer('a.test', ['10.0.0.1', '10.0.0.2']);
  trial.clock.advance(5000);
  trial.resolver.answer('a.test', ['10.0.0.2', '10.0.0.1']);
  assert.equal(trial.updates.length, 1);
  assert.equal(trial.stat('update_no_rebuild'), 1);
});

test('an answer without addresses takes the hosts away', () => {
  const trial = strict([at(0, named('a.test'))]);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.clock.advance(5000);
  trial.resolver.answer('a.test', []);
  assert.deepEqual(trial.members(), [[]]);
  assert.equal(trial.stat('update_success'), 2);
});

test('a failure leaves the hosts where they are', () => {
  const trial = strict([at(0, named('a.test'))]);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.clock.advance(5000);
  trial.resolver.fail('a.test');
  assert.deepEqual(trial.members(), [['10.0.0.1:80']]);
  assert.equal(trial.stat('update_failure'), 1);
});

test('the first name that is resolved, or fails, makes the cluster ready, once', () => {
  const trial = strict([at(0, named('a.test'), named('b.test'))]);
  assert.equal(trial.ready, 0);
  trial.resolver.fail('b.test');
  assert.equal(trial.ready, 1);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  assert.equal(trial.ready, 1);
});

test('a cluster is ready at once without names, or where nobody waits for it', () => {
  assert.equal(strict([]).ready, 1);
  assert.equal(strict([at(0, named('a.test'))], {}, { waitForWarmOnInit: false }).ready, 1);
});

test('with respect_dns_ttl the record that lives shortest says when to ask again; 0 says nothing', () => {
  const trial = strict([at(0, named('a.test'))], { respectTtl: true });
  trial.resolver.answer('a.test', ['10.0.0.1'], 2);
  trial.clock.advance(1999);
  assert.deepEqual(trial.asked(), []);
  trial.clock.advance(1);
  trial.resolver.answer('a.test', ['10.0.0.1'], 0);
  trial.clock.advance(4999);
  assert.deepEqual(trial.asked(), []);
  trial.clock.advance(1);
  assert.deepEqual(trial.asked(), ['a.test']);
});

test('jitter comes on top of the refresh rate', () => {
  const trial = strict([at(0, named('a.test'))], { jitter: 1000 }, {}, 2300);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.clock.advance(5299);
  assert.deepEqual(trial.asked(), []);
  trial.clock.advance(1);
  assert.deepEqual(trial.asked(), ['a.test']);
});

test('failures are tried again below an interval that doubles up to its limit, and starts anew after a success', () => {
  const failureRefreshRate = { baseInterval: 1000, maxInterval: 3000 };
  // The largest remainder of each interval: 999, 1999, 2999 of 1000, 2000, 3000.
  const trial = strict([at(0, named('a.test'))], { failureRefreshRate }, {}, 5999);
  for (const delay of [999, 1999, 2999, 2999]) {
    trial.resolver.fail('a.test');
    trial.clock.advance(delay - 1);
    assert.deepEqual(trial.asked(), []);
    trial.clock.advance(1);
  }
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.clock.advance(5000);
  trial.resolver.fail('a.test');
  trial.clock.advance(999);
  assert.deepEqual(trial.asked(), ['a.test']);
});

test('once stopped, nothing is asked, and answers change nothing', () => {
  const trial = strict([at(0, named('a.test'), named('b.test'))]);
  trial.resolver.answer('a.test', ['10.0.0.1']);
  trial.discovery.stop();
  assert.deepEqual(trial.asked(), []);
  trial.clock.advance(60_000);
  assert.deepEqual(trial.asked(), []);
});
