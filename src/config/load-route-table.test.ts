import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBinary } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { ResourceError } from '#config/load-resource.ts';
import { RouteTableLoader } from '#config/load-route-table.ts';
import { readContext } from '#config/read/context.ts';

const type = messageType('envoy.config.route.v3.RouteConfiguration');
const context = readContext();

function bytes(tree: object): Uint8Array {
  return toBinary(type, decode(type, tree, rootPlace(undefined, new Problems())));
}

function host(name: string, cluster = 'c') {
  return { name, domains: [`${name}.test`], routes: [{ match: { prefix: '/' }, route: { cluster } }] };
}

function table(virtual_hosts: object[], more: object = {}): Uint8Array {
  return bytes({ name: 'r', virtual_hosts, ...more });
}

function changes(loader: RouteTableLoader, given: Uint8Array) {
  return loader.load(given, context, 'reject').hosts?.map((one) => (typeof one === 'number' ? one : one.name));
}

test('the first version is whole; of the next only the virtual hosts that are others are read', () => {
  const loader = new RouteTableLoader();
  assert.equal(changes(loader, table([host('a'), host('b'), host('c')])), undefined);
  assert.deepEqual(changes(loader, table([host('a'), host('b', 'other'), host('c')])), [0, 'b', 2]);
  assert.deepEqual(changes(loader, table([host('c'), host('a'), host('d')])), [2, 0, 'd']);
  assert.deepEqual(changes(loader, table([host('a')])), [1]);
});

test('a table that says something else besides is read anew', () => {
  const loader = new RouteTableLoader();
  loader.load(table([host('a')]), context, 'reject');
  const { hosts, table: read } = loader.load(table([host('a')], { internal_only_headers: ['x'] }), context, 'reject');
  assert.equal(hosts, undefined);
  assert.deepEqual(read.internalOnlyHeaders, ['x']);
  assert.deepEqual(
    read.virtualHosts.map(({ name }) => name),
    ['a'],
  );
});

test('every virtual host that is wrong is named, and the version before stays the one to compare with', () => {
  const loader = new RouteTableLoader();
  loader.load(table([host('a'), host('b')]), context, 'reject');
  const wrong = { name: 'x', domains: ['x'], routes: [{ match: { prefix: '/' } }] };
  assert.throws(
    () => loader.load(table([host('a'), wrong, { ...wrong, domains: [] }]), context, 'reject'),
    (error) =>
      error instanceof ResourceError &&
      /virtual_hosts\[1\]/.test(error.message) &&
      /virtual_hosts\[2\]/.test(error.message),
  );
  assert.deepEqual(changes(loader, table([host('a'), host('b')])), [0, 1]);
});

test('a domain may not be claimed by another virtual host later', () => {
  const loader = new RouteTableLoader();
  loader.load(table([host('a'), host('b')]), context, 'reject');
  const twice = { ...host('b'), domains: ['A.test'] };
  assert.throws(() => loader.load(table([host('a'), twice]), context, 'reject'), /Duplicate entry of domain a\.test/);
});

test('bytes that are no table are refused', () => {
  for (const junk of [[0xff, 0xff], [0x12, 0x7f, 1], [0x0b]]) {
    assert.throws(() => new RouteTableLoader().load(new Uint8Array(junk), context, 'reject'), ResourceError);
  }
});
