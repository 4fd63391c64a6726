/**
 * Bytes of a head that came in pieces, or of requests behind the one under way. Whether a head may be whole is asked of the new bytes alone,
 * so that a client that sends a byte at a time costs no more than one that does not.
 */

const LF = 10;
const CR = 13;
const EMPTY = Buffer.alloc(0);

export class HeldHead {
  bytes: Buffer = EMPTY;
  length = 0;

  /** @returns where the added bytes begin */
  append(from: Buffer, start: number, end: number): number {
    const added = this.length;
    const length = added + end - start;
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.bytes.length * 2, 512));
      this.bytes.copy(grown, 0, 0, added);
      this.bytes = grown;
    }
    from.copy(this.bytes, added, start, end);
    this.length = length;
    return added;
  }

  /** Whether the bytes from `added` on end a head, or hold a line end that the parser should refuse. */
  mayBeWhole(added: number): boolean {
    for (let i = added; i < this.length; i++) {
      if (this.bytes[i] !== LF) continue;
      if (i === 0 || this.bytes[i - 1] !== CR) return true;
      if (i >= 3 && this.bytes[i - 2] === LF) return true;
    }
    return false;
  }

  clear(): void {
    this.length = 0;
    this.bytes = EMPTY;
  }
}
