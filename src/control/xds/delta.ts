/**
 * One stream of the incremental protocol: for each type what the client subscribes to and has, and the difference that it is to be sent.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds
 */
import { create } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import type { XdsListener } from '#control/xds/events.ts';
import { RESOURCE_TYPES, type ResourceType, resourceTypeOf } from '#control/xds/resource-types.ts';
import type { Resource, ResourceSet, Snapshot } from '#control/xds/snapshot.ts';
import { tablesWithVirtualHosts, virtualHostFor } from '#control/xds/virtual-host-aliases.ts';
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';

const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';
const EVERYTHING = '*';

/** A resource, or what is said of one. */
type Sent = Pick<Resource, 'name' | 'version'> & { any?: Resource['any']; aliases?: string[] };

interface Subscription {
  type: ResourceType;
  names: Set<string>;
  wildcard: boolean;
  /** The versions of what the client has, by name. */
  has: Map<string, string>;
  /** Names that it was told are not there. */
  absent: Set<string>;
  nonce: string;
  version: string;
}

export class Delta {
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly node: string;
  private readonly tell: XdsListener;
  private lastNonce = 0;

  constructor(node: string, tell: XdsListener) {
    this.node = node;
    this.tell = tell;
  }

  /** @returns the response that goes out for it, if any. The first request for a type always has one. */
  onRequest(request: DeltaDiscoveryRequest, snapshot: Snapshot | undefined): DeltaDiscoveryResponse | undefined {
    const type = resourceTypeOf(request.typeUrl);
    if (type === undefined) return undefined;
    const known = this.subscriptions.get(type.typeUrl);
    if (known !== undefined && request.responseNonce !== '') this.note(known, request);
    const subscription = known ?? begin(type, request);
    if (known === undefined) this.subscriptions.set(type.typeUrl, subscription);
    const asked = changeNames(subscription, request, known === undefined);
    if (snapshot === undefined) return undefined;
    return this.respond(subscription, snapshot, asked, known === undefined);
  }

  /** @returns what goes out now, in order. */
  onSnapshot(snapshot: Snapshot): DeltaDiscoveryResponse[] {
    const responses: DeltaDiscoveryResponse[] = [];
    for (const { typeUrl } of RESOURCE_TYPES) {
      const subscription = this.subscriptions.get(typeUrl);
      const response = subscription && this.respond(subscription, snapshot, NOTHING, subscription.nonce === '');
      if (response !== undefined) responses.push(response);
    }
    return responses;
  }

  private note({ type, nonce, version }: Subscription, { errorDetail, responseNonce }: DeltaDiscoveryRequest): void {
    if (responseNonce !== nonce) return;
    const { node } = this;
    if (errorDetail === undefined) this.tell({ kind: 'ack', node, type, version });
    else this.tell({ kind: 'nack', node, type, version, message: errorDetail.message });
  }

  /** @param asked names that are answered whether they changed or not. */
  private respond(
    subscription: Subscription,
    snapshot: Snapshot,
    asked: ReadonlySet<string>,
    first: boolean,
  ): DeltaDiscoveryResponse | undefined {
    const { type } = subscription;
    const set = snapshot.sets.get(type.typeUrl) as ResourceSet;
    const differ = type.byAlias ? aliasedDifference : difference;
    const { changed, removed } = differ(subscription, set, asked);
    if (type.byAlias && first) changed.push(...greetings(snapshot, set));
    if (changed.length === 0 && removed.length === 0 && !first) return undefined;
    subscription.nonce = String(++this.lastNonce);
    subscription.version = set.version;
    this.tell({ kind: 'sent', node: this.node, type, version: set.version, count: changed.length });
    return create(messageType(RESPONSE), {
      systemVersionInfo: set.version,
      resources: changed.map(({ name, version, any, aliases }) => ({ name, version, resource: any, aliases })),
      removedResources: removed,
      typeUrl: type.typeUrl,
      nonce: subscription.nonce,
    } as never) as DeltaDiscoveryResponse;
  }
}

