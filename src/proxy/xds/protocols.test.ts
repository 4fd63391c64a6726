/** Both protocols of discovery without a network: what is asked, acknowledged, refused, and what happens with anything that a server may say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { messageType } from '#api/registry.ts';
import { setLogLevel } from '#base/logger.ts';
import type { DeltaDiscoveryRequest, DiscoveryRequest } from '#envoy/service/discovery/v3/discovery_pb.js';
import { controlPlaneStats } from '#proxy/xds/control-plane-stats.ts';
import { Delta } from '#proxy/xds/delta.ts';
import type { DiscoveryProtocol, ProtocolParts } from '#proxy/xds/protocol-parts.ts';
import { StateOfTheWorld } from '#proxy/xds/state-of-the-world.ts';
import type { DiscoveryUpdate } from '#proxy/xds/subscription.ts';
import { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';
import type { Watch } from '#proxy/xds/type-watches.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { PlainScope } from '#testing/plain-scope.ts';

setLogLevel('config', 'off');

const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const HOSTS = 'envoy.config.route.v3.VirtualHost';
const ROUTES = 'envoy.config.route.v3.RouteConfiguration';
const DISCOVERY = 'envoy.service.discovery.v3.';
const url = (typeName: string) => `type.googleapis.com/${typeName}`;

function packed(name: string, typeName = CLUSTER): Any {
  const type = messageType(typeName);
  return { typeUrl: url(typeName), value: toBinary(type, create(type, { name })) } as Any;
}

function message(typeName: string, fields: object): Uint8Array {
  const type = messageType(DISCOVERY + typeName);
  return toBinary(type, create(type, fields as never));
}

function wrapped(name: string, seconds: number | undefined, resource?: Any): Any {
  const ttl =
    seconds === undefined ? undefined : create(messageType('google.protobuf.Duration'), { seconds: BigInt(seconds) });
  const value = message('Resource', { name, version: '1', ttl, resource });
  return { typeUrl: url(`${DISCOVERY}Resource`), value } as Any;
}

/** Somebody who wants resources; `refuse` are names that they do not take. */
class Wanting implements Watch {
  readonly seen: string[] = [];
  readonly stats = new SubscriptionStats(new PlainScope());
  names: Set<string> | undefined;
  readonly namespace: string | undefined;
  refuse = new Set<string>();

  constructor(names?: string[], namespace?: string) {
    this.names = names === undefined ? undefined : new Set(names);
    this.namespace = namespace;
  }

  readonly owner = {
    onUpdate: ({ resources, removed, kept = [], absent = [] }: DiscoveryUpdate): void => {
      const all = [
        ...resources.map(({ name }) => name),
        ...removed.map((name) => `-${name}`),
        ...kept.map((name) => `=${name}`),
        ...absent.map((name) => `?${name}`),
      ];
      this.seen.push(all.join(' '));
      const bad = resources.filter(({ name }) => this.refuse.has(name));
      if (bad.length > 0) throw new Error(bad.map(({ name }) => `${name}: no`).join(', '));
    },
    onFailure: (): void => {},
  };
}

function protocolOf(kind: 'sotw' | 'delta') {
  const clock = new FakeClock();
  const parts: ProtocolParts = {
    node: () => create(messageType('envoy.config.core.v3.Node'), { id: 'n' }) as never,
    nodeOnFirstMessageOnly: true,
    stats: controlPlaneStats(new PlainScope()),
    schedule: clock.schedule,
    wake: () => {},
  };
  const protocol: DiscoveryProtocol = kind === 'sotw' ? new StateOfTheWorld(parts) : new Delta(parts);
  return { protocol, clock };
}

/** What is to be sent now, each request decoded. */
function requests<T>(protocol: DiscoveryProtocol, typeName: string): T[] {
  const sent: T[] = [];
  for (let bytes = protocol.nextRequest(); bytes !== undefined; bytes = protocol.nextRequest()) {
    sent.push(fromBinary(messageType(DISCOVERY + typeName), bytes) as T);
  }
  return sent;
}

const asked = (protocol: DiscoveryProtocol) =>
  requests<DiscoveryRequest>(protocol, 'DiscoveryRequest').map((one) => [
    one.typeUrl.slice(one.typeUrl.lastIndexOf('.') + 1),
    one.versionInfo,
    one.responseNonce,
    one.resourceNames.join(),
    one.errorDetail?.message ?? '',
  ]);

const deltaAsked = (protocol: DiscoveryProtocol) =>
  requests<DeltaDiscoveryRequest>(protocol, 'DeltaDiscoveryRequest').map((one) => [
    one.resourceNamesSubscribe.join(),
    one.resourceNamesUnsubscribe.join(),
    Object.entries(one.initialResourceVersions).flat().join(),
    one.responseNonce,
    one.errorDetail?.message ?? '',
  ]);

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function respond(
  protocol: DiscoveryProtocol,
  version: string,
  nonce: string,
  resources: Any[],
  typeName = CLUSTER,
) {
  protocol.onMessage(message('DiscoveryResponse', { versionInfo: version, nonce, typeUrl: url(typeName), resources }));
  await settled();
}

