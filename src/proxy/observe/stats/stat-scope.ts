/**
 * Names stats below a prefix, for one thread.
 */
import type { Counter, Gauge, Histogram, HistogramUnit, Scope, TextReadout } from '#proxy/observe/stats/metrics.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';

export class StatScope implements Scope {
  readonly #stats: ThreadStats;
  /** Ends with a dot, or is empty. */
  readonly #prefix: string;
  /** The names that the lease, if there is one, holds. */
  readonly #lease: Set<string> | undefined;

  constructor(stats: ThreadStats, prefix: string, lease: Set<string> | undefined) {
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
