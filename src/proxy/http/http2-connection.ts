/**
 * The connection of a client of HTTP/2 as such: what it sends, and how it ends (RFC 9113, section 6.8).
 * Follows HttpConnectionManager.delayed_close_timeout.
 */
import type { Socket } from 'node:net';
import type { Timer } from '#base/timers.ts';
import { ClientConnection } from '#proxy/http/client-connection.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { Http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import { type OutputSource, SessionOutgoing } from '#proxy/transport/session-outgoing.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import { MAX_STREAM_ID } from '#wire/http2/frame.ts';
import type { OutputChunk } from '#wire/http2/output-buffer.ts';
import type { Session } from '#wire/http2/session.ts';

export abstract class Http2Connection extends ClientConnection implements OutputSource {
  readonly multiplexed = true;
  readonly outgoing: SessionOutgoing;
  readonly softDraining = false;
  abstract readonly idleTimer: Timer;
  protected abstract readonly delayedCloseTimer: Timer;
  protected abstract readonly session: Session<HttpStream>;
  protected readonly stats: Http2CodecStats;
  /** Nothing that still comes is looked at. */
  protected closed = false;

  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    super(socket, connection, manager);
    this.stats = manager.http2Stats();
    this.outgoing = new SessionOutgoing(socket, this, this.bufferedBytes);
  }

  /** Everything was handed to the socket. */
  abstract onFlushed(): void;

  takeOutput(): OutputChunk | undefined {
    return this.session.takeOutput();
  }

  sent(frames: number): void {
    this.session.sent(frames);
  }

  get outputBytes(): number {
    return this.session.outputBytes;
  }

  onOutput(): void {
    this.outgoing.wake();
  }

  onOutputFull(): void {
    this.outgoing.flush();
  }

  endAfterResponse(): void {
    this.closing = true;
    if (this.session.goawaySent) return;
    this.stats.goawaySent.inc();
    this.session.goaway(ErrorCode.NoError);
  }

  warn(): void {
    if (this.begun && !this.closed) this.session.goaway(ErrorCode.NoError, MAX_STREAM_ID);
  }

  close(wait: boolean, reason: string): void {
    if (this.socket.destroyed) return;
    this.connection.localCloseReason = reason;
    const { manager } = this;
    this.closed = true;
    manager.worker.timers.cancel(this.idleTimer);
    this.outgoing.flush();
    const delay = manager.config.delayedCloseTimeout;
    this.endedByUs = !wait || delay === 0;
    if (this.endedByUs) this.socket.destroySoon();
    else manager.worker.timers.arm(this.delayedCloseTimer, delay);
  }
}
