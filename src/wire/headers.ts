/**
 * The header fields of one message, in order, with names in lower case (RFC 9110, section 5).
 *
 * A head parsed from HTTP/1 stays one string: four offsets per field point into it, and a name or value becomes a string of its own only
 * when somebody asks. Fields that are added or changed, and all fields of HTTP/2, are held as strings. When a head is written again, runs of
 * fields that nobody touched and that are already in the form `name: value` are copied as one slice.
 */
import { KNOWN, knownId } from '#wire/known-headers.ts';

const REMOVED = -1;
/** A span's first number at or below this one means: a string field, at index `HELD - first`. */
const HELD = -2;
const FIRST_CAPACITY = 32;
const LF = 10;
/** Emptying the lists costs more than keeping what a few fields were. */
const KEPT_STRINGS = 64;

/** Lower-case forms of names as clients spell them: bounded, because clients choose them. */
const lowered = new Map<string, string>();
const LOWERED_LIMIT = 4096;

export class Headers {
  /** The text that the spans point into. */
  text = '';
  /** Four numbers a field: name start, name end, value start, value end. */
  spans = new Int32Array(FIRST_CAPACITY * 4);
  /** 1 where the field's line stands in `text` exactly as it would be written. */
  plain = new Uint8Array(FIRST_CAPACITY);
  /** The known number of each field's name, or 0. */
  private ids = new Uint8Array(FIRST_CAPACITY);
  /** How many fields there are, removed ones included. */
  count = 0;
  /** Index of the first field of each known name, or -1. */
  readonly known = new Int16Array(KNOWN.length).fill(-1);
  /** Some known name came more than once. */
  repeated = false;
  /** Names and values of string fields; those from `held` on are of messages before. */
  private names: string[] = [];
  private values: string[] = [];
  private held = 0;

  /** Empties it for the next message; keeps the memory. */
  clear(): void {
    this.text = '';
    for (let i = 0; i < this.count; i++) this.known[this.ids[i]] = -1;
    this.count = 0;
    this.repeated = false;
    if (this.held > KEPT_STRINGS) {
      this.names = [];
      this.values = [];
    }
    this.held = 0;
  }

  /** Notes a field that stands in `text`. For the parser; `id` is its known number or 0. */
  push(id: number, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, plain: number): void {
    const i = this.count++;
    if (i === this.plain.length) this.grow();
    const at = i << 2;
    this.spans[at] = nameStart;
    this.spans[at + 1] = nameEnd;
    this.spans[at + 2] = valueStart;
    this.spans[at + 3] = valueEnd;
    this.plain[i] = plain;
    this.ids[i] = id;
    if (id !== 0) {
      if (this.known[id] < 0) this.known[id] = i;
      else this.repeated = true;
    }
  }

  private grow(): void {
    const spans = new Int32Array(this.spans.length * 2);
    spans.set(this.spans);
    this.spans = spans;
    const plain = new Uint8Array(this.plain.length * 2);
    plain.set(this.plain);
    this.plain = plain;
    const ids = new Uint8Array(this.ids.length * 2);
    ids.set(this.ids);
    this.ids = ids;
  }

  /** @returns the value of the first field with this lower-case name. */
  get(name: string): string | undefined {
    const i = this.find(name, 0);
    return i < 0 ? undefined : this.valueAt(i);
  }

  /** @returns the values of all fields with this name, in order. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let i = this.find(name, 0); i >= 0; i = this.find(name, i + 1)) values.push(this.valueAt(i));
    return values;
  }

  /** @returns all values of the name joined by commas; undefined where there is none. */
  joined(name: string): string | undefined {
    const first = this.find(name, 0);
    if (first < 0) return undefined;
    let value = this.valueAt(first);
    for (let i = this.find(name, first + 1); i >= 0; i = this.find(name, i + 1)) value += `,${this.valueAt(i)}`;
    return value;
  }

  has(name: string): boolean {
    return this.find(name, 0) >= 0;
  }

  /** Whether any field of that name has a value that passes. */
  some(name: string, test: (value: string) => boolean): boolean {
    for (let i = this.find(name, 0); i >= 0; i = this.find(name, i + 1)) if (test(this.valueAt(i))) return true;
    return false;
  }

  /** @returns the first value of a known name by its number: the fast form of `get`. */
  getKnown(id: number): string | undefined {
    const i = this.known[id];
    return i < 0 ? undefined : this.valueAt(i);
  }

  hasKnown(id: number): boolean {
    return this.known[id] >= 0;
  }

  /** Appends a field; `name` must be lower case. */
  add(name: string, value: string): void {
    this.addField(knownId(name), name, value);
  }

  addKnown(id: number, value: string): void {
    this.addField(id, KNOWN[id], value);
  }

  /** Appends a field whose known number, or 0, the caller has. */
  addField(id: number, name: string, value: string): void {
    this.push(id, this.hold(name, value), 0, 0, 0, 0);
  }

  /** Replaces every field of that name by one, in the place of the first. */
  set(name: string, value: string): void {
    this.replace(knownId(name), name, value);
  }

  setKnown(id: number, value: string): void {
    this.replace(id, KNOWN[id], value);
  }

  /** Removes every field of that name. @returns how many there were. */
  remove(name: string): number {
    const id = knownId(name);
    if (id !== 0) return this.removeKnown(id);
    return this.removeFrom(name, 0);
  }

  removeKnown(id: number): number {
    const i = this.known[id];
    if (i < 0) return 0;
    this.known[id] = -1;
    if (this.repeated) return this.removeFrom(KNOWN[id], i);
    this.spans[i << 2] = REMOVED;
    return 1;
  }

