/**
 * The bins of a histogram: two significant decimal digits, as libcircllhist keeps them, so that quantiles come out as Envoy's.
 * Values are whole and not negative, so a bin is one number: `decade * 100 + digits`, with digits 10 to 99 (the bin from
 * `digits / 10 * 10^decade`, a tenth of that decade's power wide), and 0 for zero. Bins sort as their values do.
 * Follows https://github.com/openhistogram/libcircllhist
 */

const POWERS = Array.from({ length: 24 }, (_, exponent) => 10 ** exponent);

/** The bin of a whole number from 0 up. */
export function binOf(value: number): number {
  if (value < 10) return value < 1 ? 0 : value * 10;
  let decade = 1;
  while (value >= 100) {
    value /= 10;
    decade++;
  }
  return decade * 100 + Math.trunc(value);
}

/** The least value of a bin. */
export function lowerBound(bin: number): number {
  if (bin === 0) return 0;
  return ((bin % 100) / 10) * POWERS[Math.trunc(bin / 100)];
}

/** How wide a bin is; the bin of zero is a point. */
export function binWidth(bin: number): number {
  return bin === 0 ? 0 : POWERS[Math.trunc(bin / 100)] / 10;
}

/** The value that stands for a bin in a sum: nearer to its lower end than the middle, in libcircllhist's proportion. */
export function binMidpoint(bin: number): number {
  if (bin === 0) return 0;
  const bottom = lowerBound(bin);
  const width = binWidth(bin);
  return bottom + width * (bottom / (bottom + bottom + width));
}

/** Counts by bin, sorted by bin. */
export class HistogramBins {
  readonly bins: number[] = [];
  readonly counts: number[] = [];

  get empty(): boolean {
    return this.bins.length === 0;
  }

  get total(): number {
    let total = 0;
    for (const count of this.counts) total += count;
    return total;
  }

  /** Adds counts handed over as pairs of bin and count. */
  merge(pairs: readonly number[]): void {
    for (let i = 0; i < pairs.length; i += 2) this.#add(pairs[i], pairs[i + 1]);
  }

  mergeBins(other: HistogramBins): void {
    for (let i = 0; i < other.bins.length; i++) this.#add(other.bins[i], other.counts[i]);
  }

  clear(): void {
    this.bins.length = 0;
    this.counts.length = 0;
  }

  #add(bin: number, count: number): void {
    let low = 0;
    let high = this.bins.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.bins[middle] < bin) low = middle + 1;
      else high = middle;
    }
    if (this.bins[low] === bin) {
      this.counts[low] += count;
    } else {
      this.bins.splice(low, 0, bin);
      this.counts.splice(low, 0, count);
    }
  }
}
