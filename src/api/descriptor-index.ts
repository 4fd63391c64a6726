/**
 * Reads just enough of a serialized FileDescriptorSet to know which file declares which type, without decoding the files.
 * Decoding all of Envoy's API costs 17 MB and 90 ms; a sidecar needs a fifth of it.
 * Follows google/protobuf/descriptor.proto (the field numbers below).
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A file of the set, undecoded. */
export interface IndexedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a descriptor set declares. */
export interface DescriptorIndex {
  /** By file name, in dependency order. */
  readonly files: ReadonlyMap<string, IndexedFile>;
  /** The declaring file by full name of a message, enum, service or extension. */
  readonly declaredIn: ReadonlyMap<string, IndexedFile>;
}

/** For each kind of declaration: the number of the field that holds it, by the message that it appears in. */
const FILE = { name: 1, package: 2, message: 4, enum: 5, service: 6, extension: 7 } as const;
const MESSAGE = { name: 1, message: 3, enum: 4, extension: 6 } as const;

export function indexDescriptorSet(set: Uint8Array): DescriptorIndex {
  const files = new Map<string, IndexedFile>();
  const declaredIn = new Map<string, IndexedFile>();
  eachBytes(set, (number, bytes) => {
    if (number !== 1) return;
    const file = { name: nameIn(bytes, FILE.name), bytes };
    files.set(file.name, file);
    const prefix = nameIn(bytes, FILE.package);
    const declare = (name: string) => declaredIn.set(name, file);
    eachBytes(bytes, (field, part) => {
      if (field === FILE.message) indexMessage(part, prefix, declare);
      else if (field === FILE.enum || field === FILE.service || field === FILE.extension) declare(under(prefix, part));
    });
  });
  return { files, declaredIn };
}

function indexMessage(bytes: Uint8Array, prefix: string, declare: (name: string) => void): void {
  const name = under(prefix, bytes);
  declare(name);
  eachBytes(bytes, (field, part) => {
    if (field === MESSAGE.message) indexMessage(part, name, declare);
    else if (field === MESSAGE.enum || field === MESSAGE.extension) declare(under(name, part));
  });
}

/** Every declaration has its name in field 1. */
function under(prefix: string, declaration: Uint8Array): string {
  const name = nameIn(declaration, MESSAGE.name);
  return prefix === '' ? name : `${prefix}.${name}`;
}

function nameIn(bytes: Uint8Array, number: number): string {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === number) return reader.string();
    reader.skip(wire);
  }
  return '';
}

function eachBytes(bytes: Uint8Array, visit: (field: number, part: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === WireType.LengthDelimited) visit(field, reader.bytes());
    else reader.skip(wire);
  }
}
