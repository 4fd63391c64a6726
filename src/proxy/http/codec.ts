/**
 * What the HTTP connection manager asks of a connection from a client, whatever protocol it speaks: HTTP/1, one request at a time, or HTTP/2,
 * many streams.
 */

import type { Timer } from '#base/timers.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { BufferedBytes } from '#proxy/observe/stats/buffered-bytes.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';

/** The streams of a connection, as the manager and the router see them. */
export interface DownstreamCodec {
  readonly connection: DownstreamConnection;
  /** Sends `stream.responseHeaders` with `stream.responseCode`; `end`: no body follows. */
  sendHeaders(stream: HttpStream, end: boolean): void;
  /** Sends an informational response (RFC 9110, section 15.2). */
  sendInterim(stream: HttpStream, status: number, headers: Headers): void;
  /** Sends a piece of the body, which the caller may reuse at once; `end`: it was the last. */
  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void;
  sendTrailers(stream: HttpStream, trailers: Headers): void;
  /** Sends METADATA of HTTP/2 (Envoy's extension), where the connection has it. */
  sendMetadata(stream: HttpStream, fields: MetadataFields): void;
  /** The stream is about to be answered 400. */
  onBadRequest(): void;
  /** Its request cannot be served as it is. @param error one of ParseError */
  refuse(stream: HttpStream, error: number): void;
  /** Ends the stream without finishing the response. */
  resetStream(stream: HttpStream): void;
  /** Stops or goes on reading the request's body; calls nest. */
  pauseRequest(stream: HttpStream, pause: boolean): void;
}

/** A connection, as those see it who count, time and drain it. */
export interface ServerConnection extends DownstreamCodec, SocketOwner {
  /** It carries several streams at a time. */
  readonly multiplexed: boolean;
  /** The client has sent something. */
  begun: boolean;
  /** It takes no further requests, and closes when those under way are answered. */
  closing: boolean;
  /** Its time is over: it gets drain_timeout for its last requests, then it is closed. */
  draining: boolean;
  /** Its time is over, and the answer to the next request that begins is its last (http1_safe_max_connection_duration). */
  softDraining: boolean;
  /** Requests that it has carried. */
  requests: number;
  /** The connection ended because we closed it. */
  readonly closedByUs: boolean;
  /** Bytes sent, and how many of them are in the stats. */
  readonly sentBytes: number;
  countedBytes: number;
  /** Its share of the gauges of bytes that are held. */
  readonly bufferedBytes: BufferedBytes;
  readonly idleTimer: Timer;
  readonly durationTimer: Timer;
  /** Nothing is under way: a connection that is to go may be closed at once. */
  readonly idle: boolean;
  /** The answer under way is the last: the client is told, and gets drain_timeout where it may have asked for more already. */
  endAfterResponse(): void;
  /** The client is told to send no further requests, and gets drain_timeout; HTTP/1 tells by the next answer. */
  warn(): void;
  /**
   * Closes once everything is written; `wait`: gives the client up to delayed_close_timeout to close first.
   * @param reason for DOWNSTREAM_LOCAL_CLOSE_REASON
   */
  close(wait: boolean, reason: string): void;
  destroy(): void;
}
