import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import type { XdsEvent } from '#control/xds/events.ts';
import { parseResources } from '#control/xds/parse-resources.ts';
import { nextSnapshot, type Snapshot } from '#control/xds/snapshot.ts';
import { StateOfTheWorld } from '#control/xds/state-of-the-world.ts';
import type { DiscoveryRequest, DiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const EDS = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

const ask = (typeUrl: string, fields: object = {}): DiscoveryRequest =>
  create(messageType('envoy.service.discovery.v3.DiscoveryRequest'), {
    typeUrl,
    ...fields,
  } as never) as DiscoveryRequest;

/** Endpoints by name and priority. */
function snapshot(endpoints: Record<string, number>, previous?: Snapshot): Snapshot {
  const list = Object.entries(endpoints).map(
    ([name, priority]) => `{cluster_name: ${name}, endpoints: [{priority: ${priority}}]}`,
  );
  return nextSnapshot(parseResources(`clusters: [{name: c, type: STATIC}]\nendpoints: [${list.join(', ')}]`), previous);
}

const names = (response: DiscoveryResponse | undefined) =>
  response?.resources.map(({ typeUrl }) => typeUrl.split('.').at(-1));

function setup() {
  const events: XdsEvent[] = [];
  return { stream: new StateOfTheWorld('n', (event) => events.push(event)), events };
}

test('the first request is answered, an acknowledgement is not', () => {
  const { stream, events } = setup();
  const first = stream.onRequest(ask(CDS), snapshot({}));
  assert.deepEqual(names(first), ['Cluster']);
  assert.equal(first?.versionInfo, '1');
  assert.equal(stream.onRequest(ask(CDS, { versionInfo: '1', responseNonce: first?.nonce }), snapshot({})), undefined);
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['sent', 'ack'],
  );
});

test('a refusal is told with its reason and version, and nothing is sent until something changes', () => {
  const { stream, events } = setup();
  const one = snapshot({ a: 0 });
  const first = stream.onRequest(ask(EDS, { resourceNames: ['a'] }), one);
  const refusal = ask(EDS, {
    resourceNames: ['a'],
    responseNonce: first?.nonce,
    errorDetail: { code: 13, message: 'no' },
  });
  assert.equal(stream.onRequest(refusal, one), undefined);
  const nack = events.at(-1);
  assert.ok(nack?.kind === 'nack' && nack.message === 'no' && nack.version === '1');
  assert.equal(stream.onSnapshot(snapshot({ a: 1 }, one)).length, 1);
});

test('a name more is answered with all that was asked for, a name less with nothing', () => {
  const { stream } = setup();
  const now = snapshot({ a: 0, b: 0 });
  const first = stream.onRequest(ask(EDS, { resourceNames: ['a'] }), now);
  assert.equal(first?.resources.length, 1);
  const second = stream.onRequest(
    ask(EDS, { resourceNames: ['a', 'b'], responseNonce: first?.nonce, versionInfo: '1' }),
    now,
  );
  assert.equal(second?.resources.length, 2);
  assert.equal(
    stream.onRequest(ask(EDS, { resourceNames: ['b'], responseNonce: second?.nonce, versionInfo: '1' }), now),
    undefined,
  );
});

test('a request that answers a response before the last is passed over', () => {
  const { stream, events } = setup();
  const one = snapshot({ a: 0 });
  const first = stream.onRequest(ask(EDS, { resourceNames: ['a'] }), one);
  const two = snapshot({ a: 1 }, one);
  stream.onSnapshot(two);
  const before = events.length;
  assert.equal(stream.onRequest(ask(EDS, { resourceNames: ['a'], responseNonce: first?.nonce }), two), undefined);
  assert.equal(events.length, before);
});

test('a snapshot goes to those whom it concerns, clusters before endpoints', () => {
  const { stream } = setup();
  const one = snapshot({ a: 0, b: 0 });
  stream.onRequest(ask(EDS, { resourceNames: ['a'] }), one);
  stream.onRequest(ask(CDS), one);
  const two = snapshot({ a: 0, b: 1 }, one);
  assert.deepEqual(stream.onSnapshot(two), []);
  const three = nextSnapshot(
    parseResources('clusters: [{name: d, type: STATIC}]\nendpoints: [{cluster_name: a, endpoints: [{priority: 3}]}]'),
    two,
  );
  assert.deepEqual(
    stream.onSnapshot(three).map(({ typeUrl }) => typeUrl),
    [CDS, EDS],
  );
});

test('whoever asks before there is anything is answered once there is', () => {
  const { stream } = setup();
  assert.equal(stream.onRequest(ask(CDS), undefined), undefined);
  assert.equal(stream.onSnapshot(snapshot({})).length, 1);
});

test('a client that named something does not get everything when it names nothing any more', () => {
  const { stream } = setup();
  const now = snapshot({});
  const first = stream.onRequest(ask(CDS, { resourceNames: ['x'] }), now);
  assert.equal(first?.resources.length, 0);
  assert.equal(stream.onRequest(ask(CDS, { responseNonce: first?.nonce }), now), undefined);
  assert.equal(
    stream.onRequest(ask(CDS, { resourceNames: ['*'], responseNonce: first?.nonce }), now)?.resources.length,
    1,
  );
});
