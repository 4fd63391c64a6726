/**
 * Says why a filter chain was chosen and at which step each of the others fell behind. Only for a recorder.
 */
import type { FilterChain } from '#config/model/listener.ts';
import {
  ANY_VALUE,
  type CompiledFilterChains,
  isNetworkStep,
  keysOf,
  matchesAll,
  STEPS,
  type Step,
} from '#selection/compile-filter-chains.ts';
import { IpRange, parseIp } from '#selection/ip-range.ts';
import { isLocal } from '#selection/matcher-input.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { ConnectionView } from '#selection/request-view.ts';

const NAMES: Readonly<Record<Step, string>> = {
  destination_port: 'port',
  prefix_ranges: 'destination address',
  server_names: 'server name',
  transport_protocol: 'transport protocol',
  application_protocols: 'application protocol',
  direct_source_prefix_ranges: 'direct source address',
  source_type: 'source type',
  source_prefix_ranges: 'source address',
  source_ports: 'source port',
};

export function recordFilterChains(
  { listener, matcher }: CompiledFilterChains,
  chosen: FilterChain | undefined,
  connection: ConnectionView,
  recorder: Recorder,
): void {
  const all = [
    ...listener.filterChains,
    ...(listener.defaultFilterChain === undefined ? [] : [listener.defaultFilterChain]),
  ];
  const rejected = all.filter((chain) => chain !== chosen);
  if (chosen !== undefined)
    recorder.won('filter_chain', filterChainLabel(all, chosen), whyChosen(chosen, all, listener.defaultFilterChain));
  for (const chain of rejected) {
    const why =
      chain === listener.defaultFilterChain
        ? 'the default is taken when no other matches'
        : matcher !== undefined
          ? 'the filter chain matcher names another'
          : whyNot(chain, chosen === listener.defaultFilterChain ? undefined : chosen, connection);
    recorder.lost('filter_chain', filterChainLabel(all, chain), why);
  }
}

/** A chain's name, or where it has none, its place; the only one of a listener has no need of either. */
export function filterChainLabel(all: readonly FilterChain[], chain: FilterChain): string {
  if (chain.name !== '') return chain.name;
  return all.length === 1 ? '' : `#${all.indexOf(chain) + 1}`;
}

function whyChosen(chosen: FilterChain, all: readonly FilterChain[], fallback: FilterChain | undefined): string {
  if (all.length === 1) return 'the only one';
  if (chosen === fallback) return 'the default: no other matches';
  if (matchesAll(chosen.match)) return 'matches everything';
  const asked = STEPS.filter((step) => !keysOf(chosen.match, step).includes(ANY_VALUE));
  return asked.map((step) => `${NAMES[step]} ${wantedAt(chosen, step)}`).join(', ');
}

/** The first step at which the chain does not take the connection, or takes it less closely than the winner. */
function whyNot(chain: FilterChain, winner: FilterChain | undefined, connection: ConnectionView): string {
  for (const step of STEPS) {
    const rank = rankAt(chain, step, connection);
    if (rank === undefined)
      return `${NAMES[step]} ${wantedAt(chain, step)}, the connection has ${actualAt(step, connection)}`;
    if (winner === undefined) continue;
    const best = rankAt(winner, step, connection);
    if (best !== undefined && best > rank)
      return `${NAMES[step]} ${wantedAt(chain, step)} is less specific than ${wantedAt(winner, step)}`;
  }
  return winner === undefined
    ? 'a chain that is more specific at an earlier step was tried, and there is no way back'
    : 'the same match as the chain that was taken';
}

/** How closely the chain's wish at a step fits: higher is nearer, 0 is "any", undefined does not fit. */
function rankAt(chain: FilterChain, step: Step, connection: ConnectionView): number | undefined {
  const ranks = keysOf(chain.match, step)
    .map((key) => rankOf(key, step, connection))
    .filter((rank) => rank !== undefined);
  return ranks.length === 0 ? undefined : Math.max(...ranks);
}

function rankOf(key: string, step: Step, connection: ConnectionView): number | undefined {
  if (key === ANY_VALUE) return 0;
  if (isNetworkStep(step)) {
    const ip = parseIp(actualAt(step, connection));
    const slash = key.lastIndexOf('/');
    const range = new IpRange({ address: key.slice(0, slash), prefixLength: Number(key.slice(slash + 1)) });
    return ip !== undefined && range.has(ip) ? 1 + range.prefixLength : undefined;
  }
  switch (step) {
    case 'server_names':
      if (key === connection.serverName) return 1_000;
      return key.startsWith('.') && connection.serverName.endsWith(key) && connection.serverName !== key
        ? key.length
        : undefined;
    case 'application_protocols': {
      const index = connection.applicationProtocols.indexOf(key);
      return index < 0 ? undefined : 1_000 - index;
    }
    default:
      return key === valueAt(step, connection) ? 1 : undefined;
  }
}

function wantedAt(chain: FilterChain, step: Step): string {
  return keysOf(chain.match, step)
    .map((key) => (key === ANY_VALUE ? 'any' : step === 'server_names' && key.startsWith('.') ? `*${key}` : key))
    .join(' or ');
}

function valueAt(step: Step, connection: ConnectionView): string {
  switch (step) {
    case 'destination_port':
      return String(connection.destinationPort);
    case 'prefix_ranges':
      return connection.destinationAddress;
    case 'server_names':
      return connection.serverName;
    case 'transport_protocol':
      return connection.transportProtocol;
    case 'application_protocols':
      return connection.applicationProtocols.join(', ');
    case 'direct_source_prefix_ranges':
      return connection.directSourceAddress;
    case 'source_type':
      return isLocal(connection) ? 'SAME_IP_OR_LOOPBACK' : 'EXTERNAL';
    case 'source_prefix_ranges':
      return connection.sourceAddress;
    case 'source_ports':
      return String(connection.sourcePort);
  }
}

function actualAt(step: Step, connection: ConnectionView): string {
  return valueAt(step, connection) || 'none';
}
