/**
 * A header block that comes in several frames: HEADERS, then CONTINUATION until it is whole (RFC 9113, section 4.3).
 */

/** HPACK makes blocks smaller, not larger: one this much larger than the fields may be is not waited for. */
const SLACK = 16 * 1024;
/** And no sender cuts it into more pieces than this. */
const MOST_PIECES = 64;

export class HeaderBlock {
  /** CONTINUATION is next. */
  open = false;
  id = 0;
  endStream = false;
  selfDependent = false;
  /** Its bytes on the wire. */
  wireBytes = 0;
  private pieces: Buffer[] = [];
  private length = 0;
  private readonly limit: number;

  constructor(maxHeaderListBytes: number) {
    this.limit = maxHeaderListBytes + SLACK;
  }

  begin(id: number, endStream: boolean, selfDependent: boolean): void {
    this.open = true;
    this.id = id;
    this.endStream = endStream;
    this.selfDependent = selfDependent;
    this.wireBytes = 0;
    this.length = 0;
    this.pieces = [];
  }

  /** Adds a piece. @returns false where that is too much */
  append(bytes: Buffer, start: number, end: number, wireBytes: number): boolean {
    this.wireBytes += wireBytes;
    this.length += end - start;
    if (this.length > this.limit || this.pieces.length === MOST_PIECES) return false;
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }

  /** @returns the whole block */
  take(): Buffer {
    this.open = false;
    const whole = Buffer.concat(this.pieces, this.length);
    this.pieces = [];
    return whole;
  }
}
