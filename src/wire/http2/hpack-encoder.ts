/**
 * Fields to header blocks (RFC 7541). A pair that is in the table goes as its index: it is found through a Map of names, each with the value
 * it had last and a Map of the others. Names whose values never come again are not put into the table, so that they push nothing out.
 */

import { DEFAULT_TABLE_SIZE } from '#wire/http2/hpack-decoder.ts';
import { huffmanEncode, huffmanLength } from '#wire/http2/huffman.ts';
import type { OutputBuffer } from '#wire/http2/output-buffer.ts';
import { FIELD_OVERHEAD, STATIC_SIZE, type StaticName, staticName } from '#wire/http2/static-table.ts';

/** A pair in the dynamic table. */
interface Entry {
  readonly of: NameUse;
  readonly value: string;
  /** How many were added before it. */
  readonly order: number;
}

/** What is known of a name. */
interface NameUse {
  readonly name: string;
  readonly inStatic: StaticName | undefined;
  readonly secret: boolean;
  last: Entry | undefined;
  readonly entries: Map<string, Entry>;
  /** How often a value was put into the table, and how often it was found there again. */
  inserts: number;
  hits: number;
}

/** Names are learnt up to this many; then those without a pair in the table are forgotten. */
const NAMES_LIMIT = 256;
/** As many values of a name are tried before they have to come again. */
const TRIES = 8;
/** Every so many values of such a name is tried again: what it stands for may have changed. */
const TRY_AGAIN = 64;
/** Longest number of an integer, and of the first byte. */
const INTEGER_ROOM = 6;
/** Short cookies could be guessed byte by byte (section 7.1). */
const SHORT_COOKIE = 20;
/** Longest prefix that a block may begin with: two size updates. */
const UPDATES_ROOM = 2 * INTEGER_ROOM;

export class HpackEncoder {
  private readonly out: OutputBuffer;
  private readonly names = new Map<string, NameUse>();
  private ring: (Entry | undefined)[] = [];
  private added = 0;
  private evicted = 0;
  private size = 0;
  private maxSize = DEFAULT_TABLE_SIZE;
  /** The smallest size that the table was given since the last block, or -1. */
  private smallest = -1;
  private skipped = 0;
  /** Where the block under way begins in the output's buffer; see OutputBuffer.reserve. */
  blockStart = 0;

  private readonly huffman: boolean;

  /** @param huffman text goes in whichever form is shorter; else as it is */
  constructor(out: OutputBuffer, huffman = true) {
    this.out = out;
    this.huffman = huffman;
  }

  /** The table may have this size from now on; the next block tells the peer's decoder. */
  resize(size: number): void {
    if (size === this.maxSize) return;
    this.smallest = this.smallest < 0 ? Math.min(size, this.maxSize) : Math.min(this.smallest, size);
    this.maxSize = size;
    this.evict(0);
  }

  /** Begins a block behind what is in the output, of which the bytes from `blockStart` on stay in one piece. */
  begin(blockStart: number): void {
    this.blockStart = blockStart;
    if (this.smallest < 0) return;
    this.blockStart = this.out.reserve(UPDATES_ROOM, blockStart);
    if (this.smallest < this.maxSize) this.writeInteger(0x20, 5, this.smallest);
    this.writeInteger(0x20, 5, this.maxSize);
    this.smallest = -1;
  }

  /** Writes `:status`. */
  status(status: number): void {
    switch (status) {
      case 200:
        return this.indexed(8);
      case 204:
        return this.indexed(9);
      case 206:
        return this.indexed(10);
      case 304:
        return this.indexed(11);
      case 400:
        return this.indexed(12);
      case 404:
        return this.indexed(13);
      case 500:
        return this.indexed(14);
      default:
        this.field(':status', String(status));
    }
  }

  /** Writes a field; the name in lower case, both latin1. */
  field(name: string, value: string): void {
    const use = this.names.get(name) ?? this.learn(name);
    const { last } = use;
    if (last !== undefined && last.value === value) return this.found(last);
    const entry = use.entries.get(value);
    if (entry !== undefined) {
      use.last = entry;
      return this.found(entry);
    }
    const index = use.inStatic?.values.get(value);
    if (index !== undefined) return this.indexed(index);
    this.literal(use, value);
  }

