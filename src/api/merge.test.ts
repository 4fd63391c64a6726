import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { decode, mergeSources, mergeTrees } from '#api/decode.ts';
import { toTree } from '#api/encode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';

const type = messageType('envoy.config.bootstrap.v3.Bootstrap');

function message(tree: unknown) {
  const problems = new Problems();
  const read = decode(type, tree, rootPlace(undefined, problems));
  assert.deepEqual(problems.errors, []);
  return read;
}

/** Checks the tree against protobuf itself, which merges messages when their bytes are read one after the other. */
function merged(base: unknown, overlay: unknown): unknown {
  const tree = toTree(type, message(mergeTrees(base, overlay, type)));
  const bytes = Buffer.concat([toBinary(type, message(base)), toBinary(type, message(overlay))]);
  assert.deepEqual(tree, toTree(type, fromBinary(type, bytes)));
  return tree;
}

test('single values replace, messages merge, lists append', () => {
  assert.deepEqual(
    merged(
      { node: { id: 'a', cluster: 'c' }, static_resources: { clusters: [{ name: 'x' }] } },
      { node: { id: 'b' }, staticResources: { clusters: [{ name: 'y' }] }, header_prefix: 'p' },
    ),
    {
      node: { id: 'b', cluster: 'c' },
      static_resources: { clusters: [{ name: 'x' }, { name: 'y' }] },
      header_prefix: 'p',
    },
  );
});

test('a zero or null in the overlay replaces nothing, a wrapper of zero does', () => {
  assert.deepEqual(merged({ header_prefix: 'p', node: { id: 'a' } }, { header_prefix: '', node: null }), {
    header_prefix: 'p',
    node: { id: 'a' },
  });
  const monitor = (probability: object) => ({
    watchdogs: { main_thread_watchdog: { multikill_threshold: probability } },
  });
  assert.deepEqual(merged(monitor({ value: 5 }), monitor({ value: 7 })), monitor({ value: 7 }));
});

test('another member of a oneof takes the place of the first', () => {
  const admin = (address: object) => ({ admin: { address } });
  assert.deepEqual(merged(admin({ pipe: { path: 'x' } }), admin({ socketAddress: { address: 'a', port_value: 1 } })), {
    admin: { address: { socket_address: { address: 'a', port_value: 1 } } },
  });
});

test('entries of maps and structs are replaced one by one', () => {
  const node = (metadata: object) => ({ node: { metadata } });
  assert.deepEqual(merged(node({ a: { x: 1 }, b: 2 }), node({ a: { y: 1 }, c: 3 })), node({ a: { y: 1 }, b: 2, c: 3 }));
});

test('an Any is replaced as a whole', () => {
  const extension = (config: object) => ({ default_regex_engine: { name: 'x', typed_config: config } });
  const span = (value: string) => extension({ '@type': 'type.googleapis.com/google.protobuf.Duration', value });
  assert.deepEqual(merged(span('5s'), extension({ '@type': 'type.googleapis.com/google.protobuf.Empty' })), {
    default_regex_engine: { name: 'x', typed_config: { '@type': 'type.googleapis.com/google.protobuf.Empty' } },
  });
});

test('without a type, objects merge and lists append', () => {
  assert.deepEqual(mergeTrees({ a: { b: 1, c: [1] }, d: 1 }, { a: { c: [2], e: 2 }, d: null }), {
    a: { b: 1, c: [1, 2], e: 2 },
    d: 1,
  });
  assert.deepEqual(mergeTrees(undefined, { a: 1 }), { a: 1 });
  assert.deepEqual(mergeTrees({ a: 1 }, undefined), { a: 1 });
});

test('places in merged sources are those of the file that a field comes from', () => {
  const base = sourceOf('static_resources:\n  clusters:\n  - name: x\nnode: {id: a, cluster: c}\n', 'base.yaml');
  const overlay = sourceOf('node:\n  id: b\nstaticResources:\n  clusters:\n  - name: y\n', '--config-yaml');
  const at = rootPlace(mergeSources(base, overlay, type), new Problems());
  const place = (...fields: (string | number)[]) => {
    let here = at;
    for (const step of fields) here = typeof step === 'number' ? here.index(step) : here.field(step);
    const { file, line, column } = here.problem('x').problem;
    return `${file}:${line}:${column}`;
  };
  assert.equal(place('static_resources', 'clusters', 0, 'name'), 'base.yaml:3:11');
  assert.equal(place('static_resources', 'clusters', 1, 'name'), '--config-yaml:5:11');
  assert.equal(place('node', 'id'), '--config-yaml:2:7');
  assert.equal(place('node', 'cluster'), 'base.yaml:4:24');
});

test('a binary base is merged with text', () => {
  const binary = toBinary(type, message({ node: { id: 'a', cluster: 'c' } }));
  const base = { name: 'a.pb', text: '', tree: undefined, binary, warnings: [], locate: () => undefined };
  const source = mergeSources(base, sourceOf('node: {id: b}', 'o'), type);
  assert.deepEqual(source.tree, { node: { id: 'b', cluster: 'c' } });
});
