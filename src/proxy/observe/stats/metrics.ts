/**
 * Counters, gauges and histograms of one thread. Each thread owns a slab that only it writes; the main thread adds slabs up when
 * somebody reads. An update is one plain addition: no lock, no call out, no string.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/statistics
 */

import type { Columns, Row, StatTable } from '#proxy/observe/stats/stat-table.ts';

/**
 * Where a stat stood before anybody wrote it. Adding anything to negative zero, even zero, makes it positive, so the slot
 * itself says whether it was ever written (Envoy's `usedonly`), and an update stays one addition.
 */
export const UNWRITTEN = -0;

/** A slab for stats that are gone or that nobody wants: what still writes them writes here. */
const NOWHERE = new Float64Array(1);

export class Counter {
  private values: Float64Array;
  private index: number;

  constructor(values: Float64Array, index: number) {
    this.values = values;
    this.index = index;
  }

  inc(): void {
    this.values[this.index]++;
  }

  add(amount: number): void {
    this.values[this.index] += amount;
  }

  /** This thread's share. */
  get value(): number {
    return this.values[this.index] + 0;
  }

  /** Gives the slot up; writes after this go nowhere. */
  detach(): void {
    this.values = NOWHERE;
    this.index = 0;
  }
}

/** A gauge: what it shows is the sum of all threads' shares. */
export class Gauge {
  private values: Float64Array;
  private index: number;

  constructor(values: Float64Array, index: number) {
    this.values = values;
    this.index = index;
  }

  inc(): void {
    this.values[this.index]++;
  }

  dec(): void {
    this.values[this.index]--;
  }

  add(amount: number): void {
    this.values[this.index] += amount;
  }

  set(value: number): void {
    this.values[this.index] = value;
  }

  get value(): number {
    return this.values[this.index] + 0;
  }

  /** Gives the slot up; writes after this go nowhere. */
  detach(): void {
    this.values = NOWHERE;
    this.index = 0;
  }
}

/** A counter or gauge whose writes go nowhere. */
export function detached<T extends Counter | Gauge>(stat: T): T {
  stat.detach();
  return stat;
}

/** What a histogram's numbers count. */
export type HistogramUnit = 'Unspecified' | 'Bytes' | 'Microseconds' | 'Milliseconds' | 'Percent';

export interface Histogram {
  /** Records one value in the unit; fractions are cut off, except for Percent, where 1 is the whole. */
  record(value: number): void;
}

/** A text that is shown among the stats, such as a version. Main thread only. */
export interface TextReadout {
  set(text: string): void;
}

/**
 * Names stats below a prefix. Asking twice for one name gives the same stat. Names are Envoy's, parts joined by dots;
 * stats exist (and are shown) from the moment they are asked for.
 */
export interface Scope {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string, unit: HistogramUnit): Histogram;
  textReadout(name: string): TextReadout;
  /** A scope for `prefix.`; characters that Envoy sanitizes (':' to '_') are sanitized. */
  scope(prefix: string): Scope;
  /** A slot that is counted like the others but never listed: for per-host numbers. */
  hidden(name: string): Counter;
  /** All stats of a table at once. Asking for one of them by its name gives the same stat. */
  row<C extends Columns>(table: StatTable<C>): Row<C>;
}
