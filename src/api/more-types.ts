/**
 * Message types that Envoy knows and that no file of its API imports, so that the descriptor set lacks them: they are only ever found in
 * an Any.
 * Follows https://github.com/cncf/xds (xds/type, udpa/type) and google/protobuf/field_mask.proto.
 */
import { create } from '@bufbuild/protobuf';
import type { DescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import {
  DescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FieldMaskSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { IndexedFile } from '#api/descriptor-index.ts';

const STRUCT = 'google/protobuf/struct.proto';
const MATCHER = 'xds/type/matcher/v3/matcher.proto';
const ON_MATCH = '.xds.type.matcher.v3.Matcher.OnMatch';

/** A field as `type name`, with `repeated` before it if so; its number is its place in the list. Messages start with a dot. */
type Fields = readonly string[];

interface FileOf {
  readonly package: string;
  readonly imports: readonly string[];
  /** By name; a nested message stands as `Outer.Inner`, after the outer one. */
  readonly messages: Readonly<Record<string, Fields>>;
}

const FILES: Readonly<Record<string, FileOf>> = {
  'xds/type/v3/typed_struct.proto': {
    package: 'xds.type.v3',
    imports: [STRUCT],
    messages: { TypedStruct: ['string type_url', '.google.protobuf.Struct value'] },
  },
  'udpa/type/v1/typed_struct.proto': {
    package: 'udpa.type.v1',
    imports: [STRUCT],
    messages: { TypedStruct: ['string type_url', '.google.protobuf.Struct value'] },
  },
  'xds/type/v3/range.proto': {
    package: 'xds.type.v3',
    imports: [],
    messages: {
      Int64Range: ['int64 start', 'int64 end'],
      Int32Range: ['int32 start', 'int32 end'],
      DoubleRange: ['double start', 'double end'],
    },
  },
  'xds/type/matcher/v3/range.proto': {
    package: 'xds.type.matcher.v3',
    imports: [MATCHER, 'xds/type/v3/range.proto'],
    messages: {
      Int64RangeMatcher: ['repeated .xds.type.matcher.v3.Int64RangeMatcher.RangeMatcher range_matchers'],
      'Int64RangeMatcher.RangeMatcher': ['repeated .xds.type.v3.Int64Range ranges', `${ON_MATCH} on_match`],
      Int32RangeMatcher: ['repeated .xds.type.matcher.v3.Int32RangeMatcher.RangeMatcher range_matchers'],
      'Int32RangeMatcher.RangeMatcher': ['repeated .xds.type.v3.Int32Range ranges', `${ON_MATCH} on_match`],
      DoubleRangeMatcher: ['repeated .xds.type.matcher.v3.DoubleRangeMatcher.RangeMatcher range_matchers'],
      'DoubleRangeMatcher.RangeMatcher': ['repeated .xds.type.v3.DoubleRange ranges', `${ON_MATCH} on_match`],
    },
  },
  'xds/type/matcher/v3/ip.proto': {
    package: 'xds.type.matcher.v3',
    imports: [MATCHER, 'xds/core/v3/cidr.proto'],
    messages: {
      IPMatcher: ['repeated .xds.type.matcher.v3.IPMatcher.IPRangeMatcher range_matchers'],
      'IPMatcher.IPRangeMatcher': ['repeated .xds.core.v3.CidrRange ranges', `${ON_MATCH} on_match`, 'bool exclusive'],
    },
  },
  'xds/type/matcher/v3/domain.proto': {
    package: 'xds.type.matcher.v3',
    imports: [MATCHER],
    messages: {
      ServerNameMatcher: ['repeated .xds.type.matcher.v3.ServerNameMatcher.DomainMatcher domain_matchers'],
      'ServerNameMatcher.DomainMatcher': ['repeated string domains', `${ON_MATCH} on_match`],
    },
  },
  'xds/type/matcher/v3/cel.proto': {
    package: 'xds.type.matcher.v3',
    imports: ['xds/type/v3/cel.proto'],
    messages: { CelMatcher: ['.xds.type.v3.CelExpression expr_match', 'string description'] },
  },
  'xds/type/matcher/v3/http_inputs.proto': {
    package: 'xds.type.matcher.v3',
    imports: [],
    messages: { HttpAttributesCelMatchInput: [] },
  },
};

const SCALARS: Readonly<Record<string, Type>> = {
  string: Type.STRING,
  bool: Type.BOOL,
  int32: Type.INT32,
  int64: Type.INT64,
  double: Type.DOUBLE,
};

/** Each made when asked for. */
export function moreFiles(): IndexedFile[] {
  const ours = Object.entries(FILES).map(([name, file]) => ({
    name,
    package: file.package,
    declares: () => Object.keys(file.messages).map((message) => `${file.package}.${message}`),
    proto: () => fileProto(name, file),
  }));
  const { proto } = FieldMaskSchema.file;
  return [
    ...ours,
    { name: proto.name, package: proto.package, declares: () => [FieldMaskSchema.typeName], proto: () => proto },
  ];
}

function fileProto(name: string, file: FileOf): FileDescriptorProto {
  const messages = new Map<string, DescriptorProto>();
  const outermost: DescriptorProto[] = [];
  for (const [path, fields] of Object.entries(file.messages)) {
    const dot = path.lastIndexOf('.');
    const message = create(DescriptorProtoSchema, { name: path.slice(dot + 1), field: fields.map(fieldProto) });
    const siblings = messages.get(path.slice(0, Math.max(dot, 0)))?.nestedType ?? outermost;
    siblings.push(message);
    messages.set(path, message);
  }
  return create(FileDescriptorProtoSchema, {
    name,
    package: file.package,
    dependency: [...file.imports],
    messageType: outermost,
    syntax: 'proto3',
  });
}

function fieldProto(field: string, index: number) {
  const [name, type, repeated] = field.split(' ').reverse();
  const scalar = SCALARS[type];
  return create(FieldDescriptorProtoSchema, {
    name,
    number: index + 1,
    label: repeated === undefined ? Label.OPTIONAL : Label.REPEATED,
    jsonName: name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    ...(scalar === undefined ? { type: Type.MESSAGE, typeName: type } : { type: scalar }),
  });
}
