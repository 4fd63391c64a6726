/**
 * A filter chain on one worker: its network filters, made ready, and TLS before them where the chain has it.
 */
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { DrainState } from '#proxy/drain-state.ts';
import { DownstreamTlsAcceptor } from '#proxy/listeners/downstream-tls-acceptor.ts';
import { networkFilterChain } from '#proxy/network/filter-chain.ts';
import type { TerminalInUse } from '#proxy/network/network-filter.ts';
import { Tap } from '#proxy/transport/tap/tap.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

export interface FilterChainInUse {
  filter: TerminalInUse;
  tls: DownstreamTlsAcceptor | undefined;
  tap: Tap | undefined;
  /** Of this chain alone: it is replaced or removed. */
  drain: DrainState;
}

export interface FilterChainParts {
  worker: WorkerContext;
  config: ListenerConfig;
  /** Prefix of the listener's stats. */
  listenerScope: string;
  /** A connection is closed since the configuration of a network filter is not there. */
  onMissingFilter: () => void;
  /** Of this chain alone. */
  drain: DrainState;
  drainsNow: () => boolean;
}

export function buildFilterChain(chain: FilterChain, parts: FilterChainParts): FilterChainInUse {
  const { tap } = chain.transport;
  return {
    filter: networkFilterChain(chain.filters, parts),
    tls:
      chain.transport.kind === 'tls'
        ? new DownstreamTlsAcceptor(chain.transport.tls, parts, chain.transportSocketConnectTimeout)
        : undefined,
    tap: tap === undefined ? undefined : new Tap(tap, parts.worker),
    drain: parts.drain,
  };
}
