/**
 * The rows of all threads in one view, for the hub: what each stat of a table shows under a prefix. Names are put together when somebody reads.
 */
import { byName } from '#proxy/observe/stats/by-name.ts';
import { HistogramBins } from '#proxy/observe/stats/histogram-bins.ts';
import { UNWRITTEN } from '#proxy/observe/stats/metrics.ts';
import {
  isUnshared,
  NO_SHARE,
  type SlotReader,
  setShare,
  shareOf,
  sumOfShares,
} from '#proxy/observe/stats/stat-shares.ts';
import { type StatTable, tableOf } from '#proxy/observe/stats/stat-table.ts';
import type { HistogramStat, NumberStat, StatFilter } from '#proxy/observe/stats/stats-hub.ts';

/** The rows of one prefix. */
interface Rows {
  readonly prefix: string;
  readonly table: StatTable;
  /** The first slot, by thread. */
  readonly shares: number[];
  readonly rejected: ReadonlySet<number> | undefined;
  /** What threads that are done with it left behind, less what a reset took away. Undefined: nothing. */
  carried: Float64Array | undefined;
  /** Histograms that were taken, by place, and where threads keep their shares. */
  histograms: Map<number, HistogramStat> | undefined;
  histogramIds: { threadId: number; id: number }[] | undefined;
}

/** Of histograms that nobody took. */
const NOTHING = new HistogramBins();

export class HubRows {
  private readonly byPrefix = new Map<string, Rows>();
  private sorted: Rows[] | undefined = undefined;
  private readonly read: SlotReader;

  constructor(read: SlotReader) {
    this.read = read;
  }

  add(threadId: number, prefix: string, table: string, slot: number, rejected: ReadonlySet<number> | undefined): void {
    let rows = this.byPrefix.get(prefix);
    if (rows === undefined) {
      rows = {
        prefix,
        table: tableOf(table),
        shares: [],
        rejected,
        carried: undefined,
        histograms: undefined,
        histogramIds: undefined,
      };
      this.byPrefix.set(prefix, rows);
      this.sorted = undefined;
    }
    setShare(rows.shares, threadId, slot);
  }

  /** A thread takes a histogram of its row. @returns where its values go; undefined: there is no such row */
  addHistogram(threadId: number, prefix: string, place: number, id: number): HistogramStat | undefined {
    const rows = this.byPrefix.get(prefix);
    if (rows === undefined) return undefined;
    rows.histograms ??= new Map();
    let histogram = rows.histograms.get(place);
    if (histogram === undefined) {
      histogram = { ...untaken(rows, place), interval: new HistogramBins(), cumulative: new HistogramBins() };
      rows.histograms.set(place, histogram);
    }
    rows.histogramIds ??= [];
    rows.histogramIds.push({ threadId, id });
    return histogram;
  }

  /** A thread is done with its row. @returns the ids of its histograms there */
  remove(threadId: number, prefix: string, last: readonly number[]): number[] {
    const rows = this.byPrefix.get(prefix);
    if (rows === undefined || shareOf(rows.shares, threadId) === NO_SHARE) return [];
    rows.shares[threadId] = NO_SHARE;
    const ids = (rows.histogramIds ?? []).filter((taken) => taken.threadId === threadId).map(({ id }) => id);
    if (isUnshared(rows.shares)) {
      this.byPrefix.delete(prefix);
      this.sorted = undefined;
      return ids;
    }
    rows.histogramIds = rows.histogramIds?.filter((taken) => taken.threadId !== threadId);
    for (const [place, value] of last.entries()) {
      if (Object.is(value, UNWRITTEN)) continue;
      const isCounter = rows.table.columns[place].kind === 'counter';
      // What a gauge was shows no more, but that it was written does.
      carriedOf(rows)[place] += isCounter ? value : 0;
    }
    return ids;
  }

  /** A thread has ended. */
  detach(threadId: number): void {
    for (const [prefix, { shares, table }] of [...this.byPrefix]) {
      const slot = shareOf(shares, threadId);
      if (slot === NO_SHARE) continue;
      const last = Array.from({ length: table.numbers }, (_, place) => this.read(threadId, slot + place));
      this.remove(threadId, prefix, last);
    }
  }

