/**
 * The state-of-the-world protocol on one stream: each type of resources has one version, one nonce, and the names of all who want some.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#variants-of-the-xds-transport-protocol
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { logger } from '#base/logger.ts';
import type { DiscoveryRequest, DiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';
import { errorDetail } from '#proxy/xds/error-detail.ts';
import { givenResource, isHeartbeat, typeUrlOf } from '#proxy/xds/given-resources.ts';
import { withNode } from '#proxy/xds/node-field.ts';
import type { DiscoveryProtocol, ProtocolParts } from '#proxy/xds/protocol-parts.ts';
import { ResourceLifetimes } from '#proxy/xds/resource-lifetimes.ts';
import { TypeWatches, type Watch, WILDCARD } from '#proxy/xds/type-watches.ts';

const REQUEST = 'envoy.service.discovery.v3.DiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';

interface TypeState {
  typeName: string;
  watches: TypeWatches;
  lifetimes: ResourceLifetimes;
  /** Of the last response that was taken. */
  version: string;
  /** Of the last response on this stream. */
  nonce: string;
  /** Why the last response was refused, until the server is told. */
  refused: string | undefined;
  /** Responses are taken one after the other. */
  queue: Promise<void>;
}

export class StateOfTheWorld implements DiscoveryProtocol {
  private readonly parts: ProtocolParts;
  private readonly types = new Map<string, TypeState>();
  /** Those to send a request about, in the order in which they came up. */
  private readonly wanted = new Set<TypeState>();
  private readonly log = logger('config');
  private firstRequest = true;
  private open = false;

  constructor(parts: ProtocolParts) {
    this.parts = parts;
  }

  get pending(): number {
    return this.wanted.size;
  }

  watch(typeName: string, watch: Watch): void {
    const type = this.type(typeName);
    type.watches.add(watch);
    this.want(type);
  }

  change(typeName: string, watch: Watch, added: Iterable<string>, gone: Iterable<string>): void {
    const type = this.type(typeName);
    type.watches.change(watch, added, gone);
    this.want(type);
  }

  unwatch(typeName: string, watch: Watch): void {
    const type = this.type(typeName);
    type.watches.remove(watch);
    this.want(type);
  }

  private type(typeName: string): TypeState {
    let type = this.types.get(typeName);
    if (type === undefined) {
      const watches = new TypeWatches();
      type = {
        typeName,
        watches,
        lifetimes: new ResourceLifetimes(this.parts.schedule, (name) => watches.expire(name)),
        version: '',
        nonce: '',
        refused: undefined,
        queue: Promise.resolve(),
      };
      this.types.set(typeName, type);
    }
    return type;
  }

  private want(type: TypeState): void {
    this.wanted.add(type);
    if (this.open) this.parts.wake();
  }

  onOpened(): void {
    this.open = true;
    this.firstRequest = true;
    this.wanted.clear();
    for (const type of this.types.values()) {
      type.nonce = '';
      type.refused = undefined;
      if (!type.watches.empty) this.wanted.add(type);
    }
  }

  onBroken(): void {
    this.open = false;
    for (const { watches } of this.types.values()) watches.countBroken();
  }

  nextRequest(): Uint8Array | undefined {
    const [type] = this.wanted;
    if (type === undefined) return undefined;
    this.wanted.delete(type);
    return this.request(type);
  }

  private request(type: TypeState): Uint8Array {
    const saysNode = this.firstRequest || !this.parts.nodeOnFirstMessageOnly;
    this.firstRequest = false;
    const request = create(messageType(REQUEST), {
      versionInfo: type.version,
      resourceNames: namesOf(type.watches),
      typeUrl: typeUrlOf(type.typeName),
      responseNonce: type.nonce,
      ...(type.refused === undefined ? {} : { errorDetail: errorDetail(type.refused) }),
    }) as DiscoveryRequest;
    type.refused = undefined;
    const bytes = toBinary(messageType(REQUEST), request);
    return saysNode ? withNode(REQUEST, bytes, this.parts.node()) : bytes;
  }

  onMessage(bytes: Uint8Array): boolean {
    let response: DiscoveryResponse;
    try {
      response = fromBinary(messageType(RESPONSE), bytes) as DiscoveryResponse;
    } catch {
      return false;
    }
    if (response.controlPlane !== undefined) this.parts.stats.identifier.set(response.controlPlane.identifier);
    const type = this.types.get(response.typeUrl.slice(response.typeUrl.lastIndexOf('/') + 1));
    if (type === undefined || type.watches.empty) {
      this.log.warning(`Ignoring the message for type URL ${response.typeUrl} as it has no current subscribers.`);
      return true;
    }
    // Of the newest response, as the nonce of any other is stale to the server.
    type.nonce = response.nonce;
    type.queue = type.queue.then(() => this.take(type, response));
    return true;
  }

  private async take(type: TypeState, response: DiscoveryResponse): Promise<void> {
    const { typeName, watches, lifetimes } = type;
    const { versionInfo: version, nonce } = response;
    let refused: string | undefined;
    try {
      const given = response.resources.map((any) => givenResource(any, version, typeName));
      for (const resource of given) lifetimes.renew(resource);
      const resources = given.filter((resource) => !isHeartbeat(resource));
      const kept = given.filter(isHeartbeat).map(({ name }) => name);
      refused = await watches.deliver({ kind: 'all', resources, removed: [], kept, version });
    } catch (error) {
      refused = (error as Error).message;
      watches.countRefused();
    }
    if (refused === undefined) type.version = version;
    else this.log.warning(`gRPC config for ${typeUrlOf(typeName)} rejected: ${refused}`);
    // A newer one came meanwhile: its own answer says how things stand.
    if (type.nonce !== nonce) return;
    type.refused = refused;
    this.want(type);
  }
}

/** Nobody is named where all are wanted, and nobody else by name. */
function namesOf(watches: TypeWatches): string[] {
  const names = watches.names();
  return names.length === 1 && names[0] === WILDCARD ? [] : names;
}
