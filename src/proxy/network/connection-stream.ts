/**
 * A TCP connection as access logs see it: what HTTP has one of for each request, a connection has once.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (what TCP says to each operator)
 */
import type { Socket } from 'node:net';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Metadata } from '#config/model/route.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import {
  type CloseType,
  newMarks,
  type StreamInfo,
  type StreamMarks,
  type UpstreamInfo,
} from '#proxy/observe/stream-info.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { Headers } from '#wire/headers.ts';

const NO_HEADERS = new Headers();

export class ConnectionStream implements StreamInfo {
  readonly connection: DownstreamConnection;
  readonly startTime: number;
  readonly marks: StreamMarks;
  readonly upstreamProtocol = '';
  /** The terminal filter counts bytes itself. */
  counted = false;
  bytesReceived = 0;
  bytesSent = 0;
  readonly downstreamHeaderBytesReceived = 0;
  readonly downstreamHeaderBytesSent = 0;
  downstreamWireBytesReceived = 0;
  downstreamWireBytesSent = 0;
  upstreamHeaderBytesReceived = 0;
  upstreamHeaderBytesSent = 0;
  upstreamWireBytesReceived = 0;
  upstreamWireBytesSent = 0;
  readonly responseCode = 0;
  responseCodeDetails = '';
  readonly connectionTerminationDetails = '';
  flags = 0;
  readonly flagOrder: number[] = [];
  readonly method = '';
  readonly path = '';
  readonly host = '';
  readonly scheme = '';
  readonly originalPath = '';
  readonly requestHeaders = NO_HEADERS;
  readonly responseHeaders = NO_HEADERS;
  readonly virtualClusterName = '';
  clusterName = '';
  downstreamCloseType: CloseType = 'Normal';
  /** Where it is proxied as TCP. */
  upstreamCloseType: CloseType | undefined = undefined;
  upstreamLocalCloseReason = '';
  cluster: ClusterConfig | undefined = undefined;
  upstream: UpstreamInfo | undefined = undefined;
  attemptCount = 0;
  readonly streamId: number;
  readonly traceId = '';
  readonly traced = false;
  readonly healthCheck = false;
  accessLogType = '';
  readonly localReplyBody = '';
  readonly random = 0;

  constructor(connection: DownstreamConnection) {
    this.connection = connection;
    this.streamId = connection.id;
    this.startTime = clock.wall() - (clock.now() - connection.startMark);
    this.marks = newMarks(connection.startMark);
  }

  /** @param flag one of response-flags.ts */
  setFlag(flag: number): void {
    if ((this.flags & flag) !== 0) return;
    this.flags |= flag;
    this.flagOrder.push(31 - Math.clz32(flag));
  }

  /** Takes the numbers of bytes both ways from the socket, which may be closed; unless its filter knows better. */
  countBytes({ bytesRead, bytesWritten }: Socket): void {
    if (this.counted) return;
    this.bytesReceived = bytesRead - this.connection.bytesTaken;
    this.bytesSent = bytesWritten;
  }

  get downstreamLocalCloseReason(): string {
    return this.connection.localCloseReason;
  }

  get protocol(): string {
    return this.connection.protocol;
  }

  get remoteAddress(): string {
    return this.connection.remoteAddress;
  }

  get dynamicMetadata(): Metadata | undefined {
    return this.connection.dynamicMetadata;
  }

  get filterState(): Map<string, unknown> | undefined {
    return this.connection.filterState;
  }
}
