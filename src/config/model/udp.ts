/**
 * UDP listeners and the UDP proxy as plain data. Times in milliseconds. Follows config.listener.v3.UdpListenerConfig and
 * extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.
 */
import type { AccessLogConfig } from './access-log.ts';
import type { MatcherTree } from './matcher-tree.ts';

export interface UdpListenerConfig {
  /** Longer datagrams are dropped. */
  maxRxDatagramSize: number;
}

export type UdpHashPolicy = { kind: 'source_ip' } | { kind: 'key'; key: string };

export interface UdpProxyConfig {
  statPrefix: string;
  /** Resolves to the name of a cluster. */
  matcher: MatcherTree<string>;
  idleTimeout: number;
  hashPolicies: UdpHashPolicy[];
  usePerPacketLoadBalancing: boolean;
  /** Of datagrams from upstreams; longer ones are dropped. */
  maxRxDatagramSize: number;
  /** A line for each session. */
  accessLog: AccessLogConfig[];
  /** A line for each worker, when the listener goes. */
  proxyAccessLog: AccessLogConfig[];
  /** How often sessions are logged while they last; 0: not. */
  accessLogFlushInterval: number;
}
