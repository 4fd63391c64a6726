/**
 * Who waits for a response from an upstream connection: the router, a mirrored request, a health check.
 */
import type { Headers } from '#wire/headers.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';

/** Why a request was broken off, in Envoy's words for reset reasons. */
export type ResetReason =
  | 'connection_termination'
  | 'connection_failure'
  | 'remote_connection_failure'
  | 'local_connection_failure'
  | 'connection_timeout'
  | 'overflow'
  | 'protocol_error'
  | 'remote_reset'
  | 'remote_refused_stream_reset'
  | 'remote_error_with_connect_request'
  | 'local_reset';

export interface ResponseReceiver {
  /** The response's fields are parsed into this. */
  readonly responseHeaders: Headers;
  /** The reason phrase of the status line. */
  reason: string;
  /** An informational response came; its fields are in `responseHeaders`. */
  onInterim(status: number): void;
  /** The head came; `bytes` is its size; `end`: there is no body. */
  onHeaders(status: number, bytes: number, end: boolean): void;
  /** A piece of the body came, which is only good until this returns; `end`: it was the last. */
  onData(chunk: Buffer, end: boolean): void;
  onTrailers(trailers: Headers): void;
  /** METADATA of HTTP/2 came, before the head or anywhere in the body. Who does not pass it on has no such method. */
  onMetadata?(fields: MetadataFields): void;
  /** The request is over without a whole response. */
  onReset(reason: ResetReason, details: string): void;
  /** The connection takes no more for now, or does again. */
  onRequestBlocked(blocked: boolean): void;
  /** The response is whole: how many bytes it and the request were on the wire. */
  onWireBytes(received: number, sent: number): void;
}
