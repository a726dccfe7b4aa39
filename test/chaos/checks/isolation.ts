import type { Checker } from "../evidence.ts";

const ALWAYS_GOOD_MS = 2000;

const p99 = (samples: readonly number[]): number =>
  samples.toSorted((a, b) => a - b)[Math.ceil(samples.length * 0.99) - 1] ?? 0;

/** Invariant 12: a hanging subscriber does not slow acks or healthy subscribers (p99 ≤ max(2 × quiet, 2 s)). */
export const isolation: Checker = {
  invariant: "12 isolation",
  check({ quiet, loaded }, violation) {
    for (const what of ["ackMilliseconds", "receiptMilliseconds"] as const) {
      const most = Math.max(2 * p99(quiet[what]), ALWAYS_GOOD_MS);
      const was = p99(loaded[what]);
      if (was > most)
        violation(`p99 of ${what} was ${was.toFixed()} with hanging subscribers, at most ${most} is allowed`);
    }
    return loaded.ackMilliseconds.length + loaded.receiptMilliseconds.length;
  },
};
