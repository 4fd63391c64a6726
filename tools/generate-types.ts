/**
 * Writes the TypeScript types of Envoy's API for the type checker: one `.d.ts` a proto file, under src/api/generated/ (not in git).
 * At run time nothing of this is loaded: messages come from the registry (src/api/registry.ts), which reads the same descriptor set.
 * Does nothing when the stamp in that folder says that the types are those of the descriptor set and of this generator.
 * Follows https://github.com/bufbuild/protobuf-es/tree/main/packages/protoc-gen-es
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { create, fromBinary } from '@bufbuild/protobuf';
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { moreFiles } from '#api/more-types.ts';

const api = join(import.meta.dirname, '..', 'src', 'api');
const descriptors = join(api, 'envoy-api.binpb.gz');
const target = join(api, 'generated');
const stampFile = join(target, '.stamp');

const packed = readFileSync(descriptors);
const stamp = createHash('sha256')
  .update(packed)
  .update(readFileSync(import.meta.filename))
  .digest('hex');
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  const count = generate();
  writeFileSync(stampFile, stamp);
  console.log(`${count} type files in src/api/generated`);
}

/** Runs protoc-gen-es in this process. The types of google/protobuf come with @bufbuild/protobuf/wkt and are not written again. */
function generate(): number {
  const require = createRequire(import.meta.url);
  const { protocGenEs } = require('@bufbuild/protoc-gen-es/dist/cjs/src/protoc-gen-es-plugin.js');
  const more = moreFiles().map((file) => file.proto());
  const files = [...fromBinary(FileDescriptorSetSchema, gunzipSync(packed)).file, ...more];
  const request = create(CodeGeneratorRequestSchema, {
    parameter: 'target=dts,import_extension=js',
    protoFile: files,
    fileToGenerate: files.map((file) => file.name).filter((name) => !name.startsWith('google/protobuf/')),
  });
  const response = protocGenEs.run(request);
  if (response.error) throw new Error(response.error);
  rmSync(target, { recursive: true, force: true });
  for (const { name, content } of response.file) {
    const path = join(target, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return response.file.length;
}
