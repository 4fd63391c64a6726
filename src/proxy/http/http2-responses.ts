/**
 * What the clients of an HTTP/2 connection are sent: the responses of its streams, and how long what of them waits may wait (RFC 9113).
 * Follows HttpConnectionManager.stream_flush_timeout.
 */
import { statusOfUpgrade } from '#proxy/http/extended-connect.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Http2Connection } from '#proxy/http/http2-connection.ts';
import { StreamDeadlines } from '#proxy/http/stream-deadlines.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { SessionAccount } from '#proxy/transport/session-account.ts';
import type { Headers } from '#wire/headers.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import type { Stream } from '#wire/http2/stream.ts';

export type WireStream = Stream<HttpStream>;

/** Milliseconds that the rest of a request has which is answered already. */
const REQUEST_GRACE = 200;

export const EMPTY = Buffer.alloc(0);

export abstract class Http2Responses extends Http2Connection {
  protected abstract readonly account: SessionAccount;
  /** The connection takes no more for now. */
  private blocked = false;
  /** Answered whole, with data that waits for the client's window: see `tx_flush_timeout`. */
  private unsent: StreamDeadlines<HttpStream> | undefined = undefined;
  /** Answered before their request was whole. */
  private unfinished: StreamDeadlines<HttpStream> | undefined = undefined;

  /** The request is over. */
  protected abstract leave(stream: HttpStream, wire: WireStream): void;

  /** A stream is gone, and maybe it was the last. */
  protected abstract afterStream(): void;

  onDrain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.updatePauses();
  }

  onFlushed(): void {
    if (!this.blocked && this.outgoing.isOver(this.connection.bufferLimit)) {
      this.blocked = true;
      this.updatePauses();
    }
    this.account.settle();
  }

  private updatePauses(): void {
    for (const { owner } of [...this.session.streams.values()]) if (owner !== undefined) this.updatePause(owner);
  }

  /** A response waits while the connection takes no more, or the stream's window is closed and enough is held. */
  protected updatePause(stream: HttpStream): void {
    const pause = stream.responseStarted && (this.blocked || stream.wire?.blocked === true);
    if (pause === stream.responsePaused) return;
    stream.responsePaused = pause;
    stream.filters.router.pauseResponse(pause);
  }

  sendHeaders(stream: HttpStream, end: boolean): void {
    const wire = stream.wire;
    if (wire === undefined) return;
    const status = stream.upgrading ? statusOfUpgrade(stream) : stream.responseCode;
    const before = wire.wireSent;
    this.session.sendResponse(wire, status, stream.responseHeaders, end);
    stream.downstreamHeaderBytesSent += wire.wireSent - before;
    if (end) this.responseSent(stream, wire);
    else if (this.blocked) this.updatePause(stream);
  }

  sendInterim(stream: HttpStream, status: number, headers: Headers): void {
    const wire = stream.wire;
    if (wire === undefined) return;
    this.manager.countStatus(status);
    const before = wire.wireSent;
    this.session.sendInterim(wire, status, headers);
    stream.downstreamHeaderBytesSent += wire.wireSent - before;
  }

  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    const wire = stream.wire;
    if (wire === undefined) return;
    const body = stream.method === 'HEAD' ? EMPTY : chunk;
    stream.bytesSent += body.length;
    this.session.sendData(wire, body, end);
    if (end) this.responseSent(stream, wire);
  }

  sendTrailers(stream: HttpStream, trailers: Headers): void {
    const wire = stream.wire;
    if (wire === undefined) return;
    const before = wire.wireSent;
    this.session.sendTrailers(wire, trailers);
    if (wire.localSent) stream.downstreamHeaderBytesSent += wire.wireSent - before;
    this.responseSent(stream, wire);
  }

  sendMetadata({ wire }: HttpStream, fields: MetadataFields): void {
    if (wire !== undefined) this.session.sendMetadata(wire, fields);
  }

  /** The whole response was handed over. What of it waits for the client's window goes out without its stream. */
  private responseSent(stream: HttpStream, wire: WireStream): void {
    stream.marks.lastDownstreamTxByte = clock.now();
    if (!stream.requestEnded) this.waitForRequest(wire);
    if (wire.pendingBytes > 0) this.waitForWindow(stream, wire);
    this.leave(stream, wire);
  }

  /** The request is no longer wanted; what of it is on its way may end it properly, before it is broken off (RFC 9113, section 8.1). */
  private waitForRequest(wire: WireStream): void {
    const { stats, worker } = this.manager;
    stats.downstreamRqRxReset.inc();
    this.unfinished ??= new StreamDeadlines(worker.timers, (late) => {
      this.session.resetAfterSent(late, ErrorCode.NoError);
      this.afterStream();
    });
    this.unfinished.watch(wire, REQUEST_GRACE);
  }

  private waitForWindow({ selected }: HttpStream, wire: WireStream): void {
    const { config, worker } = this.manager;
    const action = selected?.config.action;
    const patience = (action?.kind === 'route' ? action.flushTimeout : undefined) ?? config.streamFlushTimeout;
    this.unsent ??= new StreamDeadlines(worker.timers, (late) => {
      this.stats.txFlushTimeout.inc();
      this.session.reset(late, ErrorCode.InternalError);
      this.afterStream();
    });
    this.unsent.watch(wire, patience);
  }

  onBadRequest(): void {
    // A bad request costs its stream alone.
  }

  refuse(stream: HttpStream, error: number): void {
    const details = error === ParseError.Underscore ? 'http2.unexpected_underscore' : 'http2.invalid.header.field';
    this.manager.noteReset(stream, 0, details);
    this.drop(stream, ErrorCode.InternalError);
  }

  resetStream(stream: HttpStream): void {
    this.drop(stream, stream.upgrading ? ErrorCode.ConnectError : ErrorCode.InternalError);
  }

  private drop(stream: HttpStream, code: number): void {
    const wire = stream.wire;
    if (wire === undefined) return;
    this.session.reset(wire, code);
    this.leave(stream, wire);
  }

  pauseRequest(stream: HttpStream, pause: boolean): void {
    const { stats } = this.manager;
    if (pause) stats.downstreamFlowControlPausedReadingTotal.inc();
    else stats.downstreamFlowControlResumedReadingTotal.inc();
    if (stream.wire !== undefined) this.session.pause(stream.wire, pause);
  }

  /** The session is done with the stream. */
  protected forget(wire: WireStream): void {
    this.unsent?.forget(wire);
    this.unfinished?.forget(wire);
  }

  protected stopWaiting(): void {
    this.unsent?.stop();
    this.unfinished?.stop();
  }
}
