/**
 * One HTTP/1 connection from a client, and how its bytes become requests, one at a time (RFC 9112). What is ambiguous is refused with 400 and
 * the connection closed. Follows config.core.v3.Http1ProtocolOptions.
 */
import type { Socket } from 'node:net';
import { Timer } from '#base/timers.ts';
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { DRAINED } from '#proxy/http/http-connections.ts';
import { type HttpStream, returnStream, takeStream } from '#proxy/http/http-stream.ts';
import { BODY, CLOSED, HEAD, RESPONDING, SWITCHING } from '#proxy/http/http1-connection.ts';
import { asksProxyToClose, frameRequest, isFramed } from '#proxy/http/http1-request-framing.ts';
import { Http1Responses } from '#proxy/http/http1-responses.ts';
import { refusalReason, refuseRequest } from '#proxy/http/protocol-error.ts';
import { applyTarget } from '#proxy/http/request-target.ts';
import { joinRequestFields } from '#proxy/http/single-fields.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { asEvent, beginEvent, clock, endEvent, type Resumable, resumeLater } from '#proxy/transport/io-event.ts';
import { BODY_READ, type Lease, type Reader, readingFor, releaseReader } from '#proxy/transport/read-buffers.ts';
import { Headers } from '#wire/headers.ts';
import { BodyReader, type BodySink } from '#wire/http1/body.ts';
import { nameControlCharacter } from '#wire/http1/control-characters.ts';
import { fieldBytes } from '#wire/http1/field-bytes.ts';
import { type ConnectionOptions, connectionOptions, NO_LENGTH } from '#wire/http1/framing.ts';
import { parseRequestHead } from '#wire/http1/head.ts';
import { HeldHead } from '#wire/http1/held-head.ts';
import { INCOMPLETE, ParseError } from '#wire/http1/parse-error.ts';
import { Known } from '#wire/known-headers.ts';

/** A body larger than this is read into a buffer of its own. */
const LARGE_BODY = 64 * 1024;

const CRLF = 0x0d0a;

export class Http1ServerConnection extends Http1Responses implements ServerConnection, BodySink, Reader, Resumable {
  readsLargeBody = false;
  largeRead: number = BODY_READ;
  lease: Lease | undefined = undefined;
  /** Requests that this connection has carried. */
  requests = 0;
  readonly idleTimer: Timer;
  readonly delayedCloseTimer: Timer;
  readonly headTimer: Timer;
  readonly durationTimer: Timer;
  private readonly body: BodyReader;
  private readonly held: HeldHead;
  private spare: HttpStream | undefined = undefined;
  private pauses = 0;
  /** The client asks on, but reads no answers: no further request is read until it does. */
  private unread = false;
  private requestBytes = 0;
  /** Why it ends, where what was read is no HTTP. */
  private refusal = '';

  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    super(socket, connection, manager);
    const { common, http1 } = manager.config;
    // Trailers that are dropped anyway may be as many as they like.
    const maxTrailers = http1.enableTrailers ? common.maxHeadersCount : Number.POSITIVE_INFINITY;
    this.body = new BodyReader(() => new Headers(), manager.headBytesLimit, maxTrailers);
    this.held = new HeldHead();
    const { connections } = manager;
    this.idleTimer = new Timer(() => asEvent(() => connections.onIdle(this)));
    this.delayedCloseTimer = new Timer(() => asEvent(() => connections.onDelayedClose(this)));
    this.headTimer = new Timer(() => asEvent(() => connections.onRequestHeadersTimeout(this)));
    this.durationTimer = new Timer(() => asEvent(() => connections.onDuration(this)));
    connections.onOpen(this);
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

  protected beginTunnel(): void {
    this.body.begin(NO_LENGTH);
    this.phase = this.held.length > 0 ? SWITCHING : BODY;
    if (this.phase === SWITCHING) resumeLater(this);
  }

  /** The whole response was handed over: the stream is done, and the next request may come. */
  protected responseSent(stream: HttpStream): void {
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
}

const EMPTY = Buffer.alloc(0);
