/**
 * Values that operators may change while the proxy runs, as one thread sees them. The snapshot is plain data that the main
 * thread sends; the view's methods are what the data path asks.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */

import type { RuntimeDouble, RuntimeFraction } from '#config/model/matchers.ts';
import type { RuntimeFeatureFlag } from '#config/read/runtime-feature-flag.ts';

/** One value, in each of the forms that it can be read as. */
export interface RuntimeValue {
  raw: string;
  number?: number;
  boolean?: boolean;
  fraction?: { numerator: number; denominator: number };
}

/** The layers as they are now, lowest first, and what they come to. Structured-cloneable. */
export interface RuntimeSnapshot {
  layers: { name: string; values: { [key: string]: RuntimeValue } }[];
  values: { [key: string]: RuntimeValue };
}

export const NO_RUNTIME: RuntimeSnapshot = { layers: [], values: {} };

export class RuntimeView {
  #values: Map<string, RuntimeValue>;

  constructor(snapshot: RuntimeSnapshot = NO_RUNTIME) {
    this.#values = new Map(Object.entries(snapshot.values));
  }

  /** From here on, another snapshot's values. */
  update(snapshot: RuntimeSnapshot): void {
    this.#values = new Map(Object.entries(snapshot.values));
  }

  /** The key's number, with its fraction. */
  number(key: string, fallback: number): number {
    return this.#values.get(key)?.number ?? fallback;
  }

  /** The number, or what its key says in its place. */
  double({ runtimeKey, defaultValue }: RuntimeDouble): number {
    return runtimeKey === '' ? defaultValue : this.number(runtimeKey, defaultValue);
  }

  /** The key's number, rounded down, where it is not negative. */
  integer(key: string, fallback: number): number {
    const number = this.#values.get(key)?.number;
    return number !== undefined && isCount(number) ? Math.floor(number) : fallback;
  }

  /** The key's true or false. */
  feature(key: string, fallback: boolean): boolean {
    return this.#values.get(key)?.boolean ?? fallback;
  }

  /** Whether a switch is on. */
  featureEnabled({ runtimeKey, defaultValue }: RuntimeFeatureFlag): boolean {
    return runtimeKey === '' ? defaultValue : this.feature(runtimeKey, defaultValue);
  }

  /** Whether a whole number of percents (by default) has this random number among them. @param random a whole number. */
  percentEnabled(key: string, fallback: number, random: number, buckets = 100): boolean {
    return random % buckets < Math.min(this.integer(key, fallback), buckets);
  }

  /** Whether the fraction, or what its key says in its place, has this random number in it. @param random a whole number. */
  enabled(fraction: RuntimeFraction, random: number): boolean {
    const value = fraction.runtimeKey === '' ? undefined : this.#values.get(fraction.runtimeKey);
    if (value?.fraction !== undefined) return random % value.fraction.denominator < value.fraction.numerator;
    // A number where a fraction is expected means whole percents.
    if (value?.number !== undefined && isCount(value.number)) return random % 100 < Math.floor(value.number);
    return random % fraction.denominator < fraction.numerator;
  }
}

/** It can be read as an unsigned number of 64 bits. */
function isCount(number: number): boolean {
  return number >= 0 && number <= 2 ** 64;
}
