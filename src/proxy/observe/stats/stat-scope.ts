/**
 * Names stats below a prefix, for one thread.
 */
import type { Counter, Gauge, Histogram, HistogramUnit, Scope, TextReadout } from '#proxy/observe/stats/metrics.ts';
import type { Columns, Row, StatTable } from '#proxy/observe/stats/stat-table.ts';
import type { Holdings } from '#proxy/observe/stats/stats-lease.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';

export class StatScope implements Scope {
  readonly #stats: ThreadStats;
  /** Ends with a dot, or is empty. */
  readonly #prefix: string;
  /** What the lease, if there is one, holds. */
  readonly #lease: Holdings | undefined;

  constructor(stats: ThreadStats, prefix: string, lease: Holdings | undefined) {
    this.#stats = stats;
    this.#prefix = prefix;
    this.#lease = lease;
  }

  counter(name: string): Counter {
    return this.#stats.counter(this.#prefix + sanitized(name), this.#lease);
  }

  gauge(name: string): Gauge {
    return this.#stats.gauge(this.#prefix + sanitized(name), this.#lease);
  }

  histogram(name: string, unit: HistogramUnit): Histogram {
    return this.#stats.histogram(this.#prefix + sanitized(name), unit, this.#lease);
  }

  textReadout(name: string): TextReadout {
    return this.#stats.textReadout(this.#prefix + sanitized(name), this.#lease);
  }

  hidden(name: string): Counter {
    return this.#stats.hidden(this.#prefix + sanitized(name), this.#lease);
  }

  row<C extends Columns>(table: StatTable<C>): Row<C> {
    return this.#stats.row(this.#prefix, table, this.#lease) as unknown as Row<C>;
  }

  scope(prefix: string): Scope {
    return new StatScope(
      this.#stats,
      prefix === '' ? this.#prefix : `${this.#prefix}${sanitized(prefix)}.`,
      this.#lease,
    );
  }
}

/** A name as Envoy writes it among stats: without the characters that sinks give a meaning, and no dot at its ends. */
export function sanitized(name: string): string {
  return name.replace(/:\/\/|:\/|[:\0]/g, '_').replace(/^\.+|\.+$/g, '');
}
