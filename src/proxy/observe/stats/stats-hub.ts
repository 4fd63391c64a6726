/**
 * All threads' stats in one view, on the main thread: sums of slabs, histograms merged at each flush. Nothing here writes to
 * a slab: counters that were reset are shown against a baseline.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/statistics
 */

import { byName, inOneOrder } from '#proxy/observe/stats/by-name.ts';
import {
  type HistogramInterval,
  SLAB_SLOTS,
  type StatChange,
  type StatDefinition,
  type StatDefinitions,
  type StatKind,
} from '#proxy/observe/stats/definitions.ts';
import { HistogramBins } from '#proxy/observe/stats/histogram-bins.ts';
import { HubBlocks } from '#proxy/observe/stats/hub-blocks.ts';
import { HubRows } from '#proxy/observe/stats/hub-rows.ts';
import { type HistogramUnit, UNWRITTEN } from '#proxy/observe/stats/metrics.ts';
import { sanitized } from '#proxy/observe/stats/stat-scope.ts';
import { isUnshared, NO_SHARE, setShare, shareOf } from '#proxy/observe/stats/stat-shares.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';

/** A counter or gauge as it is read. */
export interface NumberStat {
  name: string;
  kind: 'counter' | 'gauge';
  value: number;
  used: boolean;
}

export interface TextStat {
  name: string;
  value: string;
  used: boolean;
}

export interface HistogramStat {
  name: string;
  unit: HistogramUnit;
  /** Of the last flush interval. */
  interval: HistogramBins;
  cumulative: HistogramBins;
  used: boolean;
}

/** Which stats a reader wants. What it does not want costs it no name. */
export interface StatFilter {
  /** Undefined: counters and gauges. */
  kind?: NumberStat['kind'];
  usedOnly?: boolean;
  /** Whether it wants a stat of this name. */
  keeps?: (name: string) => boolean;
}

/** A stat and the threads that hold a share of it. */
interface Entry {
  name: string;
  kind: StatKind;
  /** Slot by thread; NO_SHARE where a thread has none. */
  shares: number[];
  /** What threads that are done with it left behind, less what a reset took away. */
  carried: number;
  text: string;
  written: boolean;
  histogram?: HistogramStat;
}

interface Thread {
  slabs: Float64Array[];
  histograms: Map<number, HistogramStat>;
  /** A thread that lives here is read directly, without messages. */
  local?: ThreadStats;
}

export class StatsHub {
  readonly #threads = new Map<number, Thread>();
  readonly #entries = new Map<string, Entry>();
  readonly #rows = new HubRows((threadId, slot) => this.#number(threadId, slot));
  readonly #blocks = new HubBlocks((threadId, slot) => this.#number(threadId, slot));
  /** Histograms with something in their interval. */
  readonly #recorded = new Set<HistogramStat>();
  #sorted: Entry[] | undefined;

