/**
 * What stands between the sockets of a cluster and their bytes: for each host the transport that its metadata choose, or the cluster's own.
 * Follows config.cluster.v3.Cluster.transport_socket_matches.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ProxyProtocolOut, UpstreamTransport } from '#config/model/tls.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { tlsSocketFactoryStats } from '#proxy/observe/stats/tls-stats.ts';
import { LiveUpstreamTls } from '#proxy/tls/live-upstream-tls.ts';
import type { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import { Tap, type TapParts } from '#proxy/transport/tap/tap.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { type TransportChoice, transportChoice } from '#proxy/upstream/transport-choice.ts';

/** One of the transports. */
interface Choice {
  passthrough: UpstreamTransport['passthrough'];
  proxyProtocol: ProxyProtocolOut | undefined;
  tap: Tap | undefined;
  /** Undefined: bytes go as they are. */
  tls: LiveUpstreamTls | undefined;
}

/** What of a worker its transports need. */
export interface TransportParts extends TapParts {
  secrets: WorkerSecrets;
  index: number;
}

export class UpstreamTransports {
  private readonly choices: Choice[];
  private readonly own: Choice;
  private readonly choose: TransportChoice;
  /** Some host is told of clients by the PROXY protocol. */
  readonly tellsOfClients: boolean;

  /** @param scope the cluster's stats. @throws where certificates or parameters do not fit */
  constructor(config: ClusterConfig, scope: Scope, parts: TransportParts) {
    this.own = choiceOf(config.transport, scope, parts);
    this.choices = config.transportSocketMatches.map(({ transport }) => choiceOf(transport, scope, parts));
    this.choose = transportChoice(config);
    this.tellsOfClients = [this.own, ...this.choices].some(({ proxyProtocol }) => proxyProtocol !== undefined);
  }

  /** @returns TLS for connections to this host; undefined: bytes go as they are. */
  tlsFor(host: Host): LiveUpstreamTls | undefined {
    return this.choiceFor(host).tls;
  }

  /** @returns how this host is told of clients; undefined: not at all */
  proxyProtocolFor(host: Host): ProxyProtocolOut | undefined {
    return this.tellsOfClients ? this.choiceFor(host).proxyProtocol : undefined;
  }

  /** @returns the metadata that go along to this host, an internal listener. */
  passthroughFor(host: Host): UpstreamTransport['passthrough'] {
    return this.choiceFor(host).passthrough;
  }

  /** @returns what sees the bytes of connections to this host. */
  tapFor(host: Host): Tap | undefined {
    return this.choiceFor(host).tap;
  }

  /** The cluster is gone; its connections are not touched. */
  close(): void {
    for (const { tls } of [this.own, ...this.choices]) tls?.close();
  }

  private choiceFor(host: Host): Choice {
    return this.choices[this.choose(host)] ?? this.own;
  }
}

function choiceOf(transport: UpstreamTransport, scope: Scope, parts: TransportParts): Choice {
  const { passthrough, proxyProtocol, tap } = transport;
  return {
    passthrough,
    proxyProtocol,
    tap: tap === undefined ? undefined : new Tap(tap, parts),
    tls: contextOf(transport, scope, parts),
  };
}

/** @param scope the cluster's stats. @returns what counts which transports hosts get that were made, on the main thread alone */
export function transportMatchCount(
  config: ClusterConfig,
  scope: Scope,
): (made: readonly Pick<Host, 'metadata'>[]) => void {
  const stats = clusterStats(scope);
  const counts = config.transportSocketMatches.map(({ name }) => scope.counter(`${name}.total_match_count`));
  const choose = transportChoice(config);
  return (made) => {
    let own = 0;
    for (const host of made) {
      const count = counts[choose(host)];
      if (count === undefined) own++;
      else count.inc();
    }
    if (own > 0) stats.add('defaultTotalMatchCount', own);
  };
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
