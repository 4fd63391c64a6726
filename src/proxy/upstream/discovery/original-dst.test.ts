import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText } from '#config/model/address.ts';
import { OriginalDstDiscovery } from '#proxy/upstream/discovery/original-dst.ts';
import type { HostUpdate } from '#proxy/upstream/host-set-update.ts';
import type { ChoiceView } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { OriginalDstBalancer } from '#proxy/upstream/load-balancer/original-dst-balancer.ts';
import { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { clusterConfig } from '#testing/cluster-samples.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { PlainScope } from '#testing/plain-scope.ts';

function trial() {
  const [clock, scope] = [new FakeClock(), new PlainScope()];
  const used = new Set<string>();
  const members: string[][] = [];
  const hosts = new PrioritySet('one', scope.lease, clock);
  const found: HostUpdate[] = [];
  const balancer = new OriginalDstBalancer({
    cluster: 'one',
    options: { cleanupInterval: 1000, metadata: { filter: 'f', path: ['to', 'where'] }, header: 'x-to' },
    hosts,
    invalid: scope.counter('invalid'),
    tell: (host) => found.push(host),
  });
  const discovery = new OriginalDstDiscovery(clusterConfig(), 1000, {
    scope,
    root: scope,
    schedule: clock.schedule,
    isUsed: (key) => used.has(key),
    onUpdate: (update) => {
      hosts.update(balancer.withOwn(update));
      members.push([...hosts.hosts()].map(({ address }) => addressText(address)));
    },
    onReady: () => {},
  });
  const choose = (view: Partial<ChoiceView> & { to?: string; restored?: string }) => {
    const [destinationAddress = '', port = '0'] = view.restored?.split(':') ?? [];
    const connection = {
      destinationAddress,
      destinationPort: Number(port),
      destinationRestored: view.restored !== undefined,
    };
    const headers = { get: (name: string) => (name === 'x-to' ? view.to : undefined) };
    const request = { ...view, connection, headers } as unknown as ChoiceView;
    return balancer.choose({ request, hostSelectionRetryCount: 0 })?.addressText;
  };
  return { clock, used, members, found, discovery, choose, hosts, scope };
}

test('filter state goes before metadata, metadata before a header, a header before the destination', () => {
  const { choose, scope } = trial();
  const all = {
    restored: '10.0.0.4:4',
    to: '10.0.0.3:3',
    dynamicMetadata: { f: { to: { where: '10.0.0.2:2' } } },
    filterState: new Map([['envoy.network.transport_socket.original_dst_address', '10.0.0.1:1']]),
  };
  assert.equal(choose(all), '10.0.0.1:1');
  assert.equal(choose({ ...all, filterState: new Map() }), '10.0.0.2:2');
  assert.equal(choose({ ...all, filterState: new Map(), dynamicMetadata: { f: { to: 'x' } } }), '10.0.0.3:3');
  assert.equal(choose({ restored: '10.0.0.4:4', to: 'nowhere' }), '10.0.0.4:4');
  assert.equal(scope.value('invalid'), 1);
  assert.equal(choose({}), undefined);
});

test('a host that was found here stays until the main thread has told of it', () => {
  const { choose, discovery, found, members } = trial();
  choose({ to: '10.0.0.1:1' });
  choose({ to: '10.0.0.2:2' });
  assert.equal(found.length, 2);
  discovery.found(found[0]);
  assert.deepEqual(members.at(-1), ['10.0.0.1:1', '10.0.0.2:2']);
});

test('hosts that nobody uses go when it is cleaned, once they had their time', () => {
  const { choose, discovery, found, members, clock, used, hosts } = trial();
  for (const n of [1, 2]) choose({ to: `10.0.0.${n}:80` });
  for (const host of found) discovery.found(host);
  used.add('10.0.0.1:80');
  clock.advance(1000);
  assert.deepEqual(members.at(-1), ['10.0.0.1:80', '10.0.0.2:80']);
  clock.advance(1000);
  assert.deepEqual(members.at(-1), ['10.0.0.1:80']);
  assert.equal(choose({ to: '10.0.0.2:80' }), '10.0.0.2:80');
  assert.notEqual(hosts.find('10.0.0.2:80'), undefined);
  discovery.stop();
});
