/**
 * Where a session gathers what it has to send, until the end of the loop's turn. Buffers are pooled: a quiet session holds none.
 */

const SMALL = 16 * 1024;
const LARGE = 64 * 1024;
const FREE_LIMIT = 64;

const freeSmall: Buffer[] = [];
const freeLarge: Buffer[] = [];

function take(size: number): Buffer {
  if (size <= SMALL) return freeSmall.pop() ?? Buffer.allocUnsafeSlow(SMALL);
  if (size <= LARGE) return freeLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE);
  return Buffer.allocUnsafeSlow(size);
}

/** Gives back a buffer that was sent. */
export function giveBack(buffer: Buffer): void {
  if (buffer.length === SMALL) {
    if (freeSmall.length < FREE_LIMIT) freeSmall.push(buffer);
  } else if (buffer.length === LARGE && freeLarge.length < FREE_LIMIT) freeLarge.push(buffer);
}

const NONE: Buffer = Buffer.alloc(0);

/** A buffer to be sent; whoever took it gives it back with `giveBack(bytes)`. */
export interface OutputChunk {
  bytes: Buffer;
  /** How many of `bytes` are to be sent. */
  length: number;
  /** Frames that end in it. */
  frames: number;
}

export class OutputBuffer {
  /** What is being filled, up to `length`. */
  bytes: Buffer = NONE;
  length = 0;
  /** Frames written to `bytes`. */
  frames = 0;
  /** Bytes gathered over the session's life. */
  total = 0;
  private readonly full: OutputChunk[] = [];

  /** Nothing is to be sent. */
  get empty(): boolean {
    return this.length === 0 && this.full.length === 0;
  }

  /** Bytes that were not taken yet. */
  get waiting(): number {
    let waiting = this.length;
    for (const chunk of this.full) waiting += chunk.length;
    return waiting;
  }

  /**
   * Makes room for `size` bytes behind `length`.
   * @param blockStart where a frame that is not whole begins: it stays in one piece. @returns where it begins now
   */
  reserve(size: number, blockStart = this.length): number {
    if (this.length + size <= this.bytes.length) return blockStart;
    const old = this.bytes;
    const kept = this.length - blockStart;
    this.bytes = take(kept + size);
    if (kept > 0) old.copy(this.bytes, 0, blockStart, this.length);
    if (blockStart > 0) {
      this.full.push({ bytes: old, length: blockStart, frames: this.frames });
      this.frames = 0;
    } else if (old !== NONE) giveBack(old);
    this.length = kept;
    return 0;
  }

  /** Takes the next chunk, in order; undefined where there is none. */
  take(): OutputChunk | undefined {
    const chunk = this.full.shift();
    if (chunk !== undefined) {
      this.total += chunk.length;
      return chunk;
    }
    if (this.length === 0) return undefined;
    const last = { bytes: this.bytes, length: this.length, frames: this.frames };
    this.total += this.length;
    this.bytes = NONE;
    this.length = 0;
    this.frames = 0;
    return last;
  }

  /** Throws away what was not taken. */
  drop(): void {
    for (let chunk = this.take(); chunk !== undefined; chunk = this.take()) giveBack(chunk.bytes);
  }
}
