/**
 * Chooses the filter chain of a connection: at each step the most specific value that some chain asks for, with no way back from a step that
 * leads nowhere; then the default chain.
 * Follows envoy.config.listener.v3.FilterChainMatch.
 */
import type { FilterChain } from '#config/model/listener.ts';
import { ANY_VALUE, type Branch, type CompiledFilterChains, type StepTable } from '#selection/compile-filter-chains.ts';
import { recordFilterChains } from '#selection/filter-chain-reasons.ts';
import { parseIp } from '#selection/ip-range.ts';
import { isLocal } from '#selection/matcher-input.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { ConnectionView } from '#selection/request-view.ts';

/** @returns the chain, or undefined: the connection is closed and counted in `no_filter_chain_match`. */
export function selectFilterChain(
  chains: CompiledFilterChains,
  connection: ConnectionView,
  recorder?: Recorder,
): FilterChain | undefined {
  const chosen = chains.only ?? find(chains, connection) ?? chains.listener.defaultFilterChain;
  if (recorder !== undefined) recordFilterChains(chains, chosen, connection, recorder);
  return chosen;
}

function find(chains: CompiledFilterChains, connection: ConnectionView): FilterChain | undefined {
  if (chains.matcher !== undefined) return chains.matcher(connection);
  let branch: Branch | undefined = chains.root;
  while (branch !== undefined && branch.kind === 'step') branch = next(branch, connection);
  return branch?.chain;
}

/** @returns where the step leads for this connection. */
export function next(table: StepTable, connection: ConnectionView): Branch | undefined {
  const { byValue } = table;
  switch (table.step) {
    case 'destination_port':
      return byValue.get(String(connection.destinationPort)) ?? byValue.get(ANY_VALUE);
    case 'prefix_ranges':
      return network(table, connection.destinationAddress);
    case 'server_names':
      return serverName(byValue, connection.serverName);
    case 'transport_protocol':
      return byValue.get(connection.transportProtocol) ?? byValue.get(ANY_VALUE);
    case 'application_protocols':
      for (const protocol of connection.applicationProtocols) {
        const branch = byValue.get(protocol);
        if (branch !== undefined) return branch;
      }
      return byValue.get(ANY_VALUE);
    case 'direct_source_prefix_ranges':
      return network(table, connection.directSourceAddress);
    case 'source_type':
      return sourceType(byValue, connection);
    case 'source_prefix_ranges':
      return network(table, connection.sourceAddress);
    case 'source_ports':
      return byValue.get(String(connection.sourcePort)) ?? byValue.get(ANY_VALUE);
  }
}

function network({ networks }: StepTable, address: string): Branch | undefined {
  if (networks.length === 1 && networks[0].range === undefined) return networks[0].next;
  const ip = parseIp(address);
  for (const { range, next: branch } of networks) {
    // What is no IP address (a unix socket) is only in the network of all addresses.
    if (range === undefined || (ip !== undefined && range.has(ip))) return branch;
  }
  return undefined;
}

/** The name itself, then each rest of it from a dot on, then chains that ask for none. */
function serverName(byValue: Map<string, Branch>, name: string): Branch | undefined {
  let branch = byValue.get(name);
  for (let dot = name.indexOf('.', 1); branch === undefined && dot >= 0 && dot < name.length - 1; ) {
    branch = byValue.get(name.slice(dot));
    dot = name.indexOf('.', dot + 1);
  }
  return branch ?? byValue.get(ANY_VALUE);
}

function sourceType(byValue: Map<string, Branch>, connection: ConnectionView): Branch | undefined {
  const any = byValue.get(ANY_VALUE);
  const asked = byValue.size > (any === undefined ? 0 : 1);
  if (!asked) return any;
  return byValue.get(isLocal(connection) ? 'SAME_IP_OR_LOOPBACK' : 'EXTERNAL') ?? any;
}
