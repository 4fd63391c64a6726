/**
 * Header blocks to fields (RFC 7541). What is in the table keeps what was found out about it, so that a field that comes again costs a look.
 */
import { FieldKind, fieldKind, isFieldValue } from '#wire/http2/field-kind.ts';
import { huffmanDecode } from '#wire/http2/huffman.ts';
import { FIELD_OVERHEAD, STATIC_SIZE, STATIC_TABLE, type TableField } from '#wire/http2/static-table.ts';

/** Gets the fields of a block, in order. */
export interface FieldSink {
  /** @param kind see field-kind.ts @param valid whether the value has only characters that may stand there */
  onField(kind: number, name: string, value: string, valid: boolean): void;
}

/** The table begins with this size (RFC 9113, section 6.5.2). */
export const DEFAULT_TABLE_SIZE = 4096;
/** No number of a block is larger. */
const LARGEST = 2 ** 28;

/** Where Huffman text is decoded to; one for all decoders of the thread. */
let scratch = Buffer.allocUnsafeSlow(4096);

export class HpackDecoder {
  /** A ring of fields, a power of two long: made when the first one comes. */
  private ring: (TableField | undefined)[] = [];
  /** How many fields were ever added, and evicted. */
  private added = 0;
  private evicted = 0;
  private size = 0;
  private maxSize = DEFAULT_TABLE_SIZE;
  /** What the peer may make of it. */
  private limit = DEFAULT_TABLE_SIZE;
  /** The limit was lowered: the next block has to begin with a size update (section 4.2). */
  private updateDue = false;
  private pos = 0;
  /** Whether the text read last has only characters that a value may have. */
  private textValid = true;

  /** The peer has learnt our SETTINGS_HEADER_TABLE_SIZE. */
  setLimit(limit: number): void {
    this.limit = limit;
    if (this.maxSize > limit) this.updateDue = true;
  }

  /** Decodes one whole block. @returns false where it is malformed: the connection cannot go on */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): boolean {
    this.pos = start;
    let begun = false;
    while (this.pos < end) {
      const first = bytes[this.pos];
      if ((first & 0xe0) === 0x20) {
        // 6.3: size updates stand before fields only.
        if (begun) return false;
        const size = this.readInteger(bytes, end, 5);
        if (size < 0 || size > this.limit) return false;
        this.maxSize = size;
        this.updateDue = false;
        this.evict(0);
        continue;
      }
      if (this.updateDue) return false;
      begun = true;
      if ((first & 0x80) !== 0) {
        // 6.1
        const field = this.lookUp(this.readInteger(bytes, end, 7));
        if (field === undefined) return false;
        sink.onField(field.kind, field.name, field.value, field.valid);
      } else if (!this.readLiteral(bytes, end, (first & 0x40) !== 0, sink)) return false;
    }
    return true;
  }

  /** 6.2 */
  private readLiteral(bytes: Buffer, end: number, indexed: boolean, sink: FieldSink): boolean {
    const index = this.readInteger(bytes, end, indexed ? 6 : 4);
    if (index < 0) return false;
    let name: string;
    let kind: number;
    if (index > 0) {
      const field = this.lookUp(index);
      if (field === undefined) return false;
      name = field.name;
      kind = field.kind;
    } else {
      const text = this.readText(bytes, end);
      if (text === undefined) return false;
      name = text;
      kind = fieldKind(text);
    }
    const value = this.readText(bytes, end);
    if (value === undefined) return false;
    const valid = this.textValid && kind !== FieldKind.Bad;
    if (indexed) this.add({ name, value, kind, valid });
    sink.onField(kind, name, value, valid);
    return true;
  }

  private lookUp(index: number): TableField | undefined {
    if (index <= STATIC_SIZE) return STATIC_TABLE[index - 1];
    const age = index - STATIC_SIZE;
    if (age > this.added - this.evicted) return undefined;
    return this.ring[(this.added - age) & (this.ring.length - 1)];
  }

  private add(field: TableField): void {
    const size = field.name.length + field.value.length + FIELD_OVERHEAD;
    // 4.4: a field larger than the table empties it.
    this.evict(size);
    if (size > this.maxSize) return;
    if (this.added - this.evicted === this.ring.length) this.grow();
    this.ring[this.added++ & (this.ring.length - 1)] = field;
    this.size += size;
  }

  /** Makes room for `size` more. */
  private evict(size: number): void {
    while (this.evicted < this.added && this.size + size > this.maxSize) {
      const at = this.evicted++ & (this.ring.length - 1);
      const { name, value } = this.ring[at] as TableField;
      this.size -= name.length + value.length + FIELD_OVERHEAD;
      this.ring[at] = undefined;
    }
  }

  private grow(): void {
    const old = this.ring;
    const ring = new Array<TableField | undefined>(Math.max(8, old.length * 2)).fill(undefined);
    for (let i = this.evicted; i < this.added; i++) ring[i & (ring.length - 1)] = old[i & (old.length - 1)];
    this.ring = ring;
  }

  /** 5.1. @returns the number, or -1 */
  private readInteger(bytes: Buffer, end: number, prefix: number): number {
    const mask = (1 << prefix) - 1;
    let number = bytes[this.pos++] & mask;
    if (number < mask) return number;
    let scale = 1;
    for (;;) {
      if (this.pos >= end) return -1;
      const byte = bytes[this.pos++];
      number += (byte & 127) * scale;
      // As many bytes as the largest needs, and no more: zeros could go on for ever.
      if (number > LARGEST || scale > LARGEST) return -1;
      if (byte < 128) return number;
      scale *= 128;
    }
  }

  /** 5.2. */
  private readText(bytes: Buffer, end: number): string | undefined {
    if (this.pos >= end) return undefined;
    const huffman = bytes[this.pos] >= 128;
    const length = this.readInteger(bytes, end, 7);
    const start = this.pos;
    if (length < 0 || length > end - start) return undefined;
    this.pos = start + length;
    if (!huffman) {
      this.textValid = isFieldValue(bytes, start, this.pos);
      return bytes.latin1Slice(start, this.pos);
    }
    const room = length * 2;
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room);
    const decoded = huffmanDecode(bytes, start, this.pos, scratch);
    if (decoded < 0) return undefined;
    this.textValid = isFieldValue(scratch, 0, decoded);
    return scratch.latin1Slice(0, decoded);
  }
}
