/**
 * One connection to an upstream host, whatever is spoken on it: opened, timed, and counted among the cluster's and the host's connections
 * and by the circuit breaker. Whoever uses it gets its bytes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats and Envoy's
 * ConnectionPool::ActiveClient.
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { HandedState } from '#proxy/listeners/downstream-connection.ts';
import { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { nextConnectionId } from '#proxy/transport/connection-id.ts';
import { asEvent, beginEvent, clock, endEvent } from '#proxy/transport/io-event.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import { BODY_READ, type Lease, type Reader, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { openSocket } from '#proxy/upstream/connect.ts';
import { bindErrorCount, connectErrorText, isLocalError } from '#proxy/upstream/connect-error.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';

/** Who uses a connection. Everything is called in an event of its own. */
export interface ConnectionUser {
  /** Bytes may be sent; `alpn` says what TLS agreed on. */
  onConnected(connection: UpstreamConnection): void;
  /** `bytes` are good only until this returns. */
  onRead(count: number, bytes: Buffer): void;
  /** The host closed its side. */
  onEnd(): void;
  /** What was written has been taken, after too much of it waited. */
  onDrain(): void;
  /** It is gone, or never came to be; called once, unless the user closed it. */
  onClosed(connection: UpstreamConnection): void;
  /** max_connection_duration is over. */
  onMaxDuration(connection: UpstreamConnection): void;
}

/** What a connection is for. */
export interface ConnectionRequest {
  cluster: Cluster;
  host: Host;
  priority: 'DEFAULT' | 'HIGH';
  /** The name that TLS asks for, where the request gives it; else empty. */
  serverName: string;
  /** What ALPN offers where the transport's configuration names nothing. */
  alpn: readonly string[];
  /** The PROXY header that tells of the client; undefined: the proxy speaks for itself, where one is sent at all. */
  proxyHeader?: Buffer | undefined;
  /** What an internal listener gets of the filter state of the connection that this one is for. */
  state?: HandedState;
  /** Its bytes are in none of the cluster's stats. */
  bytesUncounted?: boolean;
}

export class UpstreamConnection implements SocketOwner, Reader {
  readonly cluster: Cluster;
  readonly host: Host;
  readonly info: UpstreamInfo;
  readonly socket: Socket;
  /** Who gets its bytes: may change once it is connected. */
  user: ConnectionUser;
  readsLargeBody = false;
  largeRead: number = BODY_READ;
  lease: Lease | undefined = undefined;
  connecting = true;
  closed = false;
  readonly bufferedBytes: BufferedBytes;
  readonly connectStart: number;
  connectEnd = -1;
  tlsEnd = -1;
  /** The protocol that TLS agreed on, or empty. */
  alpn = '';
  /** Why TLS or the connection failed, in Envoy's words. */
  failure = '';
  /** Something is under way on it: then its end is counted apart. For its user to keep. */
  active = 0;
  /** The host broke it off. */
  wasReset = false;
  private timedOut = false;
  /** The connection failed on our side: no address to bind to, no descriptor left. */
  private failedLocally = false;
  private closedByUs = false;
  private readonly request: ConnectionRequest;
  private readonly connectTimer: Timer;
  private readonly durationTimer: Timer;

  /** Begins to connect. The circuit breaker is the caller's to ask. */
  constructor(request: ConnectionRequest, user: ConnectionUser) {
    const { cluster, host } = request;
    this.request = request;
    this.cluster = cluster;
    this.host = host;
    this.user = user;
    this.info = {
      host: host.addressText,
      hostname: host.hostname,
      hostMetadata: host.metadata,
      locality: host.locality,
      localAddress: '',
      remoteAddress: host.addressText,
      transportFailureReason: '',
      connectionId: nextConnectionId(),
    };
    const { stats, worker } = cluster;
    this.bufferedBytes = new BufferedBytes(stats.upstreamCxRxBytesBuffered, stats.upstreamCxTxBytesBuffered);
    stats.upstreamCxTotal.inc();
    stats.upstreamCxActive.inc();
    host.stats.cxTotal.inc();
    host.stats.cxActive.add(1);
    cluster.breakers[request.priority].connections.inc();
    this.connectStart = clock.now();
    this.connectTimer = new Timer(() => asEvent(() => this.onConnectTimeout()));
    this.durationTimer = new Timer(() => asEvent(() => this.user.onMaxDuration(this)));
    worker.timers.arm(this.connectTimer, cluster.config.connectTimeout);
    this.socket = openSocket(this, request);
  }

