/**
 * Every network filter, one line each.
 */
import { httpConnectionManager } from '#proxy/http/http-network-filter.ts';
import { connectionLimit } from '#proxy/network/filters/connection-limit.ts';
import { directResponse } from '#proxy/network/filters/direct-response.ts';
import { echo } from '#proxy/network/filters/echo.ts';
import { localRateLimit } from '#proxy/network/filters/local-ratelimit.ts';
import { rateLimit } from '#proxy/network/filters/ratelimit.ts';
import { rbac } from '#proxy/network/filters/rbac.ts';
import { setFilterState } from '#proxy/network/filters/set-filter-state.ts';
import { sniCluster } from '#proxy/network/filters/sni-cluster.ts';
import { sniDynamicForwardProxy } from '#proxy/network/filters/sni-dynamic-forward-proxy.ts';
import type { NetworkFilter, TerminalFilter } from '#proxy/network/network-filter.ts';
import { redisProxy } from '#proxy/network/redis/redis-proxy.ts';
import { tcpProxy } from '#proxy/network/tcp-proxy/tcp-proxy.ts';

export const networkFilters: readonly (NetworkFilter | TerminalFilter)[] = [
  httpConnectionManager,
  tcpProxy,
  redisProxy,
  echo,
  directResponse,
  sniCluster,
  connectionLimit,
  localRateLimit,
  setFilterState,
  rbac,
  rateLimit,
  sniDynamicForwardProxy,
];
