/**
 * One request and its response on their way through the proxy: Envoy's ActiveStream. The object is pooled: everything about a request is a
 * field here, reset at its start, so that serving one allocates next to nothing. It is what filters, access logs and selection see.
 */

import { Timer } from '#base/timers.ts';
import type { Hash64 } from '#base/xx-hash.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Metadata, Route, VirtualHost, WeightedCluster } from '#config/model/route.ts';
import type { DownstreamCodec } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { FilterChainRun } from '#proxy/http/filter-chain-run.ts';
import { hashKeyOf } from '#proxy/http/router/hash-policy.ts';
import type { FollowedRedirects } from '#proxy/http/router/internal-redirect.ts';
import { onMaxStreamDuration, onRequestTimeout, onStreamIdle } from '#proxy/http/stream-timeouts.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { newMarks, type StreamInfo, type StreamMarks, type UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import type { CompiledRoute, CompiledVirtualHost } from '#selection/compiled-route.ts';
import type { OriginalIp } from '#selection/original-ip.ts';
import type { HeaderView, RequestView } from '#selection/request-view.ts';
import { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import type { Stream } from '#wire/http2/stream.ts';

let lastStreamId = 0;

export class HttpStream implements StreamInfo, RequestView {
  codec!: DownstreamCodec;
  connection!: DownstreamConnection;
  manager!: ConnectionManager;

  // The request. `method`, `path`, `host` and `scheme` stand apart from the fields, as pseudo headers do.
  method = '';
  path = '';
  host = '';
  scheme = '';
  protocol = '';
  originalPath = '';
  requestHeaders = new Headers();
  requestTrailers: Headers | undefined = undefined;
  /** What the manager's detectors found, where it has any. */
  originalIp: OriginalIp | undefined = undefined;
  /** METADATA of the client, until the request has a connection. */
  waitingMetadata: MetadataFields[] | undefined = undefined;
  /** The whole request has been read. */
  requestEnded = false;
  /** As Envoy counts and times it, it never ends: its client asks for a tunnel. */
  openEnded = false;
  /** It asks for another protocol on its connection, and may have it if the upstream agrees. */
  upgrading = false;

  // The response.
  responseHeaders = new Headers();
  responseTrailers: Headers | undefined = undefined;
  responseCode = 0;
  /** Its head was given to the codec. */
  responseStarted = false;
  /** All of it was given to the codec. */
  responseEnded = false;
  /** The reason phrase of the upstream's status line; written again only where the configuration says so. */
  responseReason = '';

  /** HTTP/2: its stream on the connection, until it is over. */
  wire: Stream<HttpStream> | undefined = undefined;
  /** The client takes no more of the response for now. */
  responsePaused = false;

  // What was chosen for it.
  selected: CompiledRoute | undefined = undefined;
  selectedHost: CompiledVirtualHost | undefined = undefined;
  /** The share of the route's traffic that the request belongs to, where weights decide. */
  weighted: WeightedCluster | undefined = undefined;
  clusterName = '';
  cluster: ClusterConfig | undefined = undefined;
  virtualClusterName = '';
  attemptCount = 0;
  routeResolutions = 0;
  routeResolutionTime: number | undefined = undefined;
  upstream: UpstreamInfo | undefined = undefined;
  upstreamProtocol = '';

  // What is told of it.
  startTime = 0;
  readonly marks: StreamMarks = newMarks(0);
  bytesReceived = 0;
  bytesSent = 0;
  downstreamHeaderBytesReceived = 0;
  downstreamHeaderBytesSent = 0;
  downstreamWireBytesReceived = 0;
  downstreamWireBytesSent = 0;
  upstreamHeaderBytesReceived = 0;
  upstreamHeaderBytesSent = 0;
  upstreamWireBytesReceived = 0;
  upstreamWireBytesSent = 0;
  responseCodeDetails = '';
  connectionTerminationDetails = '';
  flags = 0;
  remoteAddress = '';
  streamId = 0;
  traceId = '';
  traced = false;
  healthCheck = false;
  internal = false;
  dynamicMetadata: Metadata | undefined = undefined;
  filterState: Map<string, unknown> | undefined = undefined;
  accessLogType = '';
  localReplyBody = '';
  random = 0;
  /** `set-cookie` fields that hash policies made. */
  cookiesToSet: string[] | undefined = undefined;
  /** The redirects of upstreams that it followed so far. */
  redirects: FollowedRedirects | undefined = undefined;
  /** The stream is over: whatever still comes for it is dropped. */
  finished = false;

  readonly filters: FilterChainRun;
  readonly idleTimer: Timer;
  readonly requestTimer: Timer;
  readonly maxDurationTimer: Timer;
  readonly accessLogTimer: Timer;

  constructor() {
    this.filters = new FilterChainRun(this);
    this.idleTimer = new Timer(() => asEvent(() => onStreamIdle(this)));
    this.requestTimer = new Timer(() => asEvent(() => onRequestTimeout(this)));
    this.maxDurationTimer = new Timer(() => asEvent(() => onMaxStreamDuration(this)));
    this.accessLogTimer = new Timer(() => asEvent(() => this.manager.onAccessLogInterval(this)));
  }

  /** What its route's hash policies come to. */
  hashKey(): Hash64 | undefined {
    return hashKeyOf(this);
  }

  /** Makes it ready for a request that begins now. */
  begin(codec: DownstreamCodec, manager: ConnectionManager): void {
    this.codec = codec;
    this.connection = codec.connection;
    this.manager = manager;
    this.remoteAddress = codec.connection.remoteAddress;
    const now = clock.now();
    this.startTime = clock.wall();
    this.marks.start = now;
    this.streamId = ++lastStreamId;
    this.random = manager.worker.random.uint32();
    this.finished = false;
  }

  /** Forgets the request; the object goes back to the pool. */
  reset(): void {
    this.requestHeaders.clear();
    this.originalPath = '';
    this.waitingMetadata = undefined;
    this.originalIp = undefined;
    this.requestEnded = false;
    this.openEnded = false;
    this.upgrading = false;
    this.method = '';
    this.path = '';
    this.host = '';
    this.scheme = '';
    this.wire = undefined;
    this.marks.lastDownstreamRxByte = -1;
    this.bytesReceived = 0;
    this.downstreamHeaderBytesReceived = 0;
    this.downstreamHeaderBytesSent = 0;
    this.downstreamWireBytesReceived = 0;
    this.downstreamWireBytesSent = 0;
    this.remoteAddress = '';
    this.traceId = '';
    this.traced = false;
    this.healthCheck = false;
    this.internal = false;
    this.redirects = undefined;
    this.forgetAnswer();
  }

  /** The request is the same, and begins anew: what was chosen for it and what came of it is forgotten. */
  beginAgain(): void {
    const address = this.remoteAddress;
    this.forgetAnswer();
    this.begin(this.codec as DownstreamCodec, this.manager);
    this.remoteAddress = address;
  }

  private forgetAnswer(): void {
    this.responseHeaders.clear();
    this.requestTrailers = undefined;
    this.responseTrailers = undefined;
    this.responseCode = 0;
    this.responseStarted = false;
    this.responseEnded = false;
    this.responseReason = '';
    this.responsePaused = false;
    this.selected = undefined;
    this.selectedHost = undefined;
    this.weighted = undefined;
    this.clusterName = '';
    this.cluster = undefined;
    this.virtualClusterName = '';
    this.attemptCount = 0;
    this.routeResolutions = 0;
    this.routeResolutionTime = undefined;
    this.upstream = undefined;
    this.upstreamProtocol = '';
    const { marks } = this;
    marks.firstUpstreamTxByte = -1;
    marks.lastUpstreamTxByte = -1;
    marks.firstUpstreamRxByte = -1;
    marks.lastUpstreamRxByte = -1;
    marks.firstDownstreamTxByte = -1;
    marks.lastDownstreamTxByte = -1;
    marks.firstUpstreamRxBody = -1;
    marks.upstreamPoolAsked = -1;
    marks.upstreamPoolAnswered = -1;
    marks.upstreamConnectStart = -1;
    marks.upstreamConnectComplete = -1;
    marks.upstreamTlsComplete = -1;
    marks.complete = -1;
    this.bytesSent = 0;
    this.upstreamHeaderBytesReceived = 0;
    this.upstreamHeaderBytesSent = 0;
    this.upstreamWireBytesReceived = 0;
    this.upstreamWireBytesSent = 0;
    this.responseCodeDetails = '';
    this.connectionTerminationDetails = '';
    this.flags = 0;
    this.dynamicMetadata = undefined;
    this.cookiesToSet = undefined;
    this.filterState = undefined;
    this.accessLogType = '';
    this.localReplyBody = '';
    this.filters.reset();
  }

  /** The answer agrees to the tunnel that was asked for. */
  get switched(): boolean {
    const { responseCode } = this;
    if (!this.upgrading) return false;
    return this.method === 'CONNECT' ? responseCode >= 200 && responseCode < 300 : responseCode === 101;
  }

  get headers(): HeaderView {
    return this.requestHeaders;
  }

  get route(): Route | undefined {
    return this.selected?.config;
  }

  get virtualHost(): VirtualHost | undefined {
    return this.selectedHost?.config;
  }

  /** A stream of the same manager, for a request that goes beside this one. Its taker gives it back. */
  another(): HttpStream {
    const stream = takeStream();
    stream.manager = this.manager;
    return stream;
  }

  giveBack(): void {
    returnStream(this);
  }
}

const free: HttpStream[] = [];
const FREE_LIMIT = 1024;

/** Takes a stream from the pool. Its request headers may be filled before `begin`. */
export function takeStream(): HttpStream {
  return free.pop() ?? new HttpStream();
}

export function returnStream(stream: HttpStream): void {
  stream.reset();
  if (free.length < FREE_LIMIT) free.push(stream);
}
