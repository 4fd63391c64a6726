/**
 * Frames into a session's output (RFC 9113, section 6). Each call writes one frame, or a header block in as many as it takes.
 */
import type { Headers } from '#wire/headers.ts';
import { FRAME_HEADER, FrameFlag, FrameType } from '#wire/http2/frame.ts';
import { HpackEncoder } from '#wire/http2/hpack-encoder.ts';
import type { OutputBuffer } from '#wire/http2/output-buffer.ts';
import { Known } from '#wire/known-headers.ts';

/** Fields of HTTP/1 connections have no place here (section 8.2.2). */
const dropped = new Uint8Array(256);
for (const name of ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'] as const)
  dropped[Known[name]] = 1;

export class FrameWriter {
  readonly out: OutputBuffer;
  readonly encoder: HpackEncoder;
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameSize = 16_384;
  /** Frames written so far. */
  written = 0;
  private blockStart = 0;

  constructor(out: OutputBuffer, huffman: boolean) {
    this.out = out;
    this.encoder = new HpackEncoder(out, huffman);
  }

  /** Writes a frame's header, with room for its payload behind it. */
  private begin(length: number, type: number, flags: number, id: number): void {
    this.out.reserve(FRAME_HEADER + length);
    this.header(this.out.length, length, type, flags, id);
    this.out.length += FRAME_HEADER;
    this.counted();
  }

  private header(at: number, length: number, type: number, flags: number, id: number): void {
    const { bytes } = this.out;
    bytes[at] = length >>> 16;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] = length;
    bytes[at + 3] = type;
    bytes[at + 4] = flags;
    bytes[at + 5] = id >>> 24;
    bytes[at + 6] = id >>> 16;
    bytes[at + 7] = id >>> 8;
    bytes[at + 8] = id;
  }

  private counted(): void {
    this.written++;
    this.out.frames++;
  }

  private number(value: number): void {
    const { bytes, length } = this.out;
    bytes[length] = value >>> 24;
    bytes[length + 1] = value >>> 16;
    bytes[length + 2] = value >>> 8;
    bytes[length + 3] = value;
    this.out.length = length + 4;
  }

  text(text: string): void {
    this.out.reserve(text.length);
    this.out.length += this.out.bytes.latin1Write(text, this.out.length, text.length);
  }

  /** @param pairs identifier and value of each setting */
  settings(pairs: readonly (readonly [number, number])[]): void {
    this.begin(pairs.length * 6, FrameType.Settings, 0, 0);
    for (const [id, value] of pairs) {
      const { bytes, length } = this.out;
      bytes[length] = id >>> 8;
      bytes[length + 1] = id;
      this.out.length = length + 2;
      this.number(value);
    }
  }

  settingsAck(): void {
    this.begin(0, FrameType.Settings, FrameFlag.Ack, 0);
  }

  ping(ack: boolean, high: number, low: number): void {
    this.begin(8, FrameType.Ping, ack ? FrameFlag.Ack : 0, 0);
    this.number(high);
    this.number(low);
  }

  windowUpdate(id: number, increment: number): void {
    this.begin(4, FrameType.WindowUpdate, 0, id);
    this.number(increment);
  }

  /** One METADATA frame; `bytes` are copied. @param last it is the last of its set */
  metadata(id: number, bytes: Buffer, last: boolean): void {
    this.begin(bytes.length, FrameType.Metadata, last ? FrameFlag.EndMetadata : 0, id);
    this.out.bytes.set(bytes, this.out.length);
    this.out.length += bytes.length;
  }

  reset(id: number, code: number): void {
    this.begin(4, FrameType.RstStream, 0, id);
    this.number(code);
  }

  goaway(lastStreamId: number, code: number, debug: string): void {
    this.begin(8 + debug.length, FrameType.Goaway, 0, 0);
    this.number(lastStreamId);
    this.number(code);
    this.text(debug);
  }

  /** DATA; `chunk` from `start` to `end` is copied. */
  data(id: number, chunk: Uint8Array | undefined, start: number, end: number, last: boolean): void {
    const length = end - start;
    this.begin(length, FrameType.Data, last ? FrameFlag.EndStream : 0, id);
    const { out } = this;
    if (chunk !== undefined && length > 0) {
      if (start === 0 && length === chunk.length) out.bytes.set(chunk, out.length);
      else out.bytes.set(chunk.subarray(start, end), out.length);
      out.length += length;
    }
  }

  /** Begins a header block: pseudo headers go to `encoder` next, then comes `endBlock`. */
  beginBlock(): void {
    const { out } = this;
    this.blockStart = out.reserve(FRAME_HEADER);
    out.length += FRAME_HEADER;
    this.encoder.begin(this.blockStart);
  }

  /** Ends the block with the fields of `headers`. @returns the bytes it takes, frame headers included */
  endBlock(id: number, headers: Headers, last: boolean): number {
    const { encoder, out } = this;
    for (let i = 0; i < headers.count; i++) {
      if (!headers.isRemoved(i) && dropped[headers.idAt(i)] === 0) encoder.field(headers.nameAt(i), headers.valueAt(i));
    }
    const start = encoder.blockStart;
    const length = out.length - start - FRAME_HEADER;
    const flags = last ? FrameFlag.EndStream : 0;
    if (length > this.maxFrameSize) return this.splitBlock(id, start, flags);
    this.header(start, length, FrameType.Headers, flags | FrameFlag.EndHeaders, id);
    this.counted();
    return length + FRAME_HEADER;
  }

  /** A block larger than a frame goes on in CONTINUATION (section 6.10). */
  private splitBlock(id: number, start: number, flags: number): number {
    const { out, maxFrameSize } = this;
    const block = Buffer.from(out.bytes.subarray(start + FRAME_HEADER, out.length));
    out.length = start;
    let bytes = 0;
    for (let at = 0; at < block.length; at += maxFrameSize) {
      const piece = block.subarray(at, at + maxFrameSize);
      const ends = at + maxFrameSize >= block.length ? FrameFlag.EndHeaders : 0;
      this.begin(
        piece.length,
        at === 0 ? FrameType.Headers : FrameType.Continuation,
        at === 0 ? flags | ends : ends,
        id,
      );
      out.bytes.set(piece, out.length);
      out.length += piece.length;
      bytes += piece.length + FRAME_HEADER;
    }
    return bytes;
  }
}
