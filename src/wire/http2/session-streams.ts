/**
 * What an HTTP/2 session is asked for, and what it keeps: streams, windows, what is to be sent (RFC 9113). What its peer sends is read in
 * session.ts.
 */
import type { Headers } from '#wire/headers.ts';
import { FloodGuard } from '#wire/http2/flood-guard.ts';
import { CLIENT_PREFACE, DEFAULT_WINDOW, FRAME_HEADER, MAX_STREAM_ID, SettingId } from '#wire/http2/frame.ts';
import { FrameWriter } from '#wire/http2/frame-writer.ts';
import { type MetadataFields, metadataBlock } from '#wire/http2/metadata-frames.ts';
import { OutputBuffer, type OutputChunk } from '#wire/http2/output-buffer.ts';
import { PeerSettings } from '#wire/http2/peer-settings.ts';
import { ResetStreams } from '#wire/http2/reset-streams.ts';
import { SendQueue, type SendQueueOwner } from '#wire/http2/send-queue.ts';
import type { SessionEvents } from '#wire/http2/session-events.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';
import { Stream } from '#wire/http2/stream.ts';
import type { Violation } from '#wire/http2/violation.ts';

/** What a request begins with; see MessageHead. */
export interface RequestHead {
  method: string;
  /** '' for a plain CONNECT, as `path`. */
  scheme: string;
  authority: string;
  path: string;
  /** '' unless this is an extended CONNECT (RFC 8441). */
  protocol: string;
}

export abstract class SessionStreams<Owner> implements SendQueueOwner<Owner> {
  /** Streams that are not closed, by identifier. */
  readonly streams = new Map<number, Stream<Owner>>();
  readonly peer = new PeerSettings();
  /** GOAWAY was received: no stream can be opened. */
  goawayReceived = false;
  /** GOAWAY with the last stream that will be served was sent. */
  goawaySent = false;
  /** RST_STREAM frames sent and received so far, these for streams that were there, and blocks of trailers received. */
  resetsSent = 0;
  resetsReceived = 0;
  trailersReceived = 0;
  /** Some stream had a body to send. */
  hadData = false;
  readonly flood: FloodGuard;
  protected readonly options: SessionOptions;
  protected readonly events: SessionEvents<Owner>;
  protected readonly server: boolean;
  protected readonly writer: FrameWriter;
  protected readonly queue: SendQueue<Owner>;
  protected readonly wasReset = new ResetStreams();
  /** The stream that was reset last while what came is read: to those who count it is still there. */
  protected justReset = 0;
  /** The connection is in error, or gone. */
  protected dead = false;
  /** The highest stream that the peer opened. */
  protected lastRemoteId = 0;
  /** Streams above it are not served. */
  protected lastServedId = MAX_STREAM_ID;
  /** The stream that a client opens next. */
  protected nextId = 1;
  protected receiveWindow = DEFAULT_WINDOW;
  private readonly receiveWindowSize: number;
  /** Received and taken, of which the peer was not told yet. */
  private taken = 0;
  private readonly out = new OutputBuffer();
  private outputTold = false;

  constructor(options: SessionOptions, events: SessionEvents<Owner>) {
    this.options = options;
    this.events = events;
    this.server = options.role === 'server';
    this.flood = new FloodGuard(options.flood, options.now);
    this.writer = new FrameWriter(this.out, options.huffman);
    this.queue = new SendQueue(this.writer, this.flood, this, options.streamBufferLimit);
    this.receiveWindowSize = Math.max(DEFAULT_WINDOW, options.initialConnectionWindow);
  }

  /** Sends what every connection begins with: for clients the preface, then SETTINGS, and WINDOW_UPDATE for a larger window. */
  start(): void {
    const { options, writer } = this;
    if (!this.server) writer.text(CLIENT_PREFACE);
    const settings: [number, number][] = [];
    settings.push([SettingId.HeaderTableSize, options.headerTableSize]);
    settings.push(
      this.server ? [SettingId.EnableConnectProtocol, options.allowConnect ? 1 : 0] : [SettingId.EnablePush, 0],
    );
    if (this.server) settings.push([SettingId.MaxConcurrentStreams, options.maxConcurrentStreams]);
    settings.push([SettingId.InitialWindowSize, options.initialStreamWindow]);
    if (options.maxFrameSize !== 16_384) settings.push([SettingId.MaxFrameSize, options.maxFrameSize]);
    for (const [id, value] of options.customSettings) settings.push([id, value]);
    writer.settings(settings);
    this.wrote(false);
    const more = this.receiveWindowSize - DEFAULT_WINDOW;
    if (more > 0) {
      writer.windowUpdate(0, more);
      this.receiveWindow += more;
      this.wrote(false);
    }
  }

