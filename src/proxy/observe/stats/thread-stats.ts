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
  Gauge,
  type Histogram,
  type HistogramUnit,
  type Scope,
  type TextReadout,
  UNWRITTEN,
} from '#proxy/observe/stats/metrics.ts';
import { StatScope } from '#proxy/observe/stats/stat-scope.ts';
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

/** Stats that somebody holds together; they go when nobody holds them any more. */
export interface StatsLease {
  /** Stats asked for through this scope are held by the lease. */
  readonly scope: Scope;
  /** Numbers that are not listed, together under one name: for what there is a lot of, such as hosts. The hub reads them by their place. */
  block(name: string, count: number): readonly Counter[];
  release(): void;
}

const REJECTED_COUNTER = detached(new Counter(new Float64Array(1), 0));
const REJECTED_GAUGE = detached(new Gauge(new Float64Array(1), 0));

/** Texts have no number, and so no slot; they count as held all the same. */
const NO_SLOT_NEEDED = 0;

export class ThreadStats {
  /** Stats asked for here stay as long as the thread. */
  readonly root: Scope;
  /** Called once when there is something to drain after there was nothing: post a batch soon. */
  onPending: (() => void) | undefined;
  /** Told each name that is asked for. */
  onLookup: ((name: string) => void) | undefined;

  readonly #accepts: (name: string) => boolean;
  readonly #held = new Map<string, Held>();
  readonly #blocks = new Map<string, Block>();
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
  constructor(accepts: (name: string) => boolean = () => true) {
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

  counter(name: string, lease: Set<string> | undefined): Counter {
    const held = this.#hold(name, 'counter', lease);
    return held === undefined ? REJECTED_COUNTER : (held.stat as Counter);
  }

  gauge(name: string, lease: Set<string> | undefined): Gauge {
    const held = this.#hold(name, 'gauge', lease);
    return held === undefined ? REJECTED_GAUGE : (held.stat as Gauge);
  }

  hidden(name: string, lease: Set<string> | undefined): Counter {
    return (this.#hold(name, 'hidden', lease) as Held).stat as Counter;
  }

  histogram(name: string, unit: HistogramUnit, lease: Set<string> | undefined): Histogram {
    const held = this.#hold(name, 'histogram', lease, unit);
    return held === undefined ? NO_HISTOGRAM : (held.stat as ThreadHistogram);
  }

  textReadout(name: string, lease: Set<string> | undefined): TextReadout {
    const held = this.#hold(name, 'text', lease);
    return held === undefined ? { set() {} } : (held.stat as ThreadText);
  }

  /** A histogram's first value of an interval. */
  recorded(histogram: ThreadHistogram): void {
    this.#recorded.push(histogram);
  }

  /** For text readouts. */
  textChanged(name: string, text: string): void {
    this.#note({ change: 'text', name, text });
  }

  #hold(name: string, kind: StatKind, lease: Set<string> | undefined, unit?: HistogramUnit): Held | undefined {
    // Kinds have names of their own, as in Envoy: a counter and a gauge may share one.
    const key = `${kind} ${name}`;
    this.onLookup?.(name);
    let held = this.#held.get(key);
    if (held === undefined) {
      if (kind !== 'hidden' && !this.#accepts(name)) return undefined;
      held = this.#create(name, kind, unit);
      this.#held.set(key, held);
    }
    if (lease === undefined) {
      held.holders = Number.POSITIVE_INFINITY;
    } else if (!lease.has(key)) {
      lease.add(key);
      held.holders++;
    }
    return held;
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

/** Most hold a few blocks and nothing else: what they do not need is not made. */
class Lease implements StatsLease {
  readonly #stats: ThreadStats;
  #names: Set<string> | undefined;
  #scope: Scope | undefined;
  #blocks: string[] | undefined;

  constructor(stats: ThreadStats) {
    this.#stats = stats;
  }

  get scope(): Scope {
    this.#names ??= new Set();
    this.#scope ??= new StatScope(this.#stats, '', this.#names);
    return this.#scope;
  }

  block(name: string, count: number): readonly Counter[] {
    this.#blocks ??= [];
    this.#blocks.push(name);
    return this.#stats.holdBlock(name, count);
  }

  release(): void {
    for (const name of this.#names ?? []) this.#stats.letGo(name);
    this.#names?.clear();
    for (const name of this.#blocks ?? []) this.#stats.releaseBlock(name);
    this.#blocks = undefined;
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

function detached<T extends Counter | Gauge>(stat: T): T {
  stat.detach();
  return stat;
}
