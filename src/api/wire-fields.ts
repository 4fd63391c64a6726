/**
 * The fields of an encoded message without decoding it: enough to find a resource's name, and to see which of its parts are the same as
 * before. Follows https://protobuf.dev/programming-guides/encoding
 */

/** One field: the bytes of its value, for those that have a length. */
export interface WireField {
  number: number;
  /** Undefined for numbers. */
  value: Uint8Array | undefined;
  /** Where the field with its tag begins and ends. */
  start: number;
  end: number;
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
    const field: WireField = { number: tag >>> 3, value: undefined, start, end: 0 };
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
        field.value = bytes.subarray(reader.at, reader.at + length);
        reader.at += length;
        break;
      }
      default:
        return undefined;
    }
    if (reader.at > bytes.length) return undefined;
    field.end = reader.at;
    fields.push(field);
  }
  return fields;
}

/** The text of field 1, which is the name of every kind of resource; empty where it is not set. */
export function nameOf(bytes: Uint8Array): string {
  const field = wireFields(bytes)?.findLast(({ number, value }) => number === 1 && value !== undefined);
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
