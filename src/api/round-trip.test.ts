import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { create, equals, fromBinary, ScalarType, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { pack } from '#api/any.ts';
import { decode } from '#api/decode.ts';
import { toTree } from '#api/encode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { apiRegistry, messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';
import { isWrapper } from '#api/well-known.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const positive = (number: number) => number + 0;

const SCALARS: Record<number, fc.Arbitrary<unknown>> = {
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.STRING]: text,
  [ScalarType.BYTES]: fc.uint8Array({ maxLength: 5 }).map((bytes) => new Uint8Array(bytes)),
  [ScalarType.DOUBLE]: fc.double({ noNaN: true }).map(positive),
  [ScalarType.FLOAT]: fc.float({ noNaN: true }).map(positive),
  [ScalarType.INT32]: fc.integer(),
  [ScalarType.UINT32]: fc.nat(0xffffffff),
  [ScalarType.INT64]: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  [ScalarType.UINT64]: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
};

const PACKED = [
  'envoy.config.cluster.v3.Cluster',
  'google.protobuf.Duration',
  'google.protobuf.StringValue',
  'xds.type.v3.TypedStruct',
];

/** Structs hold no numbers here: YAML turns those with a fraction into text, as in Envoy. */
const struct = fc.dictionary(
  text,
  fc.oneof(text, fc.boolean(), fc.constant(null), fc.array(text), fc.dictionary(text, text)),
);

function singleOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map((value) => value.number));
  if (field.message === undefined) return SCALARS[field.scalar as number];
  if (isWrapper(field.message) && field.fieldKind === 'message' && field.oneof === undefined) {
    return SCALARS[field.message.fields[0].scalar as number];
  }
  return field.message.typeName === 'google.protobuf.Struct' ? struct : messageOf(field.message, depth - 1);
}

function messageOf(type: DescMessage, depth: number): fc.Arbitrary<Message> {
  if (type.typeName === 'google.protobuf.Any') return anyOf(depth);
  if (type.typeName === 'google.protobuf.Duration') return durationOf(type);
  if (type.typeName === 'google.protobuf.Timestamp') return durationOf(type);
  if (isWrapper(type)) return SCALARS[type.fields[0].scalar as number].map((value) => create(type, { value } as never));
  if (type.typeName.startsWith('google.protobuf.')) return fc.constant(create(type));
  const members =
    depth <= 0
      ? type.members.filter((member) => member.kind === 'field' && member.message === undefined)
      : type.members;
  return fc
    .subarray([...members], { maxLength: Math.min(6, members.length) })
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((member) => {
          if (member.kind === 'field') return fieldOf(member, depth).map((value) => [member.localName, value] as const);
          const { fields, localName } = member;
          return fc
            .constantFrom(...fields)
            .chain((field) =>
              singleOf(field, depth).map((value) => [localName, { case: field.localName, value }] as const),
            );
        }),
      ),
    )
    .map((values) => Object.assign(create(type), Object.fromEntries(values)) as Message);
}

function fieldOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === 'list') return fc.array(singleOf(field, depth), { maxLength: 3 });
  if (field.fieldKind === 'map') {
    const key = field.mapKey === ScalarType.STRING ? text.filter((name) => name !== '__proto__') : fc.nat().map(String);
    return fc.dictionary(key, singleOf(field, depth), { maxKeys: 3 });
  }
  return singleOf(field, depth);
}

function anyOf(depth: number): fc.Arbitrary<Message> {
  return fc
    .constantFrom(...PACKED)
    .chain((name) => messageOf(messageType(name), depth - 1).map((message) => pack(messageType(name), message)));
}

function durationOf(type: DescMessage): fc.Arbitrary<Message> {
  return fc
    .tuple(fc.bigInt({ min: 0n, max: 200_000_000_000n }), fc.nat(999_999_999))
    .map(([seconds, nanos]) => create(type, { seconds, nanos } as never));
}

for (const name of [
  'envoy.config.bootstrap.v3.Bootstrap',
  'envoy.config.cluster.v3.Cluster',
  'envoy.config.listener.v3.Listener',
  'envoy.config.route.v3.RouteConfiguration',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
]) {
  test(`any ${name.split('.').pop()} survives the way through text, JSON or YAML, and back`, () => {
    const type = messageType(name);
    const registry = apiRegistry();
    fc.assert(
      fc.property(
        messageOf(type, 3),
        fc.boolean(),
        fc.constantFrom('json' as const, 'yaml' as const),
        (message, protoNames, format) => {
          const source = sourceOf(JSON.stringify(toTree(type, message, { protoNames })), 'f', format);
          const problems = new Problems();
          const read = decode(type, source.tree, rootPlace(source, problems));
          assert.deepEqual(problems.errors, []);
          assert.ok(
            equals(type, fromBinary(type, toBinary(type, read)), fromBinary(type, toBinary(type, message)), {
              unpackAny: true,
              registry,
            }),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
}
