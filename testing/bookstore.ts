/**
 * A small service with google.api.http rules, as a descriptor set: what transcoders are tested with.
 */
import { create, type DescFile, type FileRegistry, type Message, setExtension, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { apiRegistry, messageType } from '#api/registry.ts';

type Field = [name: string, type: Type | string, repeated?: boolean];

function message(name: string, fields: Field[]): DescriptorProto {
  return create(DescriptorProtoSchema, {
    name,
    field: fields.map(([fieldName, type, repeated], i) => ({
      name: fieldName,
      number: i + 1,
      label: repeated ? Label.REPEATED : Label.OPTIONAL,
      ...(typeof type === 'string' ? { type: Type.MESSAGE, typeName: type } : { type }),
      jsonName: fieldName.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    })),
  });
}

interface Method {
  name: string;
  input: string;
  output: string;
  clientStreaming?: boolean;
  serverStreaming?: boolean;
  rule?: object;
}

const METHODS: Method[] = [
  { name: 'ListShelves', input: 'Empty', output: 'Shelves', rule: get('/shelves') },
  { name: 'CreateShelf', input: 'ShelfRequest', output: 'Shelf', rule: post('/shelf', 'shelf') },
  { name: 'GetShelf', input: 'Named', output: 'Shelf', rule: get('/shelves/{id}') },
  { name: 'Search', input: 'Query', output: 'Query', rule: get('/search') },
  {
    name: 'Echo',
    input: 'Query',
    output: 'Query',
    rule: { ...post('/echo', '*'), additionalBindings: [get('/echo/{text=a/**}'), post('/echo:verb', '*')] },
  },
  { name: 'Plain', input: 'Query', output: 'Query' },
  { name: 'Watch', input: 'Named', output: 'Shelf', serverStreaming: true, rule: get('/watch/{id}') },
  { name: 'Upload', input: 'Shelf', output: 'Shelves', clientStreaming: true, rule: post('/upload', '*') },
];

function get(path: string): object {
  return { pattern: { case: 'get', value: path } };
}

function post(path: string, body: string): object {
  return { pattern: { case: 'post', value: path }, body };
}

/** The descriptor set of `test.Bookstore`, with what it imports. */
export function bookstoreDescriptors(): Uint8Array {
  const http = apiRegistry().getExtension('google.api.http');
  if (http === undefined) throw new Error('the API has no google.api.http');
  const type = (name: string) => `.test.${name}`;
  const file = create(FileDescriptorProtoSchema, {
    name: 'bookstore.proto',
    package: 'test',
    syntax: 'proto3',
    dependency: ['google/api/annotations.proto'],
    messageType: [
      message('Empty', []),
      message('Shelf', [
        ['id', Type.INT64],
        ['theme', Type.STRING],
        ['full', Type.BOOL],
      ]),
      message('Shelves', [['shelves', type('Shelf'), true]]),
      message('ShelfRequest', [
        ['shelf', type('Shelf')],
        ['note', Type.STRING],
      ]),
      message('Named', [['id', Type.INT64]]),
      message('Query', [
        ['text', Type.STRING],
        ['number', Type.INT32],
        ['flag', Type.BOOL],
        ['tags', Type.STRING, true],
        ['shelf', type('Shelf')],
        ['data', Type.BYTES],
        ['ratio', Type.DOUBLE],
        ['page_size', Type.UINT32],
      ]),
    ],
    service: [
      {
        name: 'Bookstore',
        method: METHODS.map(({ name, input, output, rule, ...streaming }) => {
          const options = create(MethodOptionsSchema);
          if (rule !== undefined)
            setExtension(
              options as never,
              http as never,
              create(messageType('google.api.HttpRule'), rule as never) as Message as never,
            );
          return { name, inputType: type(input), outputType: type(output), options, ...streaming };
        }),
      },
    ],
  });
  const imported: DescFile[] = [
    'google/protobuf/descriptor.proto',
    'google/api/http.proto',
    'google/api/annotations.proto',
  ].map((name) => (apiRegistry() as FileRegistry).getFile(name) as DescFile);
  return toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: [...imported.map(({ proto }) => proto), file] }),
  );
}
