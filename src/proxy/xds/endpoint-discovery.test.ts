import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import type { DiscoveryContext, SubscriptionRequest } from '#proxy/xds/discovery-context.ts';
import { EndpointDiscovery } from '#proxy/xds/endpoint-discovery.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { PlainScope } from '#testing/plain-scope.ts';

const type = messageType('envoy.config.endpoint.v3.ClusterLoadAssignment');

/** The endpoints of `one`, as they are told. */
function watched() {
  const time = new FakeClock();
  const scope = new PlainScope();
  let owner: SubscriptionRequest['owner'] | undefined;
  const subscribe = (request: SubscriptionRequest) => {
    owner = request.owner;
    return { start() {}, change() {}, stop() {} };
  };
  const context = { unknownFields: 'reject', subscribe } as unknown as DiscoveryContext;
  const told: (number | undefined)[] = [];
  const eds = { kind: 'EDS', serviceName: 'one', source: { from: { kind: 'ads' }, initialFetchTimeout: 0 } } as const;
  const discovery = new EndpointDiscovery(context, time.schedule);
  const watch = discovery.watch(eds, scope, (assignment) => void told.push(assignment?.endpoints.length));
  const give = async (policy: object) => {
    const tree = { cluster_name: 'one', endpoints: [{}], policy };
    const value = toBinary(type, decode(type, tree, rootPlace(undefined, new Problems())));
    const any = { $typeName: 'google.protobuf.Any', typeUrl: '', value } as const;
    await owner?.onUpdate({ kind: 'all', resources: [{ name: 'one', version: '', any }], removed: [], version: '' });
  };
  const counts = () => [scope.value('assignment_timeout_received') ?? 0, scope.value('assignment_stale') ?? 0];
  return { time, told, give, counts, stop: () => watch.stop() };
}

test('endpoints are gone when none came anew within endpoint_stale_after', async () => {
  const { time, told, give, counts } = watched();
  await give({ endpoint_stale_after: '10s' });
  time.advance(9_999);
  assert.deepEqual([told, counts()], [[1], [1, 0]]);
  await give({ endpoint_stale_after: '5s' });
  time.advance(4_999);
  assert.deepEqual(
    [told, counts()],
    [
      [1, 1],
      [2, 0],
    ],
  );
  time.advance(1);
  assert.deepEqual(
    [told, counts()],
    [
      [1, 1, undefined],
      [2, 1],
    ],
  );
  time.advance(60_000);
  assert.deepEqual(counts(), [2, 1]);
});

test('endpoints stay that come without endpoint_stale_after, and whose cluster is gone', async () => {
  const { time, told, give, counts, stop } = watched();
  await give({ endpoint_stale_after: '10s' });
  await give({});
  time.advance(60_000);
  assert.deepEqual(
    [told, counts()],
    [
      [1, 1],
      [1, 0],
    ],
  );
  await give({ endpoint_stale_after: '10s' });
  stop();
  time.advance(60_000);
  assert.deepEqual(
    [told, counts()],
    [
      [1, 1, 1],
      [2, 0],
    ],
  );
});
