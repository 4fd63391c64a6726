/**
 * Counters and gauges as text: Envoy's are unsigned numbers of 64 bits. Those here are exact up to 2^53; "no limit" is the largest of Envoy's.
 */

const LARGEST = '18446744073709551615';

export function wholeNumberText(value: number): string {
  return value >= 2 ** 64 ? LARGEST : String(value);
}
