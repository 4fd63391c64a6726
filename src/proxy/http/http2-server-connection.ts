/**
 * One HTTP/2 connection from a client: streams to requests, responses to frames (RFC 9113). Follows config.core.v3.Http2ProtocolOptions.
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { becomeUpgrade, statusOfUpgrade } from '#proxy/http/extended-connect.ts';
import { DRAINED } from '#proxy/http/http-connections.ts';
import { type HttpStream, returnStream, takeStream } from '#proxy/http/http-stream.ts';
import { countViolation, resetDetails, violationDetails, violationFlag } from '#proxy/http/http2-failures.ts';
import { PrematureResets } from '#proxy/http/premature-resets.ts';
import { joinRequestFields } from '#proxy/http/single-fields.ts';
import { StreamDeadlines } from '#proxy/http/stream-deadlines.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import type { Http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import { asEvent, beginEvent, clock, endEvent } from '#proxy/transport/io-event.ts';
import { KeepalivePings } from '#proxy/transport/keepalive-pings.ts';
import { framedRead, type Lease, type Reader, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';
import { SessionAccount } from '#proxy/transport/session-account.ts';
import { type OutputSource, SessionOutgoing } from '#proxy/transport/session-outgoing.ts';
import type { Headers } from '#wire/headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import { MAX_STREAM_ID } from '#wire/http2/frame.ts';
import type { MessageHead } from '#wire/http2/message-head.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import type { OutputChunk } from '#wire/http2/output-buffer.ts';
import { Session } from '#wire/http2/session.ts';
import type { SessionEvents } from '#wire/http2/session-events.ts';
import type { Stream } from '#wire/http2/stream.ts';
import type { Violation } from '#wire/http2/violation.ts';
import { Known } from '#wire/known-headers.ts';

type WireStream = Stream<HttpStream>;

/** A piece this large is one of a large body, of which the next read gets a buffer of its own. */
const LARGE_PIECE = 8 * 1024;
/** Milliseconds that the rest of a request has which is answered already. */
const REQUEST_GRACE = 200;
const EMPTY = Buffer.alloc(0);
const plain: ConnectionOptions = { close: false, keepAlive: true, upgrade: false, nominated: [] };
const upgrading: ConnectionOptions = { ...plain, upgrade: true };