  /** Announces a thread by a small number. @param local its stats, when it lives in this very thread. */
  attach(threadId: number, local?: ThreadStats): void {
    this.#threads.set(threadId, { slabs: [], histograms: new Map(), local });
    // Soon, rather than all at once when somebody reads.
    if (local !== undefined) local.onPending = () => setImmediate(() => this.#pull());
  }

  /** A thread has ended: counters keep what it counted, its gauges go. */
  detach(threadId: number): void {
    this.#pull();
    for (const [key, entry] of this.#entries) {
      const slot = shareOf(entry.shares, threadId);
      if (slot !== NO_SHARE) this.#dropShare(key, entry, threadId, this.#share(threadId, slot, entry.kind));
    }
    this.#rows.detach(threadId);
    this.#blocks.detach(threadId);
    this.#threads.delete(threadId);
  }

  /** Takes in a batch that a thread drained. */
  accept(threadId: number, definitions: StatDefinitions): void {
    this.#pull();
    this.#take(threadId, definitions);
  }

  /** Takes in what a thread's histograms recorded. Call {@link startInterval} first, once for all threads of a flush. */
  acceptHistograms(threadId: number, intervals: readonly HistogramInterval[]): void {
    const thread = this.#thread(threadId);
    for (const { id, pairs } of intervals) {
      const histogram = thread.histograms.get(id);
      if (histogram === undefined) continue;
      this.#recorded.add(histogram);
      histogram.used = true;
      histogram.interval.merge(pairs);
      histogram.cumulative.merge(pairs);
    }
  }

  /** Begins a flush: the last interval is forgotten, and threads that live here hand over theirs. */
  startInterval(): void {
    this.#pull();
    for (const { interval } of this.#recorded) interval.clear();
    this.#recorded.clear();
    for (const [id, thread] of this.#threads) {
      if (thread.local !== undefined) this.acceptHistograms(id, thread.local.takeHistogramInterval());
    }
  }

  /** Counters and gauges, sorted by name. */
  numbers(filter: StatFilter = {}): NumberStat[] {
    return [...this.eachNumber(filter)].filter((stat) => stat !== undefined);
  }

  /**
   * The same one by one: others may work in between, and what changes then may show or not. An undefined says that some were passed over
   * that the filter does not want.
   */
  eachNumber(filter: StatFilter = {}): IterableIterator<NumberStat | undefined> {
    const { kind, usedOnly, keeps } = filter;
    const numbers: NumberStat[] = [];
    for (const entry of this.#inOrder()) {
      if (entry.kind !== 'counter' && entry.kind !== 'gauge') continue;
      if (kind !== undefined && entry.kind !== kind) continue;
      const value = this.#sum(entry);
      if ((usedOnly && !entry.written) || keeps?.(entry.name) === false) continue;
      numbers.push({ name: entry.name, kind: entry.kind, value: value + 0, used: entry.written });
    }
    return sumsOfNames(inOneOrder(numbers, this.#rows.numbers(filter)));
  }

  /** Text readouts, sorted by name. */
  texts(): TextStat[] {
    const texts = this.#inOrder().filter((entry) => entry.kind === 'text');
    return texts.map((entry) => ({ name: entry.name, value: entry.text, used: entry.written }));
  }

  /** Histograms as of the last flush, sorted by name. */
  histograms(filter: StatFilter = {}): HistogramStat[] {
    return [...this.eachHistogram(filter)].filter((stat) => stat !== undefined);
  }

  /** The same one by one. */
  eachHistogram(filter: StatFilter = {}): IterableIterator<HistogramStat | undefined> {
    const { usedOnly, keeps } = filter;
    const single = this.#inOrder().flatMap(({ histogram }) => histogram ?? []);
    const wanted = single.filter(({ name, used }) => (used || !usedOnly) && keeps?.(name) !== false);
    return inOneOrder(wanted, this.#rows.histograms(filter));
  }

  /** The value of the counter of exactly this name, 0 when there is none. */
  counter(name: string): number {
    return this.#value('counter', name);
  }

  gauge(name: string): number {
    return this.#value('gauge', name);
  }

  /** The value of a slot that is not listed. */
  hidden(name: string): number {
    return this.#value('hidden', sanitized(name));
  }

  /** The number at a place in a block of this name, 0 where there is none. */
  block(name: string, place: number): number {
    this.#pull();
    return this.#blocks.valuesOf(name, [place])[0];
  }

  /** Several of them. */
  blockValues(name: string, places: readonly number[]): number[] {
    this.#pull();
    return this.#blocks.valuesOf(name, places);
  }

  histogram(name: string): HistogramStat | undefined {
    this.#pull();
    return this.#entries.get(keyOf('histogram', name))?.histogram ?? this.#rows.histogram(name);
  }

  /** Counters show zero from here on; that they were written stays true. */
  resetCounters(): void {
    this.#pull();
    for (const entry of this.#entries.values()) {
      if (entry.kind === 'counter') entry.carried -= this.#sum(entry);
    }
    this.#rows.resetCounters();
  }

  #value(kind: StatKind, name: string): number {
    this.#pull();
    const entry = this.#entries.get(keyOf(kind, name));
    return (entry === undefined ? 0 : this.#sum(entry)) + this.#rows.valueOf(kind, name) + 0;
  }

  #sum(entry: Entry): number {
    let sum = entry.carried;
    for (let threadId = 0; threadId < entry.shares.length; threadId++) {
      const slot = entry.shares[threadId];
      if (slot === NO_SHARE) continue;
      const share = this.#share(threadId, slot, entry.kind);
      if (!Object.is(share, UNWRITTEN)) entry.written = true;
      sum += share;
    }
    return sum;
  }

  #share(threadId: number, slot: number, kind: StatKind): number {
    if (kind === 'histogram' || kind === 'text') return UNWRITTEN;
    return this.#number(threadId, slot);
  }

  #number(threadId: number, slot: number): number {
    return this.#thread(threadId).slabs[Math.trunc(slot / SLAB_SLOTS)][slot % SLAB_SLOTS];
  }

  #inOrder(): Entry[] {
    this.#pull();
    this.#sorted ??= [...this.#entries.values()].filter((entry) => entry.kind !== 'hidden').sort(byName);
    return this.#sorted;
  }

  /** Threads that live here have nobody to post their batches. */
  #pull(): void {
    for (const [id, { local }] of this.#threads) {
      if (local !== undefined) this.#take(id, local.drainDefinitions());
    }
  }

