import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import { DnsCache } from '#proxy/upstream/dns-cache/dns-cache.ts';
import { WorkerDnsCaches } from '#proxy/upstream/dns-cache/worker-dns-caches.ts';
import { dnsOptions } from '#testing/discovery-trial.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { FakeResolver } from '#testing/fake-resolver.ts';
import { PlainScope } from '#testing/plain-scope.ts';

function cacheConfig(changes: Partial<DnsCacheConfig> = {}): DnsCacheConfig {
  return {
    name: 'names',
    dns: dnsOptions({ refreshRate: 60_000, respectTtl: true }),
    minRefreshRate: 5000,
    hostTtl: 300_000,
    maxHosts: 2,
    refreshesFailures: true,
    maxPendingRequests: 2,
    queryTimeout: 1000,
    preresolved: [],
    ...changes,
  };
}

function cacheOf(changes: Partial<DnsCacheConfig> = {}) {
  const [clock, resolver, root] = [new FakeClock(), new FakeResolver(), new PlainScope()];
  const told: string[] = [];
  const cache = new DnsCache(cacheConfig(changes), {
    root,
    resolver,
    schedule: clock.schedule,
    random: { uint32: () => 0, uuid: () => '' },
    clock,
    announce: (key, state) => told.push(`${key} ${state}`),
  });
  const answer = (...addresses: string[]) => resolver.answer('a.test', addresses, 10);
  const stat = (name: string) => root.value(`dns_cache.names.${name}`) ?? 0;
  const ask = (name: string) => cache.ask(`${name}:80`, name, 80);
  return { cache, clock, resolver, told, answer, stat, ask };
}

test('a name is resolved once for all who ask, and again as long as its answer says', () => {
  const { ask, answer, told, clock, resolver, cache, stat } = cacheOf();
  ask('a.test');
  ask('a.test');
  assert.deepEqual(told, []);
  answer('10.0.0.1');
  assert.deepEqual(told, ['a.test:80 ready']);
  assert.deepEqual(cache.names()[0].addresses, ['10.0.0.1']);
  clock.advance(9999);
  assert.equal(resolver.open.length, 0);
  clock.advance(1);
  assert.equal(resolver.open.length, 1);
  answer('10.0.0.2');
  assert.deepEqual(cache.names()[0].addresses, ['10.0.0.2']);
  assert.deepEqual([stat('dns_query_attempt'), stat('host_address_changed'), stat('num_hosts')], [2, 2, 1]);
});

test('a name that nobody asks for is forgotten, and one that is used stays', () => {
  const { cache, ask, answer, clock, told, stat } = cacheOf({ hostTtl: 15_000 });
  ask('a.test');
  answer('10.0.0.1');
  clock.advance(10_000);
  answer('10.0.0.1');
  cache.touch('a.test:80');
  clock.advance(10_000);
  answer('10.0.0.1');
  clock.advance(10_000);
  assert.equal(told.at(-1), 'a.test:80 gone');
  assert.deepEqual([cache.names().length, stat('host_removed'), stat('num_hosts')], [0, 1, 0]);
});

test('a query that takes too long fails, and an address that is known stays', () => {
  const { cache, ask, answer, clock, told, stat } = cacheOf();
  ask('a.test');
  clock.advance(1000);
  assert.deepEqual(told, ['a.test:80 failed']);
  assert.deepEqual([stat('dns_query_timeout'), stat('dns_query_failure')], [1, 1]);
  clock.advance(5000);
  answer('10.0.0.1');
  assert.equal(told.at(-1), 'a.test:80 ready');
  clock.advance(10_000);
  clock.advance(1000);
  assert.equal(stat('dns_query_timeout'), 2);
  assert.deepEqual(cache.names()[0].addresses, ['10.0.0.1']);
});

test('a full cache takes no more names', () => {
  const { ask, told, stat } = cacheOf({ maxHosts: 1 });
  ask('a.test');
  ask('b.test');
  assert.deepEqual([told, stat('host_overflow')], [['b.test:80 overflow'], 1]);
});

test('a worker asks once, lets all who wait go on, and refuses those beyond the limit', async () => {
  const asked: string[] = [];
  const heard: string[] = [];
  const caches = new WorkerDnsCaches(new PlainScope(), new FakeClock(), ({ key }) => asked.push(key));
  const load = (host: string) => caches.load(cacheConfig(), host, 80, ({ state }) => heard.push(`${host} ${state}`));
  const first = load('a.test');
  load('a.test');
  assert.equal(load('b.test').state, 'busy');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, ['a.test:80']);
  if (first.state === 'pending') first.cancel();
  caches.hear({ cache: 'names', key: 'a.test:80', state: 'ready', details: '' });
  assert.deepEqual(heard, ['a.test ready']);
  assert.equal(load('a.test').state, 'ready');
  caches.hear({ cache: 'names', key: 'a.test:80', state: 'gone', details: '' });
  assert.equal(load('a.test').state, 'pending');
});
