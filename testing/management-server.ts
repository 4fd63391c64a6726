/**
 * A management server for tests: it serves what it is told to serve, over gRPC in both variants (ADS and single services) and over REST, and
 * notes every request. Responses can be anything, so that what clients do with bad ones can be seen.
 */
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { decode } from '#api/decode.ts';
import { toTree } from '#api/encode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from '#envoy/service/discovery/v3/discovery_pb.js';
import { eventually } from '#testing/eventually.ts';
import type { Scope } from '#testing/scope.ts';

const DISCOVERY = 'envoy.service.discovery.v3.';
const PREFIX = 'type.googleapis.com/';

export const TYPES = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  listener: 'envoy.config.listener.v3.Listener',
  route: 'envoy.config.route.v3.RouteConfiguration',
  scope: 'envoy.config.route.v3.ScopedRouteConfiguration',
  virtualHost: 'envoy.config.route.v3.VirtualHost',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'envoy.extensions.transport_sockets.tls.v3.Secret',
  runtime: 'envoy.service.runtime.v3.Runtime',
  extension: 'envoy.config.core.v3.TypedExtensionConfig',
} as const;
export type ResourceType = keyof typeof TYPES;

/** A request as it came. */
export interface SeenRequest {
  type: string;
  /** Of state of the world. */
  version: string;
  nonce: string;
  /** Wanted; of delta, in addition. */
  names: string[];
  /** Of delta: wanted no more. */
  unsubscribed: string[];
  /** Of delta: what the client has. */
  initial: Record<string, string>;
  error: string;
  hasNode: boolean;
  metadata: Record<string, unknown>;
}

interface Served {
  version: string;
  resources: Map<string, { any: Any; version: string }>;
}

interface OpenStream {
  stream: ServerHttp2Stream;
  delta: boolean;
  /** By type: what the client asked for; undefined: everything. */
  wanted: Map<string, Set<string> | undefined>;
  /** Of delta: what the client was given, by type and name. */
  given: Map<string, Map<string, string>>;
}

export class ManagementServer {
  readonly requests: SeenRequest[] = [];
  /** Accepts streams and requests and answers none. */
  silent = false;
  private readonly grpc: Http2Server;
  private readonly rest: HttpServer;
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly streams = new Set<OpenStream>();
  private readonly served = new Map<string, Served>();
  private nonces = 0;

