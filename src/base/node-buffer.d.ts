/** What Node has and its types leave out. */
interface Buffer {
  /** The bytes from `start` to `end` as a latin1 string. */
  latin1Slice(start?: number, end?: number): string;
  /** Writes the characters of `text` as bytes. @returns how many were written. */
  latin1Write(text: string, offset: number, length: number): number;
}
