/**
 * What is known of one stream (an HTTP request, or a TCP connection) when its log line is written, its headers are formatted
 * or explain asks. The stream object itself implements it: nothing is copied per request.
 * Follows Envoy's StreamInfo, https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */

import type { ClusterConfig, Locality } from '#config/model/cluster.ts';
import type { Metadata, Route, VirtualHost } from '#config/model/route.ts';
import type { Headers } from '#wire/headers.ts';

/** A certificate and session of one side of a TLS connection; computed when asked. */
export interface TlsInfo {
  /** `TLSv1.3` */
  version: string;
  /** OpenSSL's name of the cipher. */
  cipher: string;
  /** The key exchange group, `X25519`; empty where it is not known. */
  group: string;
  sessionId: string;
  alpn: string;
  serverName: string;
  peerPresented: boolean;
  peerValidated: boolean;
  /** Of the peer's certificate; empty strings and lists where there is none. */
  peer: CertificateInfo;
  local: CertificateInfo;
}

export interface CertificateInfo {
  subject: string;
  issuer: string;
  uriSans: string[];
  dnsSans: string[];
  ipSans: string[];
  emailSans: string[];
  /** The values alone, as text. */
  otherNameSans: string[];
  /** Hex, lower case. */
  sha256: string;
  sha1: string;
  serial: string;
  pem: string;
  chainPem: string;
  /** Milliseconds since the epoch; undefined where there is no certificate. */
  validFrom?: number;
  validTo?: number;
}

export interface ConnectionInfo {
  /** Counts up in a process; Envoy's CONNECTION_ID. */
  id: number;
  /** `127.0.0.1:8000`; a unix socket's path. */
  localAddress: string;
  /** The socket's own address; absent: {@link localAddress}. */
  directLocalAddress?: string;
  /** The socket's own peer. */
  directRemoteAddress: string;
  requestedServerName: string;
  tls?: TlsInfo;
  filterChainName: string;
  listenerName: string;
  listenerMetadata?: Metadata;
  filterChainMetadata?: Metadata;
  /** Milliseconds on the clock of `StreamInfo.startTime`'s monotonic marks. */
  startMark: number;
  /** When the TLS handshake was done, on the same clock; -1: never. */
  tlsCompleteMark: number;
  /** Empty where nothing failed. */
  transportFailureReason: string;
  terminationDetails: string;
  /** Of the socket, while it is open: what asks the system about it. */
  descriptor?: number;
  filterState?: Map<string, unknown> | undefined;
  ja3?: string;
  ja4?: string;
}

/** Times on the monotonic clock, in milliseconds with fractions; -1: has not happened. */
export interface StreamMarks {
  start: number;
  lastDownstreamRxByte: number;
  firstUpstreamTxByte: number;
  lastUpstreamTxByte: number;
  firstUpstreamRxByte: number;
  lastUpstreamRxByte: number;
  firstDownstreamTxByte: number;
  lastDownstreamTxByte: number;
  /** The first bytes of the response's body. */
  firstUpstreamRxBody: number;
  /** An attempt asked for a connection; it got one, or learned that there is none. */
  upstreamPoolAsked: number;
  upstreamPoolAnswered: number;
  upstreamConnectStart: number;
  upstreamConnectComplete: number;
  upstreamTlsComplete: number;
  complete: number;
}

/** Of a stream that began then, and to which nothing has happened yet. All are made here, so that they are of one shape to the engine. */
export function newMarks(start: number): StreamMarks {
  return {
    start,
    lastDownstreamRxByte: -1,
    firstUpstreamTxByte: -1,
    lastUpstreamTxByte: -1,
    firstUpstreamRxByte: -1,
    lastUpstreamRxByte: -1,
    firstDownstreamTxByte: -1,
    lastDownstreamTxByte: -1,
    firstUpstreamRxBody: -1,
    upstreamPoolAsked: -1,
    upstreamPoolAnswered: -1,
    upstreamConnectStart: -1,
    upstreamConnectComplete: -1,
    upstreamTlsComplete: -1,
    complete: -1,
  };
}

/** Envoy's words. */
export type CloseType = 'Normal' | 'RemoteReset' | 'LocalReset';

export interface StreamInfo {
  /** Milliseconds since the epoch, with fractions. */
  startTime: number;
  marks: StreamMarks;
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`; empty for TCP. */
  protocol: string;
  upstreamProtocol: string;
  /** Bytes of bodies (HTTP) or of the stream (TCP). */
  bytesReceived: number;
  bytesSent: number;
  downstreamHeaderBytesReceived: number;
  downstreamHeaderBytesSent: number;
  downstreamWireBytesReceived: number;
  downstreamWireBytesSent: number;
  upstreamHeaderBytesReceived: number;
  upstreamHeaderBytesSent: number;
  upstreamWireBytesReceived: number;
  upstreamWireBytesSent: number;
  /** 0 where there was none. */
  responseCode: number;
  responseCodeDetails: string;
  connectionTerminationDetails: string;
  /** Bits of response-flags.ts. */
  flags: number;
  /** The bits in the order in which they were set, where that is kept. */
  flagOrder?: readonly number[];
  /** As it is now: method, path and host after every change. */
  method: string;
  path: string;
  host: string;
  scheme: string;
  /** Path before a rewrite, where it was rewritten (x-envoy-original-path); else empty. */
  originalPath: string;
  requestHeaders: Headers;
  responseHeaders: Headers;
  responseTrailers?: Headers;
  requestTrailers?: Headers;
  route?: Route;
  virtualHost?: VirtualHost;
  virtualClusterName: string;
  clusterName: string;
  /** The cluster, once it was found. */
  cluster?: Pick<ClusterConfig, 'name' | 'statName' | 'metadata'>;
  /** The trusted client address, `10.0.0.1:1234` (after x-forwarded-for); `remoteAddress` of Envoy's DOWNSTREAM_REMOTE_ADDRESS. */
  remoteAddress: string;
  connection: ConnectionInfo;
  upstream?: UpstreamInfo;
  /** How the connections were closed, where the stream has them for itself: not for HTTP, whose streams are logged before. */
  downstreamCloseType?: CloseType;
  upstreamCloseType?: CloseType;
  /** Why the proxy itself closed them, in Envoy's words; there for the same streams, empty where it did not. */
  downstreamLocalCloseReason?: string;
  upstreamLocalCloseReason?: string;
  attemptCount: number;
  /** The stream's number, unique in a process. */
  streamId: number;
  /** The id of the trace, or empty. */
  traceId: string;
  traced: boolean;
  healthCheck: boolean;
  dynamicMetadata?: Metadata;
  filterState?: Map<string, unknown>;
  /** How often a route was looked for, and how long that took in microseconds; 0 and undefined where nobody did. */
  routeResolutions?: number;
  routeResolutionTime?: number;
  /** Where this record is written: `DownstreamEnd`, `DownstreamStart`, `DownstreamPeriodic`, `TcpConnectionEnd`, ... */
  accessLogType: string;
  /** The body of a local reply, while it is being formatted: bytes, one character each. */
  localReplyBody: string;
  /** A stable random number of this stream. */
  random: number;
}

/** The host, and the connection to it, that served the stream (the last attempt). */
export interface UpstreamInfo {
  /** Address of the host, `127.0.0.1:80`. */
  host: string;
  hostname: string;
  hostMetadata: Metadata;
  locality: Locality;
  /** Empty: there was no connection. */
  localAddress: string;
  remoteAddress: string;
  transportFailureReason: string;
  tls?: TlsInfo;
  connectionId: number;
}
