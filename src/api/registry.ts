/**
 * Every type of Envoy's v3 API by name, built from the descriptor set beside this file, a proto file at a time as types are asked for.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/api (Envoy 1.40).
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type {
  AnyDesc,
  DescEnum,
  DescExtension,
  DescFile,
  DescMessage,
  DescService,
  FileRegistry,
  Registry,
} from '@bufbuild/protobuf';
import { createFileRegistry } from '@bufbuild/protobuf';
import { DescriptorIndex } from '#api/descriptor-index.ts';
import { moreFiles } from '#api/more-types.ts';

type Declared = DescMessage | DescEnum | DescExtension | DescService;

let registry: LazyRegistry | undefined;

/** The registry of all types; building it reads the descriptor set, and decodes no file of it yet. */
export function apiRegistry(): Registry {
  return theRegistry();
}

/** The full names of all messages, enums, services and extensions, without building any. */
export function typeNames(): Iterable<string> {
  return theRegistry().typeNames();
}

function theRegistry(): LazyRegistry {
  registry ??= new LazyRegistry(new DescriptorIndex(gunzipSync(readFileSync(descriptorSetPath())), moreFiles()));
  return registry;
}

/** @throws when there is no such message: a mistake of ours, for names that a user wrote use {@link typeOfUrl}. */
export function messageType(typeName: string): DescMessage {
  const type = apiRegistry().getMessage(typeName);
  if (type === undefined) throw new Error(`there is no message type ${typeName} in Envoy's API`);
  return type;
}

/** The type that a type URL (`type.googleapis.com/x.y.Z`) or a bare name (`x.y.Z`) means, if we know it. */
export function typeOfUrl(typeUrl: string): DescMessage | undefined {
  return apiRegistry().getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
}

/** The set lies beside the sources, and beside the bundle or in the package's src/api when this module is bundled. */
function descriptorSetPath(): string {
  const places = ['./envoy-api.binpb.gz', '../src/api/envoy-api.binpb.gz', './src/api/envoy-api.binpb.gz'];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`Envoy's API types (envoy-api.binpb.gz) are not at ${paths.join(', ')}`);
  return found;
}

/** A registry that decodes a file, and those it imports, when the first of its types is asked for. */
class LazyRegistry implements FileRegistry {
  readonly kind = 'registry';
  readonly #index: DescriptorIndex;
  readonly #built = new Map<string, DescFile>();
  readonly #types = new Map<string, Declared>();
  readonly #extensions = new Map<string, DescExtension>();

  constructor(index: DescriptorIndex) {
    this.#index = index;
  }

  typeNames(): Iterable<string> {
    return this.#index.typeNames();
  }

  get(typeName: string): Declared | undefined {
    const known = this.#types.get(typeName);
    if (known !== undefined) return known;
    const file = this.#index.fileOf(typeName);
    if (file === undefined) return undefined;
    this.#build(file.name);
    return this.#types.get(typeName);
  }

  getMessage(typeName: string): DescMessage | undefined {
    const type = this.get(typeName);
    return type?.kind === 'message' ? type : undefined;
  }

  getEnum(typeName: string): DescEnum | undefined {
    const type = this.get(typeName);
    return type?.kind === 'enum' ? type : undefined;
  }

  getExtension(typeName: string): DescExtension | undefined {
    const type = this.get(typeName);
    return type?.kind === 'extension' ? type : undefined;
  }

  getService(typeName: string): DescService | undefined {
    const type = this.get(typeName);
    return type?.kind === 'service' ? type : undefined;
  }

  /** Knows the extensions of the files built so far; ask for an extension by name to be sure. */
  getExtensionFor(extendee: DescMessage, number: number): DescExtension | undefined {
    return this.#extensions.get(`${extendee.typeName} ${number}`);
  }

  getFile(name: string): DescFile | undefined {
    return this.#index.files.has(name) ? this.#build(name) : undefined;
  }

  get files(): Iterable<DescFile> {
    return [...this.#index.files.keys()].map((name) => this.#build(name));
  }

  [Symbol.iterator](): IterableIterator<Declared> {
    for (const file of this.files) this.#build(file.proto.name);
    return this.#types.values();
  }

  #build(name: string): DescFile {
    const built = this.#built.get(name);
    if (built !== undefined) return built;
    const indexed = this.#index.files.get(name);
    if (indexed === undefined) throw new Error(`the descriptor set lacks ${name}`);
    const proto = indexed.proto();
    const visible = new Map(proto.dependency.map((dependency) => [dependency, alone(this.#build(dependency))]));
    const file = createFileRegistry(proto, (dependency) => visible.get(dependency)).getFile(name) as DescFile;
    this.#built.set(name, file);
    for (const type of typesOf(file)) {
      this.#types.set(type.typeName, type);
      if (type.kind === 'extension') this.#extensions.set(`${type.extendee.typeName} ${type.number}`, type);
    }
    return file;
  }
}

/** The file as an import: without its own imports, which createFileRegistry would walk again for each file. */
function alone(file: DescFile): DescFile {
  return { ...file, dependencies: [] };
}

function* typesOf(parent: AnyDesc): Iterable<Declared> {
  if (parent.kind === 'file') {
    yield* parent.enums;
    yield* parent.extensions;
    yield* parent.services;
    for (const message of parent.messages) yield* typesOf(message);
  } else if (parent.kind === 'message') {
    yield parent;
    yield* parent.nestedEnums;
    yield* parent.nestedExtensions;
    for (const message of parent.nestedMessages) yield* typesOf(message);
  }
}