test('state of the world: what is taken is acknowledged with its version, what is not with the one before and the reason', async () => {
  const { protocol } = protocolOf('sotw');
  const all = new Wanting();
  protocol.watch(CLUSTER, all);
  protocol.onOpened();
  assert.deepEqual(asked(protocol), [['Cluster', '', '', '', '']]);
  await respond(protocol, '1', 'a', [packed('x'), packed('y')]);
  assert.deepEqual(asked(protocol), [['Cluster', '1', 'a', '', '']]);
  all.refuse.add('y');
  await respond(protocol, '2', 'b', [packed('y')]);
  assert.deepEqual(asked(protocol), [['Cluster', '1', 'b', '', 'y: no']]);
  await respond(protocol, '3', 'c', [packed('z', ROUTES)]);
  assert.match(asked(protocol)[0].join(), /^Cluster,1,c,,Unable to unpack as envoy\.config\.cluster\.v3\.Cluster/);
  assert.deepEqual(all.seen, ['x y', 'y']);
  protocol.onBroken();
  protocol.onOpened();
  assert.deepEqual(asked(protocol), [['Cluster', '1', '', '', '']]);
});

test('state of the world: each gets what it named, one that comes later gets at once what is known, and names go with their last', async () => {
  const { protocol } = protocolOf('sotw');
  const [a, ab, late] = [new Wanting(['a']), new Wanting(['a', 'b']), new Wanting(['b'])];
  protocol.watch(ROUTES, a);
  protocol.watch(ROUTES, ab);
  protocol.onOpened();
  assert.deepEqual(asked(protocol), [['RouteConfiguration', '', '', 'a,b', '']]);
  await respond(protocol, '1', 'n', [packed('b', ROUTES)], ROUTES);
  protocol.watch(ROUTES, late);
  await settled();
  assert.deepEqual([a.seen, ab.seen, late.seen], [[], ['b'], ['b']]);
  protocol.unwatch(ROUTES, late);
  protocol.unwatch(ROUTES, ab);
  assert.deepEqual(asked(protocol), [['RouteConfiguration', '1', 'n', 'a', '']]);
});

test('state of the world: of two responses at once the newest is answered', async () => {
  const { protocol } = protocolOf('sotw');
  protocol.watch(CLUSTER, new Wanting());
  protocol.onOpened();
  asked(protocol);
  void respond(protocol, '1', 'a', [packed('x')]);
  await respond(protocol, '2', 'b', [packed('y')]);
  assert.deepEqual(asked(protocol), [['Cluster', '2', 'b', '', '']]);
});

test('resources end with their time; a heartbeat lengthens it', async () => {
  const { protocol, clock } = protocolOf('sotw');
  const all = new Wanting();
  protocol.watch(CLUSTER, all);
  protocol.onOpened();
  await respond(protocol, '1', 'a', [wrapped('short', 2, packed('short')), wrapped('long', 2, packed('long'))]);
  clock.advance(1500);
  await respond(protocol, '1', 'b', [wrapped('long', 2)]);
  clock.advance(1000);
  await settled();
  clock.advance(1000);
  await settled();
  assert.deepEqual(all.seen, ['short long', '=long', '-short', '-long']);
});

test('delta: names are told once, what comes is acknowledged, and after a break the server hears what is here', async () => {
  const { protocol } = protocolOf('delta');
  const [a, b] = [new Wanting(['a']), new Wanting(['b'])];
  protocol.watch(ROUTES, a);
  protocol.onOpened();
  assert.deepEqual(deltaAsked(protocol), [['a', '', '', '', '']]);
  protocol.watch(ROUTES, b);
  assert.deepEqual(deltaAsked(protocol), [['b', '', '', '', '']]);
  const give = async (nonce: string, names: string[], removed: string[] = []) => {
    const resources = names.map((name) =>
      create(messageType(`${DISCOVERY}Resource`), { name, version: '7', resource: packed(name, ROUTES) } as never),
    );
    protocol.onMessage(
      message('DeltaDiscoveryResponse', { nonce, typeUrl: url(ROUTES), resources, removedResources: removed }),
    );
    await settled();
  };
  await give('x', ['a', 'b']);
  b.refuse.add('b');
  await give('y', ['b']);
  await give('z', ['a', 'a']);
  assert.deepEqual(deltaAsked(protocol), [
    ['', '', '', 'x', ''],
    ['', '', '', 'y', 'b: no'],
    ['', '', '', 'z', 'duplicate name a found among added/updated resources'],
  ]);
  await give('w', [], ['a']);
  protocol.unwatch(ROUTES, b);
  assert.deepEqual(deltaAsked(protocol), [['', 'b', '', 'w', '']]);
  protocol.watch(ROUTES, new Wanting(['c']));
  await give('v', ['c']);
  protocol.onBroken();
  protocol.onOpened();
  assert.deepEqual(deltaAsked(protocol), [['a,c', '', 'c,7', '', '']]);
  assert.deepEqual(a.seen, ['a', '-a']);
});