  /** Why it could not be made, in the words of reset reasons. */
  get failureReason(): ResetReason {
    if (this.timedOut) return 'connection_timeout';
    return this.failedLocally ? 'local_connection_failure' : 'remote_connection_failure';
  }

  /** The transport is ready. */
  onReady(): void {
    if (!this.connecting || this.closed) return;
    this.connecting = false;
    const { cluster, connectStart } = this;
    const { timers } = cluster.worker;
    timers.cancel(this.connectTimer);
    this.connectEnd = clock.now();
    cluster.stats.upstreamCxConnectMs.record(Math.round(this.connectEnd - connectStart));
    const duration = cluster.config.http.common.maxConnectionDuration;
    if (duration !== undefined && duration > 0) timers.arm(this.durationTimer, duration);
    this.user.onConnected(this);
  }

  /** TLS agreed. */
  onSecure(): void {
    this.tlsEnd = clock.now();
    this.onReady();
  }

  /** TLS failed, and the socket is about to close. @param reason Envoy's text */
  onTransportFailure(reason: string): void {
    this.failure = reason;
    this.info.transportFailureReason = reason;
  }

  private onConnectTimeout(): void {
    this.cluster.stats.upstreamCxConnectTimeout.inc();
    this.timedOut = true;
    this.socket.destroy();
  }

  onRead(count: number, bytes: Buffer): void {
    beginEvent();
    readingFor(this);
    try {
      if (this.request.bytesUncounted !== true) {
        this.cluster.stats.upstreamCxRxBytesTotal.add(count);
        this.bufferedBytes.onRead(count);
      }
      this.user.onRead(count, bytes);
    } catch (error) {
      this.cluster.worker.onBug(error);
      this.socket.destroy();
    } finally {
      readingFor(this);
      endEvent();
    }
  }

  onEnd(): void {
    this.user.onEnd();
  }

  onDrain(): void {
    asEvent(() => this.user.onDrain());
  }

  onError(error: NodeJS.ErrnoException): void {
    if (this.failure === '' && this.connecting) {
      const { address, addressText } = this.host;
      this.failure = connectErrorText(error, addressText, address.kind === 'pipe');
    }
    this.wasReset = error.code === 'ECONNRESET';
    this.failedLocally = isLocalError(error);
    const unbound = bindErrorCount(error);
    if (unbound > 0) this.cluster.stats.bindErrors.add(unbound);
    this.info.transportFailureReason = this.failure;
  }

  /** The socket is gone, by whoever. */
  onClose(): void {
    if (this.closed) return;
    asEvent(() => {
      this.countClosed();
      this.user.onClosed(this);
    });
  }

  /** Its user will close it: whenever that is done, it was us. */
  closing(): void {
    this.closedByUs = true;
  }

  /** Its user closes it, ends the socket as it likes, and hears no more. */
  close(): void {
    if (this.closed) return;
    this.closedByUs = true;
    this.countClosed();
  }

  private countClosed(): void {
    this.closed = true;
    releaseReader(this);
    this.bufferedBytes.close();
    const { cluster, host } = this;
    const { stats, worker } = cluster;
    worker.timers.cancel(this.connectTimer);
    worker.timers.cancel(this.durationTimer);
    const local = this.closedByUs || this.timedOut || this.failedLocally;
    stats.upstreamCxDestroy.inc();
    if (local) stats.upstreamCxDestroyLocal.inc();
    else stats.upstreamCxDestroyRemote.inc();
    if (this.active > 0) {
      stats.upstreamCxDestroyWithActiveRq.inc();
      if (local) stats.upstreamCxDestroyLocalWithActiveRq.inc();
      else stats.upstreamCxDestroyRemoteWithActiveRq.inc();
    }
    if (this.connecting) {
      stats.upstreamCxConnectFail.inc();
      host.stats.cxConnectFail.inc();
    }
    stats.upstreamCxActive.dec();
    host.stats.cxActive.add(-1);
    cluster.breakers[this.request.priority].connections.dec();
    stats.upstreamCxLengthMs.record(Math.round(clock.now() - this.connectStart));
  }
}