  #take(threadId: number, definitions: StatDefinitions): void {
    const thread = this.#thread(threadId);
    for (const slab of definitions.slabs) thread.slabs.push(new Float64Array(slab));
    for (const change of definitions.changes) this.#apply(threadId, thread, change);
  }

  #apply(threadId: number, thread: Thread, change: StatChange): void {
    switch (change.change) {
      case 'added':
        this.#add(threadId, thread, change.stat);
        return;
      case 'text': {
        const entry = this.#entries.get(keyOf('text', change.name));
        if (entry === undefined) return;
        entry.text = change.text;
        entry.written = true;
        return;
      }
      case 'removed': {
        const key = keyOf(change.kind, change.name);
        const entry = this.#entries.get(key);
        if (entry !== undefined) this.#dropShare(key, entry, threadId, change.last);
        return;
      }
      case 'block':
        this.#blocks.add(threadId, change.name, change.slot);
        return;
      case 'block_removed':
        this.#blocks.remove(threadId, change.name, change.last);
        return;
      case 'row':
        this.#rows.add(threadId, change.prefix, change.table, change.slot, change.rejected);
        return;
      case 'row_histogram': {
        const histogram = this.#rows.addHistogram(threadId, change.prefix, change.place, change.id);
        if (histogram !== undefined) thread.histograms.set(change.id, histogram);
        return;
      }
      case 'row_removed':
        for (const id of this.#rows.remove(threadId, change.prefix, change.last)) thread.histograms.delete(id);
        return;
    }
  }

  #add(threadId: number, thread: Thread, stat: StatDefinition): void {
    const key = keyOf(stat.kind, stat.name);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { name: stat.name, kind: stat.kind, shares: [], carried: UNWRITTEN, text: '', written: false };
      if (stat.kind === 'histogram') {
        const unit = stat.unit ?? 'Unspecified';
        const [interval, cumulative] = [new HistogramBins(), new HistogramBins()];
        entry.histogram = { name: stat.name, unit, interval, cumulative, used: false };
      }
      this.#entries.set(key, entry);
      this.#sorted = undefined;
    }
    setShare(entry.shares, threadId, stat.slot);
    if (entry.histogram !== undefined) thread.histograms.set(stat.slot, entry.histogram);
  }

  #dropShare(key: string, entry: Entry, threadId: number, last: number): void {
    const slot = shareOf(entry.shares, threadId);
    if (slot === NO_SHARE) return;
    entry.shares[threadId] = NO_SHARE;
    if (entry.kind === 'histogram') this.#thread(threadId).histograms.delete(slot);
    if (entry.kind === 'counter' || entry.kind === 'hidden') entry.carried += last;
    if (!isUnshared(entry.shares)) return;
    this.#entries.delete(key);
    this.#sorted = undefined;
  }

  #thread(threadId: number): Thread {
    const thread = this.#threads.get(threadId);
    if (thread === undefined) throw new Error(`the stats of thread ${threadId} were never attached`);
    return thread;
  }
}

/** Of a stat that stands by itself in one thread and in a row of another, there is one. @param numbers sorted by name */
function* sumsOfNames(numbers: Iterable<NumberStat | undefined>): IterableIterator<NumberStat | undefined> {
  let last: NumberStat[] = [];
  for (const stat of numbers) {
    if (stat === undefined) {
      yield undefined;
      continue;
    }
    if (last.length > 0 && last[0].name !== stat.name) {
      yield* last;
      last = [];
    }
    const before = last.findIndex(({ kind }) => kind === stat.kind);
    if (before < 0) last.push(stat);
    else {
      const { name, kind, value, used } = last[before];
      last[before] = { name, kind, value: value + stat.value, used: used || stat.used };
    }
  }
  yield* last;
}

function keyOf(kind: StatKind, name: string): string {
  return `${kind} ${name}`;
}
