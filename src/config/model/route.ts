/**
 * Route tables as plain data. Follows config.route.v3: RouteConfiguration, VirtualHost, Route, RouteAction.
 * Times are in milliseconds; `undefined` is "not set here", 0 is "off", as in Envoy.
 */
import type { ConfigSource } from './config-source.ts';
import type { HeaderMutations } from './header-mutation.ts';
import type { MatcherTree } from './matcher-tree.ts';
import type {
  CookieMatcher,
  HeaderMatcher,
  MetadataMatcher,
  QueryParameterMatcher,
  RuntimeFraction,
  StringMatcher,
} from './matchers.ts';

/** Plain JSON, as google.protobuf.Struct holds it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** Metadata by filter name. Follows config.core.v3.Metadata. */
export type Metadata = Record<string, { [key: string]: Json }>;

/** A filter's own configuration for this level, by filter name: plain data made by the filter's reader. */
export type PerFilterConfig = Record<
  string,
  { typeUrl: string; config: unknown; disabled: boolean; optional: boolean }
>;

export interface RouteTable {
  name: string;
  virtualHosts: VirtualHost[];
  internalOnlyHeaders: string[];
  headers: HeaderMutations;
  mostSpecificHeaderMutationsWins: boolean;
  maxDirectResponseBodySizeBytes: number;
  ignorePortInHostMatching: boolean;
  ignorePathParametersInPathMatching: boolean;
  vhostHeader: string;
  requestMirrorPolicies: MirrorPolicy[];
  perFilterConfig: PerFilterConfig;
  metadata: Metadata;
  /** Where virtual hosts that are not among these are asked for. */
  vhds?: ConfigSource;
}

export interface VirtualHost {
  name: string;
  domains: string[];
  routes: Route[];
  /** The generic matcher in place of `routes`: an action is a list of routes, of which the first that matches is taken. */
  matcher?: MatcherTree<Route[]>;
  requireTls: 'NONE' | 'EXTERNAL_ONLY' | 'ALL';
  virtualClusters: { name: string; headers: HeaderMatcher[] }[];
  headers: HeaderMutations;
  retryPolicy?: RetryPolicy;
  hedgePolicy?: HedgePolicy;
  requestMirrorPolicies: MirrorPolicy[];
  includeRequestAttemptCount: boolean;
  includeAttemptCountInResponse: boolean;
  includeIsTimeoutRetryHeader: boolean;
  perRequestBufferLimitBytes?: number;
  perFilterConfig: PerFilterConfig;
  metadata: Metadata;
}

export interface Route {
  name: string;
  match: RouteMatch;
  action: RouteAction | RedirectAction | DirectResponseAction | { kind: 'non_forwarding' };
  headers: HeaderMutations;
  metadata: Metadata;
  decorator?: { operation: string; propagate: boolean };
  perFilterConfig: PerFilterConfig;
  perRequestBufferLimitBytes?: number;
  statPrefix: string;
}

export interface RouteMatch {
  path:
    | { kind: 'prefix' | 'path' | 'path_separated_prefix'; value: string }
    | { kind: 'safe_regex'; regex: string }
    | { kind: 'path_match_policy'; template: string }
    | { kind: 'connect_matcher' };
  caseSensitive: boolean;
  runtimeFraction?: RuntimeFraction;
  headers: HeaderMatcher[];
  queryParameters: QueryParameterMatcher[];
  cookies: CookieMatcher[];
  grpc: boolean;
  tlsContext?: { presented?: boolean; validated?: boolean };
  dynamicMetadata: MetadataMatcher[];
  filterState: { key: string; matcher: StringMatcher }[];
}

export type ClusterChoice =
  | { kind: 'cluster'; name: string }
  | { kind: 'cluster_header'; header: string }
  | {
      kind: 'weighted_clusters';
      clusters: WeightedCluster[];
      totalWeight: number;
      runtimeKeyPrefix: string;
      headerName: string;
      useHashPolicy: boolean;
    };

export interface WeightedCluster {
  /** The cluster's name, or empty where `clusterHeader` names the header that holds it. */
  name: string;
  clusterHeader: string;
  weight: number;
  metadataMatch?: Metadata;
  headers: HeaderMutations;
  hostRewriteLiteral: string;
  perFilterConfig: PerFilterConfig;
}

