/**
 * What stands between the sockets of a cluster and their bytes: for each host the transport that its metadata choose, or the cluster's own.
 * Follows config.cluster.v3.Cluster.transport_socket_matches.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ProxyProtocolOut, UpstreamTransport } from '#config/model/tls.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { tlsSocketFactoryStats } from '#proxy/observe/stats/tls-stats.ts';
import { LiveUpstreamTls } from '#proxy/tls/live-upstream-tls.ts';
import type { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/** The metadata of hosts that choose among the transports. */
const MATCH_METADATA = 'envoy.transport_socket_match';

type Match = [key: string, value: unknown][];

interface Choice {
  match: Match;
  passthrough: UpstreamTransport['passthrough'];
  proxyProtocol: ProxyProtocolOut | undefined;
  /** Undefined: bytes go as they are. */
  tls: LiveUpstreamTls | undefined;
}

/** What of a worker its transports need. */
export interface TransportParts {
  secrets: WorkerSecrets;
  index: number;
}

export class UpstreamTransports {
  private readonly choices: Choice[];
  private readonly own: LiveUpstreamTls | undefined;
  private readonly passthrough: UpstreamTransport['passthrough'];
  private readonly proxyProtocol: ProxyProtocolOut | undefined;
  /** Some host is told of clients by the PROXY protocol. */
  readonly tellsOfClients: boolean;

  /** @param scope the cluster's stats. @throws where certificates or parameters do not fit */
  constructor(config: ClusterConfig, scope: Scope, parts: TransportParts) {
    this.own = contextOf(config.transport, scope, parts);
    this.passthrough = config.transport.passthrough;
    this.proxyProtocol = config.transport.proxyProtocol;
    this.choices = config.transportSocketMatches.map(({ match, transport }) => ({
      match: Object.entries(match),
      passthrough: transport.passthrough,
      proxyProtocol: transport.proxyProtocol,
      tls: contextOf(transport, scope, parts),
    }));
    this.tellsOfClients =
      this.proxyProtocol !== undefined || this.choices.some(({ proxyProtocol }) => proxyProtocol !== undefined);
  }

  /** @returns TLS for connections to this host; undefined: bytes go as they are. */
  tlsFor(host: Host): LiveUpstreamTls | undefined {
    if (this.choices.length === 0) return this.own;
    for (const { match, tls } of this.choices) if (matches(match, host)) return tls;
    return this.own;
  }

  /** @returns how this host is told of clients; undefined: not at all */
  proxyProtocolFor(host: Host): ProxyProtocolOut | undefined {
    if (!this.tellsOfClients) return undefined;
    for (const { match, proxyProtocol } of this.choices) if (matches(match, host)) return proxyProtocol;
    return this.proxyProtocol;
  }

  /** @returns the metadata that go along to this host, an internal listener. */
  passthroughFor(host: Host): UpstreamTransport['passthrough'] {
    for (const { match, passthrough } of this.choices) if (matches(match, host)) return passthrough;
    return this.passthrough;
  }

  /** The cluster is gone; its connections are not touched. */
  close(): void {
    this.own?.close();
    for (const { tls } of this.choices) tls?.close();
  }
}

/** Counts for each new host which transport it gets, on the main thread alone. @param scope the cluster's stats */
export function countTransportMatches(config: ClusterConfig, hosts: PrioritySet, scope: Scope): void {
  const stats = clusterStats(scope);
  const choices = config.transportSocketMatches.map(({ name, match }) => ({
    match: Object.entries(match),
    count: scope.counter(`${name}.total_match_count`),
  }));
  hosts.onChange(({ added }) => {
    let own = 0;
    for (const host of added) {
      const choice = choices.find(({ match }) => matches(match, host));
      if (choice === undefined) own++;
      else choice.count.inc();
    }
    if (own > 0) stats.add('defaultTotalMatchCount', own);
  });
}

function matches(match: Match, host: Host): boolean {
  const metadata = host.metadata[MATCH_METADATA] as { [key: string]: unknown } | undefined;
  return match.every(([key, value]) => isDeepStrictEqual(metadata?.[key], value));
}

function contextOf(
  transport: UpstreamTransport,
  scope: Scope,
  { secrets, index }: TransportParts,
): LiveUpstreamTls | undefined {
  if (transport.kind !== 'tls') return undefined;
  const stats = tlsSocketFactoryStats(scope.scope('client_ssl_socket_factory'));
  return new LiveUpstreamTls(transport.tls, scope, { secrets, stats, counts: index === 0 });
}
