/**
 * Makes a listener's filter chains ready to be chosen from: one map or table a step, each step's winners in tables of the next.
 * Follows envoy.config.listener.v3.FilterChainMatch, whose steps these are, in order.
 */
import type { CidrRange } from '#config/model/address.ts';
import type { FilterChain, FilterChainMatch, ListenerConfig } from '#config/model/listener.ts';
import { IpRange } from '#selection/ip-range.ts';
import { lowerAscii } from '#selection/match-string.ts';
import { connectionInput } from '#selection/matcher-input.ts';
import { type CompiledMatcher, compileTree } from '#selection/matcher-tree.ts';
import type { ConnectionView } from '#selection/request-view.ts';

/** The steps in the order in which they are taken. */
export const STEPS = [
  'destination_port',
  'prefix_ranges',
  'server_names',
  'transport_protocol',
  'application_protocols',
  'direct_source_prefix_ranges',
  'source_type',
  'source_prefix_ranges',
  'source_ports',
] as const;
export type Step = (typeof STEPS)[number];

/** Networks, the most specific first; undefined stands for any address. */
export interface NetworkEntry {
  range: IpRange | undefined;
  next: Branch;
}

/** What one step chooses between: names and numbers by their text, or networks. */
export interface StepTable {
  kind: 'step';
  step: Step;
  byValue: Map<string, Branch>;
  networks: NetworkEntry[];
}

export type Branch = StepTable | { kind: 'chain'; chain: FilterChain };

export interface CompiledFilterChains {
  listener: ListenerConfig;
  root: StepTable | undefined;
  /** The only chain, where it matches everything: then nothing is looked at. */
  only: FilterChain | undefined;
  /** The listener's filter_chain_matcher: says the name of a chain. */
  matcher: CompiledMatcher<FilterChain, ConnectionView> | undefined;
}

/** The key of a step for chains that do not care. */
export const ANY_VALUE = '';

export function compileFilterChains(listener: ListenerConfig): CompiledFilterChains {
  const { filterChains, filterChainMatcher, defaultFilterChain } = listener;
  if (filterChainMatcher !== undefined) {
    const byName = new Map(filterChains.map((chain) => [chain.name, chain]));
    const matcher = compileTree(filterChainMatcher, (name) => byName.get(name) as FilterChain, connectionInput);
    return { listener, root: undefined, only: undefined, matcher };
  }
  const root = filterChains.length === 0 ? undefined : newStep(0);
  for (const chain of filterChains) insert(root as StepTable, 0, chain);
  const [first] = filterChains;
  const only =
    filterChains.length === 1 && defaultFilterChain === undefined && matchesAll(first.match) ? first : undefined;
  return { listener, root, only, matcher: undefined };
}

/** Whether the match leaves nothing out. */
export function matchesAll(match: FilterChainMatch): boolean {
  return STEPS.every((step) => keysOf(match, step).every((key) => key === ANY_VALUE));
}

function newStep(index: number): StepTable {
  return { kind: 'step', step: STEPS[index], byValue: new Map(), networks: [] };
}

function insert(table: StepTable, index: number, chain: FilterChain): void {
  for (const key of keysOf(chain.match, table.step)) {
    if (index + 1 === STEPS.length) {
      // The first of two chains with the same match wins; the configuration is refused before.
      if (!table.byValue.has(key)) table.byValue.set(key, { kind: 'chain', chain });
    } else insert(branchOf(table, key, index + 1), index + 1, chain);
  }
}

function branchOf(table: StepTable, key: string, nextIndex: number): StepTable {
  let branch = table.byValue.get(key);
  if (branch === undefined) {
    branch = newStep(nextIndex);
    table.byValue.set(key, branch);
    if (isNetworkStep(table.step)) addNetwork(table, key, branch);
  }
  return branch as StepTable;
}

function addNetwork(table: StepTable, key: string, next: Branch): void {
  table.networks.push({ range: key === ANY_VALUE ? undefined : new IpRange(parseRange(key)), next });
  table.networks.sort((a, b) => (b.range?.prefixLength ?? -1) - (a.range?.prefixLength ?? -1));
}

export function isNetworkStep(step: Step): boolean {
  return step === 'prefix_ranges' || step === 'direct_source_prefix_ranges' || step === 'source_prefix_ranges';
}

/** What the chain asks for at that step, as keys of the step's table. */
export function keysOf(match: FilterChainMatch, step: Step): string[] {
  switch (step) {
    case 'destination_port':
      return [match.destinationPort === undefined ? ANY_VALUE : String(match.destinationPort)];
    case 'prefix_ranges':
      return networkKeys(match.prefixRanges);
    case 'server_names':
      return orAny(match.serverNames.map(serverNameKey));
    case 'transport_protocol':
      return [match.transportProtocol];
    case 'application_protocols':
      return orAny(match.applicationProtocols);
    case 'direct_source_prefix_ranges':
      return networkKeys(match.directSourcePrefixRanges);
    case 'source_type':
      return [match.sourceType === 'ANY' ? ANY_VALUE : match.sourceType];
    case 'source_prefix_ranges':
      return networkKeys(match.sourcePrefixRanges);
    case 'source_ports':
      return orAny(match.sourcePorts.map(String));
  }
}

/** `*.example.com` is kept as `.example.com`: how a name's rest is looked up. */
function serverNameKey(name: string): string {
  return lowerAscii(name.startsWith('*') ? name.slice(1) : name);
}

function networkKeys(ranges: CidrRange[]): string[] {
  return orAny(ranges.map((range) => new IpRange(range).toString()));
}

function parseRange(key: string): CidrRange {
  const slash = key.lastIndexOf('/');
  return { address: key.slice(0, slash), prefixLength: Number(key.slice(slash + 1)) };
}

function orAny(keys: string[]): string[] {
  return keys.length === 0 ? [ANY_VALUE] : keys;
}
