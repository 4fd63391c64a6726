/**
 * One stream of an HTTP/2 session: where each side of it stands (RFC 9113, section 5.1), and its flow control (section 5.2).
 */
import type { Headers } from '#wire/headers.ts';
import type { MetadataReader } from '#wire/http2/metadata-frames.ts';

export class Stream<Owner> {
  readonly id: number;
  /** Whose stream it is; the session only keeps this. */
  owner: Owner | undefined = undefined;
  /** Where the fields of the peer's message go. */
  headers: Headers;
  /** Where the fields of the peer's trailers go, if its owner has a place for them; it is emptied before. */
  trailers: Headers | undefined = undefined;
  /** The peer has sent all that it will. */
  remoteEnded = false;
  /** The owner has: what waits for a window is still to go. */
  localEnded = false;
  /** All of that is in the output. */
  localSent = false;
  /** It is in no state to carry anything: reset, or complete both ways. */
  closed = false;
  /** Client: the request is one whose response has no body. */
  headRequest = false;
  /** The peer's head has come (for clients: the final one). */
  headSeen = false;
  /** Our head was sent (for servers: the final one). */
  headSent = false;
  /** What may still be sent on it. */
  sendWindow: number;
  /** What the peer may still send on it. */
  receiveWindow: number;
  /** Bytes received and taken, of which the peer was not told yet. */
  taken = 0;
  /** Bytes received while paused. */
  held = 0;
  /** How many ask the stream not to go on. */
  pauses = 0;
  /** What content-length promised and has not come; -1 where nothing was promised. */
  lengthLeft = -1;
  /** Bytes of frames received and sent on it, frame headers included. */
  wireReceived = 0;
  wireSent = 0;
  /** Data that waits for a window. */
  pending: Buffer[] | undefined = undefined;
  pendingBytes = 0;
  /** Where in the first of `pending` the rest begins. */
  pendingStart = 0;
  /** Trailers that follow what waits. */
  pendingTrailers: Headers | undefined = undefined;
  /** Made with the first METADATA frame. */
  metadata: MetadataReader | undefined = undefined;
  /** Once everything is sent, the stream is reset with this code; -1: it is not. */
  resetWhenSent = -1;
  /** The sender was told that too much waits. */
  blocked = false;
  /** It stands in the session's queue of those that have something to send. */
  queued = false;

  constructor(id: number, headers: Headers, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.headers = headers;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }
}