  /** Takes a piece of what is to be sent; undefined where there is none. Its frames count as outbound until `sent`. */
  takeOutput(): OutputChunk | undefined {
    const chunk = this.out.take();
    if (chunk === undefined) {
      this.outputTold = false;
      if (this.flood.violation !== undefined && !this.dead) {
        this.fail(this.flood.violation);
        return this.out.take();
      }
    }
    return chunk;
  }

  /** So many frames of what was taken have left. */
  sent(frames: number): void {
    this.flood.sent(frames);
  }

  /** Bytes that wait in the output. */
  get outputBytes(): number {
    return this.out.waiting;
  }

  /** Bytes that wait for windows of the peer. */
  get pendingBytes(): number {
    return this.queue.pendingBytes;
  }

  /** A frame was written. @param control it answers the peer, or resets a stream */
  protected wrote(control: boolean): void {
    if (this.flood.written(control)) this.tellFull();
    this.tellOutput();
  }

  /** More frames wait than may: if that is so once what can be sent is sent, it is the peer that does not read. */
  tellFull(): void {
    if (this.flood.violation !== undefined) return;
    this.events.onOutputFull();
    this.flood.judge();
    // It is told when this turn's output is taken, or when reading ends.
    if (this.flood.violation !== undefined) this.events.onOutput();
  }

  private tellOutput(): void {
    if (this.outputTold) return;
    this.outputTold = true;
    this.events.onOutput();
  }

  /** The connection is in error. */
  protected fail(violation: Violation): false {
    if (this.dead) return false;
    this.dead = true;
    this.writer.goaway(this.lastRemoteId, violation.code, '');
    this.goawaySent = true;
    this.wrote(false);
    this.events.onConnectionError(violation);
    return false;
  }

  protected add(id: number, owner: Owner | undefined, headers: Headers): Stream<Owner> {
    const stream = new Stream<Owner>(id, headers, this.peer.initialWindowSize, this.options.initialStreamWindow);
    stream.owner = owner;
    this.streams.set(id, stream);
    return stream;
  }

  /* Room for the peer. */

  protected giveBack(size: number): void {
    this.taken += size;
    if (this.taken * 2 < this.receiveWindowSize) return;
    this.receiveWindow += this.taken;
    this.writer.windowUpdate(0, this.taken);
    this.taken = 0;
    this.wrote(false);
  }

  protected giveStreamBack(stream: Stream<Owner>, size: number): void {
    stream.taken += size;
    if (stream.taken * 2 < this.options.initialStreamWindow) return;
    stream.receiveWindow += stream.taken;
    this.writer.windowUpdate(stream.id, stream.taken);
    stream.taken = 0;
    this.wrote(false);
  }

  /** The receiver of a stream takes no more for now, or does again; calls nest. */
  pause(stream: Stream<Owner>, pause: boolean): void {
    if (stream.closed) return;
    stream.pauses += pause ? 1 : -1;
    if (stream.pauses > 0 || stream.held === 0) return;
    const { held } = stream;
    stream.held = 0;
    this.giveBack(held);
    if (!stream.remoteEnded) this.giveStreamBack(stream, held);
  }

  /* Streams, for their owners. */

  /** Client: how many more streams may be opened now, by SETTINGS_MAX_CONCURRENT_STREAMS; 0 after GOAWAY. */
  get room(): number {
    if (this.goawayReceived || this.dead || this.nextId > MAX_STREAM_ID) return 0;
    return Math.max(0, this.peer.maxConcurrentStreams - this.streams.size);
  }

  /** Client: opens a stream; `headers` gets the response's fields. Undefined where there is no room. */
  open(owner: Owner, headers: Headers): Stream<Owner> | undefined {
    if (this.room === 0) return undefined;
    const stream = this.add(this.nextId, owner, headers);
    this.nextId += 2;
    this.flood.openedStreams++;
    return stream;
  }

  /** Client: the head of a request. */
  sendRequest(stream: Stream<Owner>, request: RequestHead, headers: Headers, end: boolean): void {
    const { writer } = this;
    const { encoder } = writer;
    stream.headRequest = request.method === 'HEAD';
    writer.beginBlock();
    encoder.field(':method', request.method);
    if (request.protocol !== '') encoder.field(':protocol', request.protocol);
    if (request.scheme !== '') encoder.field(':scheme', request.scheme);
    if (request.path !== '') encoder.field(':path', request.path);
    if (request.authority !== '') encoder.field(':authority', request.authority);
    this.endHead(stream, headers, end);
  }

  /** Server: the final head. */
  sendResponse(stream: Stream<Owner>, status: number, headers: Headers, end: boolean): void {
    this.writer.beginBlock();
    this.writer.encoder.status(status);
    this.endHead(stream, headers, end);
  }

