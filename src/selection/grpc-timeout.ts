/**
 * How long the caller of a gRPC method waits, as the grpc-timeout header says it. Follows
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */

/** Milliseconds of a unit. */
const UNITS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const LARGEST = 99_999_999;

/** @returns whole milliseconds, at least what is said; undefined where it says nothing. */
export function parseGrpcTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const unit = UNITS[text.slice(-1)];
  const digits = text.slice(0, -1);
  if (unit === undefined || !/^\s*\+?\d{1,15}\s*$/.test(digits)) return undefined;
  const value = Number(digits);
  return value > LARGEST ? undefined : Math.ceil(value * unit);
}

/** @param milliseconds whole ones. @returns them in the smallest unit that the header has room for */
export function grpcTimeoutText(milliseconds: number): string {
  if (milliseconds <= LARGEST) return `${milliseconds}m`;
  let value = Math.floor(milliseconds / 1000);
  if (value <= LARGEST) return `${value}S`;
  value = Math.floor(value / 60);
  if (value <= LARGEST) return `${value}M`;
  return `${Math.min(LARGEST, Math.floor(value / 60))}H`;
}
