/**
 * A filter chain on one worker: its network filter, made ready, and TLS before it where the chain has it.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import { httpNetworkFilter } from '#proxy/http/http-network-filter.ts';
import { DownstreamTlsAcceptor } from '#proxy/listeners/downstream-tls-acceptor.ts';
import type { NetworkFilterInUse } from '#proxy/network/network-filter.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

export interface FilterChainInUse {
  filter: NetworkFilterInUse;
  tls: DownstreamTlsAcceptor | undefined;
}

export interface FilterChainParts {
  worker: WorkerContext;
  config: ListenerConfig;
  /** Prefix of the listener's stats. */
  listenerScope: string;
  drainsNow: () => boolean;
}

const HTTP = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

export function buildFilterChain(chain: FilterChain, parts: FilterChainParts): FilterChainInUse {
  const terminal = chain.filters.at(-1);
  if (terminal === undefined || !terminal.typeUrl.endsWith(HTTP))
    throw new Error(`filter chain '${chain.name}' ends in no filter that takes connections`);
  return {
    filter: httpNetworkFilter(terminal.config as HttpConnectionManager, parts),
    tls:
      chain.transport.kind === 'tls'
        ? new DownstreamTlsAcceptor(chain.transport.tls, parts, chain.transportSocketConnectTimeout)
        : undefined,
  };
}
