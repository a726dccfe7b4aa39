import { afterAll, beforeAll, expect, it } from "vitest";
import { withoutLogLines } from "../support/sim/quiet-console.ts";
import { runSchedule } from "../support/sim/schedule.ts";

let restore: () => void;
beforeAll(() => {
  restore = withoutLogLines();
});
afterAll(() => restore());

// Without this a seed would be no way to see a failure again.
it.each([1, 2, 3, 4, 5])("seed %i is one and the same schedule every time", async (seed) => {
  const first = await runSchedule(seed);
  const second = await runSchedule(seed);
  expect(second).toEqual(first);
  expect(first.steps).toBeGreaterThan(100);
});