export class Http2ServerConnection implements ServerConnection, SessionEvents<HttpStream>, OutputSource, Reader {
  readonly multiplexed = true;
  readonly connection: DownstreamConnection;
  readonly manager: ConnectionManager;
  readonly socket: Socket;
  readonly outgoing: SessionOutgoing;
  readsLargeBody = false;
  readonly largeRead: number;
  lease: Lease | undefined = undefined;
  requests = 0;
  begun = false;
  closing = false;
  draining = false;
  readonly softDraining = false;
  private endedByUs = false;
  countedBytes = 0;
  readonly bufferedBytes: BufferedBytes;
  readonly idleTimer: Timer;
  readonly durationTimer: Timer;
  private readonly delayedCloseTimer: Timer;
  /** Runs while a header block is not whole. */
  private readonly headTimer: Timer;
  private readonly session: Session<HttpStream>;
  private readonly stats: Http2CodecStats;
  private readonly account: SessionAccount;
  /** Requests under way. */
  private active = 0;
  /** The connection takes no more for now. */
  private blocked = false;
  /** Nothing that still comes is looked at. */
  private closed = false;
  private pings: KeepalivePings | undefined = undefined;
  /** Answered whole, with data that waits for the client's window: see `tx_flush_timeout`. */
  private unsent: StreamDeadlines<HttpStream> | undefined = undefined;
  /** Answered before their request was whole. */
  private unfinished: StreamDeadlines<HttpStream> | undefined = undefined;
  private readonly prematureResets = new PrematureResets();
  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    this.socket = socket;
    this.connection = connection;
    this.largeRead = framedRead(connection.bufferLimit);
    this.manager = manager;
    this.stats = manager.http2Stats();
    this.session = new Session(manager.http2Options(connection.bufferLimit), this);
    this.account = new SessionAccount(this.session, this.stats);
    const { downstreamCxRxBytesBuffered: rx, downstreamCxTxBytesBuffered: tx } = manager.stats;
    this.bufferedBytes = connection.countBuffered(rx, tx);
    this.outgoing = new SessionOutgoing(socket, this, this.bufferedBytes);
    this.idleTimer = new Timer(() => asEvent(() => manager.connections.onIdle(this)));
    this.durationTimer = new Timer(() => asEvent(() => manager.connections.onDuration(this)));
    this.delayedCloseTimer = new Timer(() => asEvent(() => manager.connections.onDelayedClose(this)));
    this.headTimer = new Timer(() => asEvent(() => this.onHeadTimeout()));
    manager.connections.onOpen(this);
  }

  get closedByUs(): boolean {
    return this.endedByUs || this.connection.closedByUs;
  }

  get sentBytes(): number {
    return this.outgoing.bytes;
  }

  get idle(): boolean {
    return this.active === 0 && this.session.streams.size === 0;
  }

  /* The socket. */

  onRead(count: number, bytes: Buffer): void {
    beginEvent();
    try {
      this.manager.stats.downstreamCxRxBytesTotal.add(count);
      this.bufferedBytes.onRead(count);
      this.readsLargeBody = false;
      if (!this.begun) this.begin();
      if (!this.closed) this.session.receive(bytes, 0, count);
      if (this.session.midBlock !== this.headTimer.armed) this.timeHead();
      this.account.settle();
    } catch (error) {
      this.manager.onBug(error);
      this.destroy();
    } finally {
      readingFor(this);
      endEvent();
    }
  }

  /** The client has sent something: it is told our settings. */
  private begin(): void {
    const { manager } = this;
    manager.connections.begin(this);
    this.stats.nghttp2DownstreamConnections.inc();
    this.session.start();
    const { keepalive } = manager.config.http2;
    if (keepalive !== undefined && keepalive.interval > 0) {
      const ping = { sendPing: () => this.session.ping(), onPingTimeout: () => this.onPingTimeout() };
      this.pings = new KeepalivePings(keepalive, ping, manager.worker.timers, manager.worker.random);
    }
  }

  private timeHead(): void {
    const { connections, worker } = this.manager;
    const patience = connections.headPatience();
    if (this.headTimer.armed) worker.timers.cancel(this.headTimer);
    else if (patience > 0 && !this.closed) worker.timers.arm(this.headTimer, patience);
  }

  /** Without the rest of the block no other frame can be read either. */
  private onHeadTimeout(): void {
    this.manager.stats.downstreamRqHeaderTimeout.inc();
    this.session.goaway(ErrorCode.EnhanceYourCalm);
    this.outgoing.flush();
    this.endAll(Flag.DownstreamProtocolError, 'request_header_timeout');
    this.close(true, DRAINED);
  }

  /** The client closed its side: as in Envoy, that ends the connection and what is under way on it. */
  onEnd(): void {
    this.destroy();
  }

  onClose(): void {
    this.closed = true;
    const details = this.closedByUs ? 'downstream_local_disconnect' : 'downstream_remote_disconnect';
    this.endAll(Flag.DownstreamConnectionTermination, details);
    this.account.close();
    this.release();
  }

  /** The connection goes, and all streams with it. */
  private endAll(flag: number, details: string): void {
    if (this.active > 0) this.manager.onConnectionLost(this);
    for (const wire of this.session.end()) {
      const stream = wire.owner;
      if (stream === undefined) continue;
      this.manager.noteReset(stream, flag, details);
      this.leave(stream, wire);
    }
  }

  onDrain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.updatePauses();
  }

  /* What is to be sent. */

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
  private updatePause(stream: HttpStream): void {
    const pause = stream.responseStarted && (this.blocked || stream.wire?.blocked === true);
    if (pause === stream.responsePaused) return;
    stream.responsePaused = pause;
    stream.filters.router.pauseResponse(pause);
  }

  /* Requests, from the session. */

  onStream(wire: WireStream): void {
    const { manager } = this;
    const stream = takeStream();
    wire.owner = stream;
    wire.headers = stream.requestHeaders;
    stream.wire = wire;
    if (this.active++ === 0) manager.worker.timers.cancel(this.idleTimer);
    this.requests++;
    stream.begin(this, manager);
    stream.protocol = 'HTTP/2';
    manager.onStreamBegin(stream, this);
  }

  onHead(wire: WireStream, head: MessageHead, end: boolean): void {
    const stream = wire.owner as HttpStream;
    const headers = stream.requestHeaders;
    stream.method = head.method;
    stream.path = head.path;
    stream.scheme = head.scheme;
    stream.host = head.authority;
    stream.downstreamHeaderBytesReceived = head.wireBytes;
    if (headers.hasKnown(Known.host)) {
      // What :authority says holds.
      if (head.authority === '') stream.host = headers.getKnown(Known.host) ?? '';
      headers.removeKnown(Known.host);
    }
    if (headers.repeated) joinRequestFields(headers);
    stream.requestEnded = end;
    if (end) stream.marks.lastDownstreamRxByte = clock.now();
    if (head.protocol === '') return this.manager.onRequest(stream, plain, end);
    becomeUpgrade(stream, head.protocol);
    this.manager.onRequest(stream, upgrading, end);
  }

  onInterim(): void {
    // Clients send none.
  }

  onData(wire: WireStream, bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = wire.owner;
    if (stream === undefined) return;
    const size = end - start;
    stream.bytesReceived += size;
    if (size >= LARGE_PIECE) this.readsLargeBody = true;
    if (last) this.requestEnded(stream);
    this.manager.onRequestData(stream, size === 0 ? EMPTY : bytes.subarray(start, end), last);
  }

  onTrailers(wire: WireStream, trailers: Headers, wireBytes: number): void {
    const stream = wire.owner;
    if (stream === undefined) return;
    stream.downstreamHeaderBytesReceived += wireBytes;
    this.requestEnded(stream);
    this.manager.onRequestTrailers(stream, trailers);
  }

  onMetadata(wire: WireStream, fields: MetadataFields): void {
    if (fields.size === 0) this.stats.metadataEmptyFrames.inc();
    else wire.owner?.filters.router.requestMetadata(fields);
  }

  private requestEnded(stream: HttpStream): void {
    stream.requestEnded = true;
    stream.marks.lastDownstreamRxByte = clock.now();
  }

  onReset(wire: WireStream, code: number): void {
    this.onStreamClosed(wire);
    const stream = wire.owner;
    if (stream === undefined) return;
    this.manager.noteReset(stream, Flag.DownstreamRemoteReset, resetDetails(code));
    this.leave(stream, wire);
  }

  onStreamError(wire: WireStream, violation: Violation): void {
    countViolation(violation, this.stats);
    this.onStreamClosed(wire);
    const stream = wire.owner;
    if (stream === undefined) return;
    this.breakOff(stream, wire, violation);
  }

  /** Ends a stream by whose client a rule was broken. */
  private breakOff(stream: HttpStream, wire: WireStream, violation: Violation): void {
    // A head that could not be read as a whole is not shown in part.
    if (!stream.filters.router.started) {
      stream.requestHeaders.clear();
      wire.wireReceived = 0;
    }
    this.manager.noteReset(stream, violationFlag(violation), violationDetails(violation));
    this.leave(stream, wire);
  }

  onStreamBlocked(wire: WireStream): void {
    if (wire.owner !== undefined) this.updatePause(wire.owner);
  }

  /** The session is done with a stream; its request may have left before. */
  onStreamClosed(wire: WireStream): void {
    this.unsent?.forget(wire);
    this.unfinished?.forget(wire);
    if (wire.owner === undefined) this.afterStream();
  }

  onGoaway(): void {
    // The client goes on with what it has; it closes the connection when it is done.
  }

  onSettings(): void {
    // The session keeps to them.
  }

  onPingAck(): void {
    this.pings?.onAck();
  }

  private onPingTimeout(): void {
    this.stats.keepaliveTimeout.inc();
    this.connection.terminationDetails = 'http2_ping_timeout';
    this.connection.localCloseReason = 'http2_ping_timeout';
    this.destroy();
  }

  onConnectionError(violation: Violation): void {
    if (!countViolation(violation, this.stats)) this.manager.stats.downstreamCxProtocolError.inc();
    this.manager.log.debug(() => `[C${this.connection.id}] dispatch error: ${violation.text}`);
    this.endedByUs = true;
    if (this.active > 0) this.manager.onConnectionLost(this);
    for (const wire of [...this.session.streams.values()]) {
      const stream = wire.owner;
      if (stream !== undefined) this.breakOff(stream, wire, violation);
    }
    this.connection.stream.setFlag(Flag.DownstreamProtocolError);
    this.close(true, `codec_error:${violation.text.replaceAll(' ', '_')}`);
  }

  /* Responses, from the manager. */

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

  /** The request is over. */
  private leave(stream: HttpStream, wire: WireStream): void {
    const { manager } = this;
    wire.owner = undefined;
    stream.wire = undefined;
    stream.downstreamWireBytesReceived = wire.wireReceived;
    stream.downstreamWireBytesSent = wire.wireSent;
    this.active--;
    const seconds = (clock.now() - stream.marks.start) / 1000;
    const tooMany = this.prematureResets.add(seconds, stream.responseCode !== 0, manager.worker.runtime);
    manager.onStreamEnd(stream);
    returnStream(stream);
    if (tooMany && !this.closed) this.endForResets();
    this.afterStream();
  }

  private endForResets(): void {
    const { stats } = this.manager;
    stats.downstreamRqTooManyPrematureResets.inc();
    stats.downstreamCxProtocolError.inc();
    this.closed = true;
    this.endedByUs = true;
    this.connection.terminationDetails = 'too_many_premature_resets';
    this.connection.localCloseReason = 'codec_error:Connection_was_closed_while_dispatching_frames';
    this.endAll(Flag.DownstreamConnectionTermination, 'downstream_local_disconnect');
    this.socket.destroy();
  }

  private afterStream(): void {
    if (this.closed || !this.idle) return;
    if (this.closing) this.close(true, DRAINED);
    else this.manager.connections.armIdle(this);
  }

  /* The connection. */

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

  destroy(): void {
    this.outgoing.flush();
    this.socket.destroy();
  }

  private release(): void {
    releaseReader(this);
    const { timers } = this.manager.worker;
    timers.cancel(this.idleTimer);
    timers.cancel(this.delayedCloseTimer);
    timers.cancel(this.headTimer);
    timers.cancel(this.durationTimer);
    this.pings?.stop();
    this.unsent?.stop();
    this.unfinished?.stop();
    this.manager.connections.onClosed(this);
  }
}
