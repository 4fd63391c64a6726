/**
 * The delta protocol on one stream: the server is told which names are wanted in addition or no more, and says which resources have changed
 * or gone. After a break it is told what is here already.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { logger } from '#base/logger.ts';
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';
import { errorDetail } from '#proxy/xds/error-detail.ts';
import { deltaResource, isHeartbeat, typeUrlOf } from '#proxy/xds/given-resources.ts';
import { withNode } from '#proxy/xds/node-field.ts';
import type { DiscoveryProtocol, ProtocolParts } from '#proxy/xds/protocol-parts.ts';
import { ResourceLifetimes } from '#proxy/xds/resource-lifetimes.ts';
import { TypeWatches, type Watch, WILDCARD } from '#proxy/xds/type-watches.ts';

const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';

/** A response that the server is to hear of. */
interface Answer {
  nonce: string;
  refused: string | undefined;
}

interface TypeState {
  typeName: string;
  watches: TypeWatches;
  lifetimes: ResourceLifetimes;
  /** Of the resources that are here, by name. */
  versions: Map<string, string>;
  /** What the server was not told yet on this stream: what is wanted in addition, and what no more. */
  added: Set<string>;
  gone: Set<string>;
  /** Nothing was asked on this stream yet. */
  first: boolean;
  answers: Answer[];
  queue: Promise<void>;
}

export class Delta implements DiscoveryProtocol {
  private readonly parts: ProtocolParts;
  private readonly types = new Map<string, TypeState>();
  private readonly log = logger('config');
  private firstRequest = true;
  private open = false;
  /** Counts streams: what is taken late is not answered on the next one. */
  private streams = 0;

  constructor(parts: ProtocolParts) {
    this.parts = parts;
  }

  get pending(): number {
    let pending = 0;
    for (const type of this.types.values()) pending += Math.max(type.answers.length, Number(this.hasChanges(type)));
    return pending;
  }

  watch(typeName: string, watch: Watch): void {
    const type = this.type(typeName);
    type.watches.add(watch);
    this.wake();
  }

  change(typeName: string, watch: Watch, added: Iterable<string>, gone: Iterable<string>): void {
    this.type(typeName).watches.change(watch, added, gone);
    this.wake();
  }

  unwatch(typeName: string, watch: Watch): void {
    this.type(typeName).watches.remove(watch);
    this.wake();
  }

  private wake(): void {
    if (this.open) this.parts.wake();
  }

  private type(typeName: string): TypeState {
    let type = this.types.get(typeName);
    if (type === undefined) {
      const added = new Set<string>();
      const gone = new Set<string>();
      const watches = new TypeWatches((name, asked) => note(name, asked ? added : gone, asked ? gone : added));
      const versions = new Map<string, string>();
      const expire = (name: string) => {
        versions.delete(name);
        watches.expire(name);
      };
      type = {
        typeName,
        watches,
        versions,
        lifetimes: new ResourceLifetimes(this.parts.schedule, expire),
        added,
        gone,
        first: true,
        answers: [],
        queue: Promise.resolve(),
      };
      this.types.set(typeName, type);
    }
    return type;
  }

  onOpened(): void {
    this.open = true;
    this.streams++;
    this.firstRequest = true;
    for (const type of this.types.values()) {
      type.first = true;
      type.added.clear();
      type.gone.clear();
      for (const name of type.watches.names()) type.added.add(name);
      type.answers = [];
    }
  }

  onBroken(): void {
    this.open = false;
    for (const { watches } of this.types.values()) watches.countBroken();
  }

  private hasChanges({ first, watches, added, gone }: TypeState): boolean {
    return first ? !watches.empty : added.size + gone.size > 0;
  }

  nextRequest(): Uint8Array | undefined {
    for (const type of this.types.values()) {
      if (type.answers.length > 0 || this.hasChanges(type)) return this.request(type);
    }
    return undefined;
  }

  private request(type: TypeState): Uint8Array {
    const { versions, watches, first } = type;
    const added = [...type.added];
    const gone = [...type.gone];
    type.added.clear();
    type.gone.clear();
    const answer = type.answers.shift();
    const left = first || gone.includes(WILDCARD) ? [...versions.keys()] : gone;
    for (const name of left) if (!watches.wants(name)) versions.delete(name);
    type.first = false;
    const saysNode = this.firstRequest || !this.parts.nodeOnFirstMessageOnly;
    this.firstRequest = false;
    const request = create(messageType(REQUEST), {
      typeUrl: typeUrlOf(type.typeName),
      // A stream's first request that names nothing asks for everything.
      resourceNamesSubscribe: first && added.length === 1 && added[0] === WILDCARD ? [] : added,
      resourceNamesUnsubscribe: gone,
      initialResourceVersions: first ? Object.fromEntries(versions) : {},
      ...(answer === undefined ? {} : { responseNonce: answer.nonce }),
      ...(answer?.refused === undefined ? {} : { errorDetail: errorDetail(answer.refused) }),
    }) as DeltaDiscoveryRequest;
    const bytes = toBinary(messageType(REQUEST), request);
    return saysNode ? withNode(REQUEST, bytes, this.parts.node()) : bytes;
  }

  onMessage(bytes: Uint8Array): boolean {
    let response: DeltaDiscoveryResponse;
    try {
      response = fromBinary(messageType(RESPONSE), bytes) as DeltaDiscoveryResponse;
    } catch {
      return false;
    }
    if (response.controlPlane !== undefined) this.parts.stats.identifier.set(response.controlPlane.identifier);
    const type = this.types.get(response.typeUrl.slice(response.typeUrl.lastIndexOf('/') + 1));
    if (type === undefined) {
      this.log.warning(`Dropping received DeltaDiscoveryResponse for unknown type ${response.typeUrl}`);
      return true;
    }
    const { streams } = this;
    type.queue = type.queue.then(() => this.take(type, response, streams));
    return true;
  }

  private async take(type: TypeState, response: DeltaDiscoveryResponse, stream: number): Promise<void> {
    const { typeName, watches, lifetimes, versions } = type;
    const { nonce, systemVersionInfo: version, removedResources: removed } = response;
    let refused: string | undefined;
    try {
      const given = response.resources.map((resource) => deltaResource(resource, typeName));
      checkDistinct([...given.map(({ name }) => name), ...removed]);
      for (const resource of given) lifetimes.renew(resource);
      for (const name of removed) lifetimes.end(name);
      const resources = given.filter((resource) => !isHeartbeat(resource));
      const nothing = given.filter((resource) => isHeartbeat(resource) && resource.aliases !== undefined);
      const absent = nothing.flatMap(({ name, aliases = [] }) => [name, ...aliases.filter((alias) => alias !== name)]);
      refused = await watches.deliver({ kind: 'changes', resources, removed, absent, version });
      if (refused === undefined) {
        for (const { name, version: own } of [...resources, ...nothing]) versions.set(name, own);
        for (const name of removed) versions.delete(name);
      }
    } catch (error) {
      refused = (error as Error).message;
      watches.countRefused();
    }
    if (refused !== undefined) this.log.warning(`delta config for ${typeUrlOf(typeName)} rejected: ${refused}`);
    if (!this.open || stream !== this.streams) return;
    type.answers.push({ nonce, refused });
    this.wake();
  }
}

/** A name that was to be told otherwise need not be told at all. */
function note(name: string, to: Set<string>, otherwise: Set<string>): void {
  if (!otherwise.delete(name)) to.add(name);
}

function checkDistinct(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new Error(`duplicate name ${name} found among added/updated resources`);
    seen.add(name);
  }
}