  private found(entry: Entry): void {
    entry.of.hits++;
    this.indexed(STATIC_SIZE + this.added - entry.order);
  }

  private indexed(index: number): void {
    this.blockStart = this.out.reserve(INTEGER_ROOM, this.blockStart);
    this.writeInteger(0x80, 7, index);
  }

  private literal(use: NameUse, value: string): void {
    const { name } = use;
    this.blockStart = this.out.reserve(name.length + value.length + 3 * INTEGER_ROOM, this.blockStart);
    const index = use.inStatic?.index ?? this.dynamicName(use);
    if (use.secret || (name === 'cookie' && value.length < SHORT_COOKIE)) this.writeInteger(0x10, 4, index);
    else if (this.worthKeeping(use, name.length + value.length + FIELD_OVERHEAD)) {
      this.writeInteger(0x40, 6, index);
      if (index === 0) this.writeText(name);
      this.writeText(value);
      this.add(use, value);
      return;
    } else this.writeInteger(0, 4, index);
    if (index === 0) this.writeText(name);
    this.writeText(value);
  }

  private dynamicName(use: NameUse): number {
    return use.last === undefined ? 0 : STATIC_SIZE + this.added - use.last.order;
  }

  private worthKeeping(use: NameUse, size: number): boolean {
    if (size > this.maxSize >> 1) return false;
    if (use.inserts - use.hits < TRIES) return true;
    return ++this.skipped % TRY_AGAIN === 0;
  }

  private add(use: NameUse, value: string): void {
    const size = use.name.length + value.length + FIELD_OVERHEAD;
    this.evict(size);
    if (this.added - this.evicted === this.ring.length) this.grow();
    const entry: Entry = { of: use, value, order: this.added };
    this.ring[this.added++ & (this.ring.length - 1)] = entry;
    this.size += size;
    use.entries.set(value, entry);
    use.last = entry;
    // What was learnt long ago counts half.
    if (++use.inserts >= 256) {
      use.inserts >>= 1;
      use.hits >>= 1;
    } else if (use.hits > use.inserts + TRY_AGAIN) use.hits = use.inserts + TRY_AGAIN;
  }

  private evict(size: number): void {
    while (this.evicted < this.added && this.size + size > this.maxSize) {
      const at = this.evicted++ & (this.ring.length - 1);
      const entry = this.ring[at] as Entry;
      this.ring[at] = undefined;
      const { of, value } = entry;
      this.size -= of.name.length + value.length + FIELD_OVERHEAD;
      of.entries.delete(value);
      if (of.last === entry) of.last = undefined;
    }
  }

  private grow(): void {
    const old = this.ring;
    const ring = new Array<Entry | undefined>(Math.max(8, old.length * 2)).fill(undefined);
    for (let i = this.evicted; i < this.added; i++) ring[i & (ring.length - 1)] = old[i & (old.length - 1)];
    this.ring = ring;
  }

  private learn(name: string): NameUse {
    if (this.names.size >= NAMES_LIMIT) {
      for (const [known, { entries }] of this.names) if (entries.size === 0) this.names.delete(known);
    }
    const secret = name === 'authorization' || name === 'proxy-authorization';
    const use = { name, inStatic: staticName(name), secret, last: undefined, entries: new Map(), inserts: 0, hits: 0 };
    this.names.set(name, use);
    return use;
  }

  /** 5.1. Room is there. */
  private writeInteger(pattern: number, prefix: number, number: number): void {
    const { bytes } = this.out;
    let { length } = this.out;
    const mask = (1 << prefix) - 1;
    if (number < mask) bytes[length++] = pattern | number;
    else {
      bytes[length++] = pattern | mask;
      let rest = number - mask;
      for (; rest >= 128; rest >>>= 7) bytes[length++] = (rest & 127) | 128;
      bytes[length++] = rest;
    }
    this.out.length = length;
  }

  /** 5.2: in whichever form is shorter. */
  private writeText(text: string): void {
    const coded = this.huffman ? huffmanLength(text) : text.length;
    const { out } = this;
    if (coded < text.length) {
      this.writeInteger(0x80, 7, coded);
      out.length = huffmanEncode(text, out.bytes, out.length);
    } else {
      this.writeInteger(0, 7, text.length);
      out.length += out.bytes.latin1Write(text, out.length, text.length);
    }
  }
}
