/**
 * What sends one request to an upstream host, whatever the protocol: an HTTP/1 connection, or a stream of HTTP/2.
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { PoolWaiter } from '#proxy/upstream/connection-pool.ts';
import type { ResponseReceiver } from '#proxy/upstream/response-receiver.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';
import type { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';

/** What is told of a connection: when connecting began, was done, and when TLS was agreed on; -1: never. */
export type ConnectionFacts = Pick<UpstreamConnection, 'info' | 'connectStart' | 'connectEnd' | 'tlsEnd'>;

export interface RequestEncoder {
  readonly connection: ConnectionFacts;
  /** Empty: the request is carried by no HTTP. */
  readonly protocol: 'HTTP/1.1' | 'HTTP/2' | '';
  /** Bytes of this request and of its answer so far. */
  readonly wireSent: number;
  readonly wireReceived: number;
  /** Sends the request's head from `stream`; `end`: no body follows. */
  sendHeaders(stream: HttpStream, end: boolean): void;
  /** Sends a piece of the body, which the caller may reuse at once; `end`: it was the last. */
  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void;
  sendTrailers(stream: HttpStream, trailers: Headers): void;
  /** Sends METADATA of HTTP/2 (Envoy's extension), where the connection has it. */
  sendMetadata(fields: MetadataFields): void;
  /** Stops or goes on reading the response. */
  pause(pause: boolean): void;
  /** The request is given up; its receiver hears no more. */
  reset(): void;
}

/** Where requests get their encoders: a pool. */
export interface RequestSource {
  /** `waiter` gets one at once or later, or hears why there is none. */
  request(waiter: HttpWaiter): void;
  /** The waiter does not wait any longer. */
  cancel(waiter: HttpWaiter): void;
}

/** A request that wants a connection. */
export interface HttpWaiter extends ResponseReceiver, PoolWaiter {
  onPoolReady(encoder: RequestEncoder): void;
}
