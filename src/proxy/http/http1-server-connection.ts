/**
 * One HTTP/1 connection from a client: bytes to requests, responses to bytes, one request at a time (RFC 9112). What is ambiguous is refused
 * with 400 and the connection closed. Follows config.core.v3.Http1ProtocolOptions.
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { DRAINED } from '#proxy/http/http-connections.ts';
import { type HttpStream, returnStream, takeStream } from '#proxy/http/http-stream.ts';
import { asksProxyToClose, frameRequest, isFramed } from '#proxy/http/http1-request-framing.ts';
import { BY_CLOSE, frameResponse, IN_CHUNKS } from '#proxy/http/http1-response-framing.ts';
import { encodeInterimHead, encodeResponseHead } from '#proxy/http/http1-response-head.ts';
import { refusalReason, refuseRequest } from '#proxy/http/protocol-error.ts';
import { applyTarget } from '#proxy/http/request-target.ts';
import { joinRequestFields } from '#proxy/http/single-fields.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import { asEvent, beginEvent, clock, endEvent, type Resumable, resumeLater } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import { BODY_READ, type Lease, type Reader, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';
import { Headers } from '#wire/headers.ts';
import { BodyReader, type BodySink } from '#wire/http1/body.ts';
import { nameControlCharacter } from '#wire/http1/control-characters.ts';
import { CRLF_LENGTH, fieldBytes } from '#wire/http1/field-bytes.ts';
import { type ConnectionOptions, connectionOptions, NO_LENGTH } from '#wire/http1/framing.ts';
import { parseRequestHead } from '#wire/http1/head.ts';
import { HeldHead } from '#wire/http1/held-head.ts';
import { INCOMPLETE, ParseError } from '#wire/http1/parse-error.ts';
import { statusLine } from '#wire/http1/reason.ts';
import { Known } from '#wire/known-headers.ts';

/** A request's head is next. */
const HEAD = 0;
/** In a request's body. */
const BODY = 1;
/** The request is whole; the response is under way. Nothing more is read until it is done. */
const RESPONDING = 2;
/** Nothing that still comes is looked at. */
const CLOSED = 3;
/** The upgrade was answered; what the client sent before that has not been passed on yet. */
const SWITCHING = 4;

/** A body larger than this is read into a buffer of its own. */
const LARGE_BODY = 64 * 1024;

const CRLF = 0x0d0a;

