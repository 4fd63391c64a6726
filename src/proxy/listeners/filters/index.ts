/**
 * Every listener filter that runs here. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/listener_filters
 */
import { httpInspector } from '#proxy/listeners/filters/http-inspector.ts';
import { localRateLimit } from '#proxy/listeners/filters/local-ratelimit.ts';
import { originalDst } from '#proxy/listeners/filters/original-dst.ts';
import { proxyProtocol } from '#proxy/listeners/filters/proxy-protocol.ts';
import { setFilterState } from '#proxy/listeners/filters/set-filter-state.ts';
import { tlsInspector } from '#proxy/listeners/filters/tls-inspector.ts';
import type { ListenerFilter } from '#proxy/listeners/listener-filter.ts';

export const listenerFilters: readonly ListenerFilter[] = [
  httpInspector,
  localRateLimit,
  originalDst,
  proxyProtocol,
  setFilterState,
  tlsInspector,
];
