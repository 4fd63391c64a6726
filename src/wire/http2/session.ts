/**
 * One HTTP/2 connection without its socket: bytes in, events out; calls in, bytes out (RFC 9113). The same for both roles.
 */
import type { Headers } from '#wire/headers.ts';
import type { Stream } from '#wire/http2/stream.ts';

/** What the peer's SETTINGS say. */
export interface PeerSettings {
  headerTableSize: number;
  maxConcurrentStreams: number;
  initialWindowSize: number;
  maxFrameSize: number;
  maxHeaderListSize: number;
  /** Servers: extended CONNECT is allowed. */
  enableConnectProtocol: boolean;
}

/** Bytes to be sent. */
export interface SessionOutput {
  bytes: Buffer;
  /** How many of `bytes` are to be sent. */
  length: number;
  /** Frames in it. */
  frames: number;
}

/** `new Session(options, events)`: the class takes this interface's place with its implementation. */
export interface Session<Owner> {
  /** Streams that are not closed, by identifier. */
  readonly streams: ReadonlyMap<number, Stream<Owner>>;
  readonly peer: PeerSettings;
  readonly output: SessionOutput;
  /** GOAWAY was received: no stream can be opened. */
  readonly goawayReceived: boolean;
  /** Sends what every connection begins with: for clients the preface, then SETTINGS, and WINDOW_UPDATE if the window is larger than 65535. */
  start(): void;
  /** Reads bytes. @returns false where the connection is in error (`onConnectionError` was called): nothing more is read */
  receive(bytes: Buffer, start: number, end: number): boolean;
  /** Takes what is to be sent; frames in it count as outbound until `sent` is called with their number. */
  takeOutput(): SessionOutput | undefined;
  /** The peer's kernel, or ours, took that many frames. */
  sent(frames: number): void;

  /** Client: how many more streams may be opened now, by the peer's SETTINGS_MAX_CONCURRENT_STREAMS; 0 after GOAWAY. */
  readonly room: number;
  /** Client: opens a stream; `headers` gets the response's fields. Undefined where `room` is 0. */
  open(owner: Owner, headers: Headers): Stream<Owner> | undefined;
  /** Client: the head of a request; `protocol` '' unless this is an extended CONNECT; `scheme` and `path` '' for a plain CONNECT. */
  sendRequest(
    stream: Stream<Owner>,
    request: { method: string; scheme: string; authority: string; path: string; protocol: string },
    headers: Headers,
    end: boolean,
  ): void;
  /** Server: the final head. */
  sendResponse(stream: Stream<Owner>, status: number, headers: Headers, end: boolean): void;
  /** Server: an informational head. */
  sendInterim(stream: Stream<Owner>, status: number, headers: Headers): void;
  /** A piece of the body, which the caller may reuse at once. */
  sendData(stream: Stream<Owner>, chunk: Buffer, end: boolean): void;
  sendTrailers(stream: Stream<Owner>, trailers: Headers): void;
  /** Breaks a stream off with RST_STREAM; nothing more is heard of it. */
  reset(stream: Stream<Owner>, code: number): void;
  /** The receiver of a stream takes no more for now, or does again; calls nest. */
  pause(stream: Stream<Owner>, pause: boolean): void;

  ping(): void;
  /** Tells the peer to open no further streams; those up to `lastStreamId` are served (2^31-1: a warning, the real one follows). */
  goaway(code: number, lastStreamId?: number, debug?: string): void;
}
