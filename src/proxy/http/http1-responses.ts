/**
 * What a client of HTTP/1 is sent: responses to bytes (RFC 9112), one at a time.
 * Follows config.core.v3.Http1ProtocolOptions.
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Http1Connection } from '#proxy/http/http1-connection.ts';
import { BY_CLOSE, frameResponse, IN_CHUNKS } from '#proxy/http/http1-response-framing.ts';
import { encodeInterimHead, encodeResponseHead } from '#proxy/http/http1-response-head.ts';
import type { Headers } from '#wire/headers.ts';
import { CRLF_LENGTH } from '#wire/http1/field-bytes.ts';
import { statusLine } from '#wire/http1/reason.ts';
import { Known } from '#wire/known-headers.ts';

export abstract class Http1Responses extends Http1Connection {
  /** The request under way. */
  stream: HttpStream | undefined = undefined;
  protected bytesBeforeResponse = 0;
  protected blocked = false;
  private chunkedResponse = false;

  /** The whole response was handed over. */
  protected abstract responseSent(stream: HttpStream): void;

  /** From now on bytes pass as they come. */
  protected abstract beginTunnel(): void;

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
    this.beginTunnel();
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
}
