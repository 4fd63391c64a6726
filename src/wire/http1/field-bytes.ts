/**
 * Sizes of heads as Envoy counts them for `*_HEADER_BYTES_*` of access logs: the fields without the start line and the last empty line.
 */
import type { Headers } from '#wire/headers.ts';

export const CRLF_LENGTH = 2;

/** @returns the bytes of a head's fields as received, where one character between name and value is not counted. */
export function fieldBytes(headers: Headers): number {
  if (headers.count === 0) return 0;
  return headers.text.length - headers.spans[0] - CRLF_LENGTH - headers.count;
}
