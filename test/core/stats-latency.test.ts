import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyHistogram } from "../../src/core/latency.ts";

const durations = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0, max: 30_000 }),
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  ),
  { minLength: 1, maxLength: 200 },
);
const share = fc.double({ min: 0, max: 1, noNaN: true });

const histogramOf = (milliseconds: readonly number[]) => {
  const histogram = new LatencyHistogram();
  for (const one of milliseconds) histogram.add(one);
  return histogram;
};

/** By its definition: nearest rank. */
const exact = (milliseconds: readonly number[], wanted: number): number => {
  const ascending = milliseconds.toSorted((a, b) => a - b);
  return ascending[Math.max(1, Math.ceil(wanted * ascending.length)) - 1] ?? Number.NaN;
};

describe("a latency histogram", () => {
  it("knows every percentile to within 5 %, in whole milliseconds", () => {
    fc.assert(
      fc.property(durations, share, (all, wanted) => {
        const found = histogramOf(all).percentile(wanted) ?? Number.NaN;
        const truth = exact(all, wanted);
        expect(Number.isInteger(found)).toBe(true);
        expect(Math.abs(found - truth)).toBeLessThanOrEqual(truth * 0.05);
      }),
    );
  });

  it("is exact below 32 ms, and has few bins however many durations there are", () => {
    for (let value = 0; value < 32; value += 1) expect(histogramOf([value]).percentile(0.5)).toBe(value);
    const all = Array.from({ length: 30_000 }, (_, value) => value);
    expect(histogramOf(all).bins.length).toBeLessThan(200);
  });

  it("of parts, merged, is that of the whole", () => {
    fc.assert(
      fc.property(durations, durations, share, (some, others, wanted) => {
        const merged = histogramOf(some);
        merged.merge(histogramOf(others).bins);
        expect(merged.percentile(wanted)).toBe(histogramOf([...some, ...others]).percentile(wanted));
      }),
    );
  });

  it("has no percentile without durations, and takes a clock that went back for no time at all", () => {
    expect(new LatencyHistogram().percentile(0.5)).toBeNull();
    expect(histogramOf([-5]).percentile(0.95)).toBe(0);
  });
});
