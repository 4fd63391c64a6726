/**
 * One HTTP/2 connection from a client, and how its streams become requests (RFC 9113). Follows config.core.v3.Http2ProtocolOptions.
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { becomeUpgrade } from '#proxy/http/extended-connect.ts';
import { DRAINED } from '#proxy/http/http-connections.ts';
import { type HttpStream, returnStream, takeStream } from '#proxy/http/http-stream.ts';
import { countViolation, resetDetails, violationDetails, violationFlag } from '#proxy/http/http2-failures.ts';
import { EMPTY, Http2Responses, type WireStream } from '#proxy/http/http2-responses.ts';
import { PrematureResets } from '#proxy/http/premature-resets.ts';
import { joinRequestFields } from '#proxy/http/single-fields.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { asEvent, beginEvent, clock, endEvent } from '#proxy/transport/io-event.ts';
import { KeepalivePings } from '#proxy/transport/keepalive-pings.ts';
import { framedRead, type Lease, type Reader, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';
import { SessionAccount } from '#proxy/transport/session-account.ts';
import type { Headers } from '#wire/headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import type { MessageHead } from '#wire/http2/message-head.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import { Session } from '#wire/http2/session.ts';
import type { SessionEvents } from '#wire/http2/session-events.ts';
import type { Violation } from '#wire/http2/violation.ts';
import { Known } from '#wire/known-headers.ts';

/** A piece this large is one of a large body, of which the next read gets a buffer of its own. */
const LARGE_PIECE = 8 * 1024;
const plain: ConnectionOptions = { close: false, keepAlive: true, upgrade: false, nominated: [] };
const upgrading: ConnectionOptions = { ...plain, upgrade: true };

export class Http2ServerConnection
  extends Http2Responses
  implements ServerConnection, SessionEvents<HttpStream>, Reader
{
  readsLargeBody = false;
  readonly largeRead: number;
  lease: Lease | undefined = undefined;
  requests = 0;
  readonly idleTimer: Timer;
  readonly durationTimer: Timer;
  protected readonly delayedCloseTimer: Timer;
  /** Runs while a header block is not whole. */
  private readonly headTimer: Timer;
  protected readonly session: Session<HttpStream>;
  protected readonly account: SessionAccount;
  /** Requests under way. */
  private active = 0;
  private pings: KeepalivePings | undefined = undefined;
  private readonly prematureResets = new PrematureResets();

  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    super(socket, connection, manager);
    this.largeRead = framedRead(connection.bufferLimit);
    this.session = new Session(manager.http2Options(connection.bufferLimit), this);
    this.account = new SessionAccount(this.session, this.stats, true);
    this.idleTimer = new Timer(() => asEvent(() => manager.connections.onIdle(this)));
    this.durationTimer = new Timer(() => asEvent(() => manager.connections.onDuration(this)));
    this.delayedCloseTimer = new Timer(() => asEvent(() => manager.connections.onDelayedClose(this)));
    this.headTimer = new Timer(() => asEvent(() => this.onHeadTimeout()));
    manager.connections.onOpen(this);
  }

  get idle(): boolean {
    return this.active === 0 && this.session.streams.size === 0;
  }

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
    this.forget(wire);
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

  /** The request is over. */
  protected leave(stream: HttpStream, wire: WireStream): void {
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

  protected afterStream(): void {
    if (this.closed || !this.idle) return;
    if (this.closing) this.close(true, DRAINED);
    else this.manager.connections.armIdle(this);
  }

  private release(): void {
    releaseReader(this);
    const { timers } = this.manager.worker;
    timers.cancel(this.idleTimer);
    timers.cancel(this.delayedCloseTimer);
    timers.cancel(this.headTimer);
    timers.cancel(this.durationTimer);
    this.pings?.stop();
    this.stopWaiting();
    this.manager.connections.onClosed(this);
  }
}
