/**
 * The HTTP connection manager as plain data. Times in milliseconds, 0 is off.
 * Follows extensions.filters.network.http_connection_manager.v3.
 */

import type { AccessLogConfig, AccessLogFilter, AccessLogOptions } from './access-log.ts';
import type { CidrRange } from './address.ts';
import type { ConfigSource } from './config-source.ts';
import type { FormatConfig } from './format.ts';
import type { HeaderToAdd } from './header-mutation.ts';
import type { FilterUse } from './listener.ts';
import type { MatcherTree } from './matcher-tree.ts';
import type { StringMatcher } from './matchers.ts';
import type { OriginalIpDetector } from './original-ip.ts';
import type { RouteTable } from './route.ts';
import type { ScopedRoutes } from './scoped-routes.ts';

/** What the next hop is told of the client's certificate, in x-forwarded-client-cert. */
export interface ClientCertForwarding {
  details: 'SANITIZE' | 'FORWARD_ONLY' | 'APPEND_FORWARD' | 'SANITIZE_SET' | 'ALWAYS_FORWARD_ONLY';
  /** What is told besides its hash and the names of ours. */
  told: { subject: boolean; cert: boolean; chain: boolean; dns: boolean; uri: boolean; issuer: boolean };
  format: 'TEXT' | 'JSON';
}

export interface HttpConnectionManager {
  codecType: 'AUTO' | 'HTTP1' | 'HTTP2' | 'HTTP3';
  statPrefix: string;
  routes: /** With a key, where more virtual hosts are fetched for it. */
    | { kind: 'inline'; table: RouteTable; key?: string }
    /** `key` tells apart what is fetched from different places under one name. */
    | { kind: 'rds'; routeConfigName: string; source: ConfigSource; key: string }
    | { kind: 'scoped'; scoped: ScopedRoutes };
  httpFilters: FilterUse[];
  serverName: string;
  serverHeaderTransformation: 'OVERWRITE' | 'APPEND_IF_ABSENT' | 'PASS_THROUGH';
  schemeHeaderTransformation?: { schemeToOverwrite: 'http' | 'https' | ''; matchUpstream: boolean };
  addUserAgent: boolean;
  useRemoteAddress: boolean;
  xffNumTrustedHops: number;
  /** Instead of x-forwarded-for by {@link xffNumTrustedHops}. */
  originalIpDetection?: OriginalIpDetector[];
  skipXffAppend: boolean;
  /** Undefined: Envoy 1.40's default (RFC 1918 and loopback are internal only as its defaults say). */
  internalAddressConfig?: { unixSockets: boolean; cidrRanges: CidrRange[] };
  appendXForwardedPort: boolean;
  via: string;
  generateRequestId: boolean;
  preserveExternalRequestId: boolean;
  alwaysSetRequestIdInResponse: boolean;
  requestIdExtension?: { packTraceReason: boolean; useRequestIdForTraceSampling: boolean };
  clientCert: ClientCertForwarding;
  /** Where it comes to nothing, `clientCert` holds. */
  clientCertMatcher?: MatcherTree<ClientCertForwarding>;
  proxy100Continue: boolean;
  representIpv4RemoteAddressAsIpv4MappedIpv6: boolean;
  /** Types in lower case. */
  upgradeConfigs: UpgradeConfig[];
  /** Undefined: as the runtime says. */
  normalizePath?: boolean;
  mergeSlashes: boolean;
  pathWithEscapedSlashesAction:
    | 'IMPLEMENTATION_SPECIFIC_DEFAULT'
    | 'KEEP_UNCHANGED'
    | 'REJECT_REQUEST'
    | 'UNESCAPE_AND_REDIRECT'
    | 'UNESCAPE_AND_FORWARD';
  /** strip_matching_host_port, strip_any_host_port, or neither. */
  stripHostPort: 'none' | 'matching' | 'any';
  stripTrailingHostDot: boolean;
  streamIdleTimeout: number;
  /** For a client to take the end of an answer over HTTP/2. */
  streamFlushTimeout: number;
  requestTimeout: number;
  requestHeadersTimeout: number;
  drainTimeout: number;
  /** Percent by which it may be longer. */
  drainTimeoutJitter: number;
  delayedCloseTimeout: number;
  maxRequestHeadersKb: number;
  /** When max_connection_duration is over, an HTTP/1 connection waits for its next response instead of drain_timeout. */
  http1SafeMaxConnectionDuration: boolean;
  /** Upstreams that take PROXY headers are told of the client. */
  addProxyProtocolConnectionState: boolean;
  common: CommonHttpProtocolOptions;
  http1: Http1ProtocolOptions;
  http2: Http2ProtocolOptions;
  localReply?: LocalReplyConfig;
  accessLog: AccessLogConfig[];
  accessLogOptions: AccessLogOptions;
  streamErrorOnInvalidHttpMessage: boolean;
  tracing?: unknown;
}

