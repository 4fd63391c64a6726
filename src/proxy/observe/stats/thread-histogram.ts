/**
 * One thread's side of a histogram: what was recorded since the main thread last took it. An empty one costs an object; a
 * decade of values costs 360 bytes once it is seen.
 */
import { binOf } from '#proxy/observe/stats/histogram-bins.ts';
import type { Histogram } from '#proxy/observe/stats/metrics.ts';

/** Envoy keeps shares as whole millionths. */
export const PERCENT_SCALE = 1_000_000;

const DIGITS = 90;
const NO_DECADES: (Uint32Array | undefined)[] = [];

/** Told once an interval that a histogram has something to hand over. */
export interface HistogramOwner {
  recorded(histogram: ThreadHistogram): void;
}

export class ThreadHistogram implements Histogram {
  readonly id: number;
  readonly #scale: number;
  readonly #owner: HistogramOwner;
  #count = 0;
  #zeros = 0;
  #decades = NO_DECADES;

  constructor(id: number, percent: boolean, owner: HistogramOwner) {
    this.id = id;
    this.#scale = percent ? PERCENT_SCALE : 1;
    this.#owner = owner;
  }

  record(value: number): void {
    const whole = Math.floor(value * this.#scale);
    if (this.#count++ === 0) this.#owner.recorded(this);
    if (!(whole > 0)) {
      this.#zeros++;
      return;
    }
    const bin = binOf(whole);
    const decade = (bin / 100) | 0;
    const counts = this.#decades[decade] ?? this.#open(decade);
    counts[(bin % 100) - 10]++;
  }

  /** What was recorded since the last call, as pairs of bin and count in the order of bins. */
  take(): number[] {
    const pairs: number[] = [];
    if (this.#zeros > 0) pairs.push(0, this.#zeros);
    for (let decade = 0; decade < this.#decades.length; decade++) {
      const counts = this.#decades[decade];
      if (counts === undefined) continue;
      for (let i = 0; i < DIGITS; i++) {
        if (counts[i] > 0) pairs.push(decade * 100 + 10 + i, counts[i]);
      }
      counts.fill(0);
    }
    this.#count = 0;
    this.#zeros = 0;
    return pairs;
  }

  #open(decade: number): Uint32Array {
    if (this.#decades === NO_DECADES) this.#decades = [];
    while (this.#decades.length <= decade) this.#decades.push(undefined);
    const counts = new Uint32Array(DIGITS);
    this.#decades[decade] = counts;
    return counts;
  }
}

/** Takes values of a histogram that nobody wants. */
export const NO_HISTOGRAM: Histogram = { record() {} };
