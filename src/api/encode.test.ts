import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { decode } from '#api/decode.ts';
import type { TreeOptions } from '#api/encode.ts';
import { toTree } from '#api/encode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';

/** The tree of the message that another tree gives. */
function again(typeName: string, tree: unknown, options: TreeOptions = { protoNames: true }): unknown {
  const problems = new Problems();
  const type = messageType(typeName);
  const message = decode(type, tree, rootPlace(undefined, problems));
  assert.deepEqual(problems.list, []);
  return toTree(type, message, options);
}

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

test('names are those of the proto files, in the order of their numbers, and what is unset is left out', () => {
  const tree = again(CLUSTER, {
    connectTimeout: '5s',
    name: 'a',
    type: 'strict_dns',
    lbPolicy: 0,
    edsClusterConfig: {},
  });
  assert.equal(JSON.stringify(tree), '{"name":"a","type":"STRICT_DNS","eds_cluster_config":{},"connect_timeout":"5s"}');
  assert.deepEqual(again(CLUSTER, { alt_stat_name: 'x' }, { protoNames: false }), { altStatName: 'x' });
});

test('a fraction of a second has 3, 6 or 9 digits', () => {
  const span = (text: string) => again('google.protobuf.Duration', text);
  assert.deepEqual(['0s', '15s', '0.25s', '-1.5s', '1.000001s', '0.000000001s', '1.120s'].map(span), [
    '0s',
    '15s',
    '0.250s',
    '-1.500s',
    '1.000001s',
    '0.000000001s',
    '1.120s',
  ]);
  const time = (text: string) => again('google.protobuf.Timestamp', text);
  assert.deepEqual(['2026-01-31T09:00:00Z', '1969-12-31T23:59:59.5Z'].map(time), [
    '2026-01-31T09:00:00Z',
    '1969-12-31T23:59:59.500Z',
  ]);
});

test('64-bit integers are text, floats have the fewest digits that tell them apart, infinities are named', () => {
  const type = 'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';
  assert.deepEqual(again(type, { max_active_downstream_connections: 5 }), { max_active_downstream_connections: '5' });
  const float = (value: unknown) => again('google.protobuf.FloatValue', value);
  assert.deepEqual([0.1, 16777216, 3.4028235e38, 1e-7, 'Infinity', 'NaN'].map(float), [
    0.1,
    16777216,
    3.4028235e38,
    1e-7,
    'Infinity',
    'NaN',
  ]);
});

test('an Any has its message inside, under value if its type has its own JSON', () => {
  const config = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    dynamic_stats: false,
  };
  const span = { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '5s' };
  const nested = { '@type': 'type.googleapis.com/google.protobuf.Any', value: config };
  const tree = { typed_extension_protocol_options: { a: config, b: span, c: nested, d: {} } };
  assert.deepEqual(again(CLUSTER, tree), tree);
});

test('an Any that we cannot read keeps its bytes', () => {
  const any = create(AnySchema, { typeUrl: 'a/b.C', value: new Uint8Array([1, 2]) });
  assert.deepEqual(toTree(AnySchema, any), { '@type': 'a/b.C', value: 'AQI=' });
});

test('free-form values, wrappers, enums without a name and field masks', () => {
  const tree = {
    metadata: { filter_metadata: { x: { y: [1.5, null, { z: true }], __proto__x: {} } } },
    per_connection_buffer_limit_bytes: 0,
    lb_policy: 77,
  };
  assert.deepEqual(again(CLUSTER, tree), tree);
  assert.equal(again('google.protobuf.FieldMask', 'fooBar,baz'), 'fooBar,baz');
  assert.deepEqual(again('google.protobuf.Value', { a: [null] }), { a: [null] });
});

test('alwaysEmitImplicit prints zeroes, empty lists and maps, and no absent message', () => {
  const tree = again('envoy.config.core.v3.Node', { id: 'x' }, { protoNames: true, alwaysEmitImplicit: true });
  assert.deepEqual(tree, {
    id: 'x',
    cluster: '',
    user_agent_name: '',
    extensions: [],
    client_features: [],
    listening_addresses: [],
    dynamic_parameters: {},
  });
});
