import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreviousPriorities } from '#proxy/http/router/previous-priorities.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';

const host = (name: string) => ({ addressText: name, weight: 1 }) as Host;

/** A priority of so many hosts, the first of which are healthy. */
function priority(count: number, healthy = count): HostSet {
  const hosts = Array.from({ length: count }, (_, i) => host(`${i}`));
  return {
    hosts,
    healthy: hosts.slice(0, healthy),
    degraded: [],
    excluded: [],
    overprovisioningFactor: 140,
    weightedPriorityHealth: false,
  } as unknown as HostSet;
}

const ORIGINAL = { healthy: [100, 0, 0], degraded: [0, 0, 0] };

test('after so many attempts the priorities that were tried get nothing, until none is left', () => {
  const sets = [priority(2), priority(1), priority(1)];
  const shares = new PreviousPriorities(1);
  const tried: Host[] = [];
  const after = (at: number) => {
    tried.push(sets[at].hosts[0]);
    return shares.determine(sets, ORIGINAL, tried).healthy;
  };
  assert.equal(shares.determine(sets, ORIGINAL, tried), ORIGINAL);
  assert.deepEqual(after(0), [0, 100, 0]);
  assert.deepEqual(after(1), [0, 0, 100]);
  // All were tried: they are there again.
  assert.deepEqual(after(2), [100, 0, 0]);
  assert.deepEqual(after(0), [0, 100, 0]);
});

test('the shares stay for as many attempts as are configured', () => {
  const sets = [priority(3), priority(1), priority(1)];
  const shares = new PreviousPriorities(2);
  const [one, two, three] = sets[0].hosts;
  const of = (...tried: Host[]) => shares.determine(sets, ORIGINAL, tried).healthy;
  assert.deepEqual(of(one), [100, 0, 0]);
  assert.deepEqual(of(one, two), [0, 100, 0]);
  assert.deepEqual(of(one, two, three), [0, 100, 0]);
});

test('what is left is shared by health, and adds up to all', () => {
  const sets = [priority(1), priority(10, 2), priority(10, 1)];
  const shares = new PreviousPriorities(1);
  const { healthy } = shares.determine(sets, ORIGINAL, [sets[0].hosts[0]]);
  // 28 % and 14 % of their hosts are usable, which is all that there is.
  assert.deepEqual(healthy, [0, 67, 33]);
});

test('where nobody is there, the shares are what they were', () => {
  const sets = [priority(1, 0)];
  assert.equal(new PreviousPriorities(1).determine(sets, ORIGINAL, [sets[0].hosts[0]]), ORIGINAL);
});
