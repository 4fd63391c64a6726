/**
 * What happens on an HTTP/2 session, as its owner hears it. Every call is made from within `Session.receive`, or from within a call of the
 * owner's own; the owner may call the session back at once, also to reset the stream in question.
 */

import type { Headers } from '#wire/headers.ts';
import type { MessageHead } from '#wire/http2/message-head.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import type { Stream } from '#wire/http2/stream.ts';
import type { Violation } from '#wire/http2/violation.ts';

export interface SessionEvents<Owner> {
  /**
   * Server: a client opens a stream. Its fields go to `stream.headers`, which the owner replaces by its own before this returns, and its
   * `stream.owner` is to be set here. Other frames cannot come in between this and `onHead` or `onStreamError`.
   */
  onStream(stream: Stream<Owner>): void;
  /** The head of a request or response: fields in `stream.headers`, pseudo headers in `head`, which is good only until this returns. */
  onHead(stream: Stream<Owner>, head: MessageHead, end: boolean): void;
  /** Client: an informational response; its fields are in `stream.headers`, which are cleared when this returns. */
  onInterim(stream: Stream<Owner>, status: number): void;
  /**
   * A piece of the body: `bytes` from `start` to `end`, good only until this returns; perhaps nothing, if it ends the message.
   * The peer gets the room back at once, or where the stream is paused (`Session.pause`), when it goes on.
   */
  onData(stream: Stream<Owner>, bytes: Buffer, start: number, end: number, last: boolean): void;
  /** Trailers end the message. @param wireBytes their size on the wire, frame headers included */
  onTrailers(stream: Stream<Owner>, trailers: Headers, wireBytes: number): void;
  /** METADATA, in its place between the pieces of the message; perhaps no fields. */
  onMetadata(stream: Stream<Owner>, fields: MetadataFields): void;
  /** The peer broke the stream off (RST_STREAM with `code`), or refused it by GOAWAY (RefusedStream). The stream is over. */
  onReset(stream: Stream<Owner>, code: number): void;
  /** The peer broke a rule on this stream: it was reset with the violation's code. The stream is over. */
  onStreamError(stream: Stream<Owner>, violation: Violation): void;
  /** Too much of this stream's data waits for the peer's window, or does not any more. */
  onStreamBlocked(stream: Stream<Owner>, blocked: boolean): void;
  /** Both sides are complete: nothing more comes for this stream. Not called after `onReset`, `onStreamError` or `Session.reset`. */
  onStreamClosed(stream: Stream<Owner>): void;
  /** The peer will not take further streams. Streams of ours above `lastStreamId` were not processed: they hear `onReset` after this. */
  onGoaway(lastStreamId: number, code: number, debug: string): void;
  /** The peer's settings came; `session.peer` has them. */
  onSettings(): void;
  /** The answer to `Session.ping`. */
  onPingAck(): void;
  /**
   * The peer broke a rule of the connection: GOAWAY with the violation's code stands in the output. Nothing more is read, and
   * `Session.streams` still has the streams that were under way: the owner ends them, sends the output and closes.
   */
  onConnectionError(violation: Violation): void;
  /** There is something in `session.output`, where there was nothing: to be sent when this turn of the loop is over. */
  onOutput(): void;
  /** Very much is in `session.output`: what the kernel takes is to be sent at once (`Session.takeOutput`), before it counts as a flood. */
  onOutputFull(): void;
}
