/**
 * The UDP proxy: a session for each client, or, with load balancing by packet, for each client and host. The first datagram chooses the cluster
 * by the matcher, and the host.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/udp_proxy
 */
import { logger } from '#base/logger.ts';
import { combined, type Hash64, xxHash64Text } from '#base/xx-hash.ts';
import type { MatcherTree } from '#config/model/matcher-tree.ts';
import type { UdpProxyConfig } from '#config/model/udp.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';
import type { Datagram, DatagramSocket } from '#proxy/transport/datagrams/datagram-socket.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { UdpCluster } from '#proxy/udp/udp-cluster.ts';
import type { UdpFilterInUse, UdpFilterParts } from '#proxy/udp/udp-filter.ts';
import { type SessionProxy, UdpSession } from '#proxy/udp/udp-session.ts';
import { type UdpProxyStats, udpProxyStats } from '#proxy/udp/udp-stats.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { connectionInput } from '#selection/matcher-input.ts';
import { type CompiledMatcher, compileTree } from '#selection/matcher-tree.ts';
import type { ConnectionView } from '#selection/request-view.ts';

export class UdpProxy implements UdpFilterInUse, SessionProxy {
  readonly worker: WorkerContext;
  readonly listenerName: string;
  readonly stats: UdpProxyStats;
  readonly idleTimeout: number;
  readonly maxRxDatagramSize: number;
  readonly accessLogs: readonly AccessLogger[];
  readonly accessLogFlushInterval: number;
  private readonly config: UdpProxyConfig;
  private readonly proxyLogs: readonly AccessLogger[];
  private readonly route: CompiledMatcher<string, ConnectionView>;
  private readonly clusters = new Map<string, UdpCluster>();
  /** By client; further sessions of one client follow by `next`. */
  private readonly sessions = new Map<number | string, UdpSession>();
  private readonly startedAt = clock.now();
  private readonly log = logger('filter');

  constructor(config: UdpProxyConfig, { worker, listener }: UdpFilterParts) {
    this.config = config;
    this.worker = worker;
    this.listenerName = listener.name;
    this.stats = udpProxyStats(worker.scope.scope(`udp.${config.statPrefix}`));
    this.idleTimeout = config.idleTimeout;
    this.maxRxDatagramSize = config.maxRxDatagramSize;
    const context = {
      scope: worker.scope,
      timers: worker.timers,
      runtime: worker.runtime,
      files: worker.logFiles,
    };
    this.accessLogs = compileAccessLogs(config.accessLog, context);
    this.proxyLogs = compileAccessLogs(config.proxyAccessLog, context);
    this.accessLogFlushInterval = config.accessLogFlushInterval;
    this.route = compileTree(config.matcher, (name) => name, connectionInput);
    // Their stats are there before the first datagram.
    for (const name of actionsOf(config.matcher)) this.clusterOf(name);
  }

  onDatagram(datagram: Datagram, socket: DatagramSocket): void {
    const session = this.config.usePerPacketLoadBalancing
      ? this.sessionForPacket(datagram, socket)
      : this.sessionFor(datagram, socket);
    session?.forward(datagram);
  }

  onReadError(): void {
    this.stats.sessRxErrors.inc();
  }

  forget(session: UdpSession): void {
    const { from } = session.key;
    const first = this.sessions.get(from);
    if (first === session) {
      if (session.next === undefined) this.sessions.delete(from);
      else this.sessions.set(from, session.next);
      return;
    }
    for (let before = first; before !== undefined; before = before.next) {
      if (before.next === session) before.next = session.next;
    }
  }

  close(): void {
    for (const first of [...this.sessions.values()]) {
      for (let session: UdpSession | undefined = first; session !== undefined; ) {
        const { next }: UdpSession = session;
        session.end();
        session = next;
      }
    }
    for (const cluster of [...this.clusters.values()]) cluster.close();
    this.clusters.clear();
    if (this.proxyLogs.length > 0) this.logProxy();
  }

  /** The client's session. One whose host is unhealthy goes, where there is a better host. */
  private sessionFor(datagram: Datagram, socket: DatagramSocket): UdpSession | undefined {
    let session = this.sessions.get(datagram.from);
    if (session === undefined) return this.begin(datagram, socket);
    if (session.key.to !== datagram.to) {
      while (session !== undefined && session.key.to !== datagram.to) session = session.next;
      if (session === undefined) return this.begin(datagram, socket);
    }
    if (session.host.health !== 'unhealthy') return session;
    const cluster = this.routed(datagram, socket);
    const host = cluster && this.choose(cluster, datagram);
    if (cluster === undefined || host === undefined) return undefined;
    if (host === session.host) return session;
    session.end();
    return this.open(cluster, host, datagram, socket);
  }

