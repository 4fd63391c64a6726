/**
 * What is left of a limit that is none: in Envoy the largest number of 64 bits, less what is taken. As a double, which is what a gauge holds,
 * that is 2^64 and the distance of two doubles there for each that is taken.
 */

const NO_LIMIT = 2 ** 64;
const DISTANCE = 4096;

export function leftOfNoLimit(taken: number): number {
  return NO_LIMIT + taken * DISTANCE;
}

/** @param left at least 2^64; infinity has nothing taken. */
export function takenOfNoLimit(left: number): number {
  return left === Number.POSITIVE_INFINITY ? 0 : Math.floor((left - NO_LIMIT) / DISTANCE);
}