  /** How many fields there are. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.count; i++) if (this.spans[i << 2] !== REMOVED) size++;
    return size;
  }

  /** Calls `visit` with each field in order; names in lower case. */
  each(visit: (name: string, value: string) => void): void {
    for (let i = 0; i < this.count; i++) {
      if (this.spans[i << 2] !== REMOVED) visit(this.nameAt(i), this.valueAt(i));
    }
  }

  /** The fields as pairs, for tests, logs and explain. */
  entries(): [string, string][] {
    const pairs: [string, string][] = [];
    this.each((name, value) => pairs.push([name, value]));
    return pairs;
  }

  /** Adds every field of `other`. */
  addAll(other: Headers): void {
    for (let i = 0; i < other.count; i++) {
      if (other.spans[i << 2] !== REMOVED) this.add(other.nameAt(i), other.valueAt(i));
    }
  }

  /** Sum of the lengths of names and values: Envoy's byte size of a header map. */
  byteSize(): number {
    let bytes = 0;
    for (let i = 0; i < this.count; i++) {
      const at = i << 2;
      const first = this.spans[at];
      if (first >= 0) bytes += this.spans[at + 1] - first + this.spans[at + 3] - this.spans[at + 2];
      else if (first <= HELD) bytes += this.names[HELD - first].length + this.values[HELD - first].length;
    }
    return bytes;
  }

  /** Appends the fields to `out` as HTTP/1 lines, each with its CRLF; runs of untouched lines go as one slice. */
  encode(out: string): string {
    const { spans, plain, text } = this;
    let runStart = -1;
    let runEnd = 0;
    for (let i = 0; i < this.count; i++) {
      const at = i << 2;
      const first = spans[at];
      if (first >= 0 && plain[i] === 1) {
        if (runStart >= 0 && runEnd !== first) {
          out += text.slice(runStart, runEnd);
          runStart = -1;
        }
        if (runStart < 0) runStart = first;
        runEnd = spans[at + 3] + 2;
        continue;
      }
      if (runStart >= 0) {
        out += text.slice(runStart, runEnd);
        runStart = -1;
      }
      if (first >= 0) out += `${this.nameAt(i)}: ${text.slice(spans[at + 2], spans[at + 3])}\r\n`;
      else if (first <= HELD) out += `${this.names[HELD - first]}: ${this.values[HELD - first]}\r\n`;
    }
    return runStart >= 0 ? out + text.slice(runStart, runEnd) : out;
  }

  /** The name of field `i` as the sender spelled it: for `preserve_case`. See `spellingOf`. */
  spelledAt(i: number): string | undefined {
    const first = this.spans[i << 2];
    return first >= 0 ? this.text.slice(first, this.spans[(i << 2) + 1]) : this.spellingOf(this.names[HELD - first]);
  }

  /**
   * @returns a lower-case name as the sender spelled it, also in a field that was replaced or removed since; undefined where the
   * sender did not name it
   */
  spellingOf(name: string): string | undefined {
    for (let i = 0; i < this.count; i++) {
      // Whatever became of the field, this number says where its name ends.
      const end = this.spans[(i << 2) + 1];
      const start = end - name.length;
      const wholeName = start === 0 || (start > 0 && this.text.charCodeAt(start - 1) === LF);
      if (end > 0 && wholeName && sameName(this.text, start, name)) return this.text.slice(start, end);
    }
    return undefined;
  }

  /** The known number of field `i`, or 0. */
  idAt(i: number): number {
    return this.ids[i];
  }

  isRemoved(i: number): boolean {
    return this.spans[i << 2] === REMOVED;
  }

  nameAt(i: number): string {
    const id = this.ids[i];
    if (id !== 0) return KNOWN[id];
    const first = this.spans[i << 2];
    return first >= 0 ? lower(this.text.slice(first, this.spans[(i << 2) + 1])) : this.names[HELD - first];
  }

  valueAt(i: number): string {
    const at = i << 2;
    const first = this.spans[at];
    return first >= 0 ? this.text.slice(this.spans[at + 2], this.spans[at + 3]) : this.values[HELD - first];
  }

  /** @returns the index of the first field of that name at or after `from`, or -1. */
  private find(name: string, from: number): number {
    const { spans, text } = this;
    const length = name.length;
    for (let i = from; i < this.count; i++) {
      const at = i << 2;
      const first = spans[at];
      if (first >= 0) {
        if (spans[at + 1] - first === length && sameName(text, first, name)) return i;
      } else if (first <= HELD && this.names[HELD - first] === name) return i;
    }
    return -1;
  }

  private replace(id: number, name: string, value: string): void {
    const i = id !== 0 ? this.known[id] : this.find(name, 0);
    if (i < 0) return this.addField(id, name, value);
    this.spans[i << 2] = this.hold(name, value);
    this.plain[i] = 0;
    if (id === 0 || this.repeated) this.removeFrom(name, i + 1);
  }

  /** Keeps a field as strings. @returns the first number of its span */
  private hold(name: string, value: string): number {
    const at = this.held++;
    this.names[at] = name;
    this.values[at] = value;
    return HELD - at;
  }

  private removeFrom(name: string, from: number): number {
    let removed = 0;
    for (let i = this.find(name, from); i >= 0; i = this.find(name, i + 1)) {
      this.spans[i << 2] = REMOVED;
      removed++;
    }
    return removed;
  }
}

/** Compares a stretch of `text`, in any case, with a lower-case name of the same length. */
function sameName(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    let code = text.charCodeAt(start + i);
    if (code >= 65 && code <= 90) code += 32;
    if (code !== name.charCodeAt(i)) return false;
  }
  return true;
}

function lower(name: string): string {
  let known = lowered.get(name);
  if (known === undefined) {
    known = name.toLowerCase();
    if (lowered.size < LOWERED_LIMIT) lowered.set(name, known);
  }
  return known;
}
