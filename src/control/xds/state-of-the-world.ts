/**
 * One stream of the state-of-the-world protocol: for each type what the client asked for and last got, and what it is to be sent.
 * A response answers the first request for a type, a change of the names asked for, and every snapshot in which something of it changed.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#basic-protocol-overview
 */
import { create } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import type { XdsListener } from '#control/xds/events.ts';
import { RESOURCE_TYPES, type ResourceType, resourceTypeOf } from '#control/xds/resource-types.ts';
import type { Resource, ResourceSet, Snapshot } from '#control/xds/snapshot.ts';
import type { DiscoveryRequest, DiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';

const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';
const EVERYTHING = '*';

/** What the client has asked for of one type. */
interface Subscription {
  type: ResourceType;
  names: ReadonlySet<string>;
  wildcard: boolean;
  /** Of the last response; empty before it. */
  nonce: string;
  sent: ResourceSet | undefined;
}

export class StateOfTheWorld {
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly node: string;
  private readonly tell: XdsListener;
  private lastNonce = 0;

  constructor(node: string, tell: XdsListener) {
    this.node = node;
    this.tell = tell;
  }

  /** @returns the response that goes out for it, if any. A type that we do not know is never answered, as by other servers. */
  onRequest(request: DiscoveryRequest, snapshot: Snapshot | undefined): DiscoveryResponse | undefined {
    const type = resourceTypeOf(request.typeUrl);
    if (type === undefined || type.deltaOnly) return undefined;
    const known = this.subscriptions.get(type.typeUrl);
    // It answers a response before the last: the one to the last is on its way.
    if (known !== undefined && known.nonce !== '' && request.responseNonce !== known.nonce) return undefined;
    if (known !== undefined && known.nonce !== '') this.note(type, request);
    const subscription = subscribe(type, request, known);
    this.subscriptions.set(type.typeUrl, subscription);
    if (snapshot === undefined || (known?.sent !== undefined && !asksForMore(known, subscription))) return undefined;
    return this.respond(subscription, snapshot);
  }

  /** @returns what goes out now, in order. */
  onSnapshot(snapshot: Snapshot): DiscoveryResponse[] {
    const responses: DiscoveryResponse[] = [];
    for (const { typeUrl } of RESOURCE_TYPES) {
      const subscription = this.subscriptions.get(typeUrl);
      if (subscription !== undefined && concerns(subscription, snapshot.sets.get(typeUrl)))
        responses.push(this.respond(subscription, snapshot));
    }
    return responses;
  }

  private note(type: ResourceType, { errorDetail, versionInfo }: DiscoveryRequest): void {
    const { node } = this;
    if (errorDetail === undefined) return this.tell({ kind: 'ack', node, type, version: versionInfo });
    const version = this.subscriptions.get(type.typeUrl)?.sent?.version ?? '';
    this.tell({ kind: 'nack', node, type, version, message: errorDetail.message });
  }

  private respond(subscription: Subscription, snapshot: Snapshot): DiscoveryResponse {
    const { type } = subscription;
    const set = snapshot.sets.get(type.typeUrl) as ResourceSet;
    const resources = wanted(subscription, set);
    subscription.nonce = String(++this.lastNonce);
    subscription.sent = set;
    this.tell({ kind: 'sent', node: this.node, type, version: set.version, count: resources.length });
    return create(messageType(RESPONSE), {
      versionInfo: set.version,
      resources: resources.map(({ any }) => any),
      typeUrl: type.typeUrl,
      nonce: subscription.nonce,
    } as never) as DiscoveryResponse;
  }
}

/** A client that has named nothing yet wants everything, where its type has that; one that named something, no longer. */
function subscribe(type: ResourceType, request: DiscoveryRequest, known: Subscription | undefined): Subscription {
  const names = new Set(request.resourceNames);
  const implicit = type.wildcard && names.size === 0 && (known === undefined || known.wildcard);
  const wildcard = names.has(EVERYTHING) || implicit;
  names.delete(EVERYTHING);
  return { type, names, wildcard, nonce: known?.nonce ?? '', sent: known?.sent };
}

function asksForMore(before: Subscription, now: Subscription): boolean {
  if (now.wildcard) return !before.wildcard;
  for (const name of now.names) if (!before.names.has(name)) return true;
  return false;
}

function wanted({ wildcard, names }: Subscription, { resources }: ResourceSet): Resource[] {
  if (wildcard) return [...resources.values()];
  return [...names].flatMap((name) => resources.get(name) ?? []);
}

/** Whether something that it asks for is another than what it was sent. */
function concerns({ wildcard, names, sent }: Subscription, set: ResourceSet | undefined): boolean {
  if (set === undefined || set === sent) return false;
  if (sent === undefined || wildcard) return true;
  for (const name of names) if (sent.resources.get(name) !== set.resources.get(name)) return true;
  return false;
}
