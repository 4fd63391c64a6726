/**
 * A chain of network filters, made ready on one worker. One with nothing but a terminal filter is that filter: connections cost nothing more.
 * Follows config.listener.v3.FilterChain.filters.
 */
import type { FilterUse } from '#config/model/listener.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { FilterRun } from '#proxy/network/filter-run.ts';
import { networkFilters } from '#proxy/network/filters/index.ts';
import type {
  NetworkFilter,
  NetworkFilterInUse,
  TerminalFilter,
  TerminalInUse,
} from '#proxy/network/network-filter.ts';

/** @throws Error for a chain that no connection could go through: the configuration's readers let none such pass */
export function networkFilterChain(filters: readonly FilterUse[], parts: FilterChainParts): TerminalInUse {
  const last = filters.at(-1);
  const end = last === undefined ? undefined : registered(last);
  if (last === undefined || end?.terminal !== true) throw new Error('a filter chain ends in no terminal filter');
  const terminal = end.use(last.config, parts);
  if (filters.length === 1) return terminal;
  const before = filters.slice(0, -1).map((use, index) => inUse(use, index, parts));
  return {
    begin(connection) {
      if (!terminal.begin(connection)) return false;
      const run = new FilterRun(connection, before, terminal);
      connection.filters = run;
      run.begin();
      return !run.closed;
    },
    lost(connection, closedByUs) {
      runOf(connection).end();
      terminal.lost(connection, closedByUs || connection.closedByUs);
    },
    accept: (socket, connection) => runOf(connection).accept(socket),
    drain: () => terminal.drain(),
    closeAll: () => terminal.closeAll(),
    halfClose: terminal.halfClose ?? false,
    get active() {
      return terminal.active;
    },
  };
}

function runOf(connection: DownstreamConnection): FilterRun {
  return connection.filters as FilterRun;
}

function registered({ typeUrl }: FilterUse): NetworkFilter | TerminalFilter {
  const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const filter = networkFilters.find(({ message }) => message === type);
  if (filter === undefined) throw new Error(`no network filter for ${typeUrl}`);
  return filter;
}

function inUse(use: FilterUse, index: number, parts: FilterChainParts): NetworkFilterInUse {
  const filter = registered(use);
  if (filter.terminal === true) throw new Error(`terminal filter ${use.name} is not the last of its chain`);
  const { worker } = parts;
  return {
    index,
    filter,
    config: use.config,
    prepared: filter.prepare?.(use.config, parts),
    stats: filter.stats?.(worker.scope, use.config),
    worker,
  };
}
