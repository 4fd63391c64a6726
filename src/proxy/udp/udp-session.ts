/**
 * A session of the UDP proxy: what one client, by address and port, and one host say to each other. It has a socket of its own to the host,
 * and ends when nobody has said anything for the idle timeout.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/udp_proxy
 */
import { Timer } from '#base/timers.ts';
import { DownstreamConnection, hostPort } from '#proxy/listeners/downstream-connection.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import type {
  Datagram,
  DatagramOwner,
  DatagramSocket,
  IpAddress,
  Peer,
  Sending,
} from '#proxy/transport/datagrams/datagram-socket.ts';
import { connectDatagrams } from '#proxy/transport/datagrams/open-datagrams.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { UdpCluster } from '#proxy/udp/udp-cluster.ts';
import type { UdpProxyStats } from '#proxy/udp/udp-stats.ts';
import { sourceFor } from '#proxy/upstream/connect-target.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** What a session has of its proxy. */
export interface SessionProxy {
  readonly worker: WorkerContext;
  readonly listenerName: string;
  readonly stats: UdpProxyStats;
  readonly idleTimeout: number;
  readonly maxRxDatagramSize: number;
  readonly accessLogs: readonly AccessLogger[];
  readonly accessLogFlushInterval: number;
  forget(session: UdpSession): void;
}

/** Which datagrams are a session's. */
export interface SessionKey {
  from: number | string;
  to: number | string;
}

export class UdpSession implements DatagramOwner {
  readonly key: SessionKey;
  readonly host: Host;
  /** Another session of the same client: by another address of ours, or with another host. */
  next: UdpSession | undefined = undefined;
  private readonly proxy: SessionProxy;
  private readonly cluster: UdpCluster;
  private readonly client: Peer;
  private readonly downstream: DatagramSocket;
  private readonly upstream: DatagramSocket;
  private readonly idle: Timer;
  private lastUsed: number;
  private readonly startedAt = clock.now();
  private readonly flush: Timer | undefined;
  private ended = false;
  private rxBytes = 0;
  private rxDatagrams = 0;
  private txBytes = 0;
  private txDatagrams = 0;
  private txErrors = 0;
  private connection: DownstreamConnection | undefined = undefined;
  private readonly toClient: Sending;

  /** @param first its first datagram. @throws NodeJS.ErrnoException where there is no way to the host */
  constructor(proxy: SessionProxy, cluster: UdpCluster, host: Host, first: Datagram, downstream: DatagramSocket) {
    this.proxy = proxy;
    this.cluster = cluster;
    this.host = host;
    this.key = { from: first.from, to: first.to };
    this.client = first.peer();
    this.downstream = downstream;
    const { stats, worker } = proxy;
    const address = host.address as IpAddress;
    const { localAddress, localPort = 0 } = sourceFor(address.address, cluster.cluster.config.bind);
    const source = localAddress === undefined ? undefined : { address: localAddress, port: localPort };
    this.upstream = connectDatagrams(address, source, { maxSize: proxy.maxRxDatagramSize }, this);
    this.toClient = {
      onSent: (bytes) => {
        this.txBytes += bytes;
        this.txDatagrams++;
        stats.sessTxBytes.add(bytes);
        stats.sessTxDatagrams.inc();
      },
      onSendFailed: () => {
        this.txErrors++;
        stats.sessTxErrors.inc();
      },
    };
    this.lastUsed = clock.now();
    this.idle = new Timer(() => this.onIdle());
    worker.timers.arm(this.idle, proxy.idleTimeout);
    if (proxy.accessLogs.length > 0) this.connection = this.describe(first);
    if (proxy.accessLogFlushInterval > 0 && proxy.accessLogs.length > 0) {
      this.flush = new Timer(() => {
        this.log('UdpPeriodic');
        worker.timers.arm(this.flush as Timer, proxy.accessLogFlushInterval);
      });
      worker.timers.arm(this.flush, proxy.accessLogFlushInterval);
    }
    stats.sessActive.inc();
    cluster.add(this);
  }

  /** A datagram from the client. */
  forward(datagram: Datagram): void {
    const { stats } = this.proxy;
    this.rxBytes += datagram.length;
    this.rxDatagrams++;
    stats.sessRxBytes.add(datagram.length);
    stats.sessRxDatagrams.inc();
    this.lastUsed = clock.now();
    this.upstream.forward(datagram, undefined, this.cluster);
  }

  onDatagram(datagram: Datagram): void {
    this.lastUsed = clock.now();
    this.cluster.stats.sessRxDatagrams.inc();
    this.cluster.cluster.stats.upstreamCxRxBytesTotal.add(datagram.length);
    this.downstream.forward(datagram, this.client, this.toClient);
  }

  onTruncated(count: number): void {
    this.cluster.stats.sessRxDatagramsDropped.add(count);
  }

  onReadError(): void {
    this.cluster.stats.sessRxErrors.inc();
  }

  /** Nothing more goes either way. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    const { worker, stats } = this.proxy;
    worker.timers.cancel(this.idle);
    if (this.flush !== undefined) worker.timers.cancel(this.flush);
    this.upstream.close();
    this.cluster.remove(this);
    this.proxy.forget(this);
    stats.sessActive.dec();
    this.log('UdpSessionEnd');
  }

  /** The timer is not armed again for each datagram: it looks when the last one was. */
  private onIdle(): void {
    const { worker, stats, idleTimeout } = this.proxy;
    const left = this.lastUsed + idleTimeout - clock.now();
    if (left > 0) worker.timers.arm(this.idle, Math.ceil(left));
    else {
      stats.idleTimeout.inc();
      this.end();
    }
  }

  private describe(first: Datagram): DownstreamConnection {
    const { downstream, client, host, upstream } = this;
    const connection = new DownstreamConnection();
    connection.listenerName = this.proxy.listenerName;
    connection.startMark = this.startedAt;
    const local = first.localAddress() || downstream.local.address;
    connection.setAddresses(local, downstream.local.port, client.address, client.port);
    connection.stream.upstream = {
      host: host.addressText,
      hostname: host.hostname,
      hostMetadata: host.metadata,
      locality: host.locality,
      localAddress: hostPort(upstream.local.address, upstream.local.port),
      remoteAddress: host.addressText,
      transportFailureReason: '',
      connectionId: 0,
    };
    return connection;
  }

  private log(type: string): void {
    const { connection, proxy } = this;
    if (connection === undefined) return;
    const { stream } = connection;
    stream.bytesReceived = this.rxBytes;
    stream.bytesSent = this.txBytes;
    if (this.ended) stream.marks.complete = clock.now();
    stream.accessLogType = type;
    connection.dynamicMetadata = {
      'udp.proxy.session': {
        cluster_name: this.cluster.cluster.config.name,
        bytes_received: this.rxBytes,
        bytes_sent: this.txBytes,
        datagrams_received: this.rxDatagrams,
        datagrams_sent: this.txDatagrams,
        errors_sent: this.txErrors,
      },
    };
    for (const logger of proxy.accessLogs) logger.log(stream);
  }
}
