/**
 * Where plain requests go: for each virtual host that a listener leads to, a GET of its first domain, for each path that its routes name.
 * Follows envoy.config.route.v3.VirtualHost.
 */
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { VirtualHost } from '#config/model/route.ts';
import { connectionManagerOf, tcpClustersOf } from '#explain/choose-filter-chain.ts';
import type { ExplainedConfiguration } from '#explain/configuration.ts';
import { explain } from '#explain/explain.ts';
import type { ExplainQuery } from '#explain/explain-query.ts';
import type { Explanation } from '#explain/explanation.ts';

export interface HostSummary {
  listener: string;
  port: number;
  /** What the request asks for; `*` where the virtual host takes any. */
  host: string;
  virtual_host: string;
  /** The first that comes to the route. */
  path: string;
  route: string;
  /** A cluster, shares of clusters, or a status. */
  goes_to: string;
}

/** Stands for any host. */
const ANY = 'any.invalid';

/** @param query method, headers and source of each request. */
export function explainAllHosts(configuration: ExplainedConfiguration, query: ExplainQuery): HostSummary[] {
  return configuration.listeners.flatMap((listener) => {
    const [address] = listener.addresses;
    if (address.kind !== 'ip') return [];
    const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
    const seen = new Set<string>();
    return chains
      .flatMap((chain) => ofChain(listener, chain, configuration, query))
      .filter((summary) => {
        const key = JSON.stringify(summary);
        return !seen.has(key) && seen.add(key);
      });
  });
}

function ofChain(
  listener: ListenerConfig,
  chain: FilterChain,
  configuration: ExplainedConfiguration,
  query: ExplainQuery,
): HostSummary[] {
  const [address] = listener.addresses;
  const port = chain.match.destinationPort ?? (address.kind === 'ip' ? address.port : 0);
  const opened = configuration.open?.(chain) ?? chain;
  const start = { listener: listener.name, port };
  const tcp = tcpClustersOf(opened);
  if (tcp !== undefined) {
    const goesTo = tcp.map(({ name }) => name).join(', ');
    return [{ ...start, host: '(TCP)', virtual_host: '', path: '', route: '', goes_to: goesTo }];
  }
  const manager = connectionManagerOf(opened);
  if (manager?.routes.kind !== 'inline') return [];
  // One listener and one chain, so that nothing else is chosen.
  const { defaultFilterChain: _, filterChainMatcher: __, ...rest } = listener;
  const alone = { ...opened, match: { ...chain.match, ...MATCH_ALL }, transport: { kind: 'raw_buffer' as const } };
  const only: ExplainedConfiguration = {
    node: configuration.node,
    runtime: configuration.runtime,
    cluster: configuration.cluster,
    listeners: [{ ...rest, bindToPort: true, filterChains: [alone] }],
    judge: (_chain, request, route) => configuration.judge?.(opened, request, route) ?? { policies: [] },
  };
  return manager.routes.table.virtualHosts.flatMap((virtualHost) => {
    const host = { ...start, host: virtualHost.domains[0] ?? '', virtual_host: virtualHost.name };
    return summaries(only, virtualHost, port, query).map((summary) => ({ ...host, ...summary }));
  });
}

type Summary = Pick<HostSummary, 'path' | 'route' | 'goes_to'>;

/** A line for each route that a plain request comes to; where none does, one that says so. */
function summaries(
  configuration: ExplainedConfiguration,
  virtualHost: VirtualHost,
  port: number,
  query: ExplainQuery,
): Summary[] {
  const found = new Map<string, Summary>();
  for (const path of pathsOf(virtualHost)) {
    const summary = summarize(configuration, virtualHost, port, path, query);
    const key = JSON.stringify([summary.route, summary.goes_to]);
    if (!found.has(key)) found.set(key, summary);
  }
  const routed = [...found.values()].filter(({ route }) => route !== '');
  return routed.length > 0 ? routed : [...found.values()].slice(0, 1);
}

function pathsOf({ routes }: VirtualHost): Set<string> {
  const named = routes.flatMap(({ match: { path } }) =>
    'value' in path && path.value.startsWith('/') ? [path.value] : [],
  );
  return new Set(['/', ...named]);
}

const MATCH_ALL = {
  destinationPort: undefined,
  prefixRanges: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  directSourcePrefixRanges: [],
  sourceType: 'ANY' as const,
  sourcePrefixRanges: [],
  sourcePorts: [],
};

function summarize(
  configuration: ExplainedConfiguration,
  { domains }: VirtualHost,
  port: number,
  path: string,
  query: ExplainQuery,
): Summary {
  const [listener] = configuration.listeners;
  const [address] = listener.addresses;
  const host = (domains[0] ?? ANY).replace('*', ANY).replace(/[^\w.:[\]-]/g, '');
  const destination = address.kind === 'ip' ? `${bracketed(address.address)}:${address.port}` : undefined;
  const headers = [
    ...query.headers.filter(([name]) => name.toLowerCase() !== 'host'),
    ['host', host] as [string, string],
  ];
  const url = `http://${ANY}:${port || 80}${encodeURI(path)}`;
  const explanation = explain(configuration, { ...query, url, destination, headers });
  return { path, route: explanation.route?.name ?? '', goes_to: whereTo(explanation) };
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function whereTo({ response, cluster, closed }: Explanation): string {
  if (closed !== undefined) return closed;
  if (response !== undefined) {
    const { status, location, details } = response;
    return location === undefined ? `${status} ${details}` : `${status} ${location}`;
  }
  if (cluster === undefined) return '';
  if (cluster.name !== '') return cluster.name;
  return (cluster.shares ?? []).map(({ name, percent }) => `${percent} % ${name}`).join(', ');
}
