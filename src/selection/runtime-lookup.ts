/**
 * What selection asks of the runtime: values that operators may change while the proxy runs. The proxy's runtime view satisfies it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import type { RuntimeFraction } from '#config/model/matchers.ts';

export interface RuntimeLookup {
  /** The key's number where it is whole and not negative. */
  integer(key: string, fallback: number): number;
  /** Whether the fraction, or what its key says in its place, has this random number in it. */
  enabled(fraction: RuntimeFraction, random: number): boolean;
}

/** A runtime without values: what is configured holds. */
export const CONFIGURED_ONLY: RuntimeLookup = {
  integer: (_key, fallback) => fallback,
  enabled: ({ numerator, denominator }, random) => random % denominator < numerator,
};
