/**
 * The resources of a discovery response, with their names, still packed.
 * Follows envoy.service.discovery.v3.DiscoveryResponse, DeltaDiscoveryResponse and Resource.
 */
import { fromBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType } from '#api/registry.ts';
import { nameOf } from '#api/wire-fields.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import type { DiscoveryResponse, Resource } from '#envoy/service/discovery/v3/discovery_pb.js';
import type { DiscoveryUpdate, GivenResource } from '#proxy/xds/subscription.ts';

const PREFIX = 'type.googleapis.com/';
const WRAPPER = 'envoy.service.discovery.v3.Resource';

export function typeUrlOf(typeName: string): string {
  return PREFIX + typeName;
}

/** @throws Error where a resource is of another type */
export function givenResource(any: Any, version: string, typeName: string): GivenResource {
  if (any.typeUrl === PREFIX + WRAPPER) {
    const { name, version: own, resource, ttl } = fromBinary(messageType(WRAPPER), any.value) as Resource;
    return wrapped(name, own || version, resource, ttl === undefined ? undefined : millisecondsOr(ttl, 0), typeName);
  }
  checkType(any, typeName);
  return { name: nameOf(any.value), version, any };
}

/** As {@link givenResource}, for the resources of a delta response. */
export function deltaResource({ name, version, resource, ttl, aliases }: Resource, typeName: string): GivenResource {
  const given = wrapped(name, version, resource, ttl === undefined ? undefined : millisecondsOr(ttl, 0), typeName);
  return aliases.length === 0 ? given : { ...given, aliases };
}

const NOTHING = { typeUrl: '', value: new Uint8Array() } as Any;

/** A heartbeat has no content: it makes what is there live on. */
export function isHeartbeat({ any }: GivenResource): boolean {
  return any.typeUrl === '';
}

function wrapped(
  name: string,
  version: string,
  any: Any | undefined,
  ttl: number | undefined,
  typeName: string,
): GivenResource {
  if (any !== undefined && any.typeUrl !== '') checkType(any, typeName);
  return {
    name: name || (any === undefined ? '' : nameOf(any.value)),
    version,
    any: any ?? NOTHING,
    ...(ttl === undefined ? {} : { ttl }),
  };
}

function checkType({ typeUrl }: Any, typeName: string): void {
  if (typeUrl.slice(typeUrl.lastIndexOf('/') + 1) === typeName) return;
  throw new Error(`Unable to unpack as ${typeName}: the resource is of type '${typeUrl}'`);
}

/** A whole state-of-the-world response. @throws Error as {@link givenResource} does */
export function updateOf({ resources, versionInfo }: DiscoveryResponse, typeName: string): DiscoveryUpdate {
  return {
    kind: 'all',
    resources: resources.map((any) => givenResource(any, versionInfo, typeName)),
    removed: [],
    version: versionInfo,
  };
}
