/**
 * One HTTP/1 connection to an upstream host: a request at a time out, its response back (RFC 9112). It belongs to a pool.
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { joinResponseFields } from '#proxy/http/single-fields.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';
import { BODY_READ } from '#proxy/transport/read-buffers.ts';
import type { HttpPool } from '#proxy/upstream/http-pool.ts';
import { encodeRequestHead, requestLineLength } from '#proxy/upstream/http1-request-head.ts';
import { PooledClient } from '#proxy/upstream/pooled-client.ts';
import type { HttpWaiter, RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { ResponseReceiver } from '#proxy/upstream/response-receiver.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import { Headers } from '#wire/headers.ts';
import { BodyReader, type BodySink } from '#wire/http1/body.ts';
import { CRLF_LENGTH, fieldBytes } from '#wire/http1/field-bytes.ts';
import { CHUNKED, connectionOptions, framing, NO_LENGTH } from '#wire/http1/framing.ts';
import { parseResponseHead, type ResponseHead } from '#wire/http1/head.ts';
import { HeldHead } from '#wire/http1/held-head.ts';
import { INCOMPLETE, ParseError, parseErrorText } from '#wire/http1/parse-error.ts';
import { Known } from '#wire/known-headers.ts';

const READY = 1;
/** A response's head is next. */
const HEAD = 2;
const BODY = 3;
/** The response is whole, the request is not: whatever comes now is an error. */
const ANSWERED = 4;
const CLOSED = 5;

const LARGE_BODY = 64 * 1024;

export class Http1Client extends PooledClient<HttpWaiter> implements RequestEncoder, BodySink {
  readonly protocol = 'HTTP/1.1';
  protected readonly concurrency = 1;
  private readonly pool: HttpPool;
  private readonly outgoing: Outgoing;
  private receiver: ResponseReceiver | undefined = undefined;
  private state = READY;
  private readonly body: BodyReader;
  private readonly held = new HeldHead();
  private readonly head: ResponseHead = { status: 0, reason: '', minor: 1, headers: new Headers() };
  private headRequest = false;
  /** The request asks for an upgrade; once that is answered with 101, this connection is a tunnel. */
  private upgrading = false;
  private tunnel = false;
  /** The request is a CONNECT: once it is answered with 2xx, bytes pass as they are (RFC 9110, section 9.3.6). */
  private connectRequest = false;
  private requestEnded = false;
  private chunkedRequest = false;
  private keepAlive = true;
  private blocked = false;
  private paused = false;
  /** In the middle of what was read. */
  private reading = false;
  /** The request is over, and the pool is to hear so. */
  private freed = false;
  private responseBytes = 0;
  /** Up to where in the buffer being read the body is in `responseBytes`. */
  private bodyCounted = 0;
  private bytesBefore = 0;
  private countedBytes = 0;

  constructor(pool: HttpPool, connection: UpstreamConnection) {
    super(pool, connection);
    this.pool = pool;
    this.outgoing = new Outgoing(connection.socket, connection.bufferedBytes);
    this.body = new BodyReader(() => new Headers(), pool.headBytesLimit, pool.maxHeadersCount);
  }

  begin(waiter: HttpWaiter): void {
    this.receiver = waiter;
    this.state = HEAD;
    this.requestEnded = false;
    this.keepAlive = true;
    this.responseBytes = 0;
    this.bytesBefore = this.outgoing.bytes;
    waiter.onPoolReady(this);
  }

  get wireSent(): number {
    return this.outgoing.bytes - this.bytesBefore;
  }

  get wireReceived(): number {
    return this.responseBytes;
  }

