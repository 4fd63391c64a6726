/**
 * Everything that a group of nodes is to have, at one moment: resources by type and name, each with a version that changes only when it does.
 * Immutable; the next one is made from the last, so that what stayed keeps its version.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-versions
 */
import { type Message, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType } from '#api/registry.ts';
import { RESOURCE_TYPES, type ResourceType } from '#control/xds/resource-types.ts';

/** A resource as somebody made it. */
export interface GivenResource {
  type: ResourceType;
  message: Message;
}

/** A resource as it goes out. */
export interface Resource {
  name: string;
  message: Message;
  /** Of this resource alone: what delta clients compare. */
  version: string;
  any: Any;
}

/** The resources of one type. */
export interface ResourceSet {
  /** Of the set: 1, and one more with each change. */
  version: string;
  resources: ReadonlyMap<string, Resource>;
}

export interface Snapshot {
  /** By type URL; every type is there. */
  sets: ReadonlyMap<string, ResourceSet>;
}

/**
 * @param previous what the same nodes have now.
 * @throws Error where two resources of one type have one name, or one has none.
 */
export function nextSnapshot(given: Iterable<GivenResource>, previous?: Snapshot): Snapshot {
  const byType = new Map<string, GivenResource[]>(RESOURCE_TYPES.map(({ typeUrl }) => [typeUrl, []]));
  for (const resource of given) byType.get(resource.type.typeUrl)?.push(resource);
  const sets = new Map<string, ResourceSet>();
  for (const type of RESOURCE_TYPES) {
    sets.set(type.typeUrl, nextSet(type, byType.get(type.typeUrl) ?? [], previous?.sets.get(type.typeUrl)));
  }
  return { sets };
}

function nextSet(type: ResourceType, given: readonly GivenResource[], previous: ResourceSet | undefined): ResourceSet {
  const number = Number(previous?.version ?? 0) + 1;
  const resources = new Map<string, Resource>();
  let changed = previous === undefined || previous.resources.size !== given.length;
  for (const { message } of given) {
    const name = nameOf(type, message);
    if (name === '') throw new Error(`a resource of the type ${type.message} has no name`);
    if (resources.has(name)) throw new Error(`there are two resources '${name}' of the type ${type.message}`);
    const value = toBinary(messageType(type.message), message);
    const known = previous?.resources.get(name);
    if (known !== undefined && Buffer.compare(known.any.value, value) === 0) {
      resources.set(name, known);
      continue;
    }
    changed = true;
    const any: Any = { $typeName: 'google.protobuf.Any', typeUrl: type.typeUrl, value };
    resources.set(name, { name, message, version: String(number), any });
  }
  if (!changed && previous !== undefined) return previous;
  return { version: String(number), resources };
}

export function nameOf({ nameField }: ResourceType, message: Message): string {
  return (message as unknown as Record<string, string>)[nameField] ?? '';
}