  /** Sorted by name. */
  *numbers(filter: StatFilter): IterableIterator<NumberStat | undefined> {
    for (const run of this.runs()) {
      if (run.length === 1) yield* this.numbersOf(run[0], filter);
      else yield* run.flatMap((rows) => [...this.numbersOf(rows, filter)]).sort(byName);
      yield undefined;
    }
  }

  private *numbersOf(rows: Rows, { kind, usedOnly, keeps }: StatFilter): IterableIterator<NumberStat> {
    const { columns, inOrder } = rows.table;
    for (const place of inOrder) {
      const column = columns[place];
      if (rows.rejected?.has(place) || (kind !== undefined && kind !== column.kind)) continue;
      const value = this.value(rows, place);
      const used = !Object.is(value, UNWRITTEN);
      if (usedOnly && !used) continue;
      const name = rows.prefix + column.name;
      if (keeps !== undefined && !keeps(name)) continue;
      yield { name, kind: column.kind as NumberStat['kind'], value: value + 0, used };
    }
  }

  /** Sorted by name. */
  *histograms(filter: StatFilter): IterableIterator<HistogramStat | undefined> {
    for (const run of this.runs()) {
      if (run.length === 1) yield* this.histogramsOf(run[0], filter);
      else yield* run.flatMap((rows) => [...this.histogramsOf(rows, filter)]).sort(byName);
      yield undefined;
    }
  }

  private *histogramsOf(rows: Rows, { usedOnly, keeps }: StatFilter): IterableIterator<HistogramStat> {
    for (const place of rows.table.histogramsInOrder) {
      if (rows.rejected?.has(place)) continue;
      const histogram = rows.histograms?.get(place) ?? (usedOnly ? undefined : untaken(rows, place));
      if (histogram === undefined || (usedOnly && !histogram.used)) continue;
      if (keeps === undefined || keeps(histogram.name)) yield histogram;
    }
  }

  /** All rows in the order of their prefixes; those whose names may stand among each other's, as one prefix begins with another's, together. */
  private *runs(): IterableIterator<Rows[]> {
    let run: Rows[] = [];
    for (const rows of this.inOrder()) {
      if (run.length > 0 && !rows.prefix.startsWith(run[0].prefix)) {
        yield run;
        run = [];
      }
      run.push(rows);
    }
    if (run.length > 0) yield run;
  }

  /** What the counter or gauge of this full name shows; UNWRITTEN where there is none. */
  valueOf(kind: string, name: string): number {
    const [rows, place] = this.find(kind, name);
    return rows === undefined ? UNWRITTEN : this.value(rows, place);
  }

  histogram(name: string): HistogramStat | undefined {
    const [rows, place] = this.find('histogram', name);
    return rows && (rows.histograms?.get(place) ?? untaken(rows, place));
  }

  /** Counters show zero from here on. */
  resetCounters(): void {
    for (const rows of this.byPrefix.values()) {
      for (const [place, { kind }] of rows.table.columns.entries()) {
        if (kind !== 'counter') continue;
        const value = this.value(rows, place);
        if (value !== 0) carriedOf(rows)[place] -= value;
      }
    }
  }

  private value(rows: Rows, place: number): number {
    const start = rows.carried === undefined ? UNWRITTEN : rows.carried[place];
    return sumOfShares(rows.shares, this.read, start, place);
  }

  private find(kind: string, name: string): [rows: Rows | undefined, place: number] {
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const rows = this.byPrefix.get(name.slice(0, dot + 1));
      const place = rows?.table.placeOf(kind, name.slice(dot + 1));
      if (rows !== undefined && place !== undefined && !rows.rejected?.has(place)) return [rows, place];
    }
    return [undefined, 0];
  }

  private inOrder(): Rows[] {
    this.sorted ??= [...this.byPrefix.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
    return this.sorted;
  }
}

function carriedOf(rows: Rows): Float64Array {
  rows.carried ??= new Float64Array(rows.table.numbers).fill(UNWRITTEN);
  return rows.carried;
}

function untaken({ prefix, table }: Rows, place: number): HistogramStat {
  const { name, unit = 'Unspecified' } = table.columns[place];
  return { name: prefix + name, unit, interval: NOTHING, cumulative: NOTHING, used: false };
}
