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

/** By status of gRPC, from 0. */
const HTTP_STATUS = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/** A status of gRPC in HTTP's words, as Envoy puts it. */
export function httpStatusOfGrpc(status: string): number {
  return HTTP_STATUS[Number(status)] ?? 500;
}

/** Statuses that stand for an error of the service, as 5xx does in HTTP; all others are the caller's affair. */
const SERVICE_ERRORS = new Set([2, 4, 12, 13, 14, 15]);
const LARGEST = 16;

/** Whether a call failed through its service. @param status grpc-status; a call without one failed too */
export function isServiceError(status: string | undefined): boolean {
  if (status === undefined || !/^\d{1,2}$/.test(status)) return true;
  const code = Number(status);
  return code > LARGEST || SERVICE_ERRORS.has(code);
}

/** @param text bytes, one character each. */
export function percentEncoded(text: string): string {
  return text.replace(/[^ -$&-~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