/** Follows HttpConnectionManager.UpgradeConfig. */
export interface UpgradeConfig {
  /** In lower case. */
  upgradeType: string;
  enabled: boolean;
  /** What such requests pass through instead of `httpFilters`; its router is the same. */
  filters?: FilterUse[];
}

/** Follows config.core.v3.HttpProtocolOptions. */
export interface CommonHttpProtocolOptions {
  /** Default one hour; 0 is off. */
  idleTimeout: number;
  maxConnectionDuration?: number;
  /** Percent by which it may be longer. */
  maxConnectionDurationJitter: number;
  maxHeadersCount: number;
  maxResponseHeadersKb?: number;
  maxStreamDuration?: number;
  headersWithUnderscoresAction: 'ALLOW' | 'REJECT_REQUEST' | 'DROP_HEADER';
  maxRequestsPerConnection: number;
}

/** Follows config.core.v3.Http1ProtocolOptions. */
export interface Http1ProtocolOptions {
  allowAbsoluteUrl: boolean;
  /** Any token is a method. */
  allowCustomMethods: boolean;
  acceptHttp10: boolean;
  defaultHostForHttp10: string;
  headerFormat: 'lower' | 'proper_case_words' | 'preserve_case';
  /** The preserve_case formatter's own options. */
  preserveCase?: { forwardReasonPhrase: boolean; formatterTypeOnEnvoyHeaders: 'DEFAULT' | 'PROPER_CASE' };
  enableTrailers: boolean;
  allowChunkedLength: boolean;
  overrideStreamErrorOnInvalidHttpMessage?: boolean;
  sendFullyQualifiedUrl: boolean;
  /** Upgrades that are taken for plain requests. */
  ignoreHttp11Upgrade: StringMatcher[];
}

/** Follows config.core.v3.Http2ProtocolOptions. */
export interface Http2ProtocolOptions {
  hpackTableSize: number;
  maxConcurrentStreams: number;
  initialStreamWindowSize: number;
  initialConnectionWindowSize: number;
  /** Extended CONNECT (RFC 8441). */
  allowConnect: boolean;
  maxOutboundFrames: number;
  maxOutboundControlFrames: number;
  maxConsecutiveInboundFramesWithEmptyPayload: number;
  maxInboundPriorityFramesPerStream: number;
  maxInboundWindowUpdateFramesPerDataFrameSent: number;
  overrideStreamErrorOnInvalidHttpMessage?: boolean;
  /** Settings that have no field: `[identifier, value]`. */
  /** Bytes of METADATA frames that may come on a stream; -1: there are none. */
  maxMetadataBytes: number;
  customSettings: [number, number][];
  keepalive?: Http2Keepalive;
  enableHuffmanEncoding: boolean;
  /** Bytes of one name and value together. */
  maxHeaderFieldBytes: number;
  /** Values of headers are ASCII only. */
  disallowObsText: boolean;
  /** RST_STREAM frames that a client may send at once, and how many more each second. */
  streamResetBurst: number;
  streamResetRate: number;
}

/** PINGs that find out whether the peer is there. Follows config.core.v3.KeepaliveSettings. */
export interface Http2Keepalive {
  /** 0: none are sent at intervals. */
  interval: number;
  timeout: number;
  intervalJitterPercent: number;
  /** A connection that carried nothing for so long is asked before its next request; 0: never. */
  connectionIdleInterval: number;
}

export interface LocalReplyConfig {
  mappers: {
    filter: AccessLogFilter;
    statusCode?: number;
    body?: Uint8Array;
    bodyFormat?: FormatConfig;
    headersToAdd: HeaderToAdd[];
  }[];
  bodyFormat?: FormatConfig;
}
