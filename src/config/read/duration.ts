/**
 * Times as the snapshot holds them: milliseconds.
 * Follows https://protobuf.dev/reference/protobuf/google.protobuf/#duration
 */
import type { Duration } from '@bufbuild/protobuf/wkt';

/** Milliseconds, with fractions. */
export function milliseconds(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Milliseconds, or undefined where the field is not set. */
export function optionalMilliseconds(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : milliseconds(duration);
}

/** Milliseconds, or the default where the field is not set. */
export function millisecondsOr(duration: Duration | undefined, unset: number): number {
  return duration === undefined ? unset : milliseconds(duration);
}