  private constructor() {
    this.grpc = createServer();
    this.grpc.on('session', (session) => {
      this.sessions.add(session);
      session.on('close', () => this.sessions.delete(session));
      session.on('error', () => {});
    });
    this.grpc.on('stream', (stream, headers) =>
      this.onStream(stream as ServerHttp2Stream, String(headers[':path']), headers),
    );
    this.rest = createHttpServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.onRest(Buffer.concat(chunks).toString(), response));
    });
  }

  static async start(t: Scope, port = 0): Promise<ManagementServer> {
    const server = new ManagementServer();
    await server.listen(port);
    t.after(() => server.close());
    return server;
  }

  /** Again, after `close`. */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.grpc.listen(port, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => this.rest.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.grpc.address() as AddressInfo).port;
  }

  get restPort(): number {
    return (this.rest.address() as AddressInfo).port;
  }

  get openStreams(): number {
    return this.streams.size;
  }

  /** Breaks every stream, and listens no more. */
  async close(): Promise<void> {
    this.breakStreams();
    if (this.grpc.listening) await new Promise<void>((resolve) => this.grpc.close(() => resolve()));
    this.rest.closeAllConnections();
    if (this.rest.listening) await new Promise<void>((resolve) => this.rest.close(() => resolve()));
  }

  breakStreams(): void {
    for (const session of this.sessions) session.destroy();
    this.streams.clear();
  }

  /**
   * Serves other resources of a type than before.
   * @param trees each as JSON, without `@type`; its name is its first field
   */
  serve(type: ResourceType, version: string, trees: object[]): void {
    const typeName = TYPES[type];
    const former = this.served.get(typeName)?.resources;
    const resources = new Map<string, { any: Any; version: string }>();
    for (const tree of trees) {
      const name = String((tree as Record<string, unknown>).name ?? (tree as Record<string, unknown>).cluster_name);
      const any = anyOf(typeName, tree);
      const same = former?.get(name);
      const unchanged = same !== undefined && Buffer.compare(same.any.value, any.value) === 0;
      resources.set(name, unchanged ? same : { any, version });
    }
    this.served.set(typeName, { version, resources });
    for (const stream of this.streams) if (stream.wanted.has(typeName)) this.answer(stream, typeName);
  }

  /** Sends a response as it stands on every stream of state of the world. */
  push(response: Partial<DiscoveryResponse>): void {
    const message = create(messageType(`${DISCOVERY}DiscoveryResponse`), { nonce: this.nonce(), ...response } as never);
    for (const open of this.streams)
      if (!open.delta) this.send(open, toBinary(messageType(`${DISCOVERY}DiscoveryResponse`), message));
  }

  /** The same for delta. */
  pushDelta(response: Partial<DeltaDiscoveryResponse>): void {
    const type = messageType(`${DISCOVERY}DeltaDiscoveryResponse`);
    const message = create(type, { nonce: this.nonce(), ...response } as never);
    for (const open of this.streams) if (open.delta) this.send(open, toBinary(type, message));
  }

  /** Sends bytes as a message. */
  pushBytes(bytes: Uint8Array): void {
    for (const open of this.streams) this.send(open, bytes);
  }

  /** Waits for a request. @returns it */
  async requestWhere(what: string, test: (request: SeenRequest) => boolean): Promise<SeenRequest> {
    return (await eventually(what, async () => this.requests.find(test))) as SeenRequest;
  }

  private nonce(): string {
    return `n${++this.nonces}`;
  }

  private onStream(stream: ServerHttp2Stream, path: string, headers: object): void {
    const open: OpenStream = { stream, delta: path.includes('/Delta'), wanted: new Map(), given: new Map() };
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('error', () => {});
    stream.on('close', () => this.streams.delete(open));
    this.streams.add(open);
    let rest: Buffer = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const length = rest.readUInt32BE(1);
        this.onRequest(open, rest.subarray(5, 5 + length), headers as Record<string, unknown>);
        rest = rest.subarray(5 + length);
      }
    });
    stream.on('end', () => stream.end());
  }

  private onRequest(open: OpenStream, bytes: Uint8Array, metadata: Record<string, unknown>): void {
    if (open.delta) {
      const request = fromBinary(messageType(`${DISCOVERY}DeltaDiscoveryRequest`), bytes) as DeltaDiscoveryRequest;
      this.onDelta(open, request, metadata);
    } else {
      const request = fromBinary(messageType(`${DISCOVERY}DiscoveryRequest`), bytes) as DiscoveryRequest;
      this.onStateOfTheWorld(open, request, metadata);
    }
  }

  private onStateOfTheWorld(open: OpenStream, request: DiscoveryRequest, metadata: Record<string, unknown>): void {
    const typeName = request.typeUrl.slice(PREFIX.length);
    this.requests.push({
      type: typeName,
      version: request.versionInfo,
      nonce: request.responseNonce,
      names: request.resourceNames,
      unsubscribed: [],
      initial: {},
      error: request.errorDetail?.message ?? '',
      hasNode: request.node !== undefined,
      metadata,
    });
    const before = open.wanted.get(typeName);
    const asked = open.wanted.has(typeName);
    const names = request.resourceNames.length === 0 ? undefined : new Set(request.resourceNames);
    open.wanted.set(typeName, names);
    const more = names !== undefined && [...names].some((name) => !before?.has(name));
    if (!asked || more) this.answer(open, typeName);
  }

  private onDelta(open: OpenStream, request: DeltaDiscoveryRequest, metadata: Record<string, unknown>): void {
    const typeName = request.typeUrl.slice(PREFIX.length);
    this.requests.push({
      type: typeName,
      version: '',
      nonce: request.responseNonce,
      names: request.resourceNamesSubscribe,
      unsubscribed: request.resourceNamesUnsubscribe,
      initial: request.initialResourceVersions,
      error: request.errorDetail?.message ?? '',
      hasNode: request.node !== undefined,
      metadata,
    });
    const first = !open.wanted.has(typeName);
    if (first) {
      const all = request.resourceNamesSubscribe.length === 0 || request.resourceNamesSubscribe.includes('*');
      open.wanted.set(typeName, all ? undefined : new Set());
      open.given.set(typeName, new Map(Object.entries(request.initialResourceVersions)));
    }
    const wanted = open.wanted.get(typeName);
    const given = open.given.get(typeName);
    for (const name of request.resourceNamesSubscribe) {
      wanted?.add(name);
      if (!first) given?.delete(name);
    }
    for (const name of request.resourceNamesUnsubscribe) {
      wanted?.delete(name);
      given?.delete(name);
    }
    if (first || request.resourceNamesSubscribe.length > 0) this.answer(open, typeName, first);
  }

  /** @param first the client asks for the first time, and is told that there is nothing, too */
  private answer(open: OpenStream, typeName: string, first = false): void {
    const served = this.served.get(typeName);
    if (served === undefined || this.silent) return;
    if (open.delta) this.answerDelta(open, typeName, served, first);
    else this.send(open, this.response(typeName, served, open.wanted.get(typeName)));
  }

  private response(typeName: string, served: Served, wanted: Set<string> | undefined): Uint8Array {
    const type = messageType(`${DISCOVERY}DiscoveryResponse`);
    const resources = [...served.resources].filter(([name]) => wanted?.has(name) ?? true).map(([, { any }]) => any);
    const { version: versionInfo } = served;
    const controlPlane = { identifier: 'test' };
    return toBinary(
      type,
      create(type, {
        versionInfo,
        resources,
        typeUrl: PREFIX + typeName,
        nonce: this.nonce(),
        controlPlane: create(messageType('envoy.config.core.v3.ControlPlane'), controlPlane),
      } as never),
    );
  }

  private answerDelta(open: OpenStream, typeName: string, served: Served, first: boolean): void {
    const wanted = open.wanted.get(typeName);
    const given = open.given.get(typeName) as Map<string, string>;
    const resourceType = messageType(`${DISCOVERY}Resource`);
    const changed = [...served.resources].filter(
      ([name, { version }]) => (wanted?.has(name) ?? true) && given.get(name) !== version,
    );
    const removed = [...given.keys()].filter((name) => !served.resources.has(name));
    if (changed.length + removed.length === 0 && !(first && wanted === undefined)) return;
    for (const [name, { version }] of changed) given.set(name, version);
    for (const name of removed) given.delete(name);
    const type = messageType(`${DISCOVERY}DeltaDiscoveryResponse`);
    const message = create(type, {
      systemVersionInfo: served.version,
      resources: changed.map(([name, { any, version }]) =>
        create(resourceType, { name, version, resource: any } as never),
      ),
      removedResources: removed,
      typeUrl: PREFIX + typeName,
      nonce: this.nonce(),
    } as never);
    this.send(open, toBinary(type, message));
  }

  private send({ stream }: OpenStream, message: Uint8Array): void {
    if (stream.destroyed) return;
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([prefix, message]));
  }

  private onRest(text: string, response: ServerResponse): void {
    const request = JSON.parse(text) as { type_url: string; version_info?: string; resource_names?: string[] };
    const typeName = request.type_url.slice(PREFIX.length);
    this.requests.push({
      type: typeName,
      version: request.version_info ?? '',
      nonce: '',
      names: request.resource_names ?? [],
      unsubscribed: [],
      initial: {},
      error: (request as { error_detail?: { message: string } }).error_detail?.message ?? '',
      hasNode: 'node' in request,
      metadata: {},
    });
    const served = this.served.get(typeName);
    if (served === undefined || this.silent) {
      response.writeHead(503).end();
      return;
    }
    const type = messageType(`${DISCOVERY}DiscoveryResponse`);
    const wanted = request.resource_names?.length ? new Set(request.resource_names) : undefined;
    const tree = toTree(type, fromBinary(type, this.response(typeName, served, wanted)));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(tree));
  }
}

/** @param tree without `@type`. @throws where it is no such message */
export function anyOf(typeName: string, tree: object): Any {
  const type = messageType(typeName);
  const problems = new Problems();
  const message = decode(type, JSON.parse(JSON.stringify(tree)), rootPlace(undefined, problems));
  problems.throwIfAny();
  return { typeUrl: PREFIX + typeName, value: toBinary(type, message) } as Any;
}