  private begin(datagram: Datagram, socket: DatagramSocket): UdpSession | undefined {
    const cluster = this.routed(datagram, socket);
    const host = cluster && this.choose(cluster, datagram);
    return cluster && host && this.open(cluster, host, datagram, socket);
  }

  /** The session with the host that this datagram is for. */
  private sessionForPacket(datagram: Datagram, socket: DatagramSocket): UdpSession | undefined {
    const cluster = this.routed(datagram, socket);
    const host = cluster && this.choose(cluster, datagram);
    if (cluster === undefined || host === undefined) return undefined;
    for (let session = this.sessions.get(datagram.from); session !== undefined; session = session.next) {
      if (session.host === host && session.key.to === datagram.to) return session;
    }
    return this.open(cluster, host, datagram, socket);
  }

  private open(cluster: UdpCluster, host: Host, datagram: Datagram, socket: DatagramSocket): UdpSession | undefined {
    // As in Envoy, one that may not be counts too.
    this.stats.sessTotal.inc();
    if (!cluster.hasRoom()) return undefined;
    try {
      const session = new UdpSession(this, cluster, host, datagram, socket);
      session.next = this.sessions.get(datagram.from);
      this.sessions.set(datagram.from, session);
      return session;
    } catch (error) {
      cluster.stats.sessTxErrors.inc();
      this.log.debug(() => `no socket to ${host.addressText}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** The cluster that the matcher says; counted where there is none. */
  private routed(datagram: Datagram, socket: DatagramSocket): UdpCluster | undefined {
    const { address, port } = datagram.peer();
    const name = this.route({
      ...NO_CONNECTION,
      sourceAddress: address,
      sourcePort: port,
      destinationAddress: datagram.localAddress() || socket.local.address,
      destinationPort: socket.local.port,
    });
    const cluster = name === undefined ? undefined : this.clusterOf(name);
    if (cluster === undefined) this.stats.sessNoRoute.inc();
    return cluster;
  }

  private clusterOf(name: string): UdpCluster | undefined {
    const known = this.clusters.get(name);
    if (known !== undefined) return known;
    const found = this.worker.clusters.get(name);
    if (found === undefined) return undefined;
    const cluster = new UdpCluster(found, () => this.clusters.delete(name));
    this.clusters.set(name, cluster);
    return cluster;
  }

  private choose(cluster: UdpCluster, datagram: Datagram): Host | undefined {
    if (!cluster.cluster.loadBalancer.asksRequest) return cluster.choose(undefined);
    const connection = {
      ...NO_CONNECTION,
      sourceAddress: '',
      sourcePort: 0,
      destinationAddress: '',
      destinationPort: 0,
    };
    const request = { connection, hashKey: () => this.hashKey(datagram) };
    return cluster.choose({ request, hostSelectionRetryCount: 0 });
  }

  /** What the hash policies make of a client. */
  private hashKey(datagram: Datagram): Hash64 | undefined {
    let hash: Hash64 | undefined;
    for (const policy of this.config.hashPolicies) {
      const text = policy.kind === 'key' ? policy.key : datagram.peer().address;
      hash = combined(hash, xxHash64Text(text));
    }
    return hash;
  }

  private logProxy(): void {
    const { stats } = this;
    const connection = new DownstreamConnection();
    connection.listenerName = this.listenerName;
    connection.startMark = this.startedAt;
    const { stream } = connection;
    stream.marks.complete = clock.now();
    stream.bytesReceived = stats.sessRxBytes.value;
    stream.bytesSent = stats.sessTxBytes.value;
    connection.dynamicMetadata = {
      'udp.proxy.proxy': {
        bytes_received: stats.sessRxBytes.value,
        bytes_sent: stats.sessTxBytes.value,
        datagrams_received: stats.sessRxDatagrams.value,
        datagrams_sent: stats.sessTxDatagrams.value,
        errors_received: stats.sessRxErrors.value,
        errors_sent: stats.sessTxErrors.value,
        idle_timeout: stats.idleTimeout.value,
        no_route: stats.sessNoRoute.value,
        session_total: stats.sessTotal.value,
      },
    };
    for (const logger of this.proxyLogs) logger.log(stream);
  }
}

/** What datagrams have nothing to say of. */
const NO_CONNECTION = {
  directSourceAddress: '',
  serverName: '',
  transportProtocol: '',
  applicationProtocols: [],
};

/** Every cluster that a matcher may come to. */
function actionsOf({ body, onNoMatch }: MatcherTree<string>): string[] {
  const branches = [
    ...(body.kind === 'list' ? body.matchers : body.kind === 'ip' ? body.ranges : body.entries).map(
      (entry) => entry.onMatch,
    ),
    ...(onNoMatch === undefined ? [] : [onNoMatch]),
  ];
  return branches.flatMap((branch) => (branch.kind === 'action' ? [branch.action] : actionsOf(branch.matcher)));
}
