/**
 * The TCP proxy as plain data. Times in milliseconds, 0 is off. Follows extensions.filters.network.tcp_proxy.v3.TcpProxy.
 */
import type { AccessLogConfig } from './access-log.ts';
import type { HeaderToAdd } from './header-mutation.ts';

export interface TcpProxyConfig {
  statPrefix: string;
  /** One or more; a single one has all the weight. */
  clusters: { name: string; weight: number }[];
  totalWeight: number;
  idleTimeout: number;
  maxConnectAttempts: number;
  /** Undefined: the next attempt follows at once. */
  backoff?: { baseInterval: number; maxInterval: number };
  hashPolicy?: { kind: 'source_ip' } | { kind: 'filter_state'; key: string };
  maxConnectionDuration: number;
  /** At most this many percent are added to the duration, at random. */
  maxConnectionDurationJitter: number;
  connectMode: 'IMMEDIATE' | 'ON_DOWNSTREAM_DATA' | 'ON_DOWNSTREAM_TLS_HANDSHAKE';
  /** How much is read before the upstream is there; undefined: nothing is. */
  maxEarlyDataBytes?: number;
  checkDrainClose: boolean;
  accessLog: AccessLogConfig[];
  /** When the access log is written besides at the end. */
  accessLogFlushInterval: number;
  logsUpstreamConnected: boolean;
  logsStart: boolean;
  tunneling?: TunnelingConfig;
  addedTlvs?: AddedTlvs;
}

/** What is told besides in PROXY headers to upstreams, and what becomes of that where a client's own header told something. */
export interface AddedTlvs {
  tlvs: { type: number; value: Uint8Array }[];
  merge: 'ADD_IF_ABSENT' | 'OVERWRITE_BY_TYPE_IF_EXISTS_OR_ADD' | 'APPEND_IF_EXISTS_OR_ADD';
}

/** TCP over a request of HTTP. Follows TcpProxy.TunnelingConfig. */
export interface TunnelingConfig {
  /** A format string with command operators: the authority of the request. */
  hostname: string;
  usePost: boolean;
  /** Of POST. */
  postPath: string;
  headersToAdd: HeaderToAdd[];
  propagateResponseHeaders: boolean;
  propagateResponseTrailers: boolean;
  /** Each request gets an id: the header that has it, and the key of the filter's metadata. */
  requestId?: { header: string; metadataKey: string };
}