export class Http1ServerConnection implements ServerConnection, BodySink, Reader, Resumable {
  readonly multiplexed = false;
  readonly connection: DownstreamConnection;
  readonly manager: ConnectionManager;
  readonly socket: Socket;
  readonly outgoing: Outgoing;
  /** The request under way. */
  stream: HttpStream | undefined = undefined;
  readsLargeBody = false;
  largeRead: number = BODY_READ;
  lease: Lease | undefined = undefined;
  /** Requests that this connection has carried. */
  requests = 0;
  /** Close after the response under way. */
  closing = false;
  /** Its time is over: it gets drain_timeout for a last request, then it is closed. */
  draining = false;
  /** Its time is over, and the answer to the next request that begins is its last (http1_safe_max_connection_duration). */
  softDraining = false;
  /** The client has sent something. */
  begun = false;
  private endedByUs = false;
  /** Why it ends, where what was read is no HTTP. */
  private refusal = '';
  /** How many of the bytes sent are in the stats. */
  countedBytes = 0;
  readonly bufferedBytes: BufferedBytes;
  readonly idleTimer: Timer;
  readonly delayedCloseTimer: Timer;
  readonly headTimer: Timer;
  readonly durationTimer: Timer;
  private phase = HEAD;
  private readonly body: BodyReader;
  private readonly held: HeldHead;
  private spare: HttpStream | undefined = undefined;
  private pauses = 0;
  private chunkedResponse = false;
  private bytesBeforeResponse = 0;
  private blocked = false;
  /** The client asks on, but reads no answers: no further request is read until it does. */
  private unread = false;
  private requestBytes = 0;
  /** The connection closes with a delay, so that the client can read why. */
  private lingers = false;

  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    this.socket = socket;
    this.connection = connection;
    this.manager = manager;
    const { downstreamCxRxBytesBuffered: rx, downstreamCxTxBytesBuffered: tx } = manager.stats;
    this.bufferedBytes = connection.countBuffered(rx, tx);
    this.outgoing = new Outgoing(socket, this.bufferedBytes);
    const { common, http1 } = manager.config;
    // Trailers that are dropped anyway may be as many as they like.
    const maxTrailers = http1.enableTrailers ? common.maxHeadersCount : Number.POSITIVE_INFINITY;
    this.body = new BodyReader(() => new Headers(), manager.headBytesLimit, maxTrailers);
    this.held = new HeldHead();
    this.idleTimer = new Timer(() => asEvent(() => manager.connections.onIdle(this)));
    this.delayedCloseTimer = new Timer(() => asEvent(() => manager.connections.onDelayedClose(this)));
    this.headTimer = new Timer(() => asEvent(() => manager.connections.onRequestHeadersTimeout(this)));
    this.durationTimer = new Timer(() => asEvent(() => manager.connections.onDuration(this)));
    manager.connections.onOpen(this);
  }

  /** The connection ended because we closed it: the codec, or a network filter. */
  get closedByUs(): boolean {
    return this.endedByUs || this.connection.closedByUs;
  }

  get sentBytes(): number {
    return this.outgoing.bytes;
  }

  /** Bytes were read from the socket. */
  onRead(count: number, bytes: Buffer): void {
    beginEvent();
    readingFor(this);
    try {
      this.manager.stats.downstreamCxRxBytesTotal.add(count);
      this.bufferedBytes.onRead(count);
      if (this.phase !== CLOSED) this.consume(bytes, 0, count);
    } catch (error) {
      this.manager.onBug(error);
      this.destroy();
    } finally {
      readingFor(this);
      endEvent();
    }
  }

  /** The client closed its side: as in Envoy, that ends the connection and what is under way on it. */
  onEnd(): void {
    this.destroy();
  }

  /** The socket is gone. */
  onClose(): void {
    if (this.phase === CLOSED && this.stream === undefined) {
      this.release();
      return;
    }
    // A request of which only a part of its head came is one that was broken off.
    if (this.phase === HEAD && this.held.length > 0) this.beginStream();
    const stream = this.stream;
    this.phase = CLOSED;
    this.release();
    if (stream !== undefined) this.manager.onDownstreamReset(stream);
  }

  /** The kernel took everything that was written. */
  onDrain(): void {
    if (this.unread) {
      this.unread = false;
      if (this.phase !== RESPONDING) return;
      this.phase = HEAD;
      if (this.held.length > 0) resumeLater(this);
    }
    if (!this.blocked) return;
    this.blocked = false;
    if (this.stream !== undefined) this.stream.filters.router.pauseResponse(false);
  }

  private consume(bytes: Buffer, pos: number, end: number): void {
    while (pos < end) {
      switch (this.phase) {
        case HEAD:
          pos = this.readHead(bytes, pos, end);
          break;
        case BODY: {
          const before = pos;
          pos = this.body.read(bytes, pos, end, this);
          if (pos < 0) return this.refuse(this.stream as HttpStream, pos);
          this.requestBytes += pos - before;
          break;
        }
        case RESPONDING:
        case SWITCHING:
          this.holdBehind(bytes, pos, end);
          return;
        default:
          return;
      }
    }
  }

  /** @returns the position after the head, or `end` where nothing more is to be done with these bytes */
  private readHead(bytes: Buffer, pos: number, end: number): number {
    if (this.held.length > 0) {
      const added = this.held.append(bytes, pos, end);
      if (!this.held.mayBeWhole(added) && this.held.length <= this.manager.headBytesLimit) return end;
      const all = this.held.bytes;
      const length = this.held.length;
      const after = this.parseHead(all, 0, length);
      if (after === INCOMPLETE) return end;
      this.held.clear();
      if (this.startStream(after, after < 0 ? length : after) && after < length) this.consume(all, after, length);
      return end;
    }
    if (bytes[pos] === 13 && end - pos >= 2 && bytes.readUInt16BE(pos) === CRLF) return pos + 2;
    const after = this.parseHead(bytes, pos, end);
    if (after === INCOMPLETE) {
      this.held.append(bytes, pos, end);
      return end;
    }
    return this.startStream(after, after < 0 ? end - pos : after - pos) ? after : end;
  }

  /** Parses into the next stream's fields. @returns the position after the head, INCOMPLETE, or a ParseError */
  private parseHead(bytes: Buffer, start: number, end: number): number {
    const stream = this.takeNext();
    const head = this.manager.requestHead;
    head.headers = stream.requestHeaders;
    const { common, http1 } = this.manager.config;
    const after = parseRequestHead(bytes, start, end, head, common.maxHeadersCount, http1.allowCustomMethods);
    if ((after === INCOMPLETE ? end : after) - start > this.manager.headBytesLimit) return ParseError.HeadTooLarge;
    if (after === INCOMPLETE) {
      stream.requestHeaders.clear();
      if (!this.headTimer.armed) this.manager.connections.onHeadBegun(this);
    } else if (after < 0) return nameControlCharacter(after, bytes, start, end);
    return after;
  }

  /** Begins the stream whose head was parsed, or refuses it. @returns whether reading goes on */
  private startStream(after: number, size: number): boolean {
    const { manager } = this;
    const { method, target, minor } = manager.requestHead;
    const stream = this.beginStream();
    this.requestBytes = size;
    if (minor === 0 && after >= 0) stream.protocol = 'HTTP/1.0';
    if (after < 0) {
      this.refuse(stream, after);
      return false;
    }
    stream.method = method;
    stream.path = target;
    this.beginRequest(stream, minor);
    return true;
  }

  private beginStream(): HttpStream {
    const { manager } = this;
    const stream = this.takeNext();
    this.spare = undefined;
    this.stream = stream;
    this.requests++;
    this.requestBytes = 0;
    this.bytesBeforeResponse = this.outgoing.bytes;
    manager.worker.timers.cancel(this.headTimer);
    manager.worker.timers.cancel(this.idleTimer);
    stream.begin(this, manager);
    stream.protocol = 'HTTP/1.1';
    manager.onStreamBegin(stream, this);
    return stream;
  }

  private beginRequest(stream: HttpStream, minor: number): void {
    const headers = stream.requestHeaders;
    const length = frameRequest(headers, minor, this.manager.config.http1);
    if (!isFramed(length)) return this.refuse(stream, length);
    if (headers.repeated) joinRequestFields(headers);
    let options = connectionOptions(headers);
    if (options.upgrade) options = this.manager.upgrades.passOver(options, headers);
    const kept = minor === 1 ? !asksProxyToClose(headers) : options.keepAlive;
    if (!kept || options.close) this.closing = true;
    // What follows may be meant for a tunnel: whether there will be one or not, it is not read as a request.
    if (stream.method === 'CONNECT' || options.upgrade) {
      this.closing = true;
      stream.openEnded = true;
    }
    const end = length === 0 || length === NO_LENGTH;
    stream.requestEnded = end;
    stream.downstreamHeaderBytesReceived = fieldBytes(headers);
    if (end) {
      this.phase = RESPONDING;
      stream.marks.lastDownstreamRxByte = clock.now();
    } else {
      this.phase = BODY;
      this.body.begin(length);
      this.readsLargeBody = length > LARGE_BODY;
    }
    const wrong = this.readTarget(stream, options);
    if (wrong !== 0) return this.refuse(stream, wrong);
    this.manager.onRequest(stream, options, end);
  }

  /** Settles host, path and scheme. @returns 0, or a ParseError */
  private readTarget(stream: HttpStream, options: ConnectionOptions): number {
    const { config } = this.manager;
    const headers = stream.requestHeaders;
    const given = headers.getKnown(Known.host);
    stream.host = given ?? '';
    // An empty one stays, so that it can be told from none.
    if (given !== '') headers.removeKnown(Known.host);
    if (stream.protocol === 'HTTP/1.0' && given === undefined) stream.host = config.http1.defaultHostForHttp10;
    return applyTarget(stream, config, options);
  }

  /** Part of the request's body; from the body reader. */
  onBody(bytes: Buffer, start: number, end: number): void {
    const stream = this.stream;
    if (stream === undefined || end === start) return;
    stream.bytesReceived += end - start;
    const last = this.body.done;
    if (last) this.requestEnded(stream);
    else if (!this.readsLargeBody && stream.bytesReceived > LARGE_BODY) this.readsLargeBody = true;
    this.manager.onRequestData(stream, bytes.subarray(start, end), last);
  }

  /** The request's body is complete; from the body reader. */
  onBodyEnd(trailers: Headers | undefined): void {
    this.readsLargeBody = false;
    this.largeRead = BODY_READ;
    const stream = this.stream;
    if (stream === undefined) {
      this.phase = this.phase === CLOSED ? CLOSED : HEAD;
      return;
    }
    if (stream.requestEnded) return;
    this.requestEnded(stream);
    if (trailers !== undefined && this.manager.config.http1.enableTrailers)
      this.manager.onRequestTrailers(stream, trailers);
    else this.manager.onRequestData(stream, EMPTY, true);
  }

  private requestEnded(stream: HttpStream): void {
    stream.requestEnded = true;
    stream.marks.lastDownstreamRxByte = clock.now();
    if (this.phase === BODY) this.phase = RESPONDING;
  }

  sendHeaders(stream: HttpStream, end: boolean): void {
    if (stream.switched) return this.switchProtocols(stream, end);
    const { config } = this.manager;
    const headers = stream.responseHeaders;
    const before = this.outgoing.bytes;
    if (this.closing) headers.setKnown(Known.connection, 'close');
    const framed = frameResponse(stream, end);
    this.chunkedResponse = framed === IN_CHUNKS;
    if (framed === BY_CLOSE) {
      this.closing = true;
      headers.setKnown(Known.connection, 'close');
    } else if (!this.closing && stream.protocol === 'HTTP/1.0') headers.setKnown(Known.connection, 'keep-alive');
    this.outgoing.write(encodeResponseHead(stream, config.http1));
    const line = statusLine(stream.responseCode);
    stream.downstreamHeaderBytesSent = this.outgoing.bytes - before - line.length - CRLF_LENGTH;
    if (end) this.responseSent(stream);
  }

  /** The upstream agreed to the upgrade: from now on bytes pass as they come, both ways (RFC 9110, section 7.8). */
  private switchProtocols(stream: HttpStream, end: boolean): void {
    const before = this.outgoing.bytes;
    this.chunkedResponse = false;
    stream.responseHeaders.removeKnown(Known['content-length']);
    this.outgoing.write(encodeResponseHead(stream, this.manager.config.http1));
    stream.downstreamHeaderBytesSent =
      this.outgoing.bytes - before - statusLine(stream.responseCode).length - CRLF_LENGTH;
    if (end) return this.responseSent(stream);
    stream.requestEnded = false;
    this.body.begin(NO_LENGTH);
    this.phase = this.held.length > 0 ? SWITCHING : BODY;
    if (this.phase === SWITCHING) resumeLater(this);
  }

  /** A peer that sends bad messages is not trusted to frame the next one, unless the configuration says otherwise. */
  onBadRequest(): void {
    const { http1, streamErrorOnInvalidHttpMessage } = this.manager.config;
    if (http1.overrideStreamErrorOnInvalidHttpMessage ?? streamErrorOnInvalidHttpMessage) return;
    this.closing = true;
    this.lingers = true;
  }

  sendInterim(_stream: HttpStream, status: number, headers: Headers): void {
    this.manager.countStatus(status);
    this.outgoing.write(encodeInterimHead(status, headers));
  }

  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    if (stream.method !== 'HEAD' && chunk.length > 0) {
      stream.bytesSent += chunk.length;
      if (this.chunkedResponse) {
        this.outgoing.write(`${chunk.length.toString(16)}\r\n`);
        this.outgoing.writeBytes(chunk);
        this.outgoing.write('\r\n');
      } else this.outgoing.writeBytes(chunk);
    }
    if (end) {
      if (this.chunkedResponse) this.outgoing.write('0\r\n\r\n');
      this.responseSent(stream);
    } else if (!this.blocked && this.outgoing.isOver(this.connection.bufferLimit)) {
      this.blocked = true;
      stream.filters.router.pauseResponse(true);
    }
  }

  sendTrailers(stream: HttpStream, trailers: Headers): void {
    if (this.chunkedResponse) {
      this.outgoing.write(this.manager.config.http1.enableTrailers ? trailers.encode('0\r\n') : '0\r\n');
      this.outgoing.write('\r\n');
    }
    this.responseSent(stream);
  }

  sendMetadata(): void {
    this.manager.codecStats.metadataNotSupportedError.inc();
  }

  /** The whole response was handed over: the stream is done, and the next request may come. */
  private responseSent(stream: HttpStream): void {
    const now = clock.now();
    stream.marks.lastDownstreamTxByte = now;
    stream.downstreamWireBytesSent = this.outgoing.bytes - this.bytesBeforeResponse;
    stream.downstreamWireBytesReceived = this.requestBytes;
    const whole = stream.requestEnded && !stream.openEnded;
    // As Envoy counts it: the request is broken off, if by us.
    if (!whole) this.manager.stats.downstreamRqRxReset.inc();
    this.stream = undefined;
    this.blocked = false;
    this.manager.onStreamEnd(stream);
    returnStream(stream);
    if (this.phase === CLOSED) return;
    if (!whole || this.closing) return this.close(!whole || this.lingers, this.refusal || DRAINED);
    this.manager.connections.armIdle(this);
    // Bytes are held, as behind a response under way, until those that were sent are read.
    this.unread = this.outgoing.isOver(this.connection.bufferLimit);
    if (this.unread) return;
    this.phase = HEAD;
    if (this.held.length > 0) resumeLater(this);
  }

  /** What came behind the request that was just answered: more requests (pipelining), or bytes for a tunnel. */
  resume(): void {
    if (this.phase === SWITCHING) this.phase = BODY;
    else if (this.phase !== HEAD || this.held.length === 0) return;
    const { bytes, length } = this.held;
    this.held.clear();
    this.bufferedBytes.onRead(length);
    this.pauseSocket(false);
    try {
      this.consume(bytes, 0, length);
    } catch (error) {
      this.manager.onBug(error);
      this.destroy();
    }
  }

  resetStream(stream: HttpStream): void {
    if (this.stream !== stream) return;
    this.stream = undefined;
    stream.downstreamWireBytesSent = this.outgoing.bytes - this.bytesBeforeResponse;
    stream.downstreamWireBytesReceived = this.requestBytes;
    this.manager.onStreamEnd(stream);
    returnStream(stream);
    this.close(true, this.refusal || DRAINED);
  }

  pauseRequest(_stream: HttpStream, pause: boolean): void {
    const { stats } = this.manager;
    if (pause) stats.downstreamFlowControlPausedReadingTotal.inc();
    else stats.downstreamFlowControlResumedReadingTotal.inc();
    this.pauseSocket(pause);
  }

  private pauseSocket(pause: boolean): void {
    this.pauses += pause ? 1 : -1;
    if (pause && this.pauses === 1) this.socket.pause();
    else if (!pause && this.pauses === 0) this.socket.resume();
  }

  /** Keeps bytes of the next request until this one is answered; until then the socket is not read. */
  private holdBehind(bytes: Buffer, pos: number, end: number): void {
    if (this.held.length === 0) this.pauseSocket(true);
    this.held.append(bytes, pos, end);
  }

  /** Answers what is not HTTP, or not wanted. @param error one of ParseError */
  refuse(stream: HttpStream, error: number): void {
    if (error === ParseError.OldVersion) stream.protocol = 'HTTP/1.1';
    // A head that could not be read as a whole is not shown in part.
    if (!stream.filters.router.started) {
      stream.method = '';
      stream.path = '';
      stream.host = '';
      stream.requestHeaders.clear();
    }
    // As in Envoy, what its codec refuses never ended.
    stream.requestEnded = false;
    this.phase = BODY;
    this.closing = true;
    this.refusal = refusalReason(error);
    refuseRequest(stream, error);
    this.phase = CLOSED;
  }

  /** @returns a stream for the request whose head is not whole yet, to be refused; undefined where there is none. */
  beginUnread(): HttpStream | undefined {
    if (this.phase !== HEAD || this.stream !== undefined) return undefined;
    this.closing = true;
    return this.beginStream();
  }

  /** Closes once everything is written; `wait`: gives the client up to delayed_close_timeout to close first. */
  close(wait: boolean, reason: string): void {
    if (this.socket.destroyed) return;
    this.connection.localCloseReason = reason;
    this.phase = CLOSED;
    this.manager.worker.timers.cancel(this.idleTimer);
    const delay = this.manager.config.delayedCloseTimeout;
    this.endedByUs = !wait || delay === 0;
    if (!this.endedByUs) {
      this.outgoing.flush();
      this.manager.worker.timers.arm(this.delayedCloseTimer, delay);
    } else this.outgoing.end();
  }

  endAfterResponse(): void {
    this.closing = true;
  }

  warn(): void {
    this.closing = true;
    this.lingers = true;
  }

  destroy(): void {
    this.outgoing.flush();
    this.socket.destroy();
  }

  /** Nothing is under way: a connection that is to go may be closed at once. */
  get idle(): boolean {
    if (this.stream !== undefined) return false;
    return this.unread || (this.phase === HEAD && this.held.length === 0);
  }

  /** It speaks another protocol: nothing of it was read here. */
  abandon(): void {
    this.phase = CLOSED;
    this.stopTimers();
    this.manager.connections.onAbandoned(this);
  }

  private takeNext(): HttpStream {
    this.spare ??= takeStream();
    return this.spare;
  }

  private release(): void {
    releaseReader(this);
    this.stopTimers();
    if (this.spare !== undefined) returnStream(this.spare);
    this.spare = undefined;
    this.manager.connections.onClosed(this);
  }

  private stopTimers(): void {
    const { timers } = this.manager.worker;
    timers.cancel(this.idleTimer);
    timers.cancel(this.delayedCloseTimer);
    timers.cancel(this.headTimer);
    timers.cancel(this.durationTimer);
  }
}

const EMPTY = Buffer.alloc(0);
