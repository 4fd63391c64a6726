/**
 * The discovery services over gRPC: ADS, and one for each type, as streams of the state of the world or of differences, or once by Fetch.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#streaming-grpc-subscriptions
 */
import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter, HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { apiRegistry } from '#api/registry.ts';
import { Delta } from '#control/xds/delta.ts';
import type { XdsListener } from '#control/xds/events.ts';
import { RESOURCE_TYPES, type ResourceType } from '#control/xds/resource-types.ts';
import { ResponseQueue } from '#control/xds/response-queue.ts';
import type { Snapshot } from '#control/xds/snapshot.ts';
import type { NodeIdentity, SnapshotCache } from '#control/xds/snapshot-cache.ts';
import { StateOfTheWorld } from '#control/xds/state-of-the-world.ts';
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
  DiscoveryResponse,
} from '#envoy/service/discovery/v3/discovery_pb.js';

const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

/** One stream's side of the protocol. */
interface Protocol<Request, Response> {
  onRequest(request: Request, snapshot: Snapshot | undefined): Response | undefined;
  onSnapshot(snapshot: Snapshot): Response[];
}

type Make<Request, Response> = (node: string) => Protocol<Request, Response>;

/** Adds all discovery services to a router of Connect. */
export function addDiscoveryServices(router: ConnectRouter, cache: SnapshotCache, tell: XdsListener): void {
  const world = (node: string) => new StateOfTheWorld(node, tell);
  const delta = (node: string) => new Delta(node, tell);
  const stream =
    (how: string, type?: ResourceType) => (requests: AsyncIterable<DiscoveryRequest>, context: HandlerContext) =>
      serve(requests, context, { cache, tell, how, type, make: world });
  const differences =
    (how: string, type?: ResourceType) => (requests: AsyncIterable<DeltaDiscoveryRequest>, context: HandlerContext) =>
      serve(requests, context, { cache, tell, how, type, make: delta });
  router.service(service(ADS), {
    streamAggregatedResources: stream('ADS'),
    deltaAggregatedResources: differences('delta ADS'),
  } as unknown as ServiceImpl<DescService>);
  for (const type of RESOURCE_TYPES) {
    const { short, method } = type;
    const methods: Record<string, unknown> = { [`delta${method}`]: differences(`delta ${short}`, type) };
    if (!type.deltaOnly) {
      methods[`stream${method}`] = stream(short, type);
      methods[`fetch${method}`] = (request: DiscoveryRequest) => fetchOnce(cache, type, request);
    }
    router.service(service(type.service), methods as unknown as ServiceImpl<DescService>);
  }
}

function service(name: string): DescService {
  const found = apiRegistry().get(name);
  if (found?.kind !== 'service') throw new Error(`there is no service ${name} in Envoy's API`);
  return found;
}

/** @returns all that the request asks for; undefined where the node's group has nothing yet. */
export function fetchOnce(
  cache: SnapshotCache,
  type: ResourceType,
  request: DiscoveryRequest,
): DiscoveryResponse | undefined {
  const node = identityOf(request.node);
  const snapshot = cache.get(cache.groupOf(node));
  if (snapshot === undefined) return undefined;
  const asked = { ...request, typeUrl: type.typeUrl, responseNonce: '' };
  return new StateOfTheWorld(node.id, () => {}).onRequest(asked, snapshot);
}

interface Serving<Request, Response> {
  cache: SnapshotCache;
  tell: XdsListener;
  /** The service, as people call it. */
  how: string;
  /** The only type that it serves; undefined: all. */
  type: ResourceType | undefined;
  make: Make<Request, Response>;
}

/** Requests come and snapshots change while responses wait for the client: neither waits for the other. */
async function* serve<Request extends DiscoveryRequest | DeltaDiscoveryRequest, Response>(
  requests: AsyncIterable<Request>,
  context: HandlerContext,
  { cache, tell, how, type, make }: Serving<Request, Response>,
): AsyncGenerator<Response> {
  const queue = new ResponseQueue<Response>();
  let unsubscribe = () => {};
  let node: NodeIdentity | undefined;
  const read = async () => {
    let protocol: Protocol<Request, Response> | undefined;
    for await (const request of requests) {
      if (protocol === undefined) {
        node = identityOf(request.node);
        const fresh = make(node.id);
        protocol = fresh;
        tell({ kind: 'connected', node: node.id, how });
        unsubscribe = cache.subscribe(cache.groupOf(node), (snapshot) => queue.add(...fresh.onSnapshot(snapshot)));
      }
      if (type !== undefined && request.typeUrl === '') request.typeUrl = type.typeUrl;
      if (type !== undefined && request.typeUrl !== type.typeUrl) continue;
      const response = protocol.onRequest(request, cache.get(cache.groupOf(node as NodeIdentity)));
      if (response !== undefined) queue.add(response);
    }
  };
  context.signal.addEventListener('abort', () => queue.end());
  read().then(
    () => queue.end(),
    (error) => queue.end(context.signal.aborted ? undefined : error),
  );
  try {
    yield* queue;
  } finally {
    unsubscribe();
    if (node !== undefined) tell({ kind: 'disconnected', node: node.id, how });
  }
}

function identityOf(node: DiscoveryRequest['node']): NodeIdentity {
  return { id: node?.id ?? '', cluster: node?.cluster ?? '' };
}
