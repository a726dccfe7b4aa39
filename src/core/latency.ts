/** How many durations fell into each bin; sums over subscriptions are a histogram again. */
export type LatencyBins = readonly { readonly bin: number; readonly count: number }[];

/** Whole milliseconds below this have a bin each; above, each doubling has half as many: an error of 1/32 at most. */
const EXACT_BELOW = 32;
const PER_DOUBLING = EXACT_BELOW / 2;
const LONGEST_MS = 2 ** 31 - 1;

/** Durations, counted so that their percentiles are known to within 3.2 % however many they are. */
export class LatencyHistogram {
  readonly #counts = new Map<number, number>();

  get bins(): LatencyBins {
    return [...this.#counts].map(([bin, count]) => ({ bin, count }));
  }

  add(milliseconds: number): void {
    this.merge([{ bin: binOf(milliseconds), count: 1 }]);
  }

  merge(bins: LatencyBins): void {
    for (const { bin, count } of bins) this.#counts.set(bin, (this.#counts.get(bin) ?? 0) + count);
  }

  /** The smallest duration that at least this share (0..1) of all does not exceed; null without any. */
  percentile(share: number): number | null {
    const ascending = [...this.#counts].sort(([one], [other]) => one - other);
    const total = ascending.reduce((sum, [, count]) => sum + count, 0);
    let left = Math.max(1, Math.ceil(share * total));
    for (const [bin, count] of ascending) {
      left -= count;
      if (left <= 0) return middleOf(bin);
    }
    return null;
  }
}

function binOf(milliseconds: number): number {
  const value = Math.min(Math.max(0, Math.round(milliseconds)), LONGEST_MS);
  if (value < EXACT_BELOW) return value;
  // So many low bits are left out that what remains is PER_DOUBLING..EXACT_BELOW - 1.
  const bits = Math.clz32(PER_DOUBLING) - Math.clz32(value);
  return bits * PER_DOUBLING + (value >> bits);
}

function middleOf(bin: number): number {
  if (bin < EXACT_BELOW) return bin;
  const bits = Math.floor(bin / PER_DOUBLING) - 1;
  const lowest = (bin - bits * PER_DOUBLING) * 2 ** bits;
  return lowest + 2 ** (bits - 1);
}
