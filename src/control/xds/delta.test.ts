import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { messageType } from '#api/registry.ts';
import { Delta } from '#control/xds/delta.ts';
import type { XdsEvent } from '#control/xds/events.ts';
import { parseResources } from '#control/xds/parse-resources.ts';
import { nextSnapshot, type Snapshot } from '#control/xds/snapshot.ts';
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const EDS = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

const VHDS = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
const ask = (typeUrl: string, fields: object = {}): DeltaDiscoveryRequest =>
  create(messageType('envoy.service.discovery.v3.DeltaDiscoveryRequest'), {
    typeUrl,
    ...fields,
  } as never) as DeltaDiscoveryRequest;

function snapshot(endpoints: Record<string, number>, previous?: Snapshot): Snapshot {
  const list = Object.entries(endpoints).map(
    ([name, priority]) => `{cluster_name: ${name}, endpoints: [{priority: ${priority}}]}`,
  );
  return nextSnapshot(parseResources(`endpoints: [${list.join(', ')}]`), previous);
}

const told = (response: DeltaDiscoveryResponse | undefined) => ({
  has: response?.resources.map(({ name, version }) => `${name}@${version}`),
  gone: response?.removedResources,
});

const setup = (events: XdsEvent[] = []) => new Delta('n', (event) => events.push(event));

test('only what changed is sent, and what is gone is named', () => {
  const stream = setup();
  const one = snapshot({ a: 0, b: 0 });
  assert.deepEqual(told(stream.onRequest(ask(EDS, { resourceNamesSubscribe: ['*'] }), one)), {
    has: ['a@1', 'b@1'],
    gone: [],
  });
  const two = snapshot({ b: 1, c: 0 }, one);
  assert.deepEqual(stream.onSnapshot(two).map(told), [{ has: ['b@2', 'c@2'], gone: ['a'] }]);
  assert.deepEqual(stream.onSnapshot(two), []);
});

test('a client that comes again with what it has gets the difference alone, in an answer even where there is none', () => {
  const now = snapshot({ a: 0, b: 0 });
  const request = ask(EDS, { resourceNamesSubscribe: ['*'], initialResourceVersions: { a: '1', b: 'old', gone: '7' } });
  assert.deepEqual(told(setup().onRequest(request, now)), { has: ['b@1'], gone: ['gone'] });
  const same = ask(EDS, { resourceNamesSubscribe: ['*'], initialResourceVersions: { a: '1', b: '1' } });
  assert.deepEqual(told(setup().onRequest(same, now)), { has: [], gone: [] });
});

test('a name that is not there is told as gone once, and comes when it is there', () => {
  const stream = setup();
  const one = snapshot({});
  assert.deepEqual(told(stream.onRequest(ask(EDS, { resourceNamesSubscribe: ['a'] }), one)), { has: [], gone: ['a'] });
  assert.deepEqual(stream.onSnapshot(one), []);
  assert.deepEqual(stream.onSnapshot(snapshot({ a: 0 }, one)).map(told), [{ has: ['a@2'], gone: [] }]);
});

test('a name that is asked for again is sent again; one that is no longer asked for is not', () => {
  const stream = setup();
  const one = snapshot({ a: 0 });
  stream.onRequest(ask(EDS, { resourceNamesSubscribe: ['a'] }), one);
  assert.deepEqual(told(stream.onRequest(ask(EDS, { resourceNamesSubscribe: ['a'] }), one)).has, ['a@1']);
  assert.equal(stream.onRequest(ask(EDS, { resourceNamesUnsubscribe: ['a'] }), one), undefined);
  assert.deepEqual(stream.onSnapshot(snapshot({ a: 1 }, one)), []);
});

test('clusters without a name are all clusters', () => {
  const now = nextSnapshot(parseResources('clusters: [{name: c, type: STATIC}]'));
  assert.deepEqual(told(setup().onRequest(ask(CDS), now)).has, ['c@1']);
});

