/**
 * The Redis proxy as plain data. Times in milliseconds. Follows extensions.filters.network.redis_proxy.v3.RedisProxy.
 */
import type { RuntimeFraction } from './matchers.ts';

export interface RedisProxyConfig {
  statPrefix: string;
  settings: RedisSettings;
  latencyInMicros: boolean;
  routes: RedisRoute[];
  catchAllRoute?: RedisRoute;
  /** Of prefixes. */
  caseInsensitive: boolean;
  downstreamAuthPasswords: string[];
  downstreamAuthUsername: string;
  faults: RedisFault[];
  /** Commands that are sent like simple ones, in lower case. */
  customCommands: string[];
}

export type RedisReadPolicy = 'MASTER' | 'PREFER_MASTER' | 'REPLICA' | 'PREFER_REPLICA' | 'ANY';

export interface RedisSettings {
  opTimeout: number;
  enableHashtagging: boolean;
  enableRedirection: boolean;
  /** 0: every command is sent at once. */
  maxBufferSizeBeforeFlush: number;
  bufferFlushTimeout: number;
  maxUpstreamUnknownConnections: number;
  enableCommandStats: boolean;
  readPolicy: RedisReadPolicy;
  /** Connections that may be opened in a second; 0: any number. */
  connectionRateLimitPerSec: number;
}

export interface RedisRoute {
  prefix: string;
  removePrefix: boolean;
  cluster: string;
  mirrors: { cluster: string; fraction?: RuntimeFraction; excludeReadCommands: boolean }[];
  /** A format of the key; empty: it stays. */
  keyFormatter: string;
  /** Takes commands that only read; empty: the route's own. */
  readCluster: string;
}

export interface RedisFault {
  kind: 'DELAY' | 'ERROR';
  fraction: RuntimeFraction;
  delay: number;
  /** In lower case; empty: all. */
  commands: string[];
}
