/**
 * The fields of an encoded message without decoding it: enough to find a resource's name, and to see which of its parts are the same as
 * before. Follows https://protobuf.dev/programming-guides/encoding
 */

/** One field. */
export class WireField {
  readonly number: number;
  /** Where the field with its tag begins and ends. */
  readonly start: number;
  readonly end: number;
  private readonly bytes: Uint8Array;
  /** Where the bytes of its value begin; below 0 for numbers. */
  private readonly valueStart: number;

  constructor(bytes: Uint8Array, number: number, start: number, valueStart: number, end: number) {
    this.bytes = bytes;
    this.number = number;
    this.start = start;
    this.valueStart = valueStart;
    this.end = end;
  }

  /** Whether its value is bytes: a message or a text. */
  get hasBytes(): boolean {
    return this.valueStart >= 0;
  }

  /** Made when it is asked for. Undefined for numbers. */
  get value(): Uint8Array | undefined {
    return this.hasBytes ? this.bytes.subarray(this.valueStart, this.end) : undefined;
  }
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** @returns the fields in order; undefined where the bytes are no message */
export function wireFields(bytes: Uint8Array): WireField[] | undefined {
  const fields: WireField[] = [];
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const start = reader.at;
    const tag = varint(reader);
    let valueStart = -1;
    switch (tag & 7) {
      case VARINT:
        varint(reader);
        break;
      case FIXED64:
        reader.at += 8;
        break;
      case FIXED32:
        reader.at += 4;
        break;
      case LENGTH: {
        const length = varint(reader);
        valueStart = reader.at;
        reader.at += length;
        break;
      }
      default:
        return undefined;
    }
    if (reader.at > bytes.length) return undefined;
    fields.push(new WireField(bytes, tag >>> 3, start, valueStart, reader.at));
  }
  return fields;
}

/** The text of field 1, which is the name of every kind of resource; empty where it is not set. */
export function nameOf(bytes: Uint8Array): string {
  const field = wireFields(bytes)?.findLast(({ number, hasBytes }) => number === 1 && hasBytes);
  return field?.value === undefined ? '' : Buffer.from(field.value).toString();
}

/** Past the end it reads zeroes, and the caller sees that. Longer numbers than 32 bits are cut: no length is one. */
function varint(reader: { bytes: Uint8Array; at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) return value >>> 0;
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value >>> 0;
}
