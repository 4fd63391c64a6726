/**
 * HTTP errors in gRPC's words. Follows https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md and, for messages,
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

const STATUS = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);
const UNKNOWN = 2;

export function grpcStatusOf(httpStatus: number): number {
  return STATUS.get(httpStatus) ?? UNKNOWN;
}

/** @param text bytes, one character each. */
export function percentEncoded(text: string): string {
  return text.replace(/[^ -$&-~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