export interface RouteAction {
  kind: 'route';
  cluster: ClusterChoice;
  clusterNotFoundResponseCode: number;
  metadataMatch?: Metadata;
  prefixRewrite: string;
  regexRewrite?: { regex: string; substitution: string };
  pathRewritePolicy?: { template: string };
  /** A format string; empty: none. */
  pathRewrite: string;
  hostRewrite?:
    | { kind: 'literal'; value: string }
    | { kind: 'auto' }
    | { kind: 'header'; header: string }
    | { kind: 'path_regex'; regex: string; substitution: string }
    /** A format string (host_rewrite). */
    | { kind: 'format'; format: string };
  appendXForwardedHost: boolean;
  /** Default 15,000. */
  timeout: number;
  idleTimeout?: number;
  /** For the client to take the end of an answer over HTTP/2; 0: as long as it likes. Absent: the listener's. */
  flushTimeout?: number;
  maxStreamDuration?: { maxStreamDuration?: number; grpcTimeoutHeaderMax?: number; grpcTimeoutHeaderOffset?: number };
  maxGrpcTimeout?: number;
  grpcTimeoutOffset?: number;
  retryPolicy?: RetryPolicy;
  hedgePolicy?: HedgePolicy;
  requestMirrorPolicies: MirrorPolicy[];
  priority: 'DEFAULT' | 'HIGH';
  hashPolicy: HashPolicy[];
  /** Types in lower case; they go before those of the connection manager. */
  upgradeConfigs: RouteUpgrade[];
  internalRedirectPolicy?: InternalRedirectPolicy;
  includeVhRateLimits: boolean;
}

/** Follows config.route.v3.InternalRedirectPolicy: which answers the proxy follows itself. */
export interface InternalRedirectPolicy {
  maxInternalRedirects: number;
  redirectResponseCodes: number[];
  /** Each of them must accept the route that the request would take. */
  predicates: InternalRedirectPredicate[];
  allowCrossSchemeRedirect: boolean;
  /** In lower case. */
  responseHeadersToCopy: string[];
}

export type InternalRedirectPredicate =
  | { kind: 'allow_listed_routes'; allowedRouteNames: string[] }
  | { kind: 'previous_routes' }
  | { kind: 'safe_cross_scheme' };

/** Follows config.route.v3.RouteAction.UpgradeConfig. */
export interface RouteUpgrade {
  upgradeType: string;
  enabled: boolean;
  /** CONNECT, and POST where that is allowed, end at the proxy: what follows goes to a TCP connection. */
  connectConfig?: { allowPost: boolean };
}

export interface HashPolicy {
  source:
    | { kind: 'header'; name: string; regexRewrite?: { regex: string; substitution: string } }
    | { kind: 'cookie'; name: string; ttl?: number; path: string; attributes: { name: string; value: string }[] }
    | { kind: 'source_ip' }
    | { kind: 'query_parameter'; name: string }
    | { kind: 'filter_state'; key: string };
  terminal: boolean;
}

export interface MirrorPolicy {
  cluster: string;
  clusterHeader: string;
  fraction?: RuntimeFraction;
  /** The host of copies; empty: that of the request, with `-shadow`. */
  hostRewriteLiteral: string;
  disableShadowHostSuffixAppend: boolean;
}

export interface RetryPolicy {
  /** Envoy's words, lower case: `5xx`, `gateway-error`, `reset`, `connect-failure`, ... */
  retryOn: string[];
  numRetries: number;
  perTryTimeout: number;
  perTryIdleTimeout: number;
  retriableStatusCodes: number[];
  retriableHeaders: HeaderMatcher[];
  retriableRequestHeaders: HeaderMatcher[];
  /** Undefined: what the runtime says, or 25 ms and ten times that. */
  backOff?: { baseInterval: number; maxInterval: number };
  rateLimitedBackOff?: { resetHeaders: { name: string; format: 'SECONDS' | 'UNIX_TIMESTAMP' }[]; maxInterval: number };
  retryHostPredicates: { name: string; config: unknown }[];
  hostSelectionRetryMaxAttempts: number;
  /** Retries leave the priorities out that were tried; after each so many attempts they are looked at again. */
  previousPriorities?: { updateFrequency: number };
}

export interface HedgePolicy {
  /** A try that meets its own timeout goes on, and another one begins beside it. */
  hedgeOnPerTryTimeout: boolean;
}

export interface RedirectAction {
  kind: 'redirect';
  httpsRedirect: boolean;
  schemeRedirect: string;
  hostRedirect: string;
  portRedirect: number;
  pathRedirect: string;
  /** A format string in place of `pathRedirect` (path_rewrite). */
  pathRewrite?: string;
  prefixRewrite: string;
  regexRewrite?: { regex: string; substitution: string };
  responseCode: 301 | 302 | 303 | 307 | 308;
  stripQuery: boolean;
}

export interface DirectResponseAction {
  kind: 'direct_response';
  status: number;
  body?: Uint8Array;
  /** Where `body` was read from, if it is to be read again. */
  file?: WatchedFile;
  /** A format string in place of `body` (direct_response.body_format). */
  bodyFormat?: import('./format.ts').FormatConfig;
}

/** A file that is read again when something moves in a directory. */
export interface WatchedFile {
  path: string;
  directory: string;
  /** The most bytes that are read; 0: no limit. */
  limit: number;
}
