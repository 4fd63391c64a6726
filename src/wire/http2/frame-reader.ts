/**
 * Bytes to frames, however the bytes are cut (RFC 9113, section 4.1). DATA is handed on as it comes; other frames when they are whole.
 */
import { FRAME_HEADER, FrameFlag, FrameType } from '#wire/http2/frame.ts';
import { type Violation, Violations } from '#wire/http2/violation.ts';

/** Gets the frames. Each call answers whether reading goes on. */
export interface FrameSink {
  /** DATA begins; `length` counts its padding too. */
  onDataFrame(id: number, flags: number, length: number): boolean;
  /** A piece of its data, perhaps none; `last`: the rest is padding. */
  onDataPiece(id: number, flags: number, bytes: Buffer, start: number, end: number, last: boolean): boolean;
  onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): boolean;
  onBadFrame(violation: Violation): boolean;
}

/** A frame's header is next. */
const HEADER = 0;
/** In a frame that is handed on when it is whole. */
const PAYLOAD = 1;
/** The length of DATA's padding is next. */
const PAD_LENGTH = 2;
const DATA = 3;
const PADDING = 4;

const NONE = Buffer.alloc(0);

export class FrameReader {
  private readonly sink: FrameSink;
  private readonly maxFrameSize: number;
  private state = HEADER;
  private type = 0;
  private flags = 0;
  private id = 0;
  /** Bytes of the payload that are still to come; of DATA, without padding. */
  private left = 0;
  private padding = 0;
  /** The beginning of a header or payload that is not whole. */
  private held = NONE;
  private heldLength = 0;

  constructor(sink: FrameSink, maxFrameSize: number) {
    this.sink = sink;
    this.maxFrameSize = maxFrameSize;
  }

  /** @returns false where reading is over */
  read(bytes: Buffer, start: number, end: number): boolean {
    let pos = start;
    while (pos < end) {
      switch (this.state) {
        case HEADER: {
          if (this.heldLength === 0 && end - pos >= FRAME_HEADER) {
            if (!this.onHeader(bytes, pos)) return false;
            pos += FRAME_HEADER;
          } else {
            pos = this.hold(bytes, pos, end, FRAME_HEADER);
            if (this.heldLength < FRAME_HEADER) return true;
            this.heldLength = 0;
            if (!this.onHeader(this.held, 0)) return false;
          }
          pos = this.payloadAtHand(bytes, pos, end);
          if (pos < 0) return false;
          break;
        }
        case PAYLOAD: {
          pos = this.hold(bytes, pos, end, this.left);
          if (this.heldLength < this.left) return true;
          const payload = this.held;
          this.held = NONE;
          this.heldLength = 0;
          this.state = HEADER;
          if (!this.sink.onFrame(this.type, this.flags, this.id, payload, 0, this.left)) return false;
          break;
        }
        case PAD_LENGTH:
          this.padding = bytes[pos++];
          this.left -= this.padding + 1;
          if (this.left < 0) return this.sink.onBadFrame(Violations.BadPadding);
          this.state = DATA;
          if (this.left === 0 && !this.dataPiece(bytes, pos, pos)) return false;
          break;
        case DATA: {
          const after = Math.min(end, pos + this.left);
          if (!this.dataPiece(bytes, pos, after)) return false;
          pos = after;
          break;
        }
        default: {
          const skipped = Math.min(end - pos, this.padding);
          pos += skipped;
          this.padding -= skipped;
          if (this.padding === 0) this.state = HEADER;
        }
      }
    }
    return true;
  }

  /** A frame without payload is whole with its header; so is one whose payload is all there. @returns the position after it, or -1 */
  private payloadAtHand(bytes: Buffer, pos: number, end: number): number {
    if (this.state === DATA) return this.left > 0 || this.dataPiece(bytes, pos, pos) ? pos : -1;
    if (this.state !== PAYLOAD || end - pos < this.left) return pos;
    const after = pos + this.left;
    this.state = HEADER;
    return this.sink.onFrame(this.type, this.flags, this.id, bytes, pos, after) ? after : -1;
  }

  private onHeader(bytes: Buffer, pos: number): boolean {
    const length = (bytes[pos] << 16) | (bytes[pos + 1] << 8) | bytes[pos + 2];
    const type = bytes[pos + 3];
    const flags = bytes[pos + 4];
    const id = ((bytes[pos + 5] & 0x7f) << 24) | (bytes[pos + 6] << 16) | (bytes[pos + 7] << 8) | bytes[pos + 8];
    if (length > this.maxFrameSize) return this.sink.onBadFrame(Violations.FrameTooLarge);
    this.type = type;
    this.flags = flags;
    this.id = id;
    this.left = length;
    if (type !== FrameType.Data) {
      this.state = PAYLOAD;
      return true;
    }
    this.padding = 0;
    this.state = DATA;
    if (!this.sink.onDataFrame(id, flags, length)) return false;
    if ((flags & FrameFlag.Padded) !== 0) {
      if (length === 0) return this.sink.onBadFrame(Violations.BadFrameSize);
      this.state = PAD_LENGTH;
    }
    return true;
  }

  private dataPiece(bytes: Buffer, start: number, end: number): boolean {
    this.left -= end - start;
    const last = this.left === 0;
    if (last) this.state = this.padding > 0 ? PADDING : HEADER;
    return this.sink.onDataPiece(this.id, this.flags, bytes, start, end, last);
  }

  /** Keeps bytes until there are `wanted`. @returns the position after those kept */
  private hold(bytes: Buffer, pos: number, end: number, wanted: number): number {
    const missing = wanted - this.heldLength;
    const taken = Math.min(missing, end - pos);
    if (this.held.length < this.heldLength + taken) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.heldLength + taken, Math.min(wanted, this.held.length * 2)));
      this.held.copy(larger, 0, 0, this.heldLength);
      this.held = larger;
    }
    bytes.copy(this.held, this.heldLength, pos, pos + taken);
    this.heldLength += taken;
    return pos + taken;
  }
}
