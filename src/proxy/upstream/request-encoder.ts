/**
 * What sends one request to an upstream host, whatever the protocol: an HTTP/1 connection, or a stream of HTTP/2.
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { PoolWaiter } from '#proxy/upstream/connection-pool.ts';
import type { ResponseReceiver } from '#proxy/upstream/response-receiver.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import type { Headers } from '#wire/headers.ts';

export interface RequestEncoder {
  readonly connection: UpstreamConnection;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  /** Sends the request's head from `stream`; `end`: no body follows. */
  sendHeaders(stream: HttpStream, end: boolean): void;
  /** Sends a piece of the body, which the caller may reuse at once; `end`: it was the last. */
  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void;
  sendTrailers(stream: HttpStream, trailers: Headers): void;
  /** Stops or goes on reading the response. */
  pause(pause: boolean): void;
  /** The request is given up; its receiver hears no more. */
  reset(): void;
}

/** A request that wants a connection. */
export interface HttpWaiter extends ResponseReceiver, PoolWaiter {
  onPoolReady(encoder: RequestEncoder): void;
}
