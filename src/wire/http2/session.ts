/**
 * One HTTP/2 connection without its socket: bytes in, events out; calls in, bytes out (RFC 9113). The same for both roles. Whatever the peer
 * does wrong ends as a Violation in `SessionEvents`, never as something thrown.
 */
import { Headers } from '#wire/headers.ts';
import { ErrorCode } from '#wire/http2/error-code.ts';
import { CLIENT_PREFACE, FRAME_HEADER, FrameFlag, FrameType, MAX_STREAM_ID, MAX_WINDOW } from '#wire/http2/frame.ts';
import { FrameReader, type FrameSink } from '#wire/http2/frame-reader.ts';
import { HeaderBlock } from '#wire/http2/header-block.ts';
import { HpackDecoder } from '#wire/http2/hpack-decoder.ts';
import { MessageReader, REQUEST, RESPONSE, TRAILERS } from '#wire/http2/message-reader.ts';
import { MetadataReader } from '#wire/http2/metadata-frames.ts';
import type { SessionEvents } from '#wire/http2/session-events.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';
import { SessionStreams } from '#wire/http2/session-streams.ts';
import type { Stream } from '#wire/http2/stream.ts';
import { type Violation, Violations } from '#wire/http2/violation.ts';

/** Where the fields go of messages that nobody wants. */
const unclaimed = new Headers();
const NO_BYTES: Buffer = Buffer.alloc(0);

export class Session<Owner> extends SessionStreams<Owner> implements FrameSink {
  private readonly reader: FrameReader;
  private readonly decoder = new HpackDecoder();
  private readonly message: MessageReader;
  private readonly block: HeaderBlock;
  /** The whole header block that is being read, and its bytes on the wire. */
  private blockBytes: Buffer = NO_BYTES;
  private blockStart = 0;
  private blockEnd = 0;
  private blockSize = 0;
  /** How much of the client's preface has come. */
  private prefaceRead = 0;
  private settingsSeen = false;
  /** The DATA frame under way: its stream, and what of it still counts for windows. */
  private dataStream: Stream<Owner> | undefined = undefined;
  private dataLeft = 0;

  constructor(options: SessionOptions, events: SessionEvents<Owner>) {
    super(options, events);
    this.reader = new FrameReader(this, options.maxFrameSize);
    this.message = new MessageReader(options);
    this.block = new HeaderBlock(options.maxHeaderListBytes);
    if (!this.server) this.prefaceRead = CLIENT_PREFACE.length;
  }

  /** Reads bytes. @returns false where the connection is in error (`onConnectionError` was called): nothing more is read */
  receive(bytes: Buffer, start: number, end: number): boolean {
    if (this.dead) return false;
    this.justReset = 0;
    let pos = start;
    if (this.prefaceRead < CLIENT_PREFACE.length) {
      pos = this.readPreface(bytes, start, end);
      if (pos < 0) return this.fail(Violations.BadPreface);
    }
    if (!this.reader.read(bytes, pos, end)) return false;
    return this.flood.violation === undefined || this.fail(this.flood.violation);
  }

  /** A header block has begun and is not whole. */
  get midBlock(): boolean {
    return this.block.open;
  }

  private readPreface(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    while (pos < end && this.prefaceRead < CLIENT_PREFACE.length)
      if (bytes[pos++] !== CLIENT_PREFACE.charCodeAt(this.prefaceRead++)) return -1;
    return pos;
  }

  /* Frames, from the reader. */

  onBadFrame(violation: Violation): boolean {
    return this.fail(violation);
  }