test('delta: a first request for everything names nothing', () => {
  const { protocol } = protocolOf('delta');
  protocol.watch(CLUSTER, new Wanting());
  protocol.onOpened();
  assert.deepEqual(deltaAsked(protocol), [['', '', '', '', '']]);
  assert.equal(protocol.pending, 0);
});

test('delta: a namespace is fetched as everything is, and names are asked for besides', async () => {
  const { protocol } = protocolOf('delta');
  const [one, other] = [new Wanting(undefined, 'a/one'), new Wanting(undefined, 'other')];
  protocol.watch(HOSTS, one);
  protocol.onOpened();
  assert.deepEqual(deltaAsked(protocol), [['', '', '', '', '']]);
  protocol.change(HOSTS, one, ['a/one/x', 'a/one/y'], []);
  protocol.watch(HOSTS, other);
  assert.deepEqual(deltaAsked(protocol), [['a/one/x,a/one/y', '', '', '', '']]);
  const give = async (names: string[], absent: string[], removed: string[] = []) => {
    const resource = (fields: object) =>
      create(messageType(`${DISCOVERY}Resource`), { version: '7', ...fields } as never);
    const resources = [
      ...names.map((name) => resource({ name, resource: packed(name, HOSTS) })),
      ...absent.map((name) => resource({ name, aliases: [name] })),
    ];
    const typeUrl = url(HOSTS);
    protocol.onMessage(
      message('DeltaDiscoveryResponse', { nonce: 'n', typeUrl, resources, removedResources: removed }),
    );
    await settled();
  };
  await give(['a/one/x', 'other/z', 'a/two', 'plain'], ['a/one/y']);
  await give([], [], ['a/one/x', 'plain']);
  await give([], []);
  assert.deepEqual(one.seen, ['a/one/x ?a/one/y', '-a/one/x', '']);
  assert.deepEqual(other.seen, ['other/z', '']);
  protocol.change(HOSTS, one, ['a/one/w'], ['a/one/x']);
  protocol.onBroken();
  protocol.onOpened();
  deltaAsked(protocol);
  protocol.onBroken();
  protocol.onOpened();
  assert.deepEqual(deltaAsked(protocol), [['*,a/one/y,a/one/w', '', 'other/z,7,a/one/y,7', '', '']]);
  protocol.unwatch(HOSTS, one);
  assert.deepEqual(deltaAsked(protocol), [['', 'a/one/y,a/one/w', '', '', '']]);
  protocol.unwatch(HOSTS, other);
  assert.deepEqual(deltaAsked(protocol), [['', '*', '', '', '']]);
});

test('delta: whatever comes to be wanted and not, the server knows what is', () => {
  const step = fc.record({
    watch: fc.nat(2),
    added: fc.subarray(['a', 'b', 'c', 'd']),
    gone: fc.subarray(['a', 'b', 'c', 'd']),
    sends: fc.boolean(),
    breaks: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { protocol } = protocolOf('delta');
      const watches = [new Wanting([]), new Wanting([]), new Wanting([])];
      for (const watch of watches) protocol.watch(ROUTES, watch);
      protocol.onOpened();
      let told = new Set<string>();
      const send = () => {
        for (const [added, gone] of deltaAsked(protocol)) {
          for (const name of gone.split(',').filter(Boolean)) assert.ok(told.delete(name), name);
          for (const name of added.split(',').filter(Boolean)) assert.ok(told.size < told.add(name).size, name);
        }
      };
      for (const { watch, added, gone, sends, breaks } of steps) {
        protocol.change(ROUTES, watches[watch], added, gone);
        if (sends) send();
        if (!breaks) continue;
        protocol.onBroken();
        protocol.onOpened();
        told = new Set();
      }
      send();
      const wanted = new Set(watches.flatMap(({ names }) => [...(names ?? [])]));
      assert.deepEqual([...told].sort(), [...wanted].sort());
    }),
    { numRuns: 300 },
  );
});

test('whatever a server sends, the client stays usable', async () => {
  const good = message('DiscoveryResponse', {
    versionInfo: '1',
    nonce: 'n',
    typeUrl: url(CLUSTER),
    resources: [packed('x'), wrapped('y', 1)],
  });
  const goodDelta = message('DeltaDiscoveryResponse', {
    nonce: 'n',
    typeUrl: url(CLUSTER),
    resources: [
      create(messageType(`${DISCOVERY}Resource`), { name: 'x', version: '1', resource: packed('x') } as never),
    ],
    removedResources: ['z'],
  });
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('sotw' as const, 'delta' as const),
      fc.oneof(edits, fc.uint8Array()),
      async (kind, change) => {
        const { protocol } = protocolOf(kind);
        const all = new Wanting();
        protocol.watch(CLUSTER, all);
        protocol.onOpened();
        const bytes = change instanceof Uint8Array ? change : Uint8Array.from(kind === 'sotw' ? good : goodDelta);
        if (!(change instanceof Uint8Array)) for (const [at, value] of change) bytes[at % bytes.length] = value;
        protocol.onMessage(bytes);
        await settled();
        protocol.onMessage(kind === 'sotw' ? good : goodDelta);
        await settled();
        assert.match(all.seen.at(-1) ?? '', /^x/);
      },
    ),
    { numRuns: 300 },
  );
});
