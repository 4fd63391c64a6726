/** Which of several DNS servers is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DnsServers } from '#proxy/upstream/discovery/dns-servers.ts';

const THREE = ['a', 'b', 'c'];

test('the server that failed least is asked, and of those the first; one that helps is as good as new', () => {
  const servers = new DnsServers(() => 0, { uint32: () => 0 });
  assert.equal(servers.choose(THREE, false), 'a');
  servers.failed('a');
  servers.failed('a');
  assert.equal(servers.choose(THREE, false), 'b');
  servers.failed('b');
  servers.failed('c');
  assert.equal(servers.choose(THREE, false), 'b');
  servers.succeeded('a');
  assert.equal(servers.choose(THREE, false), 'a');
});

test('a server that failed is tried again by one question of ten, no sooner than in 5 s and not twice at a time', () => {
  let now = 0;
  let chance = 0;
  const servers = new DnsServers(() => now, { uint32: () => chance });
  servers.failed('a');
  now = 4999;
  assert.equal(servers.retry(THREE, 'b'), undefined);
  now = 5000;
  chance = 1;
  assert.equal(servers.retry(THREE, 'b'), undefined);
  chance = 10;
  assert.equal(servers.retry(THREE, 'a'), undefined);
  assert.equal(servers.retry(THREE, 'b'), 'a');
  assert.equal(servers.retry(THREE, 'b'), undefined);
  servers.failed('a');
  now = 10_000;
  assert.equal(servers.retry(THREE, 'b'), 'a');
});

test('with rotation any server is asked', () => {
  let next = 0;
  const servers = new DnsServers(() => 0, { uint32: () => next++ });
  servers.failed('b');
  assert.deepEqual(
    [1, 2, 3, 4].map(() => servers.choose(THREE, true)),
    ['a', 'b', 'c', 'a'],
  );
});