test('acknowledgements and refusals are told of the last response only', () => {
  const events: XdsEvent[] = [];
  const stream = setup(events);
  const now = snapshot({ a: 0 });
  const first = stream.onRequest(ask(EDS, { resourceNamesSubscribe: ['*'] }), now);
  stream.onRequest(ask(EDS, { responseNonce: 'other' }), now);
  stream.onRequest(ask(EDS, { responseNonce: first?.nonce }), now);
  stream.onRequest(ask(EDS, { responseNonce: first?.nonce, errorDetail: { message: 'no' } }), now);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['sent', 'ack', 'nack'],
  );
});

test('virtual hosts are sent to those who ask by an alias, and who asks for what is not there is told so', () => {
  const hosts = (list: string) => nextSnapshot(parseResources(`virtual_hosts: [${list}]`), now);
  let now: Snapshot | undefined;
  now = hosts('{name: r/v, domains: [a.test, "*.b.test"]}, {name: other/v, domains: ["*"]}');
  const stream = setup();
  const sent = (response: DeltaDiscoveryResponse | undefined) =>
    response?.resources.map(({ name, resource, aliases }) => `${name} ${resource !== undefined} ${aliases}`);
  assert.deepEqual(sent(stream.onRequest(ask(VHDS), now)), ['r/ false r/', 'other/ false other/']);
  const asks = (...names: string[]) => sent(stream.onRequest(ask(VHDS, { resourceNamesSubscribe: names }), now));
  assert.deepEqual(asks('*', 'r/x.b.test:80'), ['r/v true r/x.b.test:80']);
  assert.deepEqual(asks('r/a.test', 'r/b.test'), ['r/b.test false r/b.test', 'r/v true r/x.b.test:80,r/a.test']);
  assert.deepEqual(asks('other/any'), ['other/v true other/any']);
  now = hosts('{name: r/v, domains: [a.test]}, {name: r/b.test, domains: [b.test]}');
  const [next] = stream.onSnapshot(now);
  assert.deepEqual(sent(next), ['r/v true r/a.test', 'r/b.test true r/b.test']);
  assert.deepEqual(next.removedResources, ['other/v']);
});

test('whatever changes, in any order, a client that applies the differences has what it asked for', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('subscribe' as const), names: fc.subarray(['a', 'b', 'c', '*']) }),
    fc.record({ kind: fc.constant('unsubscribe' as const), names: fc.subarray(['a', 'b', 'c', '*']) }),
    fc.record({
      kind: fc.constant('publish' as const),
      endpoints: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(3)),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const stream = setup();
      let now = snapshot({});
      const asked = new Set<string>();
      const has = new Map<string, string>();
      const apply = (responses: (DeltaDiscoveryResponse | undefined)[]) => {
        for (const response of responses) {
          for (const { name, version } of response?.resources ?? []) has.set(name, version);
          for (const name of response?.removedResources ?? []) has.delete(name);
        }
      };
      apply([stream.onRequest(ask(EDS, { resourceNamesSubscribe: ['a'] }), now)]);
      asked.add('a');
      for (const each of steps) {
        if (each.kind === 'publish') {
          now = snapshot(each.endpoints, now);
          apply(stream.onSnapshot(now));
          continue;
        }
        for (const name of each.names) each.kind === 'subscribe' ? asked.add(name) : asked.delete(name);
        const field = each.kind === 'subscribe' ? 'resourceNamesSubscribe' : 'resourceNamesUnsubscribe';
        apply([stream.onRequest(ask(EDS, { [field]: each.names }), now)]);
        for (const name of has.keys()) if (!asked.has('*') && !asked.has(name)) has.delete(name);
      }
      const resources = now.sets.get(EDS)?.resources ?? new Map();
      for (const [name, { version }] of resources) {
        if (asked.has('*') || asked.has(name)) assert.equal(has.get(name), version, name);
      }
      for (const name of has.keys()) assert.ok(resources.has(name), `${name} is there no more`);
    }),
    { numRuns: 200 },
  );
});
