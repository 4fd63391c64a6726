import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { pack, unpack, unpackAs } from '#api/any.ts';
import { PlacedError, rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';
const at = rootPlace(undefined, new Problems()).field('typed_config');
type Router = Message & { suppressEnvoyHeaders: boolean };

function router(): Router {
  return Object.assign(create(messageType(ROUTER)) as Router, { suppressEnvoyHeaders: true });
}

function refusal(any: Any): string {
  try {
    unpack(any, at);
  } catch (error) {
    assert.ok(error instanceof PlacedError);
    return `${error.problem.path}: ${error.problem.message}`;
  }
  return 'none';
}

test('what was packed is unpacked as the very same message', () => {
  const message = router();
  const any = pack(messageType(ROUTER), message);
  assert.equal(any.typeUrl, `type.googleapis.com/${ROUTER}`);
  assert.equal(unpack(any, at).message, message);
  assert.equal(unpackAs<Router>(any, ROUTER, at), message);
});

test('a packed message is written to bytes like any other Any', () => {
  const any = pack(messageType(ROUTER), router());
  const plain = create(AnySchema, { typeUrl: any.typeUrl, value: toBinary(messageType(ROUTER), router()) });
  assert.deepEqual(toBinary(AnySchema, any), toBinary(AnySchema, plain));
});

test('an Any that came as bytes is read once', () => {
  const value = toBinary(messageType(ROUTER), router());
  const any = create(AnySchema, { typeUrl: `type.googleapis.com/${ROUTER}`, value });
  const first = unpack(any, at);
  assert.equal((first.message as Router).suppressEnvoyHeaders, true);
  assert.equal(unpack(any, at), first);
});

test('an Any of an unknown type, of another type, empty or of bad bytes is refused at its place', () => {
  assert.equal(refusal(create(AnySchema, { typeUrl: 'a/b.C' })), "typed_config: unknown type 'a/b.C'");
  assert.equal(refusal(create(AnySchema)), "typed_config: field 'typed_config' is required");
  const bad = create(AnySchema, { typeUrl: `a/${ROUTER}`, value: new Uint8Array([255]) });
  assert.equal(refusal(bad), `typed_config: these bytes are no ${ROUTER}`);
  assert.throws(
    () => unpackAs(pack(messageType(ROUTER), router()), 'envoy.config.cluster.v3.Cluster', at),
    /expected a envoy.config.cluster.v3.Cluster, got a envoy.extensions.filters.http.router.v3.Router/,
  );
});
