/**
 * What the HTTP connection manager asks of a downstream codec, whatever the protocol: HTTP/1 connections, and streams of HTTP/2.
 */

import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { Headers } from '#wire/headers.ts';

export interface DownstreamCodec {
  readonly connection: DownstreamConnection;
  /** Sends `stream.responseHeaders` with `stream.responseCode`; `end`: no body follows. */
  sendHeaders(stream: HttpStream, end: boolean): void;
  /** Sends an informational response (RFC 9110, section 15.2). */
  sendInterim(stream: HttpStream, status: number, headers: Headers): void;
  /** Sends a piece of the body, which the caller may reuse at once; `end`: it was the last. */
  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void;
  sendTrailers(stream: HttpStream, trailers: Headers): void;
  /** The stream is about to be answered 400. */
  onBadRequest(): void;
  /** Ends the stream without finishing the response. */
  resetStream(stream: HttpStream): void;
  /** Stops or goes on reading the request's body; calls nest. */
  pauseRequest(stream: HttpStream, pause: boolean): void;
  /** Bytes of this stream that the client has not taken yet. */
  readonly buffered: number;
}
