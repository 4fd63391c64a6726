/**
 * A cluster as the UDP proxy of one worker uses it: which sessions each of its hosts has. Sessions end with their host.
 */
import type { Sending } from '#proxy/transport/datagrams/datagram-socket.ts';
import { type UdpClusterStats, udpClusterStats } from '#proxy/udp/udp-stats.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';

/** What stands for a session here. */
interface HostUser {
  readonly host: Host;
  end(): void;
}

export class UdpCluster implements Sending {
  readonly cluster: Cluster;
  readonly stats: UdpClusterStats;
  private readonly sessions = new Map<Host, Set<HostUser>>();
  private readonly stops: (() => void)[];

  /** @param onGone the cluster was removed or replaced */
  constructor(cluster: Cluster, onGone: () => void) {
    this.cluster = cluster;
    this.stats = udpClusterStats(cluster.scope.scope('udp'));
    const stopHosts = cluster.hosts.onChange(({ removed }) => {
      for (const host of removed) this.endSessions(host);
    });
    const stopClose = cluster.onClose(() => {
      this.close();
      onGone();
    });
    this.stops = [stopHosts, stopClose];
  }

  onSent(bytes: number): void {
    this.stats.sessTxDatagrams.inc();
    this.cluster.stats.upstreamCxTxBytesTotal.add(bytes);
  }

  onSendFailed(): void {
    this.stats.sessTxErrors.inc();
  }

  /** @returns undefined where no host is to be had, which is counted */
  choose(context: LoadBalancerContext | undefined): Host | undefined {
    const host = this.cluster.loadBalancer.choose(context);
    if (host === undefined) this.cluster.stats.upstreamCxNoneHealthy.inc();
    return host;
  }

  /** @returns false where the cluster has as many connections as it may, which is counted */
  hasRoom(): boolean {
    const has = this.cluster.breakers.DEFAULT.connections.canCreate();
    if (!has) this.cluster.stats.upstreamCxOverflow.inc();
    return has;
  }

  add(session: HostUser): void {
    this.cluster.breakers.DEFAULT.connections.inc();
    const sessions = this.sessions.get(session.host);
    if (sessions === undefined) this.sessions.set(session.host, new Set([session]));
    else sessions.add(session);
  }

  remove(session: HostUser): void {
    this.cluster.breakers.DEFAULT.connections.dec();
    const sessions = this.sessions.get(session.host);
    sessions?.delete(session);
    if (sessions?.size === 0) this.sessions.delete(session.host);
  }

  /** Ends every session. */
  close(): void {
    for (const stop of this.stops) stop();
    for (const host of [...this.sessions.keys()]) this.endSessions(host);
  }

  private endSessions(host: Host): void {
    for (const session of this.sessions.get(host) ?? []) session.end();
  }
}