function begin(type: ResourceType, { initialResourceVersions }: DeltaDiscoveryRequest): Subscription {
  const has = new Map(Object.entries(initialResourceVersions));
  return { type, names: new Set(), wildcard: false, has, absent: new Set(), nonce: '', version: '' };
}

/** @returns the names that the client asks for with this request. */
function changeNames(
  subscription: Subscription,
  { resourceNamesSubscribe, resourceNamesUnsubscribe }: DeltaDiscoveryRequest,
  first: boolean,
): ReadonlySet<string> {
  const { names, type, has, absent } = subscription;
  if (first && type.wildcard && resourceNamesSubscribe.length === 0) subscription.wildcard = true;
  const asked = new Set<string>();
  for (const name of resourceNamesSubscribe) {
    if (name === EVERYTHING) subscription.wildcard = !type.byAlias;
    else {
      names.add(name);
      // In the first request it says itself what it has; later it asks since it has it no more.
      if (!first) has.delete(name);
      absent.delete(name);
      asked.add(name);
    }
  }
  for (const name of resourceNamesUnsubscribe) {
    if (name === EVERYTHING) subscription.wildcard = false;
    names.delete(name);
    absent.delete(name);
  }
  // A client forgets what it no longer asks for.
  if (resourceNamesUnsubscribe.length > 0 && !subscription.wildcard && !type.byAlias) {
    for (const name of has.keys()) if (!names.has(name)) has.delete(name);
  }
  return asked;
}

interface Difference {
  changed: Sent[];
  removed: string[];
}

/** Envoy's tables wait for a first answer that is about them, and one without resources is about nobody: each gets one that says nothing. */
function greetings(snapshot: Snapshot, { version }: ResourceSet): Sent[] {
  return [...tablesWithVirtualHosts(snapshot)].map((table) => ({ name: `${table}/`, version, aliases: [`${table}/`] }));
}

/** The same for a type that is asked for by alias. What nobody has is told as a resource without content. */
function aliasedDifference(
  { names, has, absent }: Subscription,
  { resources, version }: ResourceSet,
  asked: ReadonlySet<string>,
): Difference {
  const wanted = new Map<Resource, string[]>();
  const changed: Sent[] = [];
  for (const alias of names) {
    const resource = virtualHostFor(alias, resources);
    if (resource !== undefined) {
      absent.delete(alias);
      const aliases = wanted.get(resource);
      if (aliases === undefined) wanted.set(resource, [alias]);
      else aliases.push(alias);
    } else if (asked.has(alias)) {
      absent.add(alias);
      changed.push({ name: alias, version, aliases: [alias] });
    }
  }
  for (const [{ name, version: own, any }, aliases] of wanted) {
    if (has.get(name) === own && !aliases.some((alias) => asked.has(alias))) continue;
    has.set(name, own);
    changed.push({ name, version: own, any, aliases });
  }
  const removed = [...has.keys()].filter((name) => !resources.has(name));
  for (const name of removed) has.delete(name);
  return { changed, removed };
}

/** What the client lacks, and what it has and should not. Notes it as had. */
function difference(
  { wildcard, names, has, absent }: Subscription,
  { resources }: ResourceSet,
  asked: ReadonlySet<string>,
): Difference {
  const changed: Sent[] = [];
  const removed: string[] = [];
  for (const name of wildcard ? resources.keys() : names) {
    const resource = resources.get(name);
    if (resource === undefined || resource.version === has.get(name)) continue;
    has.set(name, resource.version);
    absent.delete(name);
    changed.push(resource);
  }
  for (const name of has.keys()) {
    if (resources.has(name)) continue;
    has.delete(name);
    if (names.has(name)) absent.add(name);
    removed.push(name);
  }
  for (const name of asked) {
    if (resources.has(name) || absent.has(name)) continue;
    absent.add(name);
    if (!removed.includes(name)) removed.push(name);
  }
  return { changed, removed };
}

const NOTHING: ReadonlySet<string> = new Set();
