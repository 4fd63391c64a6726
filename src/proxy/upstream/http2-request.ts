/**
 * One request on an HTTP/2 connection to an upstream host: a stream, whose other side is its receiver. Pooled.
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Http2Client } from '#proxy/upstream/http2-client.ts';
import { http2RequestHead } from '#proxy/upstream/http2-request-head.ts';
import type { RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { ResponseReceiver } from '#proxy/upstream/response-receiver.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import type { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import type { Stream } from '#wire/http2/stream.ts';

/** Why no more of the request is taken: bits. */
export const STREAM_FULL = 1;
export const CONNECTION_FULL = 2;

export class Http2Request implements RequestEncoder {
  readonly protocol = 'HTTP/2';
  client!: Http2Client;
  stream!: Stream<Http2Request>;
  /** Undefined once the response is whole, or the request was given up. */
  receiver: ResponseReceiver | undefined = undefined;
  /** The type of the upgrade that the request asks for, or empty: once that is answered with 200, this stream is a tunnel. */
  upgrade = '';
  private full = 0;
  private paused = false;

  /** Makes it ready for a stream. */
  begin(client: Http2Client, receiver: ResponseReceiver): this {
    this.client = client;
    this.receiver = receiver;
    this.upgrade = '';
    this.full = 0;
    this.paused = false;
    return this;
  }

  get connection(): UpstreamConnection {
    return this.client.connection;
  }

  get wireSent(): number {
    return this.stream.wireSent;
  }

  get wireReceived(): number {
    return this.stream.wireReceived;
  }

  sendHeaders(stream: HttpStream, end: boolean): void {
    const own = this.stream;
    this.upgrade = stream.upgrading && stream.method !== 'CONNECT' ? (stream.requestHeaders.get('upgrade') ?? '') : '';
    const before = own.wireSent;
    // A client of HTTP/1 has ended its request, but not what it sends behind it.
    const ends = end && !stream.upgrading;
    this.client.session.sendRequest(own, http2RequestHead(stream, this.upgrade), stream.requestHeaders, ends);
    stream.upstreamHeaderBytesSent += own.wireSent - before;
    stream.marks.firstUpstreamTxByte = clock.now();
    if (end) stream.marks.lastUpstreamTxByte = clock.now();
  }

  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    const { client } = this;
    client.session.sendData(this.stream, chunk, end);
    if (end) stream.marks.lastUpstreamTxByte = clock.now();
    else client.checkRoom();
  }

  sendTrailers(stream: HttpStream, trailers: Headers): void {
    this.client.session.sendTrailers(this.stream, trailers);
    stream.marks.lastUpstreamTxByte = clock.now();
  }

  sendMetadata(fields: MetadataFields): void {
    this.client.session.sendMetadata(this.stream, fields);
  }

  pause(pause: boolean): void {
    if (this.paused === pause) return;
    this.paused = pause;
    this.client.session.pause(this.stream, pause);
  }

  reset(): void {
    this.receiver = undefined;
    this.client.giveUp(this);
  }

  /** Notes why no more of the request is taken, or not any more. @param why one of the bits above */
  block(why: number, blocked: boolean): void {
    const before = this.full;
    this.full = blocked ? before | why : before & ~why;
    if ((before === 0) !== (this.full === 0)) this.receiver?.onRequestBlocked(blocked);
  }
}

const free: Http2Request[] = [];
const FREE_LIMIT = 1024;

export function takeRequest(): Http2Request {
  return free.pop() ?? new Http2Request();
}

/** Its stream is closed, and nobody holds it any more. */
export function returnRequest(request: Http2Request): void {
  request.receiver = undefined;
  if (free.length < FREE_LIMIT) free.push(request);
}
