/**
 * Stats for tests: every stat that is asked for is kept, and read back by its full name.
 */

import { Counter, Gauge, type Histogram, type Scope, type TextReadout } from '#proxy/observe/stats/metrics.ts';
import type { Columns, Row, StatTable } from '#proxy/observe/stats/stat-table.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';

export class PlainScope implements Scope {
  readonly recorded: Map<string, number[]>;
  private readonly prefix: string;
  private readonly slots: Map<string, Float64Array>;

  constructor(prefix = '', slots = new Map<string, Float64Array>(), recorded = new Map<string, number[]>()) {
    this.prefix = prefix;
    this.slots = slots;
    this.recorded = recorded;
  }

  /** What a counter or gauge shows; undefined where nobody asked for it. */
  value(name: string): number | undefined {
    return this.slots.get(name)?.[0];
  }

  counter(name: string): Counter {
    return new Counter(this.slot(name), 0);
  }

  gauge(name: string): Gauge {
    return new Gauge(this.slot(name), 0);
  }

  hidden(name: string): Counter {
    return new Counter(this.slot(name), 0);
  }

  histogram(name: string): Histogram {
    const values: number[] = [];
    this.recorded.set(this.prefix + name, values);
    return { record: (value) => values.push(value) };
  }

  textReadout(): TextReadout {
    return { set: () => {} };
  }

  row<C extends Columns>(table: StatTable<C>): Row<C> {
    const stats = table.columns.map(({ name, kind }, i) => [table.keys[i], this[kind](name)] as const);
    const row = Object.fromEntries<Counter | Gauge | Histogram>(stats);
    const writes = {
      add: (key: string, amount: number) => (row[key] as Counter).add(amount),
      set: (key: string, value: number) => (row[key] as Gauge).set(value),
    };
    return { ...row, ...writes } as unknown as Row<C>;
  }

  scope(prefix: string): Scope {
    return new PlainScope(`${this.prefix}${prefix}.`, this.slots, this.recorded);
  }

  /** A lease that keeps everything. */
  readonly lease = (): StatsLease => ({
    scope: this,
    block: (name, count) => Array.from({ length: count }, (_, i) => this.counter(`${name}|${i}`)),
    release() {},
  });

  private slot(name: string): Float64Array {
    const key = this.prefix + name;
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = new Float64Array(1);
      this.slots.set(key, slot);
    }
    return slot;
  }
}
