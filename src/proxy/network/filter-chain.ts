/**
 * A chain of network filters, made ready on one worker. One with nothing but a terminal filter is that filter: connections cost nothing more.
 * Follows config.listener.v3.FilterChain.filters.
 */
import type { ExtensionUse, FilterUse } from '#config/model/listener.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import { FilterRun } from '#proxy/network/filter-run.ts';
import { networkFilters } from '#proxy/network/filters/index.ts';
import {
  type NetworkFilter,
  type NetworkFilterInUse,
  Stop,
  type TerminalFilter,
  type TerminalInUse,
} from '#proxy/network/network-filter.ts';

/** @throws Error for a chain that no connection could go through: the configuration's readers let none such pass */
export function networkFilterChain(filters: readonly FilterUse[], parts: FilterChainParts): TerminalInUse {
  const last = filters.at(-1);
  const end = last === undefined ? undefined : registered(last);
  if (last === undefined || end?.terminal !== true) throw new Error('a filter chain ends in no terminal filter');
  const terminal = end.use(last.config, parts);
  if (filters.length === 1) return terminal;
  const uses = filters.slice(0, -1);
  let before = filtersBefore(uses, parts);
  const keys = uses.flatMap(({ discovered }) => discovered?.key ?? []);
  // Connections that are there keep the filters that they began with.
  const forget = parts.worker.extensions.onChange(keys, () => {
    before = filtersBefore(uses, parts);
  });
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
    closeAll: () => {
      forget();
      terminal.closeAll();
    },
    halfClose: terminal.halfClose ?? false,
    get active() {
      return terminal.active;
    },
  };
}

function runOf(connection: DownstreamConnection): FilterRun {
  return connection.filters as FilterRun;
}

function registered({ typeUrl }: ExtensionUse): NetworkFilter | TerminalFilter {
  const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const filter = networkFilters.find(({ message }) => message === type);
  if (filter === undefined) throw new Error(`no network filter for ${typeUrl}`);
  return filter;
}

/** Where the configuration of one is not there, connections are closed before any of them hears. */
function filtersBefore(filters: readonly FilterUse[], parts: FilterChainParts): NetworkFilterInUse[] {
  const uses = filters.map(({ name, discovered, ...given }, index) => {
    const use =
      discovered === undefined ? given : (parts.worker.extensions.find(discovered.key) ?? discovered.fallback);
    return use && inUse({ name, ...use }, index, parts);
  });
  const found = uses.filter((use) => use !== undefined);
  return found.length === uses.length ? found : [missing(parts)];
}

function missing({ worker, onMissingFilter }: FilterChainParts): NetworkFilterInUse {
  const filter: NetworkFilter = {
    name: 'missing',
    message: '',
    config: () => undefined,
    onNewConnection(run) {
      onMissingFilter();
      run.close();
      return Stop;
    },
  };
  return { index: 0, filter, config: undefined, prepared: undefined, stats: undefined, worker };
}

function inUse(use: ExtensionUse & { name: string }, index: number, parts: FilterChainParts): NetworkFilterInUse {
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
