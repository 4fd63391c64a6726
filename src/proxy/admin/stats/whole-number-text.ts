/**
 * Counters and gauges as text: Envoy's are unsigned numbers of 64 bits. Those here are exact up to 2^53; "no limit" is the largest of Envoy's.
 */
import { takenOfNoLimit } from '#proxy/observe/stats/no-limit.ts';

const LARGEST = 2n ** 64n - 1n;

export function wholeNumberText(value: number): string {
  return value >= 2 ** 64 ? String(LARGEST - BigInt(takenOfNoLimit(value))) : String(value);
}
