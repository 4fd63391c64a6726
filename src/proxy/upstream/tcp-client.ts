/**
 * One upstream connection that carries one downstream connection, counted as Envoy's TCP pool counts it: as a request that waits for its
 * connection and then has it for life. Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling
 */
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { ByteSender } from '#proxy/transport/byte-sender.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { STREAM_READ } from '#proxy/transport/read-buffers.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import {
  type ConnectionRequest,
  type ConnectionUser,
  UpstreamConnection,
} from '#proxy/upstream/upstream-connection.ts';

/** Who a connection is for. Each is called in an event. */
export interface TcpClientUser {
  /** Bytes may be sent, and come. */
  onUpstreamReady(): void;
  /** There will be no connection. @param tried undefined where none was begun */
  onUpstreamFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void;
  /** `bytes` are good only until this returns. */
  onUpstreamData(count: number, bytes: Buffer): void;
  /** The host sends no more. */
  onUpstreamEnd(): void;
  /** After `send` said that too much waits: it does not any more. */
  onUpstreamDrained(): void;
  /** The connection is gone. @param reset the host broke it off */
  onUpstreamClosed(reset: boolean): void;
}

/** A read of this size or more is followed by others: they get a buffer of their own. */
const LARGE_READ = 16 * 1024;

/** What carries a connection's bytes on: a TCP connection of its own, or a tunnel. */
export interface TcpUpstream {
  /** @returns whether too much waits now, and did not before */
  send(bytes: Buffer, count: number): boolean;
  /** Nothing more will be sent. */
  end(): void;
  pause(pause: boolean): void;
  /** Ends it at once. @param reset so that the host sees that it was broken off */
  close(reset: boolean): void;
  /** Ends it once everything is sent. @returns whether that takes until later */
  closeAfterFlush(done: () => void): boolean;
  readonly info: UpstreamInfo;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** When connecting began, was done, and when TLS was agreed on; -1: never. */
  readonly connectStart: number;
  readonly connectEnd: number;
  readonly tlsEnd: number;
}

export class TcpClient implements ConnectionUser, TcpUpstream {
  private readonly connection: UpstreamConnection;
  private readonly request: ConnectionRequest;
  private readonly sender: ByteSender;
  private user: TcpClientUser | undefined;
  private attached = false;
  private pending = true;
  private paused = false;
  private ended = false;
  private hostEnded = false;
  private flushed: (() => void) | undefined = undefined;

  /** @returns undefined where too many wait for connections: `user` was told */
  static open(request: ConnectionRequest, user: TcpClientUser): TcpClient | undefined {
    const { cluster, priority } = request;
    const { pendingRequests } = cluster.breakers[priority];
    if (pendingRequests.canCreate()) return new TcpClient(request, user);
    cluster.stats.upstreamRqPendingOverflow.inc();
    user.onUpstreamFailure('overflow', '');
    return undefined;
  }

  private constructor(request: ConnectionRequest, user: TcpClientUser) {
    const { cluster, host, priority } = request;
    const { stats, breakers } = cluster;
    this.request = request;
    this.user = user;
    breakers[priority].pendingRequests.inc();
    stats.upstreamRqPendingTotal.inc();
    stats.upstreamRqPendingActive.inc();
    host.stats.rqPendingActive.add(1);
    this.connection = new UpstreamConnection(request, this);
    const { socket } = this.connection;
    socket.allowHalfOpen = true;
    this.connection.largeRead = STREAM_READ;
    this.sender = new ByteSender(
      socket,
      cluster.config.perConnectionBufferLimitBytes,
      () => asEvent(() => this.user?.onUpstreamDrained()),
      this.connection.bufferedBytes,
    );
  }

  get info(): UpstreamInfo {
    return this.connection.info;
  }

  get connectStart(): number {
    return this.connection.connectStart;
  }

  get connectEnd(): number {
    return this.connection.connectEnd;
  }

  get tlsEnd(): number {
    return this.connection.tlsEnd;
  }

