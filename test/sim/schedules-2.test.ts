import { afterAll, beforeAll, expect, it } from "vitest";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { complaints, describeSummary, runShare } from "../support/sim/run.ts";

/** Enough for a share of the long run on a busy machine. */
const TIMEOUT_MS = 3_600_000;

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

// One of two files, so that both cores have one.
it(
  "keeps every invariant in every schedule, share 2 of 2",
  async () => {
    const summary = await runShare(1, 2);
    console.info(describeSummary(summary));
    expect(complaints(summary).join("\n\n")).toBe("");
  },
  TIMEOUT_MS,
);
