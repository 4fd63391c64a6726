import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ResourceError } from '#config/load-resource.ts';
import type { VirtualHost } from '#config/model/route.ts';
import type { DiscoveryContext, SubscriptionRequest } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, GivenResource, Subscription } from '#proxy/xds/subscription.ts';
import { VirtualHostDiscovery, type VirtualHostTable } from '#proxy/xds/virtual-host-discovery.ts';
import { PlainScope } from '#testing/plain-scope.ts';

/** A table `r` whose virtual hosts are their names, and what it is told. */
class Table implements VirtualHostTable {
  readonly name = 'r';
  hosts = new Map<string, VirtualHost>();
  readonly answered: string[] = [];
  refused: string | undefined;

  read(bytes: Uint8Array): VirtualHost {
    const name = Buffer.from(bytes).toString();
    if (name.includes('bad'))
      throw new ResourceError([{ severity: 'error', file: '', path: 'domains', message: 'no' }]);
    return { name } as VirtualHost;
  }

  use(hosts: VirtualHost[]): void {
    this.hosts = new Map(hosts.map((host) => [host.name, host]));
  }

  change(changes: { host: VirtualHost }[]): void {
    for (const { host } of changes) this.hosts.set(host.name, host);
  }

  onAnswer(host: string): void {
    this.answered.push(host);
  }

  onRefused(details: string | undefined): void {
    this.refused = details;
  }
}

function started() {
  const table = new Table();
  const asked = new Set<string>();
  const subscription: Subscription = {
    start: () => {},
    change: (added, gone) => {
      for (const name of added) asked.add(name);
      for (const name of gone) asked.delete(name);
    },
    stop: () => {},
  };
  let request: SubscriptionRequest | undefined;
  const subscribe = (given: SubscriptionRequest) => {
    request = given;
    return subscription;
  };
  const source = { from: { kind: 'ads' }, initialFetchTimeout: 0 } as const;
  const context = { subscribe } as unknown as DiscoveryContext;
  const discovery = new VirtualHostDiscovery(table, source, new PlainScope(), context);
  discovery.start();
  assert.equal(request?.namespace, 'r');
  const give = (names: string[], more: Partial<DiscoveryUpdate> = {}) =>
    discovery.onUpdate({ kind: 'changes', resources: names.map(resource), removed: [], version: '1', ...more });
  return { table, discovery, asked, give };
}

function resource(name: string): GivenResource {
  return { name, version: '1', any: { $typeName: 'google.protobuf.Any', typeUrl: 'x', value: Buffer.from(name) } };
}

test('whoever waits is answered with what comes, by name or alias, with what nobody has, and with what is removed', () => {
  const { table, discovery, asked, give } = started();
  for (const host of ['a', 'b', 'c', 'd', 'a']) discovery.demand(host);
  assert.deepEqual([...asked], ['r/a', 'r/b', 'r/c', 'r/d']);
  give(['r/a']);
  give([], { resources: [{ ...resource('r/v'), aliases: ['r/b', 'r/other'] }] });
  give([], { absent: ['r/c'] });
  give([], { removed: ['r/d', 'r/v'] });
  assert.deepEqual(table.answered, ['a', 'b', 'c', 'd']);
  assert.deepEqual([...table.hosts.keys()], ['r/a']);
  // What was answered once is known, and the server not asked again.
  discovery.demand('c');
  assert.deepEqual(table.answered.slice(4), ['c']);
});

test('of an update with one that cannot be used nothing is taken, and who waits goes on waiting', () => {
  const { table, discovery, give } = started();
  discovery.demand('a');
  assert.throws(() => give(['r/a', 'r/bad']), /^Error: r\/bad: no at domains$/);
  assert.match(table.refused ?? '', /r\/bad/);
  assert.deepEqual([table.answered, table.hosts.size], [[], 0]);
  give(['r/a']);
  assert.deepEqual([table.answered, table.refused], [['a'], undefined]);
});

test('nobody waits for what is no longer fetched', () => {
  const { table, discovery } = started();
  discovery.demand('a');
  let settled = false;
  discovery.whenSettled(() => {
    settled = true;
  });
  discovery.stop();
  assert.deepEqual([table.answered, settled], [['a'], true]);
});

test('hosts that nobody has are remembered up to a limit, those that there are without one', () => {
  const { table, discovery, asked, give } = started();
  discovery.demand('there');
  give(['r/there']);
  for (let i = 0; i < 10_010; i++) {
    discovery.demand(`h${i}`);
    if (i % 2 === 0) give([], { absent: [`r/h${i}`] });
  }
  assert.equal(asked.size, 10_001);
  assert.ok(asked.has('r/there') && !asked.has('r/h0') && !asked.has('r/h9') && asked.has('r/h10'));
  // One that still waited is let go.
  assert.ok(table.answered.includes('h9'));
  discovery.demand('h0');
  assert.ok(asked.has('r/h0'));
});

test('whatever comes in whatever order, the table has what was given last', () => {
  const name = fc.constantFrom('r/a', 'r/b', 'r/c', 'r/bad', 'r/', 'r', '', 'other/a');
  const step = fc.record({
    demand: fc.subarray(['a', 'b', 'c']),
    given: fc.uniqueArray(name, { maxLength: 3 }),
    removed: fc.uniqueArray(name, { maxLength: 2 }),
    absent: fc.uniqueArray(name, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const { table, discovery, give } = started();
      const expected = new Set<string>();
      for (const { demand, given, removed, absent } of steps) {
        for (const host of demand) discovery.demand(host);
        const gone = removed.filter((one) => !given.includes(one));
        try {
          give(given, { removed: gone, absent });
        } catch {
          assert.ok(given.includes('r/bad'));
          continue;
        }
        for (const one of gone) expected.delete(one);
        for (const one of given) expected.add(one);
        assert.deepEqual([...table.hosts.keys()].sort(), [...expected].sort());
      }
    }),
    { numRuns: 300 },
  );
});
