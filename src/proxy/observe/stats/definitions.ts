/**
 * What a thread tells the main thread of its stats: which there are, and where their numbers lie. Structured-cloneable.
 */
import type { HistogramUnit } from '#proxy/observe/stats/metrics.ts';

export type StatKind = 'counter' | 'gauge' | 'histogram' | 'text' | 'hidden';

/** How many numbers a slab holds. */
export const SLAB_SLOTS = 4096;

export interface StatDefinition {
  name: string;
  kind: StatKind;
  /** Counters, gauges and hidden ones: the slot, counted through all slabs of the thread. Histograms: the id. */
  slot: number;
  /** Histograms only. */
  unit?: HistogramUnit;
}

/** One change, in the order in which it happened. */
export type StatChange =
  | { change: 'added'; stat: StatDefinition }
  /** `last` is the share that the thread leaves behind: a counter keeps it as long as other threads count on. */
  | { change: 'removed'; name: string; kind: StatKind; last: number }
  | { change: 'text'; name: string; text: string }
  /** Hidden numbers that lie behind one another from `slot` on. */
  | { change: 'block'; name: string; slot: number }
  | { change: 'block_removed'; name: string; last: number[] }
  /** The numbers of a table's row lie behind one another from `slot` on; what is rejected, by its place, is not there for readers. */
  | { change: 'row'; prefix: string; table: string; slot: number; rejected?: ReadonlySet<number> }
  /** The histogram at a place of a row was taken. */
  | { change: 'row_histogram'; prefix: string; place: number; id: number }
  | { change: 'row_removed'; prefix: string; last: number[] };

export interface StatDefinitions {
  /** Slabs allocated since the last batch, in order. */
  slabs: SharedArrayBuffer[];
  changes: StatChange[];
}

/** What the histograms of a thread recorded in an interval: by id, pairs of bin and count. */
export interface HistogramInterval {
  id: number;
  pairs: number[];
}