  get bytesSent(): number {
    return this.sender.bytes;
  }

  get bytesReceived(): number {
    return this.connection.socket.bytesRead;
  }

  send(bytes: Buffer, count: number): boolean {
    this.request.cluster.stats.upstreamCxTxBytesTotal.add(count);
    if (!this.sender.write(bytes, count)) return false;
    this.request.cluster.stats.upstreamFlowControlBackedUpTotal.inc();
    return true;
  }

  end(): void {
    const { connection } = this;
    this.ended = true;
    if (connection.closed) return;
    // Who is the last to end his side closes the connection.
    if (this.hostEnded) connection.closing();
    connection.socket.end();
  }

  pause(pause: boolean): void {
    if (this.paused === pause || this.connection.closed) return;
    this.paused = pause;
    const { stats } = this.request.cluster;
    if (pause) {
      stats.upstreamFlowControlPausedReadingTotal.inc();
      this.connection.socket.pause();
    } else {
      stats.upstreamFlowControlResumedReadingTotal.inc();
      this.connection.socket.resume();
    }
  }

  close(reset: boolean): void {
    this.user = undefined;
    if (this.connection.closed) return;
    const { socket } = this.connection;
    this.connection.close();
    this.settle(true);
    if (reset && !socket.connecting && !('encrypted' in socket)) socket.resetAndDestroy();
    else socket.destroy();
  }

  closeAfterFlush(done: () => void): boolean {
    this.user = undefined;
    const { connection } = this;
    if (connection.closed) return false;
    const waits = this.sender.buffered > 0;
    if (waits) this.flushed = done;
    // Where both sides have ended, it closes by itself.
    if (!this.ended || !this.hostEnded) connection.closing();
    connection.socket.destroySoon();
    return waits;
  }

  onConnected(): void {
    const { stats, breakers } = this.request.cluster;
    this.notPending();
    this.attached = true;
    breakers[this.request.priority].requests.inc();
    stats.upstreamRqTotal.inc();
    stats.upstreamRqActive.inc();
    this.request.host.stats.rqTotal.inc();
    this.request.host.stats.rqActive.add(1);
    if (this.request.cluster.config.http.common.maxRequestsPerConnection === 1) stats.upstreamCxMaxRequests.inc();
    this.connection.active = 1;
    this.user?.onUpstreamReady();
  }

  onRead(count: number, bytes: Buffer): void {
    this.connection.readsLargeBody = count >= LARGE_READ;
    this.user?.onUpstreamData(count, bytes);
  }

  onEnd(): void {
    this.hostEnded = true;
    asEvent(() => this.user?.onUpstreamEnd());
  }

  onDrain(): void {
    this.sender.checkDrained();
  }

  onMaxDuration(): void {
    this.request.cluster.stats.upstreamCxMaxDurationReached.inc();
  }

  onClosed(connection: UpstreamConnection): void {
    const { user } = this;
    this.user = undefined;
    const failed = this.pending;
    this.settle(false);
    this.flushed?.();
    if (user === undefined) return;
    if (failed) user.onUpstreamFailure(connection.failureReason, connection.failure, connection.info);
    else user.onUpstreamClosed(connection.wasReset);
  }

  private notPending(): void {
    if (!this.pending) return;
    this.pending = false;
    const { cluster, host, priority } = this.request;
    cluster.breakers[priority].pendingRequests.dec();
    cluster.stats.upstreamRqPendingActive.dec();
    host.stats.rqPendingActive.add(-1);
  }

  /** It is over. @param givenUp by its user */
  private settle(givenUp: boolean): void {
    const { cluster, host, priority } = this.request;
    const { stats } = cluster;
    if (this.pending) {
      if (givenUp) stats.upstreamRqCancelled.inc();
      else stats.upstreamRqPendingFailureEject.inc();
      this.notPending();
    }
    if (!this.attached) return;
    this.attached = false;
    cluster.breakers[priority].requests.dec();
    stats.upstreamRqActive.dec();
    host.stats.rqActive.add(-1);
  }
}