  /** Sends the request's head from `stream`. */
  sendHeaders(stream: HttpStream, end: boolean): void {
    const headers = stream.requestHeaders;
    this.headRequest = stream.method === 'HEAD';
    this.connectRequest = stream.method === 'CONNECT';
    this.upgrading = stream.upgrading && !this.connectRequest;
    this.chunkedRequest = false;
    let framingLine = '';
    // What is sent behind an upgrade or CONNECT is for the tunnel.
    if (!headers.hasKnown(Known['content-length']) && !this.connectRequest && !this.upgrading) {
      if (!end) {
        this.chunkedRequest = true;
        framingLine = 'transfer-encoding: chunked\r\n';
      } else if (hasBody(stream.method)) framingLine = 'content-length: 0\r\n';
    }
    const before = this.outgoing.bytes;
    const { http1 } = this.pool.cluster.config.http;
    this.outgoing.write(encodeRequestHead(stream, http1, framingLine));
    stream.upstreamHeaderBytesSent += this.outgoing.bytes - before - requestLineLength(stream, http1) - CRLF_LENGTH;
    stream.marks.firstUpstreamTxByte = clock.now();
    if (end) this.endRequest(stream);
  }

  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    if (this.state === CLOSED) return;
    if (chunk.length > 0) {
      if (this.chunkedRequest) {
        this.outgoing.write(`${chunk.length.toString(16)}\r\n`);
        this.outgoing.writeBytes(chunk);
        this.outgoing.write('\r\n');
      } else this.outgoing.writeBytes(chunk);
    }
    if (end) {
      if (this.chunkedRequest) this.outgoing.write('0\r\n\r\n');
      this.endRequest(stream);
    } else if (!this.blocked && this.outgoing.isOver(this.pool.cluster.config.perConnectionBufferLimitBytes)) {
      this.blocked = true;
      this.receiver?.onRequestBlocked(true);
    }
  }

  sendTrailers(stream: HttpStream, trailers: Headers): void {
    if (this.state === CLOSED) return;
    if (this.chunkedRequest) {
      this.outgoing.write(this.pool.cluster.config.http.http1.enableTrailers ? trailers.encode('0\r\n') : '0\r\n');
      this.outgoing.write('\r\n');
    }
    this.endRequest(stream);
  }

  sendMetadata(): void {
    this.pool.cluster.http1Stats().metadataNotSupportedError.inc();
  }

  private endRequest(stream: HttpStream): void {
    this.requestEnded = true;
    stream.marks.lastUpstreamTxByte = clock.now();
    if (!this.connectRequest || this.state !== BODY) return;
    this.outgoing.flush();
    this.connection.socket.end();
  }

  /** The request is given up: its connection cannot be used again. */
  reset(): void {
    this.receiver = undefined;
    this.close();
  }

  onDrain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.receiver?.onRequestBlocked(false);
  }

  pause(pause: boolean): void {
    if (this.paused === pause) return;
    this.paused = pause;
    const { socket } = this.connection;
    if (pause) socket.pause();
    else socket.resume();
  }

  onRead(count: number, bytes: Buffer): void {
    this.reading = true;
    this.consume(bytes, 0, count);
    this.reading = false;
    if (!this.freed) return;
    this.freed = false;
    this.requestOver();
  }

  private consume(bytes: Buffer, start: number, end: number): void {
    let pos = start;
    while (pos < end) {
      if (this.state === HEAD) {
        pos = this.readHead(bytes, pos, end);
      } else if (this.state === BODY) {
        this.bodyCounted = pos;
        pos = this.body.read(bytes, pos, end, this);
        if (pos < 0) return this.protocolError(pos);
        this.responseBytes += pos - this.bodyCounted;
      } else {
        // Bytes that no request asked for: nothing that comes after them can be trusted.
        if (this.state === CLOSED || this.draining) return;
        this.pool.cluster.stats.upstreamCxProtocolError.inc();
        this.draining = true;
        if (!this.freed) this.close();
        return;
      }
    }
  }

  private readHead(bytes: Buffer, pos: number, end: number): number {
    if (this.held.length > 0) {
      const added = this.held.append(bytes, pos, end);
      if (!this.held.mayBeWhole(added) && this.held.length <= this.pool.headBytesLimit) return end;
      const { bytes: all, length } = this.held;
      const after = this.parseHead(all, 0, length);
      if (after === INCOMPLETE) return end;
      this.held.clear();
      if (after < 0) this.protocolError(after);
      else if (after < length) this.consume(all, after, length);
      return end;
    }
    const after = this.parseHead(bytes, pos, end);
    if (after >= 0) return after;
    if (after === INCOMPLETE) this.held.append(bytes, pos, end);
    else this.protocolError(after);
    return end;
  }

  private parseHead(bytes: Buffer, start: number, end: number): number {
    const receiver = this.receiver;
    if (receiver === undefined) return end;
    const { head } = this;
    head.headers = receiver.responseHeaders;
    head.headers.clear();
    const after = parseResponseHead(bytes, start, end, head, this.pool.maxHeadersCount);
    if (after === INCOMPLETE) return end - start > this.pool.headBytesLimit ? ParseError.HeadTooLarge : after;
    if (after < 0) return after;
    if (after - start > this.pool.headBytesLimit) return ParseError.HeadTooLarge;
    const { headers, status, minor } = head;
    this.responseBytes += after - start;
    if (status < 200 && status !== 101) return this.passInterim(receiver, status, after);
    if (headers.repeated) joinResponseFields(headers);
    if (status === 101 && this.upgrading) return this.switchProtocols(receiver, after);
    if (this.connectRequest && status < 300) return this.connectTunnel(receiver, status, after);
    const length = framing(headers, this.pool.cluster.config.http.http1.allowChunkedLength);
    if (length < 0 && length !== CHUNKED && length !== NO_LENGTH) return length;
    if (status === 204 && length !== NO_LENGTH && length !== 0) return ParseError.BodyNotAllowed;
    const options = connectionOptions(headers);
    const announced =
      (minor === 1 ? options.close : !options.keepAlive) ||
      (headers.hasKnown(Known['proxy-connection']) && /close/i.test(headers.getKnown(Known['proxy-connection']) ?? ''));
    if (announced) this.pool.cluster.stats.upstreamCxCloseNotify.inc();
    this.keepAlive = !this.upgrading && !announced;
    const bodiless = this.headRequest || status === 101 || status === 204 || status === 304 || length === 0;
    if (!bodiless) {
      this.state = BODY;
      this.body.begin(length);
      this.connection.readsLargeBody = length > LARGE_BODY;
      if (length === NO_LENGTH) this.keepAlive = false;
    }
    receiver.reason = head.reason;
    if (bodiless) this.responseWhole();
    receiver.onHeaders(status, fieldBytes(headers), bodiless);
    return after;
  }

  /** An informational response has no body, and may not say that it has one (RFC 9110, section 8.6). */
  private passInterim(receiver: ResponseReceiver, status: number, after: number): number {
    const { headers } = this.head;
    const length = framing(headers, this.pool.cluster.config.http.http1.allowChunkedLength);
    if (length !== NO_LENGTH && length !== 0) return ParseError.BodyNotAllowed;
    headers.removeKnown(Known['content-length']);
    receiver.onInterim(status);
    return after;
  }

  /** The upstream agrees to the upgrade: what comes after its head is passed on as it is (RFC 9110, section 7.8). */
  private switchProtocols(receiver: ResponseReceiver, after: number): number {
    const { headers, reason } = this.head;
    // A response to HEAD ends with its head: it cannot become a tunnel.
    if (this.headRequest || !connectionOptions(headers).upgrade || !headers.hasKnown(Known.upgrade))
      return ParseError.BadUpgrade;
    if (headers.hasKnown(Known['transfer-encoding'])) return ParseError.BodyNotAllowed;
    headers.removeKnown(Known['content-length']);
    this.tunnel = true;
    this.keepAlive = false;
    this.chunkedRequest = false;
    this.requestEnded = false;
    this.state = BODY;
    this.body.begin(NO_LENGTH);
    receiver.reason = reason;
    receiver.onHeaders(101, fieldBytes(headers), false);
    return after;
  }

  /** CONNECT was granted. What the head says of the body's length means nothing. */
  private connectTunnel(receiver: ResponseReceiver, status: number, after: number): number {
    const { headers, reason } = this.head;
    headers.removeKnown(Known['content-length']);
    headers.removeKnown(Known['transfer-encoding']);
    this.keepAlive = false;
    this.state = BODY;
    this.body.begin(NO_LENGTH);
    receiver.reason = reason;
    receiver.onHeaders(status, fieldBytes(headers), false);
    return after;
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    const receiver = this.receiver;
    if (receiver === undefined) return;
    const last = this.body.done;
    if (last) this.responseWhole();
    else if (!this.connection.readsLargeBody && this.responseBytes > LARGE_BODY) this.connection.readsLargeBody = true;
    receiver.onData(bytes.subarray(start, end), last);
  }

  onBodyEnd(trailers: Headers | undefined): void {
    const receiver = this.receiver;
    if (receiver === undefined) return;
    this.responseWhole();
    if (trailers !== undefined && this.pool.cluster.config.http.http1.enableTrailers) receiver.onTrailers(trailers);
    else receiver.onData(EMPTY, true);
  }

  /** The response is complete: the connection is free again, if the request is too. */
  private responseWhole(): void {
    const receiver = this.receiver;
    this.connection.readsLargeBody = false;
    this.connection.largeRead = BODY_READ;
    this.receiver = undefined;
    if (this.state === BODY) {
      this.responseBytes += this.body.position - this.bodyCounted;
      this.bodyCounted = this.body.position;
    }
    receiver?.onWireBytes(this.wireReceived, this.wireSent);
    this.countSent();
    this.pause(false);
    if (!this.requestEnded) {
      this.state = ANSWERED;
      this.keepAlive = false;
    }
    if (this.keepAlive && !this.draining) this.state = READY;
    else this.draining = true;
    // Who waits for the connection gets it when all that was read with the response is known to be nobody's answer.
    if (this.reading) this.freed = true;
    else this.requestOver();
  }

  private countSent(): void {
    this.pool.cluster.stats.upstreamCxTxBytesTotal.add(this.outgoing.bytes - this.countedBytes);
    this.countedBytes = this.outgoing.bytes;
  }

  private protocolError(error: number): void {
    this.pool.cluster.stats.upstreamCxProtocolError.inc();
    this.pool.log.debug(() => `[C${this.connection.info.connectionId}] protocol error: ${parseErrorText(error)}`);
    const receiver = this.receiver;
    this.receiver = undefined;
    this.close();
    receiver?.onReset('protocol_error', '');
  }

  /** The upstream closed its side. */
  onEnd(): void {
    if (this.state === BODY && this.body.endsWithConnection && !this.tunnel) this.endWithConnection();
    else this.connection.socket.destroy();
  }

  /** A body without a length is whole when the connection ends, however it ends. */
  private endWithConnection(): void {
    const receiver = this.receiver;
    this.responseWhole();
    asEvent(() => receiver?.onData(EMPTY, true));
  }

  protected onLost(): void {
    const ended = this.state === BODY && this.body.endsWithConnection && !this.tunnel;
    const begun = (this.state === BODY && !this.tunnel) || (this.state === HEAD && this.held.length > 0);
    const receiver = this.receiver;
    this.receiver = undefined;
    this.state = CLOSED;
    this.countSent();
    if (receiver === undefined) return;
    if (ended) {
      receiver.onWireBytes(this.wireReceived, this.wireSent);
      receiver.onData(EMPTY, true);
    } else if (!begun) receiver.onReset('connection_termination', this.connection.failure);
    else {
      // The end of a connection is no end of a message.
      this.pool.cluster.stats.upstreamCxProtocolError.inc();
      receiver.onReset('protocol_error', '');
    }
  }

  protected endSocket(): void {
    this.state = CLOSED;
    this.outgoing.end();
    this.countSent();
  }
}

/** Methods whose requests say so when their body is empty. */
function hasBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'DELETE' && method !== 'TRACE' && method !== 'CONNECT';
}

const EMPTY = Buffer.alloc(0);
