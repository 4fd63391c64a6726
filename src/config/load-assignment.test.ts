import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { type KnownEndpoints, loadAssignment } from '#config/load-assignment.ts';

const type = messageType('envoy.config.endpoint.v3.ClusterLoadAssignment');

function assignment(...sizes: number[]) {
  const endpoint = (zone: number, i: number) => ({
    endpoint: { address: { socket_address: { address: `10.${zone}.${i >> 8}.${i & 255}`, port_value: 80 } } },
  });
  return {
    cluster_name: 'c',
    policy: { overprovisioning_factor: 200 },
    endpoints: sizes.map((size, zone) => ({
      locality: { zone: `z${zone}` },
      priority: zone,
      lb_endpoints: Array.from({ length: size }, (_, i) => endpoint(zone, i)),
    })),
  };
}

async function load(tree: object, known?: KnownEndpoints) {
  let pauses = 0;
  const bytes = toBinary(type, decode(type, tree, rootPlace(undefined, new Problems())));
  const pause = async () => void pauses++;
  return { read: await loadAssignment(bytes, 'reject', pause, known), pauses: () => pauses };
}

test('a large assignment is read in pieces, and is the same as read at once', async () => {
  const { read, pauses } = await load(assignment(250, 0, 101));
  assert.equal(pauses(), 1 + 10 + 1 + 5);
  assert.deepEqual([read.clusterName, read.overprovisioningFactor], ['c', 200]);
  const shown = read.endpoints.map(({ locality, priority, endpoints }) => [locality.zone, priority, endpoints.length]);
  assert.deepEqual(shown, [
    ['z0', 0, 250],
    ['z1', 1, 0],
    ['z2', 2, 101],
  ]);
  const addresses = read.endpoints.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
  assert.deepEqual(addresses[249], { ...addresses[0], address: '10.0.0.249' });
});

test('a small one is read at once', async () => {
  assert.equal((await load(assignment(25, 25))).pauses(), 0);
});

test('what stands in it as before is not read again, wherever it stands; what is gone is forgotten', async () => {
  const known: KnownEndpoints = new Map();
  const tree = assignment(200, 100);
  const first = await load(tree, known);
  const [near, far] = tree.endpoints;
  const moved = near.lb_endpoints.splice(0, 150);
  far.lb_endpoints.unshift(...moved.slice(0, 60), ...moved.slice(0, 1));
  Object.assign(far.lb_endpoints[0], { load_balancing_weight: 7 });
  const second = await load(tree, known);
  assert.deepEqual(second.read, (await load(tree)).read);
  assert.equal(second.pauses(), 1 + 2);
  const all = (of: typeof first) => of.read.endpoints.flatMap(({ endpoints }) => endpoints);
  assert.equal(all(second).filter((endpoint) => all(first).includes(endpoint)).length, 50 + 59 + 100);
  assert.equal(known.size, 50 + 60 + 100);
});

test('a locality whose bytes are no message is refused, however large the others are', async () => {
  const whole = toBinary(type, decode(type, assignment(200), rootPlace(undefined, new Problems())));
  const broken = Uint8Array.of(...whole, 2 * 8 + 2, 1, 7);
  await assert.rejects(
    loadAssignment(broken, 'reject', async () => {}),
    /the bytes are no such message/,
  );
});

test('what is wrong has its place in the whole', async () => {
  const tree = assignment(10, 300);
  (tree.endpoints[1].lb_endpoints[222].endpoint.address.socket_address as { address: string }).address = 'no address';
  await assert.rejects(load(tree), /at endpoints\[1\]\.lb_endpoints\[222\]\.endpoint\.address/);
});
