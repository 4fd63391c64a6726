/**
 * The stats of one thread. Numbers lie in slabs of shared memory that only this thread writes; the main thread learns of them
 * in batches and adds up what all threads hold.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/statistics
 */
import {
  type HistogramInterval,
  SLAB_SLOTS,
  type StatChange,
  type StatDefinitions,
  type StatKind,
} from '#proxy/observe/stats/definitions.ts';
import {
  Counter,
  detached,
  Gauge,
  type Histogram,
  type HistogramUnit,
  type Scope,
  type TextReadout,
  UNWRITTEN,
} from '#proxy/observe/stats/metrics.ts';
import { StatScope } from '#proxy/observe/stats/stat-scope.ts';
import type { Columns, StatRow, StatTable } from '#proxy/observe/stats/stat-table.ts';
import { type Holdings, holdRow, Lease, type StatsLease } from '#proxy/observe/stats/stats-lease.ts';
import { NO_HISTOGRAM, ThreadHistogram } from '#proxy/observe/stats/thread-histogram.ts';

/** A stat as this thread holds it, with the number of leases on it. */
interface Held {
  kind: StatKind;
  slot: number;
  holders: number;
  stat: Counter | Gauge | ThreadHistogram | ThreadText;
}

/** Numbers that lie behind one another. */
interface Block {
  slot: number;
  holders: number;
  counters: readonly Counter[];
}

const REJECTED_COUNTER = detached(new Counter(new Float64Array(1), 0));
const REJECTED_GAUGE = detached(new Gauge(new Float64Array(1), 0));

/** Where the numbers of rows are that are gone: there is no room, so writes go nowhere. */
const NOWHERE = new Float64Array(0);

/** Texts have no number, and so no slot; they count as held all the same. */
const NO_SLOT_NEEDED = 0;

export class ThreadStats {
  /** Stats asked for here stay as long as the thread. */
  readonly root: Scope;
  /** Called once when there is something to drain after there was nothing: post a batch soon. */
  onPending: (() => void) | undefined;
  /** Told each name that is asked for. */
  onLookup: ((name: string) => void) | undefined;

  /** Undefined: every name is. */
  readonly #accepts: ((name: string) => boolean) | undefined;
  readonly #held = new Map<string, Held>();
  readonly #blocks = new Map<string, Block>();
  /** Rows of tables by their prefix. */
  readonly #rows = new Map<string, StatRow>();
  /** Room for blocks, by their size. */
  readonly #freeBlocks = new Map<number, number[]>();
  #freedBlocks: { slot: number; count: number }[] = [];
  readonly #slabs: Float64Array[] = [];
  #freeSlots: number[] = [];
  #freedSlots: number[] = [];
  #nextSlot = 0;
  #nextHistogram = 0;
  #newSlabs: SharedArrayBuffer[] = [];
  #changes: StatChange[] = [];
  #recorded: ThreadHistogram[] = [];

  /** @param accepts the stats matcher's word on a name; a stat that it rejects exists nowhere. */
  constructor(accepts?: (name: string) => boolean) {
    this.#accepts = accepts;
    this.root = new StatScope(this, '', undefined);
  }

  /** Stats for something that may go away, such as a cluster or a listener. */
  lease(): StatsLease {
    return new Lease(this);
  }

  /** For leases. */
  holdBlock(name: string, count: number): readonly Counter[] {
    let block = this.#blocks.get(name);
    if (block === undefined) {
      const slot = this.#takeSlots(count);
      const slab = this.#slabs[Math.trunc(slot / SLAB_SLOTS)];
      const index = slot % SLAB_SLOTS;
      slab.fill(UNWRITTEN, index, index + count);
      const counters = Array.from({ length: count }, (_, i) => new Counter(slab, index + i));
      block = { slot, holders: 0, counters };
      this.#blocks.set(name, block);
      this.#note({ change: 'block', name, slot });
    }
    block.holders++;
    return block.counters;
  }

  releaseBlock(name: string): void {
    const block = this.#blocks.get(name);
    if (block === undefined || --block.holders > 0) return;
    this.#blocks.delete(name);
    const last = block.counters.map((counter) => counter.value);
    for (const counter of block.counters) counter.detach();
    this.#freedBlocks.push({ slot: block.slot, count: last.length });
    this.#note({ change: 'block_removed', name, last });
  }