  onDataFrame(id: number, flags: number, length: number): boolean {
    if (!this.mayCome(FrameType.Data, id)) return false;
    if (id === 0) return this.fail(Violations.BadStreamId);
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) return this.fail(Violations.WindowExceeded);
    this.dataStream = undefined;
    this.dataLeft = length;
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) return this.fail(Violations.IdleStream);
      if (!this.wasReset.has(id) && id <= this.lastServedId) this.writeReset(id, ErrorCode.StreamClosed);
      return this.floodAllows(length === 0, (flags & FrameFlag.EndStream) !== 0);
    }
    stream.wireReceived += length + FRAME_HEADER;
    stream.receiveWindow -= length;
    if (stream.remoteEnded) return this.streamError(stream, Violations.ClosedStream);
    if (!stream.headSeen) return this.streamError(stream, Violations.BodyBeforeHead);
    if (stream.receiveWindow < 0) return this.streamError(stream, Violations.WindowExceeded);
    this.dataStream = stream;
    return this.floodAllows(length === 0, (flags & FrameFlag.EndStream) !== 0);
  }

  private floodAllows(empty: boolean, ends: boolean): boolean {
    return !this.flood.received(empty, ends) || this.fail(this.flood.violation as Violation);
  }

  onDataPiece(_id: number, flags: number, bytes: Buffer, start: number, end: number, last: boolean): boolean {
    const size = last ? this.dataLeft : end - start;
    this.dataLeft -= size;
    const stream = this.dataStream;
    if (stream === undefined || stream.closed) {
      this.giveBack(size);
      return true;
    }
    const ends = last && (flags & FrameFlag.EndStream) !== 0;
    if (stream.lengthLeft >= 0) {
      stream.lengthLeft -= end - start;
      if (stream.lengthLeft < 0 || (ends && stream.lengthLeft > 0)) {
        this.giveBack(size);
        return this.streamError(stream, Violations.BadBodyLength);
      }
    }
    if (ends) stream.remoteEnded = true;
    if (ends || end > start) this.events.onData(stream, bytes, start, end, ends);
    if (stream.pauses > 0 && !stream.closed) stream.held += size;
    else {
      this.giveBack(size);
      if (!ends && !stream.closed) this.giveStreamBack(stream, size);
    }
    if (ends) this.settle(stream);
    return !this.dead;
  }

  onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.mayCome(type, id)) return false;
    switch (type) {
      case FrameType.Headers:
        return this.onHeaders(flags, id, bytes, start, end);
      case FrameType.Continuation:
        return this.onContinuation(flags, id, bytes, start, end);
      case FrameType.WindowUpdate:
        return this.onWindowUpdate(id, bytes, start, end);
      case FrameType.RstStream:
        return this.onRstStream(id, bytes, start, end);
      case FrameType.Settings:
        return this.onSettings(flags, id, bytes, start, end);
      case FrameType.Ping:
        return this.onPing(flags, id, bytes, start, end);
      case FrameType.Priority:
        return this.onPriority(id, bytes, start, end);
      case FrameType.Goaway:
        return this.onGoaway(id, bytes, start, end);
      case FrameType.PushPromise:
        return this.fail(Violations.PushRefused);
      case FrameType.Metadata:
        return this.onMetadata(flags, id, bytes, start, end);
      default:
        return true;
    }
  }

  /** Whether a frame may come now: SETTINGS is the first, and a header block is not interrupted. */
  private mayCome(type: number, id: number): boolean {
    if (!this.settingsSeen && type !== FrameType.Settings) return this.fail(Violations.SettingsFirst);
    if (this.block.open && (type !== FrameType.Continuation || id !== this.block.id))
      return this.fail(Violations.ContinuationExpected);
    return true;
  }

  private onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === 0) return this.fail(Violations.BadStreamId);
    let pos = start;
    let after = end;
    if ((flags & FrameFlag.Padded) !== 0) {
      if (pos === end) return this.fail(Violations.BadFrameSize);
      after -= bytes[pos++];
    }
    let selfDependent = false;
    if ((flags & FrameFlag.Priority) !== 0) {
      if (end - pos < 5) return this.fail(Violations.BadFrameSize);
      selfDependent = (bytes.readUInt32BE(pos) & MAX_STREAM_ID) === id;
      pos += 5;
    }
    if (after < pos) return this.fail(Violations.BadPadding);
    if (!this.floodAllows(pos === after, (flags & FrameFlag.EndStream) !== 0)) return false;
    const size = end - start + FRAME_HEADER;
    const { block } = this;
    if ((flags & FrameFlag.EndHeaders) !== 0) {
      this.showBlock(bytes, pos, after, size);
      return this.onBlock(id, (flags & FrameFlag.EndStream) !== 0, selfDependent);
    }
    block.begin(id, (flags & FrameFlag.EndStream) !== 0, selfDependent);
    return block.append(bytes, pos, after, size) || this.fail(Violations.Continuations);
  }

  private onContinuation(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const { block } = this;
    if (!block.open) return this.fail(Violations.UnexpectedContinuation);
    if (!this.floodAllows(start === end, false)) return false;
    // As Envoy counts a block, its further frames have no headers.
    if (!block.append(bytes, start, end, end - start)) return this.fail(Violations.Continuations);
    if ((flags & FrameFlag.EndHeaders) === 0) return true;
    const whole = block.take();
    this.showBlock(whole, 0, whole.length, block.wireBytes);
    return this.onBlock(id, block.endStream, block.selfDependent);
  }

  /** Says where the whole block stands that is read next. @param size its bytes on the wire */
  private showBlock(bytes: Buffer, start: number, end: number, size: number): void {
    this.blockBytes = bytes;
    this.blockStart = start;
    this.blockEnd = end;
    this.blockSize = size;
  }

  /** A header block is whole. */
  private onBlock(id: number, ends: boolean, selfDependent: boolean): boolean {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      const opened = this.openRemote(id);
      if (opened === undefined) return !this.dead && this.skipBlock();
      return this.onHead(opened, ends, selfDependent);
    }
    if (stream.remoteEnded) return this.skipBlock() && this.streamError(stream, Violations.ClosedStream);
    return stream.headSeen ? this.onTrailers(stream, ends) : this.onHead(stream, ends, selfDependent);
  }

  /** Reads a block that nobody wants: it changes the table all the same. */
  private skipBlock(): boolean {
    unclaimed.clear();
    return this.decode(TRAILERS, unclaimed) || this.fail(Violations.Compression);
  }

  /** Reads the block into `headers`. @returns false where HPACK cannot read it */
  private decode(kind: number, headers: Headers): boolean {
    this.message.begin(kind, headers, this.blockSize);
    return this.decoder.decode(this.blockBytes, this.blockStart, this.blockEnd, this.message);
  }

  /** A block came for a stream that is not there: a new one, or one that it is too late for. */
  private openRemote(id: number): Stream<Owner> | undefined {
    if (!this.server) {
      // Pushed streams, and those of ours that were never opened.
      if ((id & 1) === 0 || id >= this.nextId) this.fail(Violations.IdleStream);
      return undefined;
    }
    if ((id & 1) === 0) this.fail(Violations.BadStreamId);
    else if (id <= this.lastRemoteId) {
      if (!this.wasReset.has(id)) this.fail(Violations.ClosedStream);
    } else {
      this.lastRemoteId = id;
      if (id > this.lastServedId) return undefined;
      this.flood.openedStreams++;
      if (this.streams.size < this.options.maxConcurrentStreams) return this.add(id, undefined, unclaimed);
      this.writeReset(id, ErrorCode.RefusedStream);
    }
    return undefined;
  }

  private onHead(stream: Stream<Owner>, ends: boolean, selfDependent: boolean): boolean {
    const { message, events } = this;
    stream.wireReceived += this.blockSize;
    if (this.server) events.onStream(stream);
    if (stream.headers === unclaimed) unclaimed.clear();
    if (!this.decode(this.server ? REQUEST : RESPONSE, stream.headers)) return this.fail(Violations.Compression);
    if (stream.closed) return !this.dead;
    if (selfDependent) return this.streamError(stream, Violations.SelfDependency);
    const violation = message.finish(this.options.allowConnect);
    if (violation !== undefined) return this.streamError(stream, violation);
    if (!this.server && message.status < 200) {
      if (ends || message.status === 101) return this.streamError(stream, Violations.BadInterim);
      events.onInterim(stream, message.status);
      stream.headers.clear();
      return !this.dead;
    }
    stream.headSeen = true;
    if (message.length >= 0 && !(stream.headRequest || message.status === 304)) {
      if (ends && message.length > 0) return this.streamError(stream, Violations.BadLength);
      stream.lengthLeft = message.length;
    }
    if (ends) stream.remoteEnded = true;
    events.onHead(stream, message, ends);
    if (ends) this.settle(stream);
    return !this.dead;
  }

  private onTrailers(stream: Stream<Owner>, ends: boolean): boolean {
    this.trailersReceived++;
    const trailers = stream.trailers ?? new Headers();
    trailers.clear();
    const { message, blockSize: size } = this;
    if (!this.decode(TRAILERS, trailers)) return this.fail(Violations.Compression);
    if (!ends) return this.streamError(stream, Violations.TrailersWithoutEnd);
    const violation = message.finish(false) ?? (stream.lengthLeft > 0 ? Violations.BadBodyLength : undefined);
    if (violation !== undefined) return this.streamError(stream, violation);
    stream.remoteEnded = true;
    stream.wireReceived += size;
    this.events.onTrailers(stream, trailers, size);
    this.settle(stream);
    return !this.dead;
  }

  private onMetadata(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const limit = this.options.maxMetadataBytes;
    const stream = limit < 0 ? undefined : this.streams.get(id);
    // As by Envoy: these frames have no padding, and none counts behind the end.
    if (stream === undefined || stream.remoteEnded || (flags & FrameFlag.Padded) !== 0) return true;
    stream.metadata ??= new MetadataReader(limit);
    if (!stream.metadata.add(bytes, start, end)) return this.fail(Violations.BadMetadata);
    if ((flags & FrameFlag.EndMetadata) === 0) return true;
    const fields = stream.metadata.take();
    if (fields === undefined) return this.fail(Violations.BadMetadata);
    this.events.onMetadata(stream, fields);
    return !this.dead;
  }

  private onRstStream(id: number, bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== 4) return this.fail(Violations.BadFrameSize);
    if (id === 0) return this.fail(Violations.BadStreamId);
    if (this.isIdle(id)) return this.fail(Violations.IdleStream);
    if (this.flood.receivedReset()) return this.fail(this.flood.violation as Violation);
    const stream = this.streams.get(id);
    if (stream !== undefined || id === this.justReset) this.resetsReceived++;
    if (stream === undefined) return true;
    stream.wireReceived += FRAME_HEADER + 4;
    this.close(stream);
    this.events.onReset(stream, bytes.readUInt32BE(start));
    return !this.dead;
  }

  private onPriority(id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === 0) return this.fail(Violations.BadStreamId);
    if (this.flood.receivedPriority()) return this.fail(this.flood.violation as Violation);
    const wrongSize = end - start !== 5;
    if (!wrongSize && (bytes.readUInt32BE(start) & MAX_STREAM_ID) !== id) return true;
    const violation = wrongSize ? Violations.BadFrameSize : Violations.SelfDependency;
    const stream = this.streams.get(id);
    return stream === undefined ? this.fail(violation) : this.streamError(stream, violation);
  }

  private onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== 4) return this.fail(Violations.BadFrameSize);
    const increment = bytes.readUInt32BE(start) & MAX_WINDOW;
    if (this.flood.receivedWindowUpdate()) return this.fail(this.flood.violation as Violation);
    if (id === 0) {
      if (increment === 0) return this.fail(Violations.ZeroWindowUpdate);
      if (this.queue.window + increment > MAX_WINDOW) return this.fail(Violations.WindowOverflow);
      this.queue.open(increment);
      this.sentData();
      return !this.dead;
    }
    if (this.isIdle(id)) return this.fail(Violations.IdleStream);
    const stream = this.streams.get(id);
    if (stream === undefined) return true;
    if (increment === 0) return this.streamError(stream, Violations.ZeroWindowUpdate);
    if (stream.sendWindow + increment > MAX_WINDOW) return this.streamError(stream, Violations.WindowOverflow);
    stream.sendWindow += increment;
    if (stream.pendingBytes > 0) {
      this.queue.openStream(stream);
      this.sentData();
    }
    return !this.dead;
  }

  private onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id !== 0) return this.fail(Violations.BadStreamId);
    if ((flags & FrameFlag.Ack) !== 0) {
      if (end !== start) return this.fail(Violations.BadFrameSize);
      if (!this.settingsSeen) return this.fail(Violations.SettingsFirst);
      this.decoder.setLimit(this.options.headerTableSize);
      return true;
    }
    if ((end - start) % 6 !== 0) return this.fail(Violations.BadFrameSize);
    this.settingsSeen = true;
    const windowBefore = this.peer.initialWindowSize;
    const violation = this.peer.apply(bytes, start, end, this.server);
    if (violation !== undefined) return this.fail(violation);
    this.writer.encoder.resize(Math.min(this.peer.headerTableSize, this.options.headerTableSize));
    this.writer.maxFrameSize = this.peer.maxFrameSize;
    this.writer.settingsAck();
    this.wrote(true);
    const change = this.peer.initialWindowSize - windowBefore;
    if (change !== 0 && !this.changeWindows(change)) return this.fail(Violations.WindowOverflow);
    this.events.onSettings();
    return !this.dead;
  }

  /** 6.9.2: the windows of all streams change with the setting; they may become negative. */
  private changeWindows(change: number): boolean {
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW) return false;
    }
    if (change > 0) {
      for (const stream of [...this.streams.values()]) if (stream.pendingBytes > 0) this.queue.openStream(stream);
      this.sentData();
    }
    return true;
  }

  private onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== 8) return this.fail(Violations.BadFrameSize);
    if (id !== 0) return this.fail(Violations.BadStreamId);
    if ((flags & FrameFlag.Ack) !== 0) {
      this.events.onPingAck();
      return !this.dead;
    }
    this.writer.ping(true, bytes.readUInt32BE(start), bytes.readUInt32BE(start + 4));
    this.wrote(true);
    return true;
  }

  private onGoaway(id: number, bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 8) return this.fail(Violations.BadFrameSize);
    if (id !== 0) return this.fail(Violations.BadStreamId);
    const last = bytes.readUInt32BE(start) & MAX_STREAM_ID;
    this.goawayReceived = true;
    this.events.onGoaway(last, bytes.readUInt32BE(start + 4), bytes.latin1Slice(start + 8, end));
    if (this.server) return !this.dead;
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= last || stream.closed) continue;
      this.close(stream);
      this.events.onReset(stream, ErrorCode.RefusedStream);
    }
    return !this.dead;
  }

  /** A stream that was never opened, by whoever. */
  private isIdle(id: number): boolean {
    const remote = ((id & 1) === 1) === this.server;
    return remote ? id > this.lastRemoteId : this.server || id >= this.nextId;
  }

  private streamError(stream: Stream<Owner>, violation: Violation): boolean {
    const { kind } = violation;
    if ((kind === 'header' || kind === 'messaging') && !this.options.streamErrorOnInvalidMessage)
      return this.fail(violation);
    this.reset(stream, violation.code);
    this.events.onStreamError(stream, violation);
    return !this.dead;
  }
}
