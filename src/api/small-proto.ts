/**
 * Proto files written as tables: for the few types that are in no descriptor set.
 * Follows https://protobuf.dev/reference/protobuf/proto3-spec
 */
import { create } from '@bufbuild/protobuf';
import type { DescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  MessageOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { IndexedFile } from '#api/descriptor-index.ts';

/**
 * A field as `type name`, with `repeated` before it if so; its number is its place in the list, or stands behind it: `bool drop = 5`.
 * Messages start with a dot, enums with `enum .`, a map is a repeated message whose name ends in `Entry`, of a key and a value.
 */
type Fields = readonly string[];

export interface ProtoFile {
  readonly package: string;
  readonly imports: readonly string[];
  /** By name; a nested message stands as `Outer.Inner`, after the outer one. */
  readonly messages: Readonly<Record<string, Fields>>;
  /** Values by name of the enum, from 0 on; a nested one as `Outer.Inner`. */
  readonly enums?: Readonly<Record<string, readonly string[]>>;
}

const SCALARS: Readonly<Record<string, Type>> = {
  string: Type.STRING,
  bool: Type.BOOL,
  int32: Type.INT32,
  int64: Type.INT64,
  uint64: Type.UINT64,
  double: Type.DOUBLE,
};

/** The file, made when it is asked for. */
export function indexedFile(name: string, file: ProtoFile): IndexedFile {
  const names = [...Object.keys(file.messages), ...Object.keys(file.enums ?? {})];
  return {
    name,
    package: file.package,
    declares: () => names.map((declared) => `${file.package}.${declared}`),
    proto: () => fileProto(name, file),
  };
}

function fileProto(name: string, file: ProtoFile): FileDescriptorProto {
  const messages = new Map<string, DescriptorProto>();
  const outermost = create(DescriptorProtoSchema);
  const around = (path: string) => messages.get(path.slice(0, Math.max(path.lastIndexOf('.'), 0))) ?? outermost;
  const last = (path: string) => path.slice(path.lastIndexOf('.') + 1);
  for (const [path, fields] of Object.entries(file.messages)) {
    const message = create(DescriptorProtoSchema, { name: last(path), field: fields.map(fieldProto) });
    if (path.endsWith('Entry')) message.options = create(MessageOptionsSchema, { mapEntry: true });
    around(path).nestedType.push(message);
    messages.set(path, message);
  }
  for (const [path, values] of Object.entries(file.enums ?? {})) {
    const value = values.map((each, number) => ({ name: each, number }));
    around(path).enumType.push(create(EnumDescriptorProtoSchema, { name: last(path), value }));
  }
  return create(FileDescriptorProtoSchema, {
    name,
    package: file.package,
    dependency: [...file.imports],
    messageType: outermost.nestedType,
    enumType: outermost.enumType,
    syntax: 'proto3',
  });
}

function fieldProto(field: string, index: number) {
  const [declared, number] = field.split(' = ');
  const [name, type, kind] = declared.split(' ').reverse();
  const scalar = SCALARS[type];
  const named = { type: kind === 'enum' ? Type.ENUM : Type.MESSAGE, typeName: type };
  return create(FieldDescriptorProtoSchema, {
    name,
    number: number === undefined ? index + 1 : Number(number),
    label: kind === 'repeated' ? Label.REPEATED : Label.OPTIONAL,
    jsonName: name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    ...(scalar === undefined ? named : { type: scalar }),
  });
}