  /** Server: an informational head. */
  sendInterim(stream: Stream<Owner>, status: number, headers: Headers): void {
    if (stream.closed || stream.headSent) return;
    this.writer.beginBlock();
    this.writer.encoder.status(status);
    stream.wireSent += this.writer.endBlock(stream.id, headers, false);
    this.wrote(false);
  }

  private endHead(stream: Stream<Owner>, headers: Headers, end: boolean): void {
    stream.wireSent += this.writer.endBlock(stream.id, headers, end);
    stream.headSent = true;
    this.wrote(false);
    if (!end) return;
    stream.localEnded = true;
    stream.localSent = true;
    this.onLocalSent(stream);
  }

  /** A piece of the body, which the caller may reuse at once. */
  sendData(stream: Stream<Owner>, chunk: Buffer, end: boolean): void {
    if (stream.closed || stream.localEnded) return;
    if (chunk.length === 0 && !end) return;
    this.hadData ||= chunk.length > 0;
    this.queue.data(stream, chunk, end);
    this.sentData();
  }

  sendTrailers(stream: Stream<Owner>, trailers: Headers): void {
    if (stream.closed || stream.localEnded) return;
    this.queue.trailers(stream, trailers);
    this.sentData();
  }

  /** METADATA, where it is allowed and the message goes on. It overtakes data that waits for a window, as in Envoy. */
  sendMetadata(stream: Stream<Owner>, fields: MetadataFields): void {
    if (this.options.maxMetadataBytes < 0 || stream.closed || stream.localEnded) return;
    const { maxFrameSize } = this.writer;
    const block = metadataBlock(fields);
    for (let at = 0; at < block.length; at += maxFrameSize) {
      const piece = block.subarray(at, at + maxFrameSize);
      this.writer.metadata(stream.id, piece, at + maxFrameSize >= block.length);
      stream.wireSent += FRAME_HEADER + piece.length;
      this.wrote(false);
    }
  }

  protected sentData(): void {
    if (!this.out.empty) this.tellOutput();
  }

  onStreamBlocked(stream: Stream<Owner>, blocked: boolean): void {
    this.events.onStreamBlocked(stream, blocked);
  }

  onLocalSent(stream: Stream<Owner>): void {
    if (stream.resetWhenSent >= 0 && !stream.remoteEnded) this.reset(stream, stream.resetWhenSent);
    else this.settle(stream);
  }

  /** Breaks a stream off with RST_STREAM; nothing more is heard of it. */
  reset(stream: Stream<Owner>, code: number): void {
    if (stream.closed) return;
    stream.wireSent += FRAME_HEADER + 4;
    this.close(stream);
    this.writeReset(stream.id, code);
  }

  /** Breaks the stream off once everything that the owner has sent is in the output, if the peer is not done by then. */
  resetAfterSent(stream: Stream<Owner>, code: number): void {
    if (stream.localSent) this.reset(stream, code);
    else stream.resetWhenSent = code;
  }

  protected writeReset(id: number, code: number): void {
    this.wasReset.add(id);
    this.justReset = id;
    this.resetsSent++;
    this.writer.reset(id, code);
    this.wrote(true);
  }

  /** Closes a stream that is complete both ways. */
  protected settle(stream: Stream<Owner>): void {
    if (stream.closed || !stream.remoteEnded || !stream.localSent) return;
    this.close(stream);
    this.events.onStreamClosed(stream);
  }

  protected close(stream: Stream<Owner>): void {
    stream.closed = true;
    this.streams.delete(stream.id);
    this.queue.drop(stream);
    if (stream.held === 0) return;
    const { held } = stream;
    stream.held = 0;
    this.giveBack(held);
  }

  ping(): void {
    this.writer.ping(false, 0, 0);
    this.wrote(false);
  }

  /**
   * Tells the peer to open no further streams.
   * @param lastStreamId those up to it are served; 2^31-1: a warning, the real one follows
   */
  goaway(code: number, lastStreamId = this.lastRemoteId, debug = ''): void {
    this.writer.goaway(lastStreamId, code, debug);
    if (lastStreamId < MAX_STREAM_ID) {
      this.goawaySent = true;
      this.lastServedId = lastStreamId;
    }
    this.wrote(false);
  }

  /** The connection is gone: closes all streams and lets go of the output. @returns the streams that were under way */
  end(): Stream<Owner>[] {
    this.dead = true;
    const open = [...this.streams.values()];
    for (const stream of open) {
      stream.closed = true;
      this.queue.drop(stream);
    }
    this.streams.clear();
    this.out.drop();
    return open;
  }
}
