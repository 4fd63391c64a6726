/**
 * METADATA frames, Envoy's extension: fields beside a message, that are neither its headers nor its body. Each set of them is a header block of
 * its own (RFC 7541) with a table of its own. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/data_sharing_between_filters#http-2-metadata-frames
 */
import { HpackDecoder } from '#wire/http2/hpack-decoder.ts';
import { huffmanEncode, huffmanLength } from '#wire/http2/huffman.ts';

/** By name, which may be any text; latin1. */
export type MetadataFields = ReadonlyMap<string, string>;

/** Longest number of an integer. */
const INTEGER_ROOM = 6;

/** What one stream receives. */
export class MetadataReader {
  private readonly limit: number;
  /** Of all sets together, as Envoy counts them. */
  private received = 0;
  private pieces: Buffer[] = [];

  /** @param limit bytes that the peer may send on the stream */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes a frame's payload, which is copied. @returns false where it is more than may come */
  add(bytes: Buffer, start: number, end: number): boolean {
    this.received += end - start;
    if (this.received > this.limit) return false;
    if (end > start) this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }

  /** The set is whole. @returns its fields, of each name the first; undefined where HPACK cannot read them */
  take(): MetadataFields | undefined {
    const block = Buffer.concat(this.pieces);
    this.pieces = [];
    const fields = new Map<string, string>();
    const sink = {
      onField(_kind: number, name: string, value: string): void {
        if (!fields.has(name)) fields.set(name, value);
      },
    };
    return new HpackDecoder().decode(block, 0, block.length, sink) ? fields : undefined;
  }
}

/** @returns the fields as one header block of literals that no table keeps */
export function metadataBlock(fields: MetadataFields): Buffer {
  let room = 0;
  for (const [name, value] of fields) room += 1 + 2 * INTEGER_ROOM + name.length + value.length;
  const block = Buffer.allocUnsafe(room);
  let pos = 0;
  for (const [name, value] of fields) {
    block[pos++] = 0;
    pos = writeText(value, block, writeText(name, block, pos));
  }
  return block.subarray(0, pos);
}

/** RFC 7541, sections 5.1 and 5.2: in whichever form is shorter. @returns the position after it */
function writeText(text: string, block: Buffer, at: number): number {
  const coded = huffmanLength(text);
  const short = coded < text.length;
  let rest = (short ? coded : text.length) - 127;
  let pos = at;
  block[pos++] = (short ? 0x80 : 0) | (rest < 0 ? rest + 127 : 127);
  if (rest >= 0) {
    for (; rest >= 128; rest >>>= 7) block[pos++] = (rest & 127) | 128;
    block[pos++] = rest;
  }
  return short ? huffmanEncode(text, block, pos) : pos + block.latin1Write(text, pos, text.length);
}