  /** What changed since the last batch. */
  drainDefinitions(): StatDefinitions {
    const batch = { slabs: this.#newSlabs, changes: this.#changes };
    this.#newSlabs = [];
    this.#changes = [];
    // A slot is given to another stat only after the main thread could learn that the first is gone.
    this.#freeSlots.push(...this.#freedSlots);
    this.#freedSlots = [];
    for (const { slot, count } of this.#freedBlocks) {
      const free = this.#freeBlocks.get(count);
      if (free === undefined) this.#freeBlocks.set(count, [slot]);
      else free.push(slot);
    }
    this.#freedBlocks = [];
    return batch;
  }

  /** What histograms recorded since the last call. */
  takeHistogramInterval(): HistogramInterval[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded.map((histogram) => ({ id: histogram.id, pairs: histogram.take() }));
  }

  counter(name: string, lease: Holdings | undefined): Counter {
    return (this.#hold(name, 'counter', lease) as Counter | undefined) ?? REJECTED_COUNTER;
  }

  gauge(name: string, lease: Holdings | undefined): Gauge {
    return (this.#hold(name, 'gauge', lease) as Gauge | undefined) ?? REJECTED_GAUGE;
  }

  hidden(name: string, lease: Holdings | undefined): Counter {
    return this.#hold(name, 'hidden', lease) as Counter;
  }

  histogram(name: string, unit: HistogramUnit, lease: Holdings | undefined): Histogram {
    return (this.#hold(name, 'histogram', lease, unit) as ThreadHistogram | undefined) ?? NO_HISTOGRAM;
  }

  textReadout(name: string, lease: Holdings | undefined): TextReadout {
    return (this.#hold(name, 'text', lease) as ThreadText | undefined) ?? { set() {} };
  }

  /** All stats of a table below a prefix, which ends with a dot or is empty. A prefix has one table. */
  row<C extends Columns>(prefix: string, table: StatTable<C>, lease: Holdings | undefined): StatRow {
    let row = this.#rows.get(prefix);
    if (row === undefined) {
      const { RowClass, columns, numbers, id } = table;
      const slot = this.#takeSlots(numbers);
      const slab = this.#slabs[Math.trunc(slot / SLAB_SLOTS)];
      const index = slot % SLAB_SLOTS;
      slab.fill(UNWRITTEN, index, index + numbers);
      const rejected = this.#rejectedOf(prefix, columns);
      row = new RowClass(this, table, prefix, { slot, slab, index }, rejected);
      this.#rows.set(prefix, row);
      this.#note({ change: 'row', prefix, table: id, slot, ...(rejected === undefined ? {} : { rejected }) });
    }
    if (this.onLookup !== undefined) for (const { name } of table.columns) this.onLookup(prefix + name);
    holdRow(row, lease);
    return row;
  }

  #rejectedOf(prefix: string, columns: StatTable['columns']): ReadonlySet<number> | undefined {
    if (this.#accepts === undefined) return undefined;
    const rejected = new Set<number>();
    for (const [place, { name }] of columns.entries()) if (!this.#accepts(prefix + name)) rejected.add(place);
    return rejected.size === 0 ? undefined : rejected;
  }

  /** For rows. */
  take(row: StatRow, place: number): Counter | Gauge | Histogram {
    const { prefix, rejected, slab, index } = row;
    const { kind, unit } = row.table.columns[place];
    const wanted = this.#rows.get(prefix) === row && !rejected?.has(place);
    if (kind === 'histogram') {
      if (!wanted) return NO_HISTOGRAM;
      const id = this.#nextHistogram++;
      this.#note({ change: 'row_histogram', prefix, place, id });
      return new ThreadHistogram(id, unit === 'Percent', this);
    }
    if (kind === 'gauge') return wanted ? new Gauge(slab, index + place) : REJECTED_GAUGE;
    return wanted ? new Counter(slab, index + place) : REJECTED_COUNTER;
  }

  /** For leases. */
  releaseRow(row: StatRow): void {
    if (--row.holders > 0) return;
    const { prefix, slot, table, stats } = row;
    this.#rows.delete(prefix);
    this.#note({ change: 'row_removed', prefix, last: row.values() });
    for (const stat of stats) if (stat instanceof Counter || stat instanceof Gauge) stat.detach();
    row.slab = NOWHERE;
    this.#freedBlocks.push({ slot, count: table.numbers });
  }

  /** A histogram's first value of an interval. */
  recorded(histogram: ThreadHistogram): void {
    this.#recorded.push(histogram);
  }

  /** For text readouts. */
  textChanged(name: string, text: string): void {
    this.#note({ change: 'text', name, text });
  }

  /** @returns undefined for what the matcher rejects */
  #hold(name: string, kind: StatKind, lease: Holdings | undefined, unit?: HistogramUnit): Held['stat'] | undefined {
    // Kinds have names of their own, as in Envoy: a counter and a gauge may share one.
    const key = `${kind} ${name}`;
    this.onLookup?.(name);
    let held = this.#held.get(key);
    if (held === undefined) {
      const row = this.#rowWith(name, kind);
      if (row !== undefined) {
        holdRow(row, lease);
        return row.at(row.table.placeOf(kind, name.slice(row.prefix.length)) as number) as Held['stat'];
      }
      if (kind !== 'hidden' && this.#accepts?.(name) === false) return undefined;
      held = this.#create(name, kind, unit);
      this.#held.set(key, held);
    }
    if (lease === undefined) {
      held.holders = Number.POSITIVE_INFINITY;
      return held.stat;
    }
    lease.names ??= new Set();
    if (!lease.names.has(key)) {
      lease.names.add(key);
      held.holders++;
    }
    return held.stat;
  }

  /** The row that a stat of this full name is in. */
  #rowWith(name: string, kind: StatKind): StatRow | undefined {
    if (this.#rows.size === 0) return undefined;
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const row = this.#rows.get(name.slice(0, dot + 1));
      if (row?.table.placeOf(kind, name.slice(dot + 1)) !== undefined) return row;
    }
    return undefined;
  }

  #create(name: string, kind: StatKind, unit: HistogramUnit | undefined): Held {
    let slot = -1;
    let stat: Held['stat'];
    if (kind === 'histogram') {
      slot = this.#nextHistogram++;
      stat = new ThreadHistogram(slot, unit === 'Percent', this);
    } else if (kind === 'text') {
      slot = NO_SLOT_NEEDED;
      stat = new ThreadText(name, this);
    } else {
      slot = this.#takeSlot();
      const slab = this.#slabs[Math.trunc(slot / SLAB_SLOTS)];
      const index = slot % SLAB_SLOTS;
      slab[index] = UNWRITTEN;
      stat = kind === 'gauge' ? new Gauge(slab, index) : new Counter(slab, index);
    }
    this.#note({ change: 'added', stat: { name, kind, slot, unit } });
    return { kind, slot, holders: 0, stat };
  }

  /** For leases. */
  letGo(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined || --held.holders > 0) return;
    this.#held.delete(key);
    let last = 0;
    if (held.stat instanceof Counter || held.stat instanceof Gauge) {
      last = held.stat.value;
      held.stat.detach();
      this.#freedSlots.push(held.slot);
    }
    this.#note({ change: 'removed', name: key.slice(held.kind.length + 1), kind: held.kind, last });
  }

  #takeSlot(): number {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    if (this.#nextSlot % SLAB_SLOTS === 0) this.#growSlabs();
    return this.#nextSlot++;
  }

  /** Slots behind one another, which never reach from one slab into the next. */
  #takeSlots(count: number): number {
    const free = this.#freeBlocks.get(count)?.pop();
    if (free !== undefined) return free;
    const left = SLAB_SLOTS - (this.#nextSlot % SLAB_SLOTS);
    if (left < count) for (let i = 0; i < left; i++) this.#freeSlots.push(this.#nextSlot++);
    if (this.#nextSlot % SLAB_SLOTS === 0) this.#growSlabs();
    const slot = this.#nextSlot;
    this.#nextSlot += count;
    return slot;
  }

  #growSlabs(): void {
    const buffer = new SharedArrayBuffer(SLAB_SLOTS * Float64Array.BYTES_PER_ELEMENT);
    this.#slabs.push(new Float64Array(buffer).fill(UNWRITTEN));
    this.#newSlabs.push(buffer);
  }

  #note(change: StatChange): void {
    this.#changes.push(change);
    if (this.#changes.length === 1) this.onPending?.();
  }
}

class ThreadText implements TextReadout {
  readonly #name: string;
  readonly #stats: ThreadStats;

  constructor(name: string, stats: ThreadStats) {
    this.#name = name;
    this.#stats = stats;
  }

  set(text: string): void {
    this.#stats.textChanged(this.#name, text);
  }
}
