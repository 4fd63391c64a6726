/**
 * What stands between the sockets of a cluster and their bytes: for each host the transport that its metadata choose, or the cluster's own.
 * Follows config.cluster.v3.Cluster.transport_socket_matches.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { UpstreamTransport } from '#config/model/tls.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { tlsSocketFactoryStats } from '#proxy/observe/stats/tls-stats.ts';
import { UpstreamTlsContext } from '#proxy/tls/upstream-context.ts';
import type { Host } from '#proxy/upstream/host.ts';

/** The metadata of hosts that choose among the transports. */
const MATCH_METADATA = 'envoy.transport_socket_match';

interface Choice {
  match: [key: string, value: unknown][];
  /** Undefined: bytes go as they are. */
  tls: UpstreamTlsContext | undefined;
}

export class UpstreamTransports {
  private readonly choices: Choice[];
  private readonly own: UpstreamTlsContext | undefined;

  /** @param scope the cluster's stats. @throws where certificates or parameters do not fit */
  constructor(config: ClusterConfig, scope: Scope) {
    this.own = contextOf(config.transport, scope);
    this.choices = config.transportSocketMatches.map(({ match, transport }) => ({
      match: Object.entries(match),
      tls: contextOf(transport, scope),
    }));
  }

  /** @returns TLS for connections to this host; undefined: bytes go as they are. */
  tlsFor(host: Host): UpstreamTlsContext | undefined {
    if (this.choices.length === 0) return this.own;
    const metadata = host.metadata[MATCH_METADATA] as { [key: string]: unknown } | undefined;
    for (const choice of this.choices) {
      if (choice.match.every(([key, value]) => isDeepStrictEqual(metadata?.[key], value))) return choice.tls;
    }
    return this.own;
  }
}

function contextOf(transport: UpstreamTransport, scope: Scope): UpstreamTlsContext | undefined {
  if (transport.kind !== 'tls') return undefined;
  tlsSocketFactoryStats(scope.scope('client_ssl_socket_factory'));
  return new UpstreamTlsContext(transport.tls, scope);
}
